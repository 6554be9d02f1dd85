from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from companion import sample
from lowdim.companion import tables
from lowdim.companion.catalogue import find
from lowdim.companion.claims import parse_claims
from lowdim.companion.seeds import seeds_summary
from lowdim.companion.shelf import Shelf

INFO = find(1)
CLAIMS = parse_claims(sample.CLAIMS, "01-subspace-clustering.yml", INFO)


def entry(value: float | None, verdict: str = "holds") -> dict:
    return {"value": value, "holds": verdict == "holds", "weaker": None, "verdict": verdict, "reason": "r"}


def result(profile: str, seed: int = 0, **claims: float) -> dict:
    named = {key.replace("_", "-").removeprefix("c"): entry(value) for key, value in claims.items()}
    return sample.result(
        profile=profile, seed=seed, claims=named, hashes={"experiment:training": "m1", "weights": "w1"}
    )


def shelf(**changes) -> Shelf:
    return replace(Shelf(INFO, CLAIMS, hashes={"experiment:training": "m1", "weights": "w1"}), **changes)


def cells(html: str) -> list[list[str]]:
    tree = ET.fromstring(f"<div>{html}</div>")
    return [["".join(cell.itertext()) for cell in row] for row in tree.iter("tr")]


def row(html: str, start: str) -> list[str]:
    (found,) = [cell for cell in cells(html) if cell[0].startswith(start)]
    return found


def test_nothing_recorded_says_not_measured_and_the_command():
    html = tables.verdicts_html(shelf())
    assert row(html, "01-C1")[1] == "quick not measured lowdim run 01"
    assert row(html, "01-S1")[1] == "study not measured lowdim run 01 --profile study"
    assert row(html, "01-C1")[3].startswith("not measured")
    assert row(html, "01-X1")[1:] == ["—", "—paper: 3.2", "out of reach hereneeds the authors' weights"]
    assert tables.command(INFO, "full") == "lowdim run 01 --profile full --device cuda"


def test_quick_study_and_full_stand_side_by_side_with_the_deciding_one_first():
    results = {"quick": result("quick", c01_S1=0.2, c01_C1=1e-12), "study": result("study", c01_S1=1.2)}
    html = tables.verdicts_html(shelf(results=results))
    assert row(html, "01-S1")[1] == "study 1.2quick 0.2"
    assert row(html, "01-S1")[2] == "0.5 to 1.5factor 1.5"
    assert row(html, "01-S1")[3] == "holds"
    assert row(html, "01-C1")[1:] == ["quick ≤ 10⁻⁸", "≤ 10⁻⁸weaker: ≤ 10⁻⁶rounding", "holds"]


def test_a_value_that_was_no_number_is_shown_as_such():
    found = result("quick", c01_C1=1.0)
    found["claims"]["01-C1"] = entry(None, "not reproduced")
    cell = row(tables.verdicts_html(shelf(results={"quick": found})), "01-C1")
    assert cell[1] == "quick not a number"
    assert cell[3].startswith("not reproduced")


def test_an_older_result_stays_visible_with_its_commit():
    old = shelf(results={"study": result("study", c01_S1=1.2)}, hashes={"experiment:training": "m2", "weights": "w1"})
    html = tables.verdicts_html(old)
    assert row(html, "01-S1")[1] == "study 1.2†"
    assert html.count("abc1234") == 1
    assert "†" not in tables.verdicts_html(replace(old, hashes={"experiment:training": "m1", "weights": "w1"}))
    assert "with the code of abc1234, which has changed since." in tables.recorded_html(old, "study")
    assert "changed since" not in tables.recorded_html(replace(old, hashes={}), "study")


def test_seeds_are_summed_up_under_the_verdict():
    runs = [result("quick", seed, c01_C2=90.0 + 2 * seed) for seed in range(3)]
    runs[0]["claims"]["01-C2"]["verdict"] = "holds weaker"
    found = shelf(results={"quick": runs[0]}, seeds={"quick": seeds_summary(runs)})
    assert row(tables.verdicts_html(found), "01-C2")[3] == "holdsholds on 2 of 3 seeds, mean 92 (95 %: 87 to 97)"
    tiny = [result("quick", seed, c01_C1=(1 + seed) * 1e-12) for seed in range(3)]
    found = shelf(results={"quick": tiny[0]}, seeds={"quick": seeds_summary(tiny)})
    assert row(tables.verdicts_html(found), "01-C1")[3] == "holdsholds on 3 of 3 seeds, mean ≤ 10⁻⁸"


def test_recorded_numbers_come_with_unit_tolerance_date_device_and_cost():
    html = tables.recorded_html(shelf(results={"quick": result("quick")}), "quick")
    assert cells(html)[1] == ["gap", "0.5 nats", "± 0.01"]
    assert "Recorded 2026-05-01 at profile quick, seed 0, on cpu (12 s, 400 MiB)." in html
    missing = tables.recorded_html(shelf(), "full")
    assert "not measured" in missing
    assert "lowdim run 01 --profile full --device cuda" in missing


def test_without_numbers_there_is_no_empty_table():
    html = tables.recorded_html(shelf(results={"quick": result("quick") | {"numbers": {}}}), "quick")
    assert "Recorded 2026-05-01" in html
    assert "<table" not in html


@pytest.mark.parametrize(("rows", "words"), [
    ([["a", 1.0, "x"], ["b", 2.0, "y"]], 1),
    ([["a", "x", 1.0], ["b", "y", 2.0]], 2),
    ([["a", "x", "1"], ["b", "y", "2"]], 3),
    ([["a", "x", 1.0], ["b", None, 2.0]], 1),
    ([], 0),
])  # fmt: skip
def test_leading_columns_of_text_are_counted(rows, words):
    made = result("quick") | {"tables": {"costs": {"columns": ["p", "q", "r"], "rows": rows}}}
    html = tables.recorded_html(shelf(results={"quick": made}), "quick", numbers=False)
    assert f'class="lowdim-table lowdim-recorded lowdim-words-{words}"' in html


def test_recorded_tables_are_chosen_by_name_and_numbers_can_be_left_out():
    table = {"columns": ["solver", "PSNR (dB)"], "rows": [["<one>", 21.345], ["two", None]]}
    found = shelf(results={"quick": result("quick") | {"tables": {"solvers": table}}})
    html = tables.recorded_html(found, "quick")
    assert cells(html)[:3] == [["solver", "PSNR (dB)"], ["<one>", "21.3"], ["two", "—"]]
    assert "gap" in html
    assert "gap" not in tables.recorded_html(found, "quick", numbers=False)
    assert "solver" not in tables.recorded_html(found, "quick", [])
    assert tables.recorded_html(found, "quick", [], numbers=False) == ""
    bare = tables.recorded_html(shelf(results={"quick": result("quick")}), "quick", numbers=False)
    assert "Recorded 2026-05-01" in bare
    assert "<table" not in bare
    with pytest.raises(ValueError, match="'costs' is not in the quick result; it has solvers"):
        tables.recorded_html(found, "quick", ["costs"])


def test_a_number_in_a_sentence():
    found = shelf(results={"quick": result("quick", c01_C2=91.26)})
    assert tables.number_text(found, "gap") == "0.5 nats"
    assert tables.number_text(found, "01-C2") == "91.3 %"
    assert tables.number_text(found, "gap", "full") == "not measured"
    with pytest.raises(KeyError, match=r"'gaps' is not in the quick result of chapter 01; it has 01-C2, gap"):
        tables.number_text(found, "gaps")


def test_the_scoreboard_counts_papers_and_ours_apart():
    results = {"quick": result("quick", c01_C1=1e-12, c01_C2=60, c01_R1=1.0), "study": result("study", c01_S1=9.0)}
    other = Shelf(find(2), replace(CLAIMS, claims=CLAIMS.claims[:1]))
    html = tables.scoreboard_html([shelf(results=results), other], lambda info: f"{info.stem}.html?a&b")
    head, one, two, total, _, ours, all_ours = cells(html)
    assert head == [
        "Chapter",
        "holds",
        "holds weaker",
        "not reproduced",
        "out of reach here",
        "total",
        "reported",
        "not measured",
    ]
    assert one == ["01 Subspace clustering", "1", "1", "0", "1", "3", "1", "0"]
    assert two == ["02 The hidden Gaussian structure", "0", "0", "0", "0", "0", "0", "1"]
    assert total == ["All chapters", "1", "1", "0", "1", "3", "1", "1"]
    assert ours[1:] == ["0", "0", "1", "0", "1", "0", "0"]
    assert all_ours[1:] == ours[1:]
    assert 'href="01-subspace-clustering.html?a&amp;b"' in html


def test_reproduced_and_replicated_claims_are_kept_apart():
    assert "Measured with the authors' artefacts or data: none;" in tables.scoreboard_html([shelf()])
    first, *others = CLAIMS.claims
    mixed = shelf(claims=replace(CLAIMS, claims=(replace(first, reproduced=True), *others)))
    assert "Measured with the authors' artefacts or data: 01-C1;" in tables.scoreboard_html([mixed])
    html = tables.verdicts_html(mixed)
    assert html.count("lowdim-reproduced") == 1
    assert row(html, "01-C1")[3].endswith("measured with the authors' artefacts or data")


def test_the_ledger_lists_every_slip():
    (slip,) = cells(tables.ledger_html([shelf(), Shelf(find(2), replace(CLAIMS, slips=()))]))[1:]
    assert slip == ["01 Subspace clustering", "Lemma 1", "no determinant", "with \\(\\det\\)", "unit test"]


def test_the_header_says_paper_module_and_cost():
    facts = dict(tables.chapter_facts(shelf(results={"quick": result("quick")})))
    assert facts == {
        "Paper": "Diffusion Models Learn Low-Dimensional Distributions via Subspace Clustering",
        "Module": "lowdim.papers.subspace_clustering",
        "Quick run": "12 s and 400 MiB on cpu",
    }
    assert dict(tables.chapter_facts(shelf()))["Quick run"] == "not measured: lowdim run 01"
    assert "Paper" not in dict(tables.chapter_facts(Shelf(find(0), CLAIMS)))
    (link,) = ET.fromstring(tables.chapter_header_html(shelf())).findall(".//a")
    assert link.get("href") == "https://arxiv.org/abs/2409.02426"
    assert link.text == facts["Paper"]


def test_whatever_a_file_says_is_escaped():
    nasty = "<script>alert('x')</script>"
    claims = replace(
        CLAIMS,
        claims=tuple(
            replace(c, statement=nasty, source=nasty, why=nasty, unit=nasty, paper_value=nasty, reason=nasty)
            for c in CLAIMS.claims
        ),
        slips=tuple(replace(s, says=nasty, correct=nasty) for s in CLAIMS.slips),
    )
    found = result("quick", c01_C1=1.0, c01_C2=1.0) | {"device": nasty, "commit": nasty, "recorded": nasty}
    found["numbers"] = {nasty: {"value": 1.0, "unit": nasty, "tolerance": 0.1}}
    full = shelf(claims=claims, results={"quick": found}, hashes={"experiment:training": "m2"})
    for html in (
        tables.verdicts_html(full),
        tables.recorded_html(full, "quick"),
        tables.ledger_html([full]),
        tables.chapter_header_html(full),
    ):
        assert "<script" not in html
        ET.fromstring(f"<div>{html}</div>")


def test_no_style_is_set_inline():
    html = tables.verdicts_html(shelf()) + tables.scoreboard_html([shelf()]) + tables.ledger_html([shelf()])
    assert "style=" not in html

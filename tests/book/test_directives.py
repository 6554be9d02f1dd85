"""The directives and the role, in a small book of one chapter with recorded results."""

import io
import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from book.site import ROOT
from companion import sample
from lowdim.companion.results import write_result

FIGURE = {
    "gain": {
        "caption": "The gain at **full** size, $c = 1$: see.",
        "alt": 'A falling line, labelled "gain": # one to zero.',
        "file": "figures/01-gain.svg",
        "sha256": "0" * 64,
    }
}
FILM = {
    "file": "figures/01-gain.webp",
    "sha256": "0" * 64,
    "frames": 2,
    "columns": 2,
    "width": 30,
    "height": 20,
    "seconds": 4.0,
    "labels": ["t = 0", "t = 1"],
}
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="4"/></svg>'


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A folder with the sample chapter's claims, a quick and a full result, and ``build(text)`` for one page of it."""
    monkeypatch.delenv("LOWDIM_ROOT", raising=False)
    monkeypatch.syspath_prepend(str(ROOT / "book" / "_ext"))
    claims = tmp_path / "book" / "claims"
    claims.mkdir(parents=True)
    (claims / "01-subspace-clustering.yml").write_text(sample.CLAIMS, encoding="utf-8")
    shutil.copy(ROOT / "book" / "chapters.yml", tmp_path / "book")
    for profile, value in (("quick", 0.5), ("full", 0.75)):
        folder = tmp_path / "book" / "results" / profile
        (folder / "figures").mkdir(parents=True)
        (folder / "figures" / "01-gain.svg").write_text(SVG)
        numbers = {"gap": {"value": value, "unit": "nats", "tolerance": 0.01}}
        made = sample.result(profile=profile, numbers=numbers, figures=FIGURE)
        write_result(folder / "01-subspace-clustering.json", made)
    yield Book(tmp_path)
    for name in [name for name in sys.modules if name.startswith(("lowdim_book", "lowdim_checks", "lowdim_pages"))]:
        del sys.modules[name]


class Book:
    def __init__(self, folder: Path):
        self.folder = folder
        self.warnings = ""

    def build(self, text: str, docname: str = "book/page", **others: str) -> BeautifulSoup:
        from sphinx.application import Sphinx
        from sphinx.util.docutils import docutils_namespace

        for name, content in {"index": f"# Start\n\n```{{toctree}}\n{docname}\n```\n", docname: text, **others}.items():
            path = self.folder / f"{name}.md"
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.is_file() or path.read_text(encoding="utf-8") != content:
                path.write_text(content, encoding="utf-8")
        settings = {
            "extensions": ["myst_parser", "lowdim_book", "lowdim_checks"],
            "numfig": True,
            "myst_enable_extensions": ["dollarmath"],
        }
        said, complained = io.StringIO(), io.StringIO()
        out = self.folder / "_build"
        with docutils_namespace():
            app = Sphinx(self.folder, None, out, out / ".doctrees", "html", settings, status=said, warning=complained)
            app.build()
        self.warnings = re.sub(r"\x1b\[[\d;]*m", "", complained.getvalue())
        return BeautifulSoup((out / f"{docname}.html").read_text(encoding="utf-8"), "html.parser")


def test_a_number_stands_in_a_sentence(book):
    page = book.build("# P\n\nIt is {result}`01:gap`, {result}`01:gap@full` or {result}`01:gap:.3f`.\n")
    assert [tag.get_text() for tag in page.select(".lowdim-result")] == ["0.5 nats", "0.75 nats", "0.500"]
    assert book.warnings == ""


def test_a_claims_value_stands_in_a_sentence(book):
    page = book.build("# P\n\n{result}`subspace-clustering:01-C1`\n")
    assert page.select_one(".lowdim-result").get_text() == "≤ 10⁻⁸"


def test_a_run_that_was_not_recorded_is_not_measured(book):
    page = book.build("# P\n\n{result}`01:gap@study`\n")
    assert page.select_one(".lowdim-result").get_text() == "not measured"
    assert book.warnings == ""


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{result}`01:gulf`", "'gulf' is not in the quick result"),
        ("{result}`12:gap`", "'12' is unknown"),
        ("{result}`01:gap@slow`", "'slow' is not recorded"),
        ("{result}`gap`", "is not NN:name"),
        ("{result}`02:gap`", "has no claims file"),
        ("```{verdicts} 12\n```", "'12' is unknown"),
        ("```{recorded} 01 slow\n```", "'slow' is not recorded"),
        ("```{recorded} 01 full\n:figures: loss\n```", "'loss' is not in the full result"),
        ("```{chapter-header} 07\n```", "has no claims file"),
        ("```{explorable} orrery\n```", "there is no orrery.html"),
    ],
)
def test_what_does_not_exist_is_a_warning(book, text, complaint):
    book.build(f"# P\n\n{text}\n")
    assert complaint in book.warnings
    assert "book/page.md:3" in book.warnings


def test_a_damaged_result_is_a_warning(book):
    path = book.folder / "book" / "results" / "quick" / "01-subspace-clustering.json"
    path.write_text(path.read_text().replace("0.5", "0.6"), encoding="utf-8")
    book.build("# P\n\n```{verdicts} 01\n```\n")
    assert "integrity does not match" in book.warnings


def test_verdicts_show_every_claim_and_load_mathematics(book):
    page = book.build("# P\n\n```{verdicts} 01\n```\n")
    assert len(page.select("table.lowdim-verdict tbody tr")) == 5
    assert page.select_one(".ld-badge").get_text() == "holds"
    assert any("mathjax" in tag.get("src", "").lower() for tag in page.select("script"))


def test_a_page_without_formulas_does_not_load_them(book):
    page = book.build("# P\n\n```{recorded} 01 quick\n```\n")
    assert not any("mathjax" in tag.get("src", "").lower() for tag in page.select("script"))


def test_a_full_run_brings_its_figures(book):
    page = book.build("# P\n\n```{recorded} 01 full\n```\n\nSee {numref}`fig-01-gain-full`.\n")
    picture = page.select_one("figure img")
    assert picture["alt"] == FIGURE["gain"]["alt"]
    assert page.select_one("figcaption strong").get_text() == "full"
    assert page.select_one("p a.reference").get_text() == "Fig. 1"
    assert book.warnings == ""


def test_a_full_run_brings_its_films(book):
    folder = book.folder / "book" / "results" / "full"
    (folder / "figures" / "01-gain.webp").write_bytes(b"the sheet")
    made = sample.result(profile="full", figures={"gain": FIGURE["gain"] | {"film": FILM}})
    write_result(folder / "01-subspace-clustering.json", made)
    figure = book.build("# P\n\n```{recorded} 01 full\n```\n").select_one("figure")
    assert [tag.name for tag in figure.find_all(recursive=False)] == ["img", "div", "figcaption"]
    data = json.loads(figure.select_one(".ld-film")["data-film"])
    assert (book.folder / "_build" / "book" / data["src"]).resolve().read_bytes() == b"the sheet"
    assert book.warnings == ""


@pytest.mark.parametrize(("profile", "options"), [("quick", ""), ("full", ":figures: none\n")])
def test_figures_can_be_left_out(book, profile, options):
    page = book.build(f"# P\n\n```{{recorded}} 01 {profile}\n{options}```\n")
    assert page.select("figure") == []
    assert len(page.select("table.lowdim-recorded tbody tr")) == 1


def test_the_map_shows_written_and_coming_chapters(book):
    chapter = {"notebooks/01-subspace-clustering": "# Chapter\n"}
    page = book.build(
        "# P\n\n```{chapters}\n```\n\n```{toctree}\n../notebooks/01-subspace-clustering\n```\n", **chapter
    )
    cards = page.select(".lowdim-card")
    assert len(cards) == 11
    assert [card.select_one("a")["href"] for card in cards if card.select("a")] == [
        "../notebooks/01-subspace-clustering.html"
    ]
    assert "holds: 1" in cards[1].get_text()
    assert cards[2].select_one(".lowdim-card-foot").get_text() == "coming"


def test_the_board_the_ledger_and_the_costs(book):
    page = book.build("# P\n\n```{scoreboard}\n```\n\n```{ledger}\n```\n\n```{costs}\n```\n\n```{checks}\n```\n")
    assert len(page.select("table.lowdim-scoreboard")) == 2
    assert "Lemma 1" in page.select_one("table.lowdim-ledger").get_text()
    assert page.select("table.lowdim-scoreboard a") == []  # the chapter has no page here, so no dead link
    costs = [cell.get_text() for cell in page.select("table.lowdim-costs tbody tr:last-child td")]
    assert costs == ["01 Subspace clustering", "12 s, 400 MiBcpu", "—", "12 s, 400 MiBcpu"]
    assert "No planted faults recorded yet" in page.get_text()


BENCH = {
    "versions": {"torch": "2.13.0"},
    "benchmarks": {
        name: {"name": name.title(), "description": "ours & theirs", "result": result}
        for name, result in {
            "good": {"peer / ours": {"value": 3.21, "unit": "ratio", "at_least": 2.0}},
            "slow": {
                "peer / ours": {"value": 1.5, "unit": "ratio", "at_least": 2.0},
                "ours": {"value": 0.25, "unit": "s"},
            },
        }.items()
    },
}


def record_bench(book):
    (book.folder / "book" / "results" / "bench.json").write_text(json.dumps(BENCH))


def test_benchmarks_say_what_was_asked_and_whether_it_is(book):
    record_bench(book)
    page = book.build("# P\n\n```{benchmarks}\n```\n")
    rows = [[cell.get_text() for cell in row.select("td")] for row in page.select("table.lowdim-bench tbody tr")]
    assert rows == [
        ["peer / ours", "3.2", "≥ 2", "holds"],
        ["peer / ours", "1.5", "≥ 2", "not reproduced"],
        ["ours", "0.25 s", "", ""],
    ]
    assert book.warnings == ""


def test_one_benchmark_of_several(book):
    record_bench(book)
    page = book.build("# P\n\n```{benchmarks} good\n```\n")
    assert "Good" in page.get_text()
    assert "Slow" not in page.get_text()


def test_an_unknown_benchmark_warns_and_none_says_how(book):
    assert "lowdim bench good" in book.build("# P\n\n```{benchmarks} good\n```\n").get_text()
    record_bench(book)
    book.build("# Q\n\n```{benchmarks} best\n```\n")
    assert "best not recorded; there are good, slow" in book.warnings


def test_an_explorable_finds_its_script_and_keeps_words_for_paper(book):
    folder = book.folder / "book" / "_static" / "explorables"
    folder.mkdir(parents=True)
    (folder / "toy.html").write_text('<script src="{{static}}/explorables/toy.js"></script>')
    page = book.build("# P\n\n```{explorable} toy\nIn *words*.\n```\n")
    assert page.select_one("script[src*=toy]")["src"] == "../_static/explorables/toy.js"
    assert page.select_one(".lowdim-instead em").get_text() == "words"


def test_a_page_is_read_again_when_a_result_changes(book):
    text = "# P\n\n{result}`01:gap`\n"
    book.build(text)
    made = sample.result(numbers={"gap": {"value": 0.25, "unit": "nats", "tolerance": 0.01}}, figures=FIGURE)
    write_result(book.folder / "book" / "results" / "quick" / "01-subspace-clustering.json", made)
    assert book.build(text).select_one(".lowdim-result").get_text() == "0.25 nats"

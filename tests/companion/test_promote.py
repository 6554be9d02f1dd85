import json
import shutil

import pytest

from companion.toybook import INFO, write_notebook
from lowdim.companion import normalise, promote, provenance, results, seeds
from lowdim.companion.chapter import run_chapter

STEM = INFO.stem


@pytest.fixture
def ran(book, monkeypatch):
    """The toy book after a quick run: its result, figure and executed notebook lie under ``build``."""
    return quick_run(book, monkeypatch)


def quick_run(book, monkeypatch, seed=0):
    folder = book / "build/runs/quick"
    monkeypatch.setenv("LOWDIM_RUN_DIR", str(folder))
    run_chapter("01", seed=seed)
    source = normalise.read_notebook(INFO.notebook(book))
    executed = normalise.read_notebook(INFO.notebook(book))
    for cell in executed.cells:
        if cell.cell_type == "code":
            cell.outputs = [normalise.nbformat.v4.new_output("stream", text="fresh\n")]
    normalise.write_notebook(normalise.normalise(executed, source), folder / "notebooks" / f"{STEM}.ipynb")
    return book


def record(book):
    said: list[str] = []
    return promote.record(book, said.append), "\n".join(said)


def reseal(path, **changes):
    """Change a result as its writer would."""
    results.write_result(path, {**json.loads(path.read_text()), **changes})


def test_result_figure_and_notebook_are_recorded_once(ran):
    report, said = record(ran)
    assert report.recorded == [f"quick/{STEM}"], said
    recorded = results.load_recorded(INFO, "quick", ran)
    assert recorded is not None
    for name in ("01-line.svg", "01-growth.svg", "01-growth.webp"):
        assert (ran / "book/results/quick/figures" / name).is_file()
    assert "fresh" in INFO.notebook(ran).read_text()
    assert record(ran)[0].unchanged == [f"quick/{STEM}"]


def test_a_second_run_with_the_same_numbers_changes_no_file(ran, monkeypatch):
    record(ran)
    before = (ran / f"book/results/quick/{STEM}.json").read_bytes()
    quick_run(ran, monkeypatch)
    assert record(ran)[0].unchanged == [f"quick/{STEM}"]
    assert (ran / f"book/results/quick/{STEM}.json").read_bytes() == before


def refuse(ran, word):
    report, said = record(ran)
    assert report.refused == [f"quick/{STEM}"]
    assert word in said
    assert not (ran / f"book/results/quick/{STEM}.json").exists()


def test_damage_is_refused(ran):
    path = ran / f"build/runs/quick/{STEM}.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
    refuse(ran, "damaged")


@pytest.mark.parametrize("name", ["01-line.svg", "01-growth.svg", "01-growth.webp"])
def test_a_figure_or_film_that_differs_from_its_hash_is_refused(ran, name):
    (ran / "build/runs/quick/figures" / name).write_text("<svg/>")
    refuse(ran, name)


def test_results_of_other_code_are_refused(ran):
    (ran / "lib/lowdim/papers/subspace_clustering.py").open("a").write("\n# later\n")
    refuse(ran, "code")


def test_results_without_their_claims_are_refused(ran):
    path = ran / f"build/runs/quick/{STEM}.json"
    claims = json.loads(path.read_text())["claims"]
    reseal(path, claims={"01-C1": claims["01-C1"]})
    refuse(ran, "01-C2")


def test_results_of_another_seed_are_refused(ran, monkeypatch):
    quick_run(ran, monkeypatch, seed=1)
    refuse(ran, "seed 1")


def test_results_without_their_notebook_are_refused(ran):
    (ran / f"build/runs/quick/notebooks/{STEM}.ipynb").unlink()
    refuse(ran, "notebook")


def test_copies_of_another_notebook_are_refused(ran):
    copy = ran / f"build/runs/quick/notebooks/{STEM}.ipynb"
    write_notebook(copy, ("1",))
    refuse(ran, "not the one in the checkout")


def test_tags_that_changed_since_the_run_stay(ran):
    notebook = normalise.read_notebook(INFO.notebook(ran))
    notebook.cells[2].metadata["tags"] = ["hide-cell"]
    normalise.write_notebook(notebook, INFO.notebook(ran))
    record(ran)
    text = INFO.notebook(ran).read_text()
    assert "hide-cell" in text
    assert "fresh" in text


def test_changed_verdicts_are_said_aloud(ran):
    record(ran)
    path = ran / f"build/runs/quick/{STEM}.json"
    claims = json.loads(path.read_text())["claims"]
    claims["01-C1"] |= {"verdict": "not reproduced", "value": 9.0, "holds": False}
    reseal(path, claims=claims)
    report, said = record(ran)
    assert "!! VERDICT 01-C1" in said
    assert report.recorded == [f"quick/{STEM}"]


@pytest.mark.parametrize("name", ["01-line.svg", "01-growth.webp"])
def test_a_recorded_figure_that_was_touched_is_restored(ran, name):
    record(ran)
    stored = ran / "book/results/quick/figures" / name
    good = stored.read_bytes()
    stored.write_text("<svg/>")
    assert record(ran)[0].recorded == [f"quick/{STEM}"]
    assert stored.read_bytes() == good


def test_figures_that_the_chapter_dropped_are_removed(ran):
    old = ran / "book/results/quick/figures/01-old.svg"
    other = ran / "book/results/quick/figures/02-other.svg"
    for path in (old, other):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("<svg/>")
    record(ran)
    assert not old.exists()
    assert other.exists()


def full_result(ran, **changes):
    path = ran / f"build/runs/full/{STEM}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(ran / "build/runs/quick/figures", path.parent / "figures", dirs_exist_ok=True)
    result = json.loads((ran / f"build/runs/quick/{STEM}.json").read_text())
    results.write_result(path, result | {"profile": "full"} | changes)
    return path


def test_a_full_result_may_be_partial_but_not_lose_a_claim(ran):
    claims = json.loads((ran / f"build/runs/quick/{STEM}.json").read_text())["claims"]
    text = (ran / "book/claims" / f"{STEM}.yml").read_text().replace("profile: quick", "profile: full")
    (ran / "book/claims" / f"{STEM}.yml").write_text(text)
    full_result(ran, claims={"01-C1": claims["01-C1"]})
    assert f"full/{STEM}" in record(ran)[0].recorded
    full_result(ran, claims={"01-C2": claims["01-C2"]})
    report, said = record(ran)
    assert f"full/{STEM}" in report.refused
    assert "01-C1" in said


def test_a_slow_result_outlives_new_words_but_not_new_code(ran):
    full_result(ran)
    (ran / "book/claims" / f"{STEM}.yml").open("a").write("slips: []\n")
    report, _ = record(ran)
    assert f"full/{STEM}" in report.recorded
    assert f"quick/{STEM}" in report.refused
    (ran / "models/toy/model.txt").write_text("others")
    full_result(ran, seed=0, claims={})
    assert f"full/{STEM}" in record(ran)[0].refused


def test_seeds_and_loose_results_are_recorded(ran):
    runs = [json.loads((ran / f"build/runs/quick/{STEM}.json").read_text()) | {"seed": seed} for seed in (0, 1)]
    seeds.write_seeds(ran / f"build/runs/seeds/quick/{STEM}.json", seeds.seeds_summary(runs))
    (ran / "build/runs/bench.json").write_text('{"benchmarks": {}}')
    report, _ = record(ran)
    assert report.recorded == [f"quick/{STEM}", f"seeds/quick/{STEM}", "bench.json"]
    assert seeds.load_seeds(INFO, "quick", ran)["seeds"] == [0, 1]
    assert record(ran)[0].recorded == []


def test_current_results_are_told_by_their_hashes(ran):
    fresh = results.read_result(ran / f"build/runs/quick/{STEM}.json")
    assert promote.stale_parts(fresh, INFO, ran) == []
    assert provenance.changed(fresh["hashes"], provenance.chapter_hashes(INFO, ran)) == []

"""One test starts a real process; the others run its program here, as its parent would have started it."""

import json

import pytest

from companion.toybook import INFO
from lowdim.companion import results, runner, seeds, units
from lowdim.companion.cache import DamagedEntry
from lowdim.companion.chapter import run_chapter
from lowdim.companion.execute import Job
from lowdim.companion.launch import Finished
from lowdim.companion.runner import run_without_notebook


@pytest.fixture
def here(monkeypatch):
    """Run the program of the processes in this one."""

    def launch(command, environment, folder, log, stop):
        monkeypatch.setenv("LOWDIM_RUN_DIR", environment["LOWDIM_RUN_DIR"])
        return Finished(runner.main(command[3:]), 1.0, 1)

    monkeypatch.setattr(runner, "launch", launch)


def run(book, jobs=None, **options):
    said: list[str] = []
    return run_without_notebook(jobs or [Job(INFO)], book, say=said.append, **options), "\n".join(said)


def measuring(claim):
    """The toy's second experiment, which measures ``claim``."""
    second = runner.load_module(INFO).EXPERIMENTS["second"]

    def changed(profile, seed, device):
        record = second(profile, seed, device)
        record.claims = {claim: 1.0}
        return record

    changed.__module__ = second.__module__
    return changed


def read(book, folder="quick-plain"):
    return results.read_result(book / "build/runs" / folder / f"{INFO.stem}.json")


def test_units_give_the_result_of_the_chapter(book, monkeypatch):
    outcome = run(book)[0][0]
    assert outcome.state == "ran"
    found = read(book)
    monkeypatch.setenv("LOWDIM_RUN_DIR", str(book / "direct"))
    direct = run_chapter("01")
    for key in ("claims", "numbers", "figures", "hashes"):
        assert found[key] == direct[key]
    times = json.loads((book / "build/runs/quick-plain/timing.json").read_text())[INFO.stem]
    assert set(times["units"]) == {"measure", "second"}
    assert not (book / "build/runs/quick").exists()  # what is recorded as quick is the notebook's


def test_finished_units_are_not_run_again(book, counts, here):
    run(book)
    assert run(book)[0][0].state == "cached"
    assert counts() == {"measure": 1, "second": 1}
    assert run(book, force=True)[0][0].state == "ran"
    assert counts() == {"measure": 2, "second": 2}


def test_an_interrupted_run_goes_on_where_it_stopped(book, counts, monkeypatch, here):
    monkeypatch.setenv("TOY_BREAK", "1")
    outcome = run(book)[0][0]
    assert outcome.state == "failed"
    assert "second" in outcome.failure
    assert set(read(book)["claims"]) == {"01-C1"}
    monkeypatch.delenv("TOY_BREAK")
    assert run(book)[0][0].state == "ran"
    assert counts() == {"measure": 1, "second": 2}
    assert set(read(book)["claims"]) == {"01-C1", "01-C2"}


def test_a_damaged_unit_is_made_again(book, counts, here):
    run(book)
    for record in (book / "build/units").glob("*/record.json"):
        if "01-C2" in record.read_text():
            record.write_text("{")
    run(book)
    assert counts() == {"measure": 1, "second": 2}


def test_several_seeds_are_summed_up(book, here):
    outcomes, _ = run(book, [Job(INFO, seed=seed) for seed in (0, 1, 2)], workers=1)
    assert [outcome.state for outcome in outcomes] == ["ran"] * 3
    summary = seeds.read_seeds(book / "build/runs/seeds/quick" / f"{INFO.stem}.json")
    assert summary["seeds"] == [0, 1, 2]
    assert summary["claims"]["01-C1"]["values"] == [0.5, 1.5, 2.5]
    assert summary["claims"]["01-C1"]["verdicts"] == ["holds", "holds", "not reproduced"]


def test_seeds_without_the_first_calibrate_and_are_not_for_recording(book, here):
    run(book, [Job(INFO, seed=seed) for seed in (100, 101)], workers=1)
    assert not (book / "build/runs/seeds").exists()
    assert seeds.read_seeds(book / "build/runs/other-seeds/quick" / f"{INFO.stem}.json")["seeds"] == [100, 101]


def test_part_of_the_experiments_is_for_recording_when_it_measures_all_that_the_profile_decides(book, here):
    jobs, folder = [Job(INFO, seed=seed) for seed in (0, 1)], book / "build/runs"
    run(book, jobs, workers=1, experiments=["measure"])
    assert not (folder / "seeds").exists()
    assert list(seeds.read_seeds(folder / "other-seeds/quick" / f"{INFO.stem}.json")["claims"]) == ["01-C1"]
    run(book, jobs, workers=1, experiments=["measure", "second"])
    assert (folder / "seeds/quick" / f"{INFO.stem}.json").is_file()


def test_what_a_larger_profile_decides_is_left_to_it_unless_named(book, counts, here):
    path = book / "book/claims/01-subspace-clustering.yml"
    head, quick, rest = path.read_text().rpartition("profile: quick")
    path.write_text(f"{head}{quick.replace('quick', 'full')}{rest}")
    assert run(book)[0][0].state == "ran"
    assert counts() == {"measure": 1}
    run(book, experiments=["second"])
    run(book, [Job(INFO, "smoke")])
    assert counts() == {"measure": 2, "second": 2}


def test_one_experiment_does_not_replace_a_whole_result(book, here):
    outcome = run(book, experiments=["measure"])[0][0]
    assert outcome.state == "ran"
    assert set(read(book, "quick-partial")["claims"]) == {"01-C1"}
    assert not (book / "build/runs/quick").exists()


def test_an_unknown_experiment_is_refused_with_the_choices_before_anything_starts(book, counts, here):
    message = "experiment: 'nothing' is unknown in chapter 01; choose one of measure, second"
    with pytest.raises(ValueError, match=message):
        run(book, experiments=["measure", "nothing"])
    assert counts() == {}
    assert not (book / "build").exists()


def test_figures_are_drawn_where_somebody_will_see_them(book, here):
    run(book, [Job(INFO, seed=seed) for seed in (0, 1)], workers=1)
    assert [read(book, folder)["figures"] for folder in ("quick-plain", "quick-seed1-plain")] == [{}, {}]
    run(book, [Job(INFO, "study", seed) for seed in (0, 1)], workers=1)
    assert list(read(book, "study")["figures"]) == ["growth", "line"]  # this one is recorded
    assert read(book, "study-seed1")["figures"] == {}
    run(book, [Job(INFO, seed=1)])
    assert list(read(book, "quick-seed1-plain")["figures"]) == ["growth", "line"]
    run(book, draw=False)
    assert read(book)["figures"] == {}
    assert read(book)["tables"] == {"costs": {"columns": ["method", "seconds"], "rows": [["one", 0.5], ["two", None]]}}


def test_words_cost_no_units_but_code_and_weights_do(book):
    chapter = units.Chapter("01")
    before = units.unit_key(chapter, "measure")
    (book / "book/claims/01-subspace-clustering.yml").open("a").write("slips: []\n")
    INFO.notebook(book).unlink()
    assert units.unit_key(chapter, "measure") == before
    assert units.unit_key(chapter, "second") != before
    assert units.unit_key(units.Chapter("01", seed=1), "measure") != before
    (book / "models/toy/model.txt").write_text("others")
    assert units.unit_key(chapter, "measure") != before


@pytest.mark.parametrize(("entry", "reason"), [("01-C9", "which has no entry"), ("01-C1", "belongs to 'measure'")])
def test_a_record_that_is_refused_fails_its_unit_alone_and_is_kept(
    book, counts, monkeypatch, capsys, here, entry, reason
):
    module = runner.load_module(INFO)
    monkeypatch.setitem(module.EXPERIMENTS, "second", measuring(entry))
    outcome = run(book)[0][0]
    assert outcome.state == "failed"
    assert reason in capsys.readouterr().out
    assert set(read(book)["claims"]) == {"01-C1"}
    assert run(book)[0][0].state == "failed"
    assert counts() == {"measure": 1, "second": 1}  # what it measured is still there


def test_a_unit_survives_storing(book, tmp_path):
    chapter = units.Chapter("01", seed=2)
    ran = units.run_unit(chapter, "measure", tmp_path, "key")
    loaded = units.load_unit(tmp_path, "key")
    assert loaded.record.claims == ran.record.claims
    assert loaded.record.numbers == ran.record.numbers
    assert loaded.record["x"].tolist() == [0.0, 1.0, 2.0]
    assert str(loaded.record.tables) == str(ran.record.tables)  # NaN is not equal to itself
    assert loaded.seconds == ran.seconds
    assert units.load_unit(tmp_path, "other") is None
    (tmp_path / "key/arrays.npz").write_bytes(b"PK")
    with pytest.raises(DamagedEntry, match="arrays"):
        units.load_unit(tmp_path, "key")

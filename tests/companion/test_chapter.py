from __future__ import annotations

import hashlib
import sys

import numpy as np
import pytest
import torch

from companion import sample
from lowdim.companion import Chapter, chapter, figures, provenance, results, run_chapter
from lowdim.record import Record

NAME = "01-subspace-clustering"


@pytest.fixture
def root(tmp_path, monkeypatch):
    before = torch.get_num_threads()
    yield sample.checkout(tmp_path, monkeypatch)
    torch.set_num_threads(before)


@pytest.fixture
def experiments(root):
    """The sample module's experiments, to be changed by a test."""
    return sys.modules["lowdim.papers.subspace_clustering"].EXPERIMENTS


@pytest.fixture
def shown(monkeypatch):
    bundles: list[dict] = []
    monkeypatch.setattr(figures, "in_notebook", lambda: True)
    monkeypatch.setattr(figures, "show", bundles.append)
    return bundles


def test_a_whole_run_leaves_a_result_and_its_figures(root, shown):
    made = Chapter("01", seed=3)
    record = made.run("closed-form")
    made.plot("gain")
    made.run("training")
    made.verdicts()
    assert made.finish() is None
    found = results.read_result(root / f"build/runs/quick/{NAME}.json")
    assert record.numbers["gap"].value == 3.25
    assert {key: found[key] for key in ("chapter", "profile", "seed", "device")} == {
        "chapter": "01",
        "profile": "quick",
        "seed": 3,
        "device": "cpu",
    }
    assert {key: entry["verdict"] for key, entry in found["claims"].items()} == {
        "01-C1": "holds",
        "01-C2": "holds weaker",
        "01-R1": "reported",
        "01-S1": "reported",
        "01-X1": "out of reach here",
    }
    assert found["numbers"] == {"gap": {"value": 3.25, "unit": "nats", "tolerance": 0.01}}
    picture = found["figures"]["gain"]
    content = (root / "build/runs/quick" / picture["file"]).read_bytes()
    assert picture["sha256"] == hashlib.sha256(content).hexdigest()
    assert found["wall_seconds"] > 0
    assert 10**7 < found["peak_memory_bytes"] < 10**11
    assert set(found["hashes"]) == {*provenance.HASHES, "experiment:closed-form", "experiment:training"}
    assert found["versions"]["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert "arrays" not in found
    assert [sorted(bundle) for bundle in shown] == [
        [figures.MIME, "image/png", "text/plain"],
        ["text/html", "text/plain"],
    ]


@pytest.mark.parametrize("number", ["01", 1, "subspace-clustering"])
def test_a_chapter_opens_by_number_and_name(root, number):
    assert Chapter(number).info.number == "01"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"number": "12"}, r"chapter: '12' is unknown; choose one of 00"),
        ({"profile": "fast"}, r"profile: 'fast' is unknown; choose one of smoke, quick, study, full"),
        ({"seed": -1}, r"seed: -1 is not allowed"),
        ({"seed": "0"}, r"seed: '0' is not allowed"),
        ({"device": "gpu"}, r"device: 'gpu' is not available here; choose one of cpu"),
    ],
)
def test_unknown_parameters_are_refused_with_the_choices(root, arguments, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        Chapter(**{"number": "01", **arguments})


@pytest.mark.parametrize(("profile", "threads"), [("smoke", 1), ("quick", 1), ("study", 3), ("full", 3)])
def test_small_profiles_run_on_one_thread(root, profile, threads):
    torch.set_num_threads(3)
    Chapter("01", profile=profile)
    assert torch.get_num_threads() == threads


def test_an_unknown_experiment_or_figure_is_refused_with_the_choices(root):
    made = Chapter("01")
    with pytest.raises(
        ValueError, match="experiment: 'x' is unknown in chapter 01; choose one of closed-form, training"
    ):
        made.run("x")
    with pytest.raises(ValueError, match="figure: 'x' is unknown in chapter 01; choose one of gain"):
        made.plot("x")
    with pytest.raises(ValueError, match=r"call run\('closed-form'\) first"):
        made.plot("gain")


def test_an_experiment_may_only_measure_its_own_claims(root, experiments):
    experiments["unknown"] = lambda *_: Record(claims={"01-C9": 1.0})
    experiments["thief"] = lambda *_: Record(claims={"01-C1": 1.0})
    made = Chapter("01")
    with pytest.raises(ValueError, match="'unknown' measures claim '01-C9', which has no entry; known: 01-C1, "):
        made.run("unknown")
    with pytest.raises(ValueError, match="'thief' measures claim '01-C1', which belongs to 'closed-form'"):
        made.run("thief")
    assert made.judgements == {}
    assert made.records == {}


def test_a_claim_or_number_measured_twice_is_an_error(root, experiments):
    made = Chapter("01")
    made.run("closed-form")
    with pytest.raises(ValueError, match=r"01-C1, gap: measured by 'closed-form' already, and again by 'closed-form'"):
        made.run("closed-form", scale=2.0)
    other = Record()
    other.number("gap", 1.0, tolerance=0.1)
    experiments["other"] = lambda *_: other
    with pytest.raises(ValueError, match="gap: measured by 'closed-form' already, and again by 'other'"):
        made.run("other")


def test_the_same_cell_may_run_again(root, shown):
    made = Chapter("01")
    for _ in range(2):
        made.run("closed-form", scale=1e5)
        made.plot("gain")
    assert made.judgements["01-C1"].verdict == "holds weaker"
    assert len(made.records) == 1


def test_a_failed_second_run_leaves_no_claim_behind(root, experiments):
    made = Chapter("01")
    made.run("closed-form")
    experiments["closed-form"] = lambda *_: 1 / 0
    with pytest.raises(ZeroDivisionError):
        made.run("closed-form")
    assert made.judgements == {}


def test_a_claim_that_this_profile_decides_must_be_measured(root):
    made = Chapter("01")
    made.run("closed-form")
    with pytest.raises(
        ValueError, match=r"not measured: 01-C2 \(experiment 'training'\), 01-R1 \(experiment 'training'\)$"
    ):
        made.finish()
    assert not (root / "build/runs/quick").exists()
    made.finish(partial=True)
    assert (root / f"build/runs/quick/{NAME}.json").is_file()


def test_smoke_decides_nothing_and_may_finish_at_once(root):
    made = Chapter("01", profile="smoke")
    made.run("closed-form")
    made.finish()
    assert made.judgements["01-C1"].verdict == "reported"


def test_arrays_are_kept_by_slow_profiles_alone(root):
    for profile, kept in (("quick", False), ("study", True)):
        run_chapter("01", profile, experiments=["closed-form", "training"], draw=False)
        path = root / f"build/runs/{profile}/{NAME}.json"
        assert list(results.read_arrays(path)) == (["closed-form.x"] if kept else [])
        assert path.with_suffix(".npz").exists() == kept
    np.testing.assert_array_equal(results.read_arrays(path)["closed-form.x"], np.linspace(0, 1, 5))


def test_a_chapter_runs_without_its_notebook(root):
    found = run_chapter(1)
    assert sorted(found["claims"]) == ["01-C1", "01-C2", "01-R1", "01-S1", "01-X1"]
    assert list(found["figures"]) == ["gain", "growth"]
    part = run_chapter(1, experiments=["training"])
    assert part["figures"] == {}
    assert "01-C1" not in part["claims"]
    with pytest.raises(ValueError, match="experiment: 'x'"):
        run_chapter(1, experiments=["x"])


def test_a_chapter_whose_experiments_leave_a_claim_out_does_not_finish(root, experiments):
    del experiments["training"]
    with pytest.raises(ValueError, match="not measured: 01-C2"):
        run_chapter(1)


def test_the_run_folder_may_be_elsewhere(root, monkeypatch, tmp_path):
    monkeypatch.setenv("LOWDIM_RUN_DIR", str(tmp_path / "elsewhere"))
    run_chapter(1)
    assert (tmp_path / "elsewhere/figures/01-gain.svg").is_file()
    assert not (root / "build").exists()


def test_a_figure_made_in_a_cell_is_saved_and_checked(root, shown):
    made = Chapter("01")
    fig = sample.draw(made.run("closed-form"))
    with pytest.raises(ValueError, match="^alt: "):
        made.figure(fig, id="own", caption="Mine.", alt="short")
    made.figure(fig, id="own", caption="Mine.", alt=sample.ALT)
    assert (root / "build/runs/quick/figures/01-own.svg").is_file()
    assert shown[0]["text/plain"] == "Figure 01-own: Mine."


@pytest.fixture
def shell():
    interactive = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell
    yield interactive.instance()
    interactive.clear_instance()


def test_outputs_in_a_notebook_hold_nothing_that_varies(root, shell):
    from IPython.utils.capture import capture_output

    def cells() -> list[dict]:
        with capture_output() as seen:
            made = Chapter("01")
            made.run("closed-form")
            made.plot("gain")
            made.run("training")
            made.verdicts()
            made.finish()
        assert seen.stdout == seen.stderr == ""
        return [output.data for output in seen.outputs]

    first = cells()
    assert [sorted(output) for output in first] == [
        [figures.MIME, "image/png", "text/plain"],
        ["text/html", "text/plain"],
    ]
    assert first == cells()


def test_peak_memory_is_in_bytes():
    import psutil

    now = psutil.Process().memory_info().rss
    assert 0.5 * now < chapter.peak_memory() < 100 * now

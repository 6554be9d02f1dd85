"""Real kernels run here: each costs a few seconds, so few are started and much is asked of each."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from companion.toybook import CELLS, INFO, write_notebook
from lowdim.companion import execute, normalise
from lowdim.companion.execute import Job, run_chapters
from lowdim.companion.launch import Finished

KEY_CELL = "import os\nprint(os.getcwd().replace(os.sep, '/').split('/')[-1], os.environ['OMP_NUM_THREADS'])"


def run(book, job=None, **options):
    """Run one job and return its outcome and what was said."""
    said: list[str] = []
    outcome = run_chapters([job or Job(INFO)], book, say=said.append, **options)[0]
    return outcome, "\n".join(said)


def test_a_notebook_runs_in_a_process_of_its_own(book, counts):
    write_notebook(INFO.notebook(book), (*CELLS[:2], KEY_CELL, CELLS[2]))
    committed = normalise.read_notebook(INFO.notebook(book))
    first, second = run_chapters([Job(INFO), Job(INFO, seed=1)], book, workers=2, say=lambda text: None)
    assert (first.state, second.state, counts()) == ("ran", "ran", {"measure": 2, "second": 2}), first.failure
    assert first.seconds > 0
    assert first.peak_memory_bytes > 50 * 2**20

    folder = book / "build/runs/quick"
    result = json.loads((folder / f"{INFO.stem}.json").read_text())
    assert {name: entry["verdict"] for name, entry in result["claims"].items()} == {"01-C1": "holds", "01-C2": "holds"}
    for name in ("01-line.svg", "01-growth.svg", "01-growth.webp"):
        assert (folder / "figures" / name).is_file()
    assert json.loads((folder / "timing.json").read_text())[INFO.stem]["seconds"] == first.seconds
    fresh = normalise.read_notebook(folder / "notebooks" / f"{INFO.stem}.ipynb")
    assert [(c.id, c.source) for c in fresh.cells] == [(c.id, c.source) for c in committed.cells]
    assert fresh.cells[4].outputs[0].text == "notebooks 1\n"
    assert "image/png" in fresh.cells[3].outputs[0].data

    folder = book / "build/runs/quick-seed1"
    assert json.loads((folder / f"{INFO.stem}.json").read_text())["seed"] == 1
    notebook = normalise.read_notebook(folder / "notebooks" / f"{INFO.stem}.ipynb")
    assert notebook.cells[1].source == 'profile = "quick"  # how large\nseed = 1\ndevice = "cpu"'


@pytest.fixture
def kernel(monkeypatch):
    """A stand-in for the process that executes: it copies the notebook; the list holds the seeds that ran."""
    seeds: list[int] = []

    def launch(command, environment, folder, log, stop):
        file = Path(command[-1])
        job = json.loads(file.read_text())
        source = Path(job["source"]).read_text()
        Path(job["target"]).write_text(source)
        seeds.append(int(source.partition("seed = ")[2][0]))
        run_folder = Path(environment["LOWDIM_RUN_DIR"])
        if "finish" in source:
            (run_folder / f"{INFO.stem}.json").write_text("{}")
        file.with_suffix(".outcome.json").write_text('{"ok": true}')
        return Finished(0, 1.5, 1000)

    monkeypatch.setattr(execute, "launch", launch)
    return seeds


def test_an_unchanged_chapter_is_taken_from_the_store_with_its_cost(book, kernel):
    assert run(book)[0].state == "ran"
    again, said = run(book)
    assert (again.state, again.seconds, kernel) == ("cached", 1.5, [0])
    assert "when it ran" in said


def test_a_stored_copy_takes_the_tags_of_now(book, kernel):
    run(book)
    notebook = normalise.read_notebook(INFO.notebook(book))
    notebook.cells[2].metadata["tags"] = ["hide-cell"]
    normalise.write_notebook(notebook, INFO.notebook(book))
    assert run(book)[0].state == "cached"
    copy = normalise.read_notebook(book / f"build/runs/quick/notebooks/{INFO.stem}.ipynb")
    assert copy.cells[2].metadata["tags"] == ["hide-cell"]
    notebook.cells[1].metadata["tags"] = []
    normalise.write_notebook(notebook, INFO.notebook(book))
    outcome, said = run(book)
    assert outcome.state == "failed"
    assert "tagged 'parameters'" in said


def test_force_runs_again(book, kernel):
    run(book)
    assert run(book, force=True)[0].state == "ran"
    assert kernel == [0, 0]


def test_a_changed_helper_runs_the_chapter_again(book, kernel):
    run(book)
    (book / "lib/lowdim/papers/subspace_clustering.py").open("a").write("\n# changed\n")
    assert run(book)[0].state == "ran"


def test_sources_that_change_during_a_run_fail_it(book, kernel, monkeypatch):
    calm = execute.launch

    def launch(*arguments):
        (book / "lib/lowdim/papers/subspace_clustering.py").open("a").write("\n# changed\n")
        return calm(*arguments)

    monkeypatch.setattr(execute, "launch", launch)
    outcome, said = run(book)
    assert outcome.state == "failed"
    assert "changed while it ran" in said
    assert not list((book / "build/cache").glob("*/manifest.json"))


def test_a_damaged_entry_is_named_and_made_again(book, kernel):
    run(book)
    stored = next((book / "build/cache").glob("*/*.json"))
    stored.write_text("[]")
    outcome, said = run(book)
    assert outcome.state == "ran"
    assert "damaged" in said
    assert stored.name in said
    assert run(book)[0].state == "cached"


def test_folders_of_ended_processes_are_swept_away(book, kernel):
    (book / "build/work/99999999-left").mkdir(parents=True)
    run(book)
    assert list((book / "build/work").iterdir()) == []


def test_an_interrupted_run_goes_on_with_the_chapters_that_are_missing(book, kernel):
    run(book, Job(INFO, seed=0))
    jobs = [Job(INFO, seed=seed) for seed in range(3)]
    states = [outcome.state for outcome in run_chapters(jobs, book, say=lambda text: None)]
    assert states == ["cached", "ran", "ran"]


def test_failures_name_cell_source_and_error_and_leave_no_old_result(book):
    write_notebook(INFO.notebook(book), ("x = 1", "y = x / 0  # here", "z = 1"))
    old = book / "build/runs/quick" / f"{INFO.stem}.json"
    old.parent.mkdir(parents=True)
    old.write_text("{}")
    outcome, said = run(book)
    assert outcome.state == "failed"
    assert "ZeroDivisionError" in said
    assert "cell 3" in said
    assert "| y = x / 0  # here" in said
    assert not old.exists()
    assert (book / "build/failed").is_dir()


@pytest.mark.parametrize(
    ("cells", "parameters", "named"),
    [(("x = 1",), "seed = 0", "does not assign"), (("x = 1",), None, "not a readable notebook")],
)
def test_notebooks_that_cannot_start_fail_at_once(book, cells, parameters, named):
    path = INFO.notebook(book)
    if parameters is None:
        path.write_text("{")
    else:
        write_notebook(path, cells, parameters)
    outcome, said = run(book)
    assert outcome.state == "failed"
    assert named in said


def test_a_notebook_without_a_result_fails(book, kernel):
    write_notebook(INFO.notebook(book), ("x = 1",))
    outcome, said = run(book)
    assert outcome.state == "failed"
    assert "chapter.finish()" in said


def test_other_chapters_go_on_after_a_failure(book, monkeypatch):
    def fake(job, *rest):
        if job.seed == 1:
            raise execute.ChapterFailure("broken")
        return execute.cache.Entry(book, {}, {"seconds": 1.0, "peak_memory_bytes": 1})

    monkeypatch.setattr(execute, "_execute", fake)
    outcomes = run_chapters([Job(INFO, seed=seed) for seed in range(3)], book, workers=2, say=lambda text: None)
    assert [outcome.state for outcome in outcomes] == ["ran", "failed", "ran"]


def test_an_interrupt_starts_nothing_more(book, monkeypatch):
    started = []

    def fake(job, root, store, key, workers, stop: threading.Event):
        started.append(job.seed)
        if job.seed == 0:
            raise KeyboardInterrupt
        return execute.cache.Entry(book, {}, {"seconds": 1.0, "peak_memory_bytes": 1})

    monkeypatch.setattr(execute, "_execute", fake)
    with pytest.raises(KeyboardInterrupt):
        run_chapters([Job(INFO, seed=seed) for seed in range(8)], book, workers=1, say=lambda text: None)
    assert len(started) < 8


def test_run_names():
    assert Job(INFO).run_name == "quick"
    assert Job(INFO, "full", device="cuda").run_name == "full"
    assert Job(INFO, "quick", 3, "cuda:1").run_name == "quick-seed3-cuda1"


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_run_that_is_ended_leaves_no_process_and_can_go_on(book, tmp_path):
    waiting = tmp_path / "pid"
    code = f"import os, time\nopen({str(waiting)!r}, 'w').write(str(os.getpid()))\ntime.sleep(0 if seed else 60)"
    write_notebook(INFO.notebook(book), (code, *CELLS))
    command = [sys.executable, "-m", "lowdim.companion.cli", "run", "01"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for _ in range(600):
        if waiting.is_file() and waiting.read_text():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert "run the same command to go on" in process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert not psutil.pid_exists(int(waiting.read_text()))
    assert list((book / "build/work").iterdir()) == []

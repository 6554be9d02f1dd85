"""Carrying slow results over to changed code, in a toy book that git knows."""

import subprocess

import pytest

from companion.toybook import INFO, papers
from lowdim.companion import carry as carrying
from lowdim.companion import results, seeds, tables
from lowdim.companion.carry import NotCarried, carry
from lowdim.companion.chapter import run_chapter
from lowdim.companion.environment import kernel_environment
from lowdim.companion.shelf import is_stale, load_shelf


def git(root, *words):
    identity = ("-c", "user.name=toy", "-c", "user.email=toy@example.org")
    done = subprocess.run(["git", "-C", str(root), *identity, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def text_of(tree, chapter, experiments):
    """What they "measure": a line of the module each; comments change nothing, and a clock never repeats."""
    text_of.calls += 1
    code = (tree / "lib/lowdim/papers/subspace_clustering.py").read_text()
    lines = [line for line in code.splitlines() if "record = Record" in line or "return Record" in line]
    found = dict(zip(("measure: claim C", "second: claim C"), lines, strict=True))
    found |= {"second: array seconds": str(text_of.calls)}
    return {key: value for key, value in found.items() if key.partition(":")[0] in experiments}


@pytest.fixture
def study(book, monkeypatch):
    """A book under git with a recorded study of two experiments, and a summary over its seeds."""
    text_of.calls = 0
    git(book, "init", "-q")
    (book / ".gitignore").write_text("build\nsite\ncounts\n")
    git(book, "add", "-A")
    git(book, "commit", "-qm", "first")
    monkeypatch.setenv("LOWDIM_RUN_DIR", str(book / "build/direct"))
    made = run_chapter("01", "study", draw=False)
    made["commit"] = git(book, "rev-parse", "--short=10", "HEAD") + "-dirty"  # elsewhere: its hashes are those of HEAD
    made.pop("arrays")
    made.pop("integrity")
    results.write_result(results.recorded_path(INFO, "study", book), made)
    seeds.write_seeds(seeds.seeds_path(INFO, "study", book), seeds.seeds_summary([made, made | {"seed": 1}]))
    return book


def edit(book, old, new):
    path = papers(book) / "subspace_clustering.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_code_that_computes_the_same_takes_the_result_over(study):
    recorded = results.load_recorded(INFO, "study", study)
    assert carry(INFO, "study", study, measure=text_of, say=str) == []
    edit(study, "import os\n", "import os  # a comment\n")
    assert is_stale(load_shelf("01", study), "study")
    with pytest.raises(NotCarried, match="lib or models has changes that no commit holds"):
        carry(INFO, "study", study, measure=text_of, say=str)
    git(study, "commit", "-qam", "a comment")
    assert carry(INFO, "study", study, measure=text_of, say=str) == ["measure", "second"]
    shelf = load_shelf("01", study)
    assert not is_stale(shelf, "study")
    found = shelf.results["study"]
    first = {name: recorded["hashes"][f"experiment:{name}"] for name in ("measure", "second")}
    assert found["carried"] == {"commit": git(study, "describe", "--always", "--abbrev=10"), "experiments": first}
    assert found["commit"] == recorded["commit"]
    assert found["claims"] == recorded["claims"]
    assert f"that of {found['carried']['commit']} gives small runs the same bits" in tables.recorded_line(
        shelf, "study"
    )
    assert shelf.seeds["study"]["hashes"] == found["hashes"]
    edit(study, "a comment", "another")
    git(study, "commit", "-qam", "another")  # compared with the commit that measured, again
    assert carry(INFO, "study", study, measure=text_of, say=str) == ["measure", "second"]
    assert results.load_recorded(INFO, "study", study)["carried"]["experiments"] == first
    assert git(study, "worktree", "list").count("\n") == 0


def test_code_that_computes_otherwise_does_not(study):
    edit(study, "0.5 * scale", "0.25 * scale")
    git(study, "commit", "-qam", "a quarter")
    before = results.recorded_path(INFO, "study", study).read_bytes()
    with pytest.raises(NotCarried, match="measure: claim C differs; run it again"):
        carry(INFO, "study", study, measure=text_of, say=str)
    assert results.recorded_path(INFO, "study", study).read_bytes() == before


@pytest.mark.parametrize(("gone", "carried"), [("array x", True), ("claim C", False), ("number n", False)])
def test_only_arrays_may_be_recorded_no_more(study, gone, carried):
    edit(study, "import os\n", "import os  # a comment\n")
    git(study, "commit", "-qam", "a comment")

    def measure(tree, chapter, experiments):
        found = text_of(tree, chapter, experiments)
        return found if tree == study else found | {f"third: {gone}": "3"}

    if carried:
        assert carry(INFO, "study", study, measure=measure, say=str) == ["measure", "second"]
    else:
        with pytest.raises(NotCarried, match=f"third: {gone} differs; run it again"):
            carry(INFO, "study", study, measure=measure, say=str)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data | {"commit": "unknown"}, "does not say which commit"),
        (lambda data: data | {"commit": "0123456789"}, "commit 0123456789 is not in this repository"),
        (
            lambda data: data | {"hashes": data["hashes"] | {"experiment:second": "x"}},
            "is not what the recorded",
        ),
        (lambda data: data | {"hashes": data["hashes"] | {"weights": "x"}}, "weights changed"),
        (lambda data: data | {"hashes": data["hashes"] | {"experiment:old": "x"}}, "old is no experiment any more"),
    ],
)
def test_a_result_of_unknown_origin_is_not_carried(study, change, message):
    path = results.recorded_path(INFO, "study", study)
    data = {key: value for key, value in results.read_result(path).items() if key != "integrity"}
    results.write_result(path, change(data))
    edit(study, "import os\n", "import os  # a comment\n")
    git(study, "commit", "-qm", "a comment", "--", "lib")
    with pytest.raises(NotCarried, match=message):
        carry(INFO, "study", study, measure=text_of, say=str)


def test_nothing_recorded_is_said(study):
    with pytest.raises(NotCarried, match="no recorded full result"):
        carry(INFO, "full", study)


def test_small_runs_happen_in_the_tree_that_is_asked(study, monkeypatch):
    """The real program, in a process: the toy's registry lies in the tree, the package is this one."""
    rest = {"LOWDIM_ROOT": str(study)}  # the toy's lib/lowdim is no whole package, so it must not come first
    monkeypatch.setattr(carrying, "kernel_environment", lambda threads, extra: kernel_environment(threads, rest))
    found = carrying.smoke(study, "01", ["measure", "second"])
    assert found["measure: claim 01-C1"] == "0.5"
    assert found["measure: number gap"] == "0.25"
    assert found["measure: array x"].startswith("float64 (3,) ")
    assert found["second: claim 01-C2"] == "1.0"
    monkeypatch.setenv("TOY_BREAK", "1")
    with pytest.raises(NotCarried, match=r"second: no smoke run in book: .*the toy is broken"):
        carrying.smoke(study, "01", ["second"])

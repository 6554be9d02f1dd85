import os
import time
from pathlib import Path

import pytest

from lowdim.companion.cache import DamagedEntry, discard, install, lookup, prune, store, write_json


@pytest.fixture
def filled(tmp_path):
    """A store with one entry, ``key``, of two files."""
    work = tmp_path / "work"
    (work / "figures").mkdir(parents=True)
    (work / "01-a.json").write_text("{}")
    (work / "figures/01-x.svg").write_text("<svg/>")
    store(tmp_path / "cache", "key", work, {"seconds": 1.5})
    assert not work.exists()
    return tmp_path / "cache"


def test_round_trip(filled):
    entry = lookup(filled, "key")
    assert entry is not None
    assert sorted(entry.files) == ["01-a.json", "figures/01-x.svg"]
    assert entry.facts == {"seconds": 1.5}
    assert lookup(filled, "other") is None


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (lambda entry: (entry / "figures/01-x.svg").write_text("<svg>"), r"01-x\.svg"),
        (lambda entry: (entry / "01-a.json").unlink(), r"01-a\.json"),
        (lambda entry: (entry / "manifest.json").unlink(), "manifest"),
        (lambda entry: (entry / "manifest.json").write_text('{"files": '), "manifest"),
        (lambda entry: (entry / "manifest.json").write_text("[]"), "manifest"),
    ],
)
def test_damage_is_found_and_named(filled, harm, named):
    harm(filled / "key")
    with pytest.raises(DamagedEntry, match=named):
        lookup(filled, "key")


def test_storing_replaces_a_damaged_entry(filled, tmp_path):
    (filled / "key/01-a.json").unlink()
    work = tmp_path / "again"
    work.mkdir()
    (work / "01-a.json").write_text("[]")
    store(filled, "key", work, {})
    assert lookup(filled, "key").files.keys() == {"01-a.json"}


def test_install_makes_the_folder_equal_and_leaves_other_chapters_alone(filled, tmp_path):
    run = tmp_path / "run"
    (run / "figures").mkdir(parents=True)
    for name in ("figures/01-old.svg", "figures/02-x.svg", "02-b.json"):
        (run / name).write_text("old")
    install(lookup(filled, "key"), run, "01-")
    found = sorted(path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file())
    assert found == ["01-a.json", "02-b.json", "figures/01-x.svg", "figures/02-x.svg"]


def test_install_does_not_touch_equal_files(filled, tmp_path):
    run = tmp_path / "run"
    install(lookup(filled, "key"), run, "01-")
    past = time.time() - 1000
    os.utime(run / "01-a.json", (past, past))
    (run / "figures/01-x.svg").write_text("edited")
    install(lookup(filled, "key"), run, "01-")
    assert (run / "01-a.json").stat().st_mtime == pytest.approx(past, abs=1)
    assert (run / "figures/01-x.svg").read_text() == "<svg/>"


def test_only_the_newest_versions_of_a_run_are_kept(tmp_path):
    for number in range(5):
        work = tmp_path / "work"
        work.mkdir()
        store(tmp_path / "cache", f"key{number}", work, {"chapter": "01", "seconds": number})
        os.utime(tmp_path / f"cache/key{number}/manifest.json", (number, number))
    prune(tmp_path / "cache", {"chapter": "02"})
    assert len(list((tmp_path / "cache").iterdir())) == 5
    prune(tmp_path / "cache", {"chapter": "01"}, keep=2)
    assert {path.name for path in (tmp_path / "cache").iterdir()} == {"key3", "key4"}


def test_the_entry_of_another_process_is_taken(filled, tmp_path, monkeypatch):
    work = tmp_path / "again"
    work.mkdir()

    def taken(path, target):
        raise OSError("not empty")

    monkeypatch.setattr("lowdim.companion.cache.discard", lambda cache, key: None)
    monkeypatch.setattr(Path, "rename", taken)
    assert store(filled, "key", work, {}).facts == {"seconds": 1.5}
    with pytest.raises(OSError, match="not empty"):
        store(filled, "other", work, {})


def test_discard(filled):
    discard(filled, "key")
    assert lookup(filled, "key") is None


def test_json_is_written_whole_or_not_at_all(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": 2})
    before = (tmp_path / "a.json").read_text()
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"x": object()})
    assert (tmp_path / "a.json").read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]

import json

from lowdim.companion import timing


def test_notes_are_merged(tmp_path):
    timing.note(tmp_path, "01-a", {"seconds": 1})
    timing.note(tmp_path, "02-b", {"seconds": 2})
    timing.note(tmp_path, "01-a", {"seconds": 3})
    assert timing.read(tmp_path) == {"01-a": {"seconds": 3}, "02-b": {"seconds": 2}}
    (tmp_path / timing.FILE).write_text("{")
    assert timing.read(tmp_path) == {}


def test_budgets():
    assert timing.beyond("quick", 90, 3 * 10**9) == ("", False)
    assert timing.beyond("quick", 100, 0) == ("100 s of 90 s", False)
    words, twice = timing.beyond("quick", 181, 7 * 10**9)
    assert words == "181 s of 90 s and 7.0 GB of 3 GB"
    assert twice


def test_commands_are_noted(tmp_path):
    timing.note_command(tmp_path, "book", 12.34)
    timing.note_command(tmp_path, "test", 1)
    assert json.loads((tmp_path / "build/runs/times.json").read_text()) == {"book": 12.3, "test": 1}

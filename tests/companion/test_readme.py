"""The chapter table of README.md comes from the recorded results and stands between its two comments."""

from pathlib import Path

import pytest

from lowdim.companion.catalogue import CHAPTERS
from lowdim.companion.readme import BEGIN, END, table, update, with_table

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_in_the_readme_is_current():
    assert table(ROOT) in (ROOT / "README.md").read_text(encoding="utf-8"), "run `make record`"


def test_every_chapter_has_a_row():
    rows = table(ROOT).splitlines()
    assert len(rows) == 2 + len(CHAPTERS)
    assert all(f"| {info.number} | {info.title} |" in row for info, row in zip(CHAPTERS, rows[2:], strict=True))


def test_only_the_text_between_the_comments_changes():
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert with_table(text, "| new |") == f"before\n{BEGIN}\n| new |\n{END}\nafter\n"


@pytest.mark.parametrize("text", ["", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}{BEGIN}{END}"])
def test_missing_comments_are_named(text):
    with pytest.raises(ValueError, match="must hold"):
        with_table(text, "")


def test_update_writes_once(tmp_path):
    (tmp_path / "README.md").write_text(f"{BEGIN}\n{END}\n", encoding="utf-8")
    (tmp_path / "book" / "claims").mkdir(parents=True)
    assert update(tmp_path)
    assert not update(tmp_path)

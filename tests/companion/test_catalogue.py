from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from companion import sample
from lowdim.companion import catalogue
from lowdim.companion.catalogue import CHAPTERS, find, find_root, run_folder


def test_eleven_chapters_in_order_with_names_that_follow_from_each_other():
    assert [info.number for info in CHAPTERS] == [f"{i:02d}" for i in range(11)]
    for info in CHAPTERS:
        assert info.module == "lowdim.papers." + info.name.replace("-", "_")
        assert info.notebook(Path("r")) == Path(f"r/notebooks/{info.number}-{info.name}.ipynb")
        assert bool(info.paper) == bool(info.paper_url) == (info.number != "00")


@pytest.mark.parametrize("key", ["01", "1", 1, "subspace-clustering", "subspace_clustering", "01-subspace-clustering"])
def test_a_chapter_is_found_by_number_and_name(key):
    assert find(key).number == "01"


@pytest.mark.parametrize("key", ["11", 11, "clustering", "", "001", -1])
def test_an_unknown_chapter_is_refused_with_the_choices(key):
    with pytest.raises(ValueError, match=r"chapter: .*choose one of 00 \(denoisers\), 01 .*10 \(vididi\)"):
        find(key)


def test_the_root_is_found_upwards_and_the_variable_wins(tmp_path, monkeypatch):
    root = sample.checkout(tmp_path / "book", monkeypatch)
    monkeypatch.delenv("LOWDIM_ROOT")
    monkeypatch.chdir(root / "notebooks")
    assert find_root() == root
    assert find_root(tmp_path / "book/book/claims") == root
    monkeypatch.setenv("LOWDIM_ROOT", str(tmp_path))
    assert find_root() == tmp_path
    monkeypatch.setenv("LOWDIM_ROOT", str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="LOWDIM_ROOT"):
        find_root()


def test_runs_go_to_the_checkout_or_where_the_variable_says(tmp_path, monkeypatch):
    root = sample.checkout(tmp_path / "book", monkeypatch)
    assert run_folder("quick") == root / "build/runs/quick"
    monkeypatch.setenv("LOWDIM_RUN_DIR", str(tmp_path / "here"))
    assert run_folder("quick") == tmp_path / "here"


def test_without_a_checkout_runs_go_below_the_current_folder_and_claims_say_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.delenv("LOWDIM_ROOT", raising=False)
    monkeypatch.delenv("LOWDIM_RUN_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(catalogue, "__file__", str(tmp_path / "site-packages/lowdim/companion/catalogue.py"))
    assert find_root() is None
    assert run_folder("study") == tmp_path / "build/runs/study"
    assert catalogue.available() == []
    with pytest.raises(FileNotFoundError, match="checkout"):
        catalogue.book_folder()
    packaged = tmp_path / "site-packages/lowdim/_book"
    packaged.mkdir(parents=True)
    assert catalogue.book_folder() == packaged


def test_available_chapters_have_a_notebook_and_a_module(tmp_path, monkeypatch):
    root = sample.checkout(tmp_path, monkeypatch)
    monkeypatch.setattr(catalogue, "has_module", lambda info: info.number in ("01", "02"))
    assert catalogue.available() == []
    for number in ("01", "03"):
        find(number).notebook(root).write_text("{}")
    assert [info.number for info in catalogue.available()] == ["01"]


def test_a_missing_module_is_named_and_an_error_inside_one_passes_through(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "has_module", lambda info: info.number == "01")
    absent = catalogue.ChapterInfo("99", "absent", "lowdim.papers.absent", "", "", "")
    with pytest.raises(ImportError, match=r"chapter 99 \(absent\) has no module .*chapters with one: 01"):
        catalogue.load_module(absent)
    (tmp_path / "broken_chapter.py").write_text("import no_such_library\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        catalogue.load_module(catalogue.ChapterInfo("98", "broken", "broken_chapter", "", "", ""))


def test_importing_the_companion_loads_nothing_heavy():
    heavy = ("torch", "numpy", "matplotlib", "yaml", "jsonschema", "IPython")
    code = f"import sys, lowdim.companion; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

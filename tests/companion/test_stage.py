import os
import subprocess

import pytest

from companion.toybook import CELLS, INFO, write_notebook
from lowdim.companion import stage


def staged(root):
    site = stage.site_folder(root)
    return {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}


def test_committed_files_are_staged_and_nothing_else(book):
    (book / "book/.hidden").write_text("x")
    (book / "book/_ext/__pycache__").mkdir(parents=True)
    (book / "book/_ext/__pycache__/a.pyc").write_text("x")
    (book / "build/runs/quick").mkdir(parents=True)
    (book / f"build/runs/quick/{INFO.stem}.json").write_text("{}")
    stage.stage(book, "committed")
    claims = f"book/claims/{INFO.stem}.yml"
    assert staged(book) == {"_config.yml", "_toc.yml", "book/intro.md", claims, f"notebooks/{INFO.stem}.ipynb"}


def test_the_last_run_is_laid_over_the_committed_book(book):
    run = book / "build/runs/quick"
    write_notebook(run / "notebooks" / f"{INFO.stem}.ipynb", (*CELLS, "print('fresh')"))
    (run / f"{INFO.stem}.json").write_text("{}")
    (run / "figures").mkdir()
    (run / "figures/01-line.svg").write_text("<svg/>")
    stage.stage(book, "run")
    site = stage.site_folder(book)
    assert "fresh" in (site / f"notebooks/{INFO.stem}.ipynb").read_text()
    assert (site / f"book/results/quick/{INFO.stem}.json").is_file()
    assert (site / "book/results/quick/figures/01-line.svg").is_file()
    change = stage.stage(book, "committed")
    assert "fresh" not in (site / f"notebooks/{INFO.stem}.ipynb").read_text()
    assert f"book/results/quick/{INFO.stem}.json" in change.removed
    assert not (site / f"book/results/quick/{INFO.stem}.json").exists()


def test_only_changed_files_are_written(book):
    stage.stage(book, "committed")
    assert stage.stage(book, "committed") == stage.Staged((), ())
    (book / "book/intro.md").write_text("# Other\n")
    INFO.notebook(book).unlink()
    change = stage.stage(book, "committed")
    assert change == stage.Staged(("book/intro.md",), (f"notebooks/{INFO.stem}.ipynb",))


def test_what_was_built_stays(book):
    page = stage.start_page(book)
    page.parent.mkdir(parents=True)
    page.write_text("built")
    assert stage.stage(book, "committed").removed == ()
    assert page.is_file()


def test_base_url_is_filled_in_only_where_it_is_empty(book, monkeypatch):
    empty = 'html:\n  baseurl: ""\n  other: ""\n'
    assert stage.with_base_url(empty, "https://a.b/c") == 'html:\n  baseurl: "https://a.b/c"\n  other: ""\n'
    assert stage.with_base_url(empty, "") == empty
    named = 'html:\n  baseurl: "https://x.y"\n'
    assert stage.with_base_url(named, "https://a.b/c") == named
    (book / "_config.yml").write_text(empty)
    monkeypatch.setenv(stage.BASE_URL, "https://a.b/c")
    stage.stage(book, "committed")
    assert "https://a.b/c" in (stage.site_folder(book) / "_config.yml").read_text()


@pytest.fixture
def builder(monkeypatch):
    """A stand-in for the page builder: it writes a start page; the list holds each call's arguments."""
    calls: list[list[str]] = []

    def run(command, env, cwd, **options):
        calls.append(command)
        assert env["LOWDIM_BOOK"] == os.path.join(command[command.index("build") + 1], "book")
        page = stage.start_page(cwd)
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("built")
        return subprocess.CompletedProcess(command, int("WARN" in (cwd / "book/intro.md").read_text()), "out", "warned")

    monkeypatch.setattr(stage.subprocess, "run", run)
    return calls


def test_pages_are_built_anew_where_the_builder_cannot_know(book, builder):
    stage.build(book, "committed")
    stage.build(book, "committed")
    (book / "book/intro.md").write_text("# Other page\n")
    stage.build(book, "committed")
    (book / "book/claims" / f"{INFO.stem}.yml").open("a").write("slips: []\n")
    stage.build(book, "committed")
    assert ["--all" in call for call in builder] == [True, False, False, True]
    assert all("-W" in call for call in builder)


def test_a_vanished_page_leaves_no_html(book, builder):
    stage.build(book, "committed")
    old = stage.start_page(book).with_name("old.html")
    old.write_text("old")
    (book / "book/extra.md").write_text("# Extra\n")
    stage.build(book, "committed")
    assert old.exists()
    (book / "book/extra.md").unlink()
    stage.build(book, "committed")
    assert not old.exists()


def test_a_failed_build_reports_and_does_not_pass_the_next_time(book, builder):
    stage.build(book, "committed")
    (book / "book/intro.md").write_text("# WARN\n")
    for _ in range(2):
        with pytest.raises(stage.BuildFailure, match="warned"):
            stage.build(book, "committed")
    assert "--all" in builder[-1]

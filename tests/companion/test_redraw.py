"""Drawing recorded figures again, in a toy book."""

import shutil
from dataclasses import replace

import pytest

from companion.toybook import INFO
from lowdim.companion import results
from lowdim.companion.catalogue import load_module
from lowdim.companion.chapter import run_chapter
from lowdim.companion.cli import main
from lowdim.companion.redraw import NotDrawn, redraw
from lowdim.companion.results import ResultError


@pytest.fixture
def study(book, monkeypatch):
    """A recorded study with its figure, film and arrays."""
    run = book / "build/direct"
    monkeypatch.setenv("LOWDIM_RUN_DIR", str(run))
    made = run_chapter("01", "study")
    path = results.recorded_path(INFO, "study", book)
    for entry in results.files(made):
        (path.parent / entry["file"]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(run / entry["file"], path.parent / entry["file"])
    results.write_result(path, {key: value for key, value in made.items() if key != "integrity"})
    shutil.rmtree(run)
    return book


def state(book):
    folder = results.recorded_path(INFO, "study", book).parent
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def thicker(draw):
    def drawn(record):
        figure = draw(record)
        figure.axes[0].lines[0].set_linewidth(3)
        figure.axes[0].set_title(f"gap {record.numbers['gap'].value:g}")
        return figure

    return drawn


def test_what_the_code_draws_as_before_stays(study):
    before = state(study)
    assert redraw(INFO, "study", study) == []
    assert state(study) == before


def test_changed_drawings_replace_the_recorded_ones_and_nothing_else(study, monkeypatch):
    before, old = state(study), results.load_recorded(INFO, "study", study)
    module = load_module(INFO)
    plot = module.FIGURES["line"]
    monkeypatch.setitem(module.FIGURES, "line", replace(plot, draw=thicker(plot.draw)))
    monkeypatch.setitem(module.FIGURES, "again", replace(plot, caption="Once more."))
    monkeypatch.delitem(module.FILMS, "growth")
    assert redraw(INFO, "study", study) == ["again", "growth", "line"]
    after, new = state(study), results.load_recorded(INFO, "study", study)
    assert {key: value for key, value in new.items() if key not in ("figures", "integrity")} == {
        key: value for key, value in old.items() if key not in ("figures", "integrity")
    }
    assert new["figures"].keys() == {"line", "again"}
    assert after["figures/01-line.svg"] != before["figures/01-line.svg"]
    assert set(before) - set(after) == {name for name in before if "growth" in name}
    assert redraw(INFO, "study", study) == []


def test_a_drawing_that_needs_more_than_was_recorded_is_refused_whole(study, monkeypatch, capsys):
    before, module = state(study), load_module(INFO)
    plot = module.FIGURES["line"]
    monkeypatch.setitem(module.FIGURES, "line", replace(plot, caption="Changed."))
    monkeypatch.setitem(module.FIGURES, "more", replace(plot, draw=lambda record: record["y"]))
    with pytest.raises(NotDrawn, match=r"01, study: .*array 'y' is not in this record.*run it again"):
        redraw(INFO, "study", study)
    assert main(["redraw", "01"]) == 1
    assert "not drawn" in capsys.readouterr().err
    assert state(study) == before


def test_damaged_arrays_and_missing_results_are_refused(study):
    path = results.recorded_path(INFO, "study", study)
    path.with_suffix(".npz").write_bytes(b"damaged")
    with pytest.raises(ResultError, match="missing or damaged"):
        redraw(INFO, "study", study)
    with pytest.raises(NotDrawn, match="no recorded full result"):
        redraw(INFO, "full", study)

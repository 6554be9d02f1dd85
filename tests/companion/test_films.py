from __future__ import annotations

import base64
import hashlib
import io
import json

import numpy as np
import pytest
from bs4 import BeautifulSoup
from matplotlib.figure import Figure
from PIL import Image

from companion import sample
from lowdim.companion import Chapter, figures, films, results, run_chapter
from lowdim.record import Film

NAME = "01-subspace-clustering"


def reel(count: int = 5, width: int = 40, height: int = 30) -> films.Reel:
    """Frames of one colour each, after a corner that stays the card's."""
    pictures = np.full((count, height, width, 3), 250, np.uint8)
    for index, picture in enumerate(pictures):
        picture[5:, 5:] = (10 * index, 255 - 20 * index, 7 + index)
    return films.Reel(pictures, tuple(f"frame {index}" for index in range(count)))


def moving(count: int = 4, size: tuple[float, float] = (2.0, 1.5), left: list[float] | None = None):
    """A dot that climbs from 1 to 1000; ``left`` collects where the axes begin once a frame is drawn."""
    fig = Figure(figsize=size, layout="constrained")
    (dot,) = fig.subplots().plot([0], [0], "o")
    for index in range(count):
        dot.set_data([index], [10.0**index])
        dot.axes.relim()
        dot.axes.autoscale_view()
        yield f"t = {index}", fig
        if left is not None:
            left.append(dot.axes.get_position().x0)


def frame(sheet: Image.Image, saved: films.SavedFilm, index: int) -> np.ndarray:
    """One frame, cut out as the player does."""
    row, column = divmod(index, saved.columns)
    left, top = column * saved.width, row * saved.height
    return np.asarray(sheet.crop((left, top, left + saved.width, top + saved.height)).convert("RGB"))


def test_every_frame_is_where_the_player_looks_for_it(tmp_path, monkeypatch):
    monkeypatch.setattr(films, "_SIDE", 90)  # two in a row
    made = reel()
    saved = films.save_film(made, "01-growth", 2, tmp_path)
    assert (saved.frames, saved.columns, saved.width, saved.height, saved.seconds) == (5, 2, 40, 30, 2.0)
    assert saved.labels == made.labels
    content = (tmp_path / saved.file).read_bytes()
    assert saved.file == "figures/01-growth.webp"
    assert saved.sha256 == hashlib.sha256(content).hexdigest()
    with Image.open(io.BytesIO(content)) as sheet:
        assert sheet.format == "WEBP"
        assert sheet.size == (80, 90)
        for index, picture in enumerate(made.pictures):
            shown = frame(sheet, saved, index)
            assert np.abs(shown.astype(int) - picture).max() <= 2
            assert (shown[0, 0] == 250).all()  # the ground is exact


def test_the_sheet_is_the_same_every_time(tmp_path):
    first, again = (films.save_film(films.shoot(moving()), "01-dot", 1, tmp_path / name) for name in "ab")
    assert first == again
    assert (tmp_path / "a" / first.file).read_bytes() == (tmp_path / "b" / first.file).read_bytes()


def test_frames_are_rendered_as_they_come_and_axes_stay_in_their_place():
    left: list[float] = []
    made = films.shoot(moving(left=left))
    assert made.pictures.shape == (4, 216, 288, 3)
    assert made.labels == ("t = 0", "t = 1", "t = 2", "t = 3")
    assert all((made.pictures[i] != made.pictures[i + 1]).any() for i in range(3))
    assert len(left) == 4
    assert len(set(left)) == 1  # though the tick labels grow from 1 to 1000
    assert films.shoot(moving(), 2).labels == ("t = 0", "t = 1")


def test_only_the_frames_asked_for_are_drawn():
    def frames():
        yield from moving(2)
        raise AssertionError("drawn in vain")

    assert len(films.shoot(frames(), 2).pictures) == 2


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (lambda: moving(1), "1 given; a film has at least 2"),
        (lambda: [*moving(1), ("b", Figure(figsize=(3, 2)))], "differ in size, 288 x 216 and 432 x 288 pixels"),
        (lambda: [(" ", Figure())], "label ' ' is not allowed; give one of 1 to 40"),
        (lambda: [("x" * 41, Figure())], "label 'x+' is not allowed"),
        (lambda: moving(3, (50, 40)), "1 of 7200 x 5760 pixels exceed the 32 million allowed"),
    ],
)
def test_wrong_frames_are_refused(frames, message):
    with pytest.raises(ValueError, match=f"^frames: .*{message}"):
        films.shoot(frames())


def test_a_heavy_film_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(films, "MAX_BYTES", 1000)
    noise = np.random.default_rng(0).integers(0, 255, (2, 50, 50, 3)).astype(np.uint8)
    with pytest.raises(ValueError, match=r"'01-noise' has \d+ bytes, more than the 1000 allowed; give fewer frames"):
        films.save_film(films.Reel(noise, ("a", "b")), "01-noise", 1, tmp_path)
    assert not list(tmp_path.rglob("*.webp"))


@pytest.mark.parametrize("seconds", [0, -1.0, float("inf"), float("nan")])
def test_a_film_lasts_some_time(seconds):
    with pytest.raises(ValueError, match="seconds: .* is not allowed; give a positive number"):
        Film("closed-form", sample.frames, sample.CAPTION, sample.ALT, seconds)


@pytest.mark.parametrize(("width", "stills"), [(40, 4), (30, 6), (90, 3)])
def test_the_poster_shows_frames_from_the_first_to_the_last(width, stills):
    made = reel(12, width)
    axes = films.poster(made).axes
    assert len(axes) == stills
    assert axes[0].get_title() == "frame 0"
    assert axes[-1].get_title() == "frame 11"
    assert (axes[-1].images[0].get_array() == made.pictures[-1]).all()


@pytest.fixture
def chapter(tmp_path, monkeypatch):
    root = sample.checkout(tmp_path, monkeypatch)
    bundles: list[dict] = []
    monkeypatch.setattr(figures, "in_notebook", lambda: True)
    monkeypatch.setattr(figures, "show", bundles.append)
    made = Chapter("01")
    made.root, made.shown = root, bundles
    return made


def test_a_chapters_film_leaves_a_poster_a_sheet_and_an_entry(chapter):
    chapter.run("closed-form")
    chapter.film("growth")
    chapter.run("training")
    chapter.finish()
    run = chapter.root / "build/runs/quick"
    found = results.read_result(run / f"{NAME}.json")["figures"]["growth"]
    for entry in (found, found["film"]):
        assert hashlib.sha256((run / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
    assert found["file"] == "figures/01-growth.svg"
    assert found["film"]["frames"] == 5
    assert found["film"]["seconds"] == 2
    assert found["film"]["labels"] == ["x = 0.0", "x = 0.25", "x = 0.5", "x = 0.75", "x = 1.0"]
    bundle = chapter.shown[0]
    assert bundle["text/plain"] == "Film 01-growth: The gain $c = 1/(1+s^2)$."
    told = {key: value for key, value in found["film"].items() if key not in ("file", "sha256")}
    assert bundle[figures.MIME] == {"id": "01-growth", "caption": sample.CAPTION, "alt": sample.ALT, "film": told}
    assert Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))).format == "PNG"


def test_unknown_films_and_names_used_twice_are_refused(chapter):
    with pytest.raises(ValueError, match="film: 'x' is unknown in chapter 01; choose one of growth"):
        chapter.film("x")
    with pytest.raises(ValueError, match=r"film 'growth' is drawn from 'closed-form'; call run\('closed-form'\) first"):
        chapter.film("growth")
    chapter.run("closed-form")
    chapter._module.FILMS["gain"] = chapter._module.FILMS["growth"]
    with pytest.raises(ValueError, match="film: 'gain' is a figure of chapter 01 too"):
        chapter.film("gain")


def test_a_chapter_without_films_says_so(chapter):
    del chapter._module.FILMS
    with pytest.raises(ValueError, match="film: 'x' is unknown in chapter 01; choose one of none"):
        chapter.film("x")
    chapter.run("closed-form")
    chapter.draw()


def test_smoke_renders_few_frames(chapter):
    found = run_chapter("01", "smoke")["figures"]
    assert list(found) == ["gain", "growth"]
    assert found["growth"]["film"]["frames"] == films.SMOKE_FRAMES < 5


def test_the_player_is_hidden_until_its_script_runs_and_says_what_it_is(tmp_path):
    entry = films.save_film(reel(), "01-growth", 2, tmp_path).entry() | {"labels": ["σ < 1", 'say "a"', "b", "c", "d"]}
    page = BeautifulSoup(films.player_html(entry, "../_downloads/x/01-growth.webp", "A & B"), "html.parser")
    player = page.select_one("div.ld-film")
    assert player.has_attr("hidden")
    data = json.loads(player["data-film"])
    assert data == {
        "src": "../_downloads/x/01-growth.webp",
        "frames": 5,
        "columns": 5,
        "width": 40,
        "height": 30,
        "seconds": 2.0,
        "labels": ["σ < 1", 'say "a"', "b", "c", "d"],
    }
    canvas, button, slider = player.canvas, player.button, player.input
    assert (canvas["width"], canvas["height"], canvas["role"], canvas["aria-label"]) == ("40", "30", "img", "A & B")
    assert button["aria-label"] == "Play"
    assert (slider["type"], slider["max"], slider["aria-valuetext"]) == ("range", "4", "σ < 1")
    assert slider["aria-label"]
    assert page.output.get_text() == "σ < 1"

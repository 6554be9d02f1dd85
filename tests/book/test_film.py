"""Films in the browser: alone on a page opened from the disk, and on the page of the first chapter."""

import io
import shutil
from html import escape

import numpy as np
import pytest
from PIL import Image

from book.site import ROOT
from book.test_reading import open_page, tab  # noqa: F401
from book.visit import DESK
from lowdim.companion import films

COLOURS = [(200, 40, 40), (40, 160, 40), (40, 40, 200), (220, 180, 20), (120, 20, 140)]
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Films</title>
<link rel="stylesheet" href="css/colours.css"><link rel="stylesheet" href="css/film.css">
<body style="margin: 0"><article>{figures}</article><script src="film.js" defer></script></body></html>"""
FIGURE = '<figure id="{id}" style="margin: 0"><img src="poster.png" alt="Stills." width="90">{player}</figure>'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the player's script, its style, a poster and a sheet of five frames in three rows."""
    made = tmp_path_factory.mktemp("films")
    shutil.copytree(ROOT / "book" / "_static" / "css", made / "css")
    shutil.copy(ROOT / "book" / "_static" / "film.js", made)
    Image.new("RGB", (90, 60), "white").save(made / "poster.png")
    return made


@pytest.fixture
def write(folder, monkeypatch):
    """Write a page with a film for each name, lasting so many seconds; returns its address on the disk."""

    def page(seconds: float = 0.5, names=("one",), sheet: str = "figures/01-one.webp") -> str:
        monkeypatch.setattr(films, "_SIDE", 700)
        pictures = np.stack([np.full((200, 300, 3), colour, np.uint8) for colour in COLOURS])
        reel = films.Reel(pictures, tuple(f"t = {index}" for index in range(5)))
        film = films.save_film(reel, "01-one", seconds, folder).entry()
        assert film["columns"] == 2
        player = films.player_html(film, escape(sheet), "A square that changes its colour.")
        file = folder / "page.html"
        file.write_text(PAGE.format(figures="".join(FIGURE.format(id=name, player=player) for name in names)))
        return file.as_uri()

    return page


@pytest.fixture
def reader(browser):
    """A page of the browser whose system does not ask for less motion."""
    opened = browser.new_page(viewport=DESK, reduced_motion="no-preference")
    opened.complaints = []
    opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
    yield opened
    assert opened.complaints == []
    opened.close()


def colour(tab, place: str = "canvas"):  # noqa: F811
    """The colour in the middle of what the reader sees there."""
    with Image.open(io.BytesIO(tab.locator(place).screenshot())) as picture:
        return picture.convert("RGB").getpixel((picture.width // 2, picture.height // 2))


def sees(tab, index: int, figure: str = "") -> bool:  # noqa: F811
    """Whether frame ``index`` is shown, with its label everywhere."""
    slider = tab.locator(f"{figure} input")
    told = [slider.input_value(), slider.get_attribute("aria-valuetext"), tab.locator(f"{figure} output").inner_text()]
    if told != [str(index), f"t = {index}", f"t = {index}"]:
        return False
    return bool(np.abs(np.subtract(colour(tab, f"{figure} canvas"), COLOURS[index])).max() <= 4)


def loaded(tab, address: str):  # noqa: F811
    tab.goto(address)
    tab.wait_for_function("[...document.querySelectorAll('.ld-film canvas')].every((one) => one.dataset.frame === '0')")
    return tab


def at_frame(tab, index: int):  # noqa: F811
    tab.wait_for_function(f"document.querySelector('input').value === '{index}'", timeout=5000)


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_nothing_plays_by_itself(browser, write, motion):
    tab = loaded(browser.new_page(viewport=DESK, reduced_motion=motion), write(0.2))  # noqa: F811
    tab.wait_for_timeout(500)
    assert sees(tab, 0)
    assert not tab.locator("img").is_visible()
    tab.close()


def test_the_button_plays_to_the_end_and_again(reader, write):
    loaded(reader, write())
    button = reader.get_by_role("button", name="Play")
    for _ in range(2):
        button.press("Enter")
        at_frame(reader, 1)
        at_frame(reader, 4)
        reader.get_by_role("button", name="Play").wait_for(timeout=2000)
        assert sees(reader, 4)


def test_pause_stops_where_it_is_and_playing_goes_on_from_there(reader, write):
    loaded(reader, write(1.5))
    reader.locator("button").click()
    at_frame(reader, 2)
    reader.get_by_role("button", name="Pause").click()
    stopped = reader.locator("input").input_value()
    reader.wait_for_timeout(700)
    assert sees(reader, int(stopped))
    reader.locator("canvas").click()
    reader.wait_for_timeout(100)
    assert int(reader.locator("input").input_value()) >= int(stopped)
    at_frame(reader, 4)


def test_the_slider_moves_the_frames_by_keyboard(reader, write):
    loaded(reader, write())
    slider = reader.get_by_role("slider", name="Frame")
    for key, index in (("ArrowRight", 1), ("ArrowRight", 2), ("End", 4), ("ArrowLeft", 3), ("Home", 0)):
        slider.press(key)
        assert sees(reader, index), key
    slider.press(" ")
    at_frame(reader, 4)


def test_moving_the_slider_ends_playing(reader, write):
    loaded(reader, write(1.5))
    reader.locator("button").click()
    at_frame(reader, 1)
    reader.locator("input").press("End")
    assert reader.locator("button").get_attribute("aria-label") == "Play"
    reader.locator("input").press("Home")
    reader.wait_for_timeout(700)
    assert sees(reader, 0)


def test_films_of_a_page_do_not_disturb_each_other(reader, write):
    loaded(reader, write(names=("one", "two")))
    reader.locator("#two input").press("End")
    assert sees(reader, 0, "#one")
    assert sees(reader, 4, "#two")


def test_tab_reaches_button_and_slider(reader, write):
    loaded(reader, write())
    seen = []
    for _ in range(2):
        reader.keyboard.press("Tab")
        seen.append(reader.evaluate("document.activeElement.tagName"))
    assert seen == ["BUTTON", "INPUT"]


def test_readers_without_scripts_and_paper_get_the_poster(browser, reader, write):
    address = write()
    plain = browser.new_context(java_script_enabled=False).new_page()
    plain.goto(address)
    assert plain.locator("img").is_visible()
    assert not plain.locator(".ld-film").is_visible()
    plain.context.close()
    loaded(reader, address).emulate_media(media="print")
    assert reader.locator("img").is_visible()
    assert not reader.locator(".ld-film").is_visible()


def test_without_its_sheet_a_film_is_its_poster(reader, write):
    reader.goto(write(sheet="figures/lost.webp"))
    reader.wait_for_function("document.querySelector('.ld-film').hidden")
    assert reader.locator("img").is_visible()


def test_a_phone_shows_film_and_controls_side_by_side(reader, write):
    reader.set_viewport_size({"width": 320, "height": 600})
    loaded(reader, write())
    assert reader.evaluate("document.documentElement.scrollWidth") <= 320
    boxes = [reader.locator(part).bounding_box() for part in ("button", "input", "output")]
    assert max(box["y"] for box in boxes) < min(box["y"] + box["height"] for box in boxes)
    assert boxes[0]["width"] >= 36
    assert boxes[1]["width"] >= 80


def test_the_first_chapters_film_is_a_numbered_figure_that_plays(tab, server):  # noqa: F811
    open_page(tab, server, "notebooks/00-denoisers")
    figure = tab.locator("figure#fig-00-flow")
    figure.scroll_into_view_if_needed()
    assert figure.locator("figcaption .caption-number").inner_text().startswith("Fig.")
    label = figure.locator("output").inner_text()
    figure.locator("canvas[data-frame='0']").wait_for()
    before = figure.locator("canvas").screenshot()
    figure.get_by_role("button", name="Play").click()
    tab.wait_for_timeout(700)
    figure.get_by_role("button", name="Pause").click()
    assert figure.locator("output").inner_text() != label
    assert figure.locator("canvas").screenshot() != before
    assert tab.seen.complaints == []
    assert tab.seen.failed == []

from __future__ import annotations

import base64
import hashlib
import io
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from companion import sample
from lowdim.companion import figures

ALT = sample.ALT


def drawn(points: int = 5, rasterized: bool = False) -> Figure:
    fig = Figure(figsize=(2, 1.5))
    x = np.linspace(0, 1, points)
    fig.subplots().plot(x, np.sin(40 * x), ".", rasterized=rasterized)
    return fig


def test_the_vector_file_is_the_same_every_time_and_holds_no_date(tmp_path):
    first = figures.save_figure(drawn(), "01-gain", sample.CAPTION, ALT, tmp_path / "a")
    mpl.rcParams["svg.hashsalt"] = None
    again = figures.save_figure(drawn(), "01-gain", sample.CAPTION, ALT, tmp_path / "b")
    content = (tmp_path / "a" / first.file).read_bytes()
    assert first == again
    assert first.file == "figures/01-gain.svg"
    assert first.sha256 == hashlib.sha256(content).hexdigest()
    assert b"<dc:date>" not in content
    assert b"<dc:creator>" not in content
    assert first.entry() == {"caption": sample.CAPTION, "alt": ALT, "file": first.file, "sha256": first.sha256}


def test_the_cell_holds_a_picture_a_line_and_what_the_page_needs():
    bundle = figures.mime_bundle(drawn(), "01-gain", sample.CAPTION, ALT)
    assert bundle[figures.MIME] == {"id": "01-gain", "caption": sample.CAPTION, "alt": ALT}
    assert bundle["text/plain"] == "Figure 01-gain: The gain $c = 1/(1+s^2)$."
    picture = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert picture.format == "PNG"
    assert "Software" not in picture.info
    assert bundle == figures.mime_bundle(drawn(), "01-gain", sample.CAPTION, ALT)


def test_a_vector_file_with_too_many_points_is_refused_and_rasterised_points_pass(tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "MAX_SVG_BYTES", 100_000)
    with pytest.raises(ValueError, match=r"'01-many' has \d+ bytes.*rasterized=True"):
        figures.save_figure(drawn(5000), "01-many", "c", ALT, tmp_path)
    assert not list(tmp_path.rglob("*.svg"))
    figures.save_figure(drawn(5000, rasterized=True), "01-many", "c", ALT, tmp_path)


@pytest.mark.parametrize("id", ["Gain", "a_b", "", "-a", "a--b", "a b", "../a"])
def test_a_wrong_id_is_refused(id):
    with pytest.raises(ValueError, match="^id: "):
        figures.check_figure(id, "c", ALT)


def test_an_empty_caption_and_a_short_alt_text_are_refused():
    figures.check_figure("a-1", "c", "x" * figures.MIN_ALT)
    with pytest.raises(ValueError, match="^caption: "):
        figures.check_figure("a", "  ", ALT)
    with pytest.raises(ValueError, match="^alt: "):
        figures.check_figure("a", "c", " " * 30 + "x" * (figures.MIN_ALT - 1))


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("One. Two.", "One."),
        ("Value 0.5 and\nmore! Then.", "Value 0.5 and more!"),
        ("No end", "No end"),
        ("Two\nlines. Rest", "Two lines."),
    ],
)
def test_the_first_sentence(text, first):
    assert figures.first_sentence(text) == first


def test_nothing_is_shown_outside_a_notebook(capsys, monkeypatch):
    figures.show({"text/plain": "x"})
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    figures.show({"text/plain": "x"})
    assert capsys.readouterr().out == ""


def test_a_closed_figure_is_not_shown_again_by_pyplot():
    plt = pytest.importorskip("matplotlib.pyplot")
    fig = plt.figure()
    figures.close(fig)
    assert fig.number not in plt.get_fignums()

"""The figure renderer, in a real build of a small site."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from matplotlib.figure import Figure
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from lowdim.companion import figures, films

CONF = """
extensions = ["myst_nb"]
nb_execution_mode = "off"
nb_merge_streams = True
numfig = True
myst_enable_extensions = ["dollarmath"]
html_theme = "basic"
"""

PAGE = """# Page

The staged one is {numref}`fig-01-vector`, the other {numref}`fig-01-raster`; also {ref}`by name <fig-01-vector>`.
"""


def _bundle(label: str, caption: str) -> dict:
    fig = Figure(figsize=(2, 1))
    fig.subplots().plot([0, 1])
    return figures.mime_bundle(fig, label, caption, f"A rising line, for {label} & more.")


FILM = films.SavedFilm("figures/01-moving.webp", "0" * 64, 2, 2, 30, 20, 4.0, ("t = 0", "t = 1"))


def _film(label: str) -> dict:
    fig = Figure(figsize=(2, 1))
    fig.subplots().plot([1, 0])
    return figures.mime_bundle(fig, label, "It falls.", "A line that falls & falls.", FILM)


def _site(folder: Path) -> Path:
    site = folder / "site"
    (site / "notebooks").mkdir(parents=True)
    (site / "conf.py").write_text(CONF)
    (site / "index.md").write_text("# Home\n\n```{toctree}\npage\nnotebooks/book\n```\n")
    (site / "page.md").write_text(PAGE)
    outputs = [
        nbformat.v4.new_output("stream", name="stdout", text="a\n"),
        nbformat.v4.new_output("stream", name="stdout", text="b\n"),
        nbformat.v4.new_output("display_data", data=_bundle("01-vector", "The **gain** $c=1$. Second sentence.")),
        nbformat.v4.new_output("display_data", data=_bundle("01-raster", "Only a raster picture.")),
        nbformat.v4.new_output("display_data", data=_film("01-moving")),
        nbformat.v4.new_output("display_data", data=_film("01-lost")),
    ]
    cells = [
        nbformat.v4.new_markdown_cell("# Notebook\n\n## Section\n\nSee {numref}`fig-01-raster`."),
        nbformat.v4.new_code_cell("chapter.plot('vector')", outputs=outputs, execution_count=1),
    ]
    metadata = {"language_info": {"name": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), site / "notebooks/book.ipynb")
    staged = site / "book/results/quick/figures"
    staged.mkdir(parents=True)
    (staged / "01-vector.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    (staged / "01-moving.webp").write_bytes(b"the sheet")
    return site


def _build(site: Path, builder: str = "html") -> str:
    """Build and return the warnings."""
    warnings = io.StringIO()
    out = site.parent / "out" / builder
    with docutils_namespace(), patch_docutils():
        app = Sphinx(site, site, out, out / "doctrees", builder, status=None, warning=warnings)
        app.build()
    return warnings.getvalue()


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    site = _site(tmp_path_factory.mktemp("mystnb"))
    assert _build(site) == ""
    return site


@pytest.fixture(scope="module")
def page(built):
    return (built.parent / "out/html/notebooks/book.html").read_text(encoding="utf-8")


def _figure(page: str, label: str) -> str:
    found = re.search(rf'<figure[^>]*id="fig-{label}".*?</figure>', page, re.DOTALL)
    assert found, f"no figure {label}"
    return found.group(0)


def test_a_staged_vector_file_is_the_picture(built, page):
    source = re.search(r'src="([^"]+)"', _figure(page, "01-vector")).group(1)
    assert source.endswith("01-vector.svg")
    shown = (built.parent / "out/html/notebooks" / source).resolve().read_bytes()
    assert shown == (built / "book/results/quick/figures/01-vector.svg").read_bytes()


def test_without_a_vector_file_the_png_of_the_same_output_is_the_picture(built, page):
    source = re.search(r'src="([^"]+)"', _figure(page, "01-raster")).group(1)
    notebook = nbformat.read(built / "notebooks/book.ipynb", 4)
    stored = notebook.cells[1].outputs[3]["data"]["image/png"]
    assert (built.parent / "out/html/notebooks" / source).resolve().read_bytes() == base64.b64decode(stored)


def test_caption_is_markdown_with_mathematics_and_alt_text_is_kept(page):
    figure = _figure(page, "01-vector")
    assert "<strong>gain</strong>" in figure
    assert r"\(c=1\)" in figure
    assert "Second sentence." in figure
    assert 'alt="A rising line, for 01-vector &amp; more."' in figure


def test_figures_are_numbered_and_references_find_them(built, page):
    for number, label in ((1, "01-vector"), (2, "01-raster")):
        assert f"Fig. {number} " in re.sub("<[^>]+>", "", _figure(page, label))
    other = (built.parent / "out/html/page.html").read_text(encoding="utf-8")
    for number, label in ((1, "01-vector"), (2, "01-raster")):
        assert re.search(
            rf'href="notebooks/book.html#fig-{label}"><span class="std std-numref">Fig. {number}</span>', other
        )
    assert re.search(r'href="notebooks/book.html#fig-01-vector"><span class="std std-ref">by name</span>', other)


def test_only_one_picture_and_no_text_is_shown_for_each_figure(page):
    assert page.count("<img") == 4
    assert "Figure 01-vector:" not in page


def test_a_film_has_its_player_between_poster_and_caption(built, page):
    figure = BeautifulSoup(_figure(page, "01-moving"), "html.parser").figure
    assert [tag.name for tag in figure.find_all(recursive=False)] == ["img", "div", "figcaption"]
    assert "Film 01-moving" not in page
    data = json.loads(figure.select_one(".ld-film")["data-film"])
    assert data["labels"] == ["t = 0", "t = 1"]
    sheet = built.parent / "out/html/notebooks" / data["src"]
    assert sheet.resolve().read_bytes() == b"the sheet"
    assert figure.canvas["aria-label"] == "A line that falls & falls."


def test_a_film_whose_sheet_is_not_staged_is_its_poster(page):
    figure = _figure(page, "01-lost")
    assert "<img" in figure
    assert "ld-film" not in figure


def test_a_builder_without_vector_graphics_takes_the_png(built):
    assert _build(built, "latex") == ""
    tex = "".join(path.read_text(encoding="utf-8") for path in (built.parent / "out/latex").glob("*.tex"))
    assert "includegraphics{{01-vector}.png}" in tex


def test_a_figure_with_no_picture_is_a_warning(tmp_path):
    site = _site(tmp_path)
    path = site / "notebooks/book.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    del notebook["cells"][1]["outputs"][3]["data"]["image/png"]
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert "figure 01-raster: neither" in _build(site)

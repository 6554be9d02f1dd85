"""The directives of the data page, on a page of their own."""

import io
import sys

import pytest
from bs4 import BeautifulSoup

from book.site import ROOT


@pytest.fixture
def build(tmp_path, monkeypatch):
    """``build(text)``: the page and the warnings."""
    monkeypatch.syspath_prepend(str(ROOT / "book" / "_ext"))

    def run(text):
        from sphinx.application import Sphinx
        from sphinx.util.docutils import docutils_namespace

        (tmp_path / "index.md").write_text(f"# Page\n\n{text}\n\n```{{bibliography}}\n```\n", encoding="utf-8")
        api = tmp_path / "book" / "api"
        api.mkdir(parents=True, exist_ok=True)
        for name in ("data", "distributions"):
            (api / f"{name}.md").write_text(f"---\norphan: true\n---\n# {name}\n", encoding="utf-8")
        settings = {
            "extensions": ["myst_parser", "sphinxcontrib.bibtex", "lowdim_data"],
            "bibtex_bibfiles": [str(ROOT / "book" / "references.bib")],
        }
        warnings, folder = io.StringIO(), str(tmp_path)
        with docutils_namespace():
            app = Sphinx(
                folder, None, f"{folder}/_build", f"{folder}/_trees", "html", settings, status=None, warning=warnings
            )
            app.build()
        page = (tmp_path / "_build" / "index.html").read_text(encoding="utf-8")
        return BeautifulSoup(page, "html.parser"), warnings.getvalue()

    yield run
    sys.modules.pop("lowdim_data", None)


def test_tables_cite_and_link(build):
    page, warnings = build("```{data-sets} generated\n```\n\n```{data-sets} local\n```\n\n```{data-files} celeba\n```")
    assert warnings == ""
    drawn, local, files = page.select("table")
    assert [head.get_text() for head in drawn.select("th")] == ["Data set", "One sample", "Used by"]
    assert any("LLWT15" in link.get_text() for link in local.select("a"))
    assert {link["href"] for link in drawn.select("td:first-child a.internal")} >= {
        "book/api/data.html",
        "book/api/distributions.html",
    }
    assert files.select_one("td:first-child code").get_text() == "img_align_celeba.zip"
    assert "Verified:" in page.get_text()


def test_sheets_have_alt_texts_and_captions(build):
    page, warnings = build("```{data-sheet} discs\nDiscs of *one* kind.\n```\n\n```{data-captions} 2\n```")
    assert warnings == ""
    figure = page.select_one("figure")
    assert figure.img["src"].startswith("data:image/png;base64,")
    assert figure.img["alt"] == "Discs: 16 examples in two rows."
    assert figure.figcaption.em.get_text() == "one"
    assert len(page.select("ol li")) == 2


@pytest.mark.parametrize(
    "text", ["```{data-sets} stolen\n```", "```{data-files} digits\n```", "```{data-sheet} mnist\n```"]
)
def test_unknown_names_are_warnings(build, text):
    _, warnings = build(text)
    assert "choose one of" in warnings or "has no files" in warnings

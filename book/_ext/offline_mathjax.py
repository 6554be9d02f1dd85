"""MathJax from the package ``sphinx-mathjax-offline``: one self-contained file, copied into the site, no network."""

from __future__ import annotations

import importlib.metadata
import shutil
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

FILE = "tex-svg.js"  # TeX input, SVG output and the glyphs in one file


def _source() -> Path:
    for file in importlib.metadata.files("sphinx-mathjax-offline") or []:
        if file.name == FILE:
            return Path(str(file.locate()))
    raise ExtensionError(f"sphinx-mathjax-offline is installed without {FILE}")


def _set_path(app: Sphinx, config: Config) -> None:
    config.mathjax_path = f"mathjax/{FILE}"


def _copy(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        target = Path(app.outdir) / "_static" / "mathjax" / FILE
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_source(), target)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("config-inited", _set_path)
    app.connect("build-finished", _copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

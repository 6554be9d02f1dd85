"""Figures: a vector file for the page and the print, a PNG in the notebook's cell, a caption and alt text with both."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lowdim.companion.films import SavedFilm, shown
from lowdim.companion.results import write_atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MIME = "application/vnd.lowdim.figure+json"
PNG_DPI = 110
MIN_ALT = 20
MAX_SVG_BYTES = 2_000_000

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SENTENCE = re.compile(r"(.+?[.!?])(\s|$)", re.DOTALL)


@dataclass(frozen=True)
class SavedFigure:
    """A figure's entry in the result: caption, alt text, its vector file relative to the result, the file's hash; for a
    film also its sheet of frames, of which the vector file shows some.
    """

    caption: str
    alt: str
    file: str
    sha256: str
    film: SavedFilm | None = None

    def entry(self) -> dict[str, Any]:
        """As plain keys."""
        plain = {key: value for key, value in asdict(self).items() if key != "film"}
        return plain | ({"film": self.film.entry()} if self.film else {})


def check_figure(id: str, caption: str, alt: str) -> None:
    """Raise ``ValueError`` unless the id is lower-case words with hyphens, the caption says something and the alt text
    has at least :data:`MIN_ALT` characters.
    """
    if not _ID.fullmatch(id):
        raise ValueError(f"id: {id!r} is not allowed; give lower-case words joined by hyphens, like 'phase-diagram'")
    if not caption.strip():
        raise ValueError(f"caption: figure {id!r} has none; say what the figure shows")
    if len(alt.strip()) < MIN_ALT:
        raise ValueError(f"alt: {alt!r} of figure {id!r} is too short; describe it in {MIN_ALT} characters or more")


def save_figure(
    fig: Figure, label: str, caption: str, alt: str, folder: Path, film: SavedFilm | None = None
) -> SavedFigure:
    """Write ``figures/<label>.svg`` under the run folder ``folder``; the same figure gives the same bytes.

    With ``film``, the figure is the poster of that film. Raises ``ValueError`` for a vector file above
    :data:`MAX_SVG_BYTES`.
    """
    import matplotlib as mpl

    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": label}):
        fig.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
    fig.set_layout_engine("none")  # laid out once: the picture of the cell is the one of the page
    content = buffer.getvalue()
    if len(content) > MAX_SVG_BYTES:
        raise ValueError(
            f"fig: the vector file of {label!r} has {len(content)} bytes, more than the {MAX_SVG_BYTES} allowed; "
            "draw dense artists with rasterized=True"
        )
    file = f"figures/{label}.svg"
    write_atomic(folder / file, content)
    return SavedFigure(caption, alt, file, hashlib.sha256(content).hexdigest(), film)


def mime_bundle(fig: Figure, label: str, caption: str, alt: str, film: SavedFilm | None = None) -> dict[str, Any]:
    """The cell's output: a PNG that is the same on every run, one line of text, caption and alt text for the page; for
    the poster ``fig`` of a ``film`` also what its player must know.
    """
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=PNG_DPI, bbox_inches="tight", metadata={"Software": None})
    return {
        MIME: {"id": label, "caption": caption, "alt": alt} | ({"film": shown(film)} if film else {}),
        "image/png": base64.b64encode(buffer.getvalue()).decode(),
        "text/plain": f"{'Film' if film else 'Figure'} {label}: {first_sentence(caption)}",
    }


def first_sentence(text: str) -> str:
    """The first sentence of ``text``, on one line."""
    found = _SENTENCE.match(text.strip())
    return " ".join((found.group(1) if found else text).split())


def in_notebook() -> bool:
    """Whether there is anybody to show a figure to."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return get_ipython() is not None


def show(bundle: dict[str, Any]) -> None:
    """Display a mime bundle where a notebook is running; silent elsewhere."""
    if in_notebook():
        from IPython.display import display

        display(bundle, raw=True)


def close(fig: Figure) -> None:
    """Take ``fig`` out of pyplot's list, if it is there, so that the notebook does not show it a second time."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close(fig)

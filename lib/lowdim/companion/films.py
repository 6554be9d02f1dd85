"""Films: frames of one size on one sheet for the page's player, and a strip of stills for the cell and the print.

A sheet is a WebP file with the frames row by row. It is lossless but for the last two bits of each colour channel,
which are rounded so that shading stays small; equal frames give equal bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lowdim.companion.results import write_atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 144
MAX_BYTES = 1_500_000
MAX_PIXELS = 32_000_000  # what a browser holds for a film is four bytes each
MAX_LABEL = 40
SMOKE_FRAMES = 3

_SIDE = 8192  # the longest side that every graphics card takes
_STEP = 4


@dataclass(frozen=True)
class Reel:
    """The frames of a film, ``(N, H, W, 3)`` bytes, and a label for each."""

    pictures: np.ndarray
    labels: tuple[str, ...]


@dataclass(frozen=True)
class SavedFilm:
    """A film's entry in the result: its sheet relative to the result, the file's hash, and what the player must know.

    The sheet holds ``frames`` pictures of ``width x height`` pixels, row by row, ``columns`` in a row.
    """

    file: str
    sha256: str
    frames: int
    columns: int
    width: int
    height: int
    seconds: float
    labels: tuple[str, ...]

    def entry(self) -> dict[str, Any]:
        """As plain keys."""
        return {**asdict(self), "labels": list(self.labels)}


def shoot(frames: Iterable[tuple[str, Figure]], limit: int | None = None) -> Reel:
    """Render pairs ``(label, figure)``, the first ``limit`` of them if given, as they are yielded.

    Layout is settled by the first drawing of a figure, so that axes stay where they are when it is changed and yielded
    again. Raises ``ValueError`` for fewer than two frames, frames of different size, an empty or long label, and more
    than :data:`MAX_PIXELS` in all.
    """
    from lowdim.companion.figures import close

    pictures: list[np.ndarray] = []
    labels: list[str] = []
    for label, fig in islice(frames, limit):
        if not label.strip() or len(label) > MAX_LABEL:
            raise ValueError(f"frames: label {label!r} is not allowed; give one of 1 to {MAX_LABEL} characters")
        picture = _drawn(fig)
        close(fig)
        if pictures and picture.shape != pictures[0].shape:
            sizes = " and ".join(f"{p.shape[1]} x {p.shape[0]}" for p in (pictures[0], picture))
            raise ValueError(f"frames: they differ in size, {sizes} pixels; draw all with one figure size")
        pictures.append(picture)
        labels.append(label)
        height, width = picture.shape[:2]
        if len(pictures) * height * width > MAX_PIXELS:
            raise ValueError(
                f"frames: {len(pictures)} of {width} x {height} pixels exceed the {MAX_PIXELS / 1e6:.0f} million "
                "allowed; give fewer frames or a smaller figure"
            )
    if len(pictures) < 2:
        raise ValueError(f"frames: {len(pictures)} given; a film has at least 2")
    return Reel(np.stack(pictures), tuple(labels))


def _drawn(fig: Figure) -> np.ndarray:
    """The figure as ``(H, W, 3)`` bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    fig.set_dpi(DPI)
    canvas = FigureCanvasAgg(fig)
    canvas.draw()
    fig.set_layout_engine("none")
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def poster(reel: Reel) -> Figure:
    """Stills side by side under their labels, from first to last: three wide ones, four, or six that are nearly square.

    Vector text over pixels; this is what the cell, the print and readers without scripts get.
    """
    from lowdim.style import figure

    count, height, width = reel.pictures.shape[:3]
    ratio = width / height
    rows, columns = (3, 1) if ratio > 2.2 else (2, 2) if ratio > 1.2 else (2, 3)
    fig, axes = figure(1.0, aspect=1 / ratio + 0.03 * columns, nrows=rows, ncols=columns, squeeze=False)
    fig.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0.0, hspace=0.0)
    for ax, index in zip(axes.flat, np.linspace(0, count - 1, rows * columns).round().astype(int), strict=True):
        ax.imshow(reel.pictures[index])
        ax.set_axis_off()
        ax.set_title(reel.labels[index], loc="center", fontweight="normal", fontsize=8.5, pad=3)
    return fig


def save_film(reel: Reel, label: str, seconds: float, folder: Path) -> SavedFilm:
    """Write ``figures/<label>.webp`` under the run folder ``folder``.

    Raises ``ValueError`` for a sheet above :data:`MAX_BYTES`.
    """
    content, columns = _sheet(reel.pictures)
    if len(content) > MAX_BYTES:
        raise ValueError(
            f"frames: the film {label!r} has {len(content)} bytes, more than the {MAX_BYTES} allowed; "
            "give fewer frames, a smaller figure, or flat colours in place of shading"
        )
    file = f"figures/{label}.webp"
    write_atomic(folder / file, content)
    count, height, width = reel.pictures.shape[:3]
    digest = hashlib.sha256(content).hexdigest()
    return SavedFilm(file, digest, count, columns, width, height, float(seconds), reel.labels)


def _sheet(pictures: np.ndarray) -> tuple[bytes, int]:
    """The sheet as a file, and how many frames it has in a row."""
    from PIL import Image

    count, height, width = pictures.shape[:3]
    columns = min(count, max(1, _SIDE // width))
    ground = pictures[0, 0, 0]
    sheet = np.empty((-(-count // columns) * height, columns * width, 3), np.uint8)
    sheet[:] = ground
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        sheet[row * height : (row + 1) * height, column * width : (column + 1) * width] = picture
    # Rounded from the ground's own colour, which stays exact and meets the card's without a seam.
    levels = np.arange(256)[:, None] - ground.astype(int)
    table = (ground + (levels + _STEP // 2) // _STEP * _STEP).clip(0, 255).astype(np.uint8)
    for channel in range(3):
        sheet[..., channel] = table[sheet[..., channel], channel]
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, format="WEBP", lossless=True, quality=40, method=2)
    return buffer.getvalue(), columns


def shown(film: SavedFilm) -> dict[str, Any]:
    """What a cell's output says about a film: all but the file, which belongs to the run."""
    return {key: value for key, value in film.entry().items() if key not in ("file", "sha256")}


def player_html(film: Mapping[str, Any], address: str, alt: str) -> str:
    """A film's player on a page, hidden until its script finds it; ``address`` leads from the page to the sheet."""
    keys: Sequence[str] = ("frames", "columns", "width", "height", "seconds", "labels")
    data = json.dumps({"src": address} | {key: film[key] for key in keys}, ensure_ascii=False)
    last = film["frames"] - 1
    first = escape(film["labels"][0])
    size = f'width="{film["width"]}" height="{film["height"]}"'
    wide = film["width"] * 96 / DPI  # as wide as the figure is drawn
    return (
        f'<div class="ld-film" style="max-width: {wide:.0f}px" data-film="{escape(data)}" hidden>\n'
        f'<canvas class="lowdim-figure" {size} role="img" aria-label="{escape(alt)}"></canvas>\n'
        '<div class="ld-film-controls" role="group" aria-label="Film">\n'
        '<button type="button" aria-label="Play"></button>\n'
        f'<input type="range" min="0" max="{last}" step="1" value="0" aria-label="Frame" aria-valuetext="{first}">\n'
        f'<output aria-live="off">{first}</output>\n</div>\n</div>'
    )

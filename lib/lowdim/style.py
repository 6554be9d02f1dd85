"""The look of every figure: one opaque light card, one colour-blind-safe cycle, one meaning for each colour.

A figure is drawn once and shown on light and dark pages, in print and in slides, so its background is opaque and warm
white rather than transparent. Vector files are reproducible byte for byte: glyphs are paths, identifiers are salted
with a constant and :data:`SVG_METADATA` drops the date.

Importing this module changes nothing; :func:`use_style` does, and :func:`figure` and :func:`image_grid` call it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib import font_manager
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage
    from numpy.typing import ArrayLike

COLUMN_WIDTH = 7.2
"""Width of the page's text column in inches; a figure of width 1 fills it."""

CARD = "#fdfbf6"
INK = "#1b2733"
MUTED = "#5d6873"
GRID = "#e4ded2"

BLUE, VERMILLION, GREEN = "#0b5cad", "#c3440f", "#0d8760"
PURPLE, AMBER, SKY = "#a2508c", "#cf8500", "#349be6"

CYCLE: tuple[str, ...] = (BLUE, VERMILLION, GREEN, PURPLE, AMBER, SKY)
"""Okabe and Ito's colours, darkened until each keeps a contrast of 2.8 or more against the card."""

COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "theory": INK,
        "measured": VERMILLION,
        "data": MUTED,
        "noise": "#9aa3ab",
        "exact": PURPLE,
        "network": BLUE,
        "gaussian": GREEN,
        "empirical": AMBER,
        "baseline": "#8a6f52",
        "component_1": BLUE,
        "component_2": AMBER,
        "component_3": GREEN,
        "component_4": PURPLE,
        "component_5": SKY,
        "component_6": VERMILLION,
        "card": CARD,
        "ink": INK,
        "muted": MUTED,
        "grid": GRID,
    }
)
"""Colour by meaning, through the whole book. Theory is a dark line, what was measured lies on it in vermillion."""

SEQUENTIAL = LinearSegmentedColormap.from_list(
    "lowdim_sequential", ["#fdfbf6", "#cfe0e6", "#86b7d3", "#3b86bd", "#0f5596", "#0c2f5c"]
)
"""From the card to dark blue; lightness falls steadily, so it reads in grey."""

DIVERGING = LinearSegmentedColormap.from_list(
    "lowdim_diverging",
    ["#752806", "#c3440f", "#e8a585", "#fdfbf6", "#8fb8dc", "#0b5cad", "#063262"],
    N=257,  # odd, so that zero has a colour of its own
)
"""Negative vermillion, positive blue, zero the colour of the card."""

SVG_METADATA: Mapping[str, None] = MappingProxyType({"Date": None, "Creator": None})
"""Pass as ``metadata`` to ``savefig`` so that the same figure gives the same file."""

_FONTS = Path(__file__).parent / "fonts"

_RC: Mapping[Any, Any] = MappingProxyType(
    {
        "figure.facecolor": CARD,
        "figure.dpi": 120,
        "figure.constrained_layout.use": True,
        "figure.constrained_layout.w_pad": 0.09,
        "figure.constrained_layout.h_pad": 0.09,
        "figure.titlesize": 11,
        "figure.titleweight": "bold",
        "savefig.facecolor": CARD,
        "savefig.transparent": False,
        "savefig.dpi": 160,
        "axes.facecolor": CARD,
        "axes.edgecolor": MUTED,
        "axes.labelcolor": INK,
        "axes.titlecolor": INK,
        "axes.titlesize": 10,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlepad": 7,
        "axes.labelsize": 9.5,
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.prop_cycle": cycler(color=CYCLE),
        "axes.formatter.use_mathtext": True,
        "grid.color": GRID,
        "grid.linewidth": 0.7,
        "lines.linewidth": 1.7,
        "lines.markersize": 4.5,
        "lines.solid_capstyle": "round",
        "patch.edgecolor": CARD,
        "font.family": ["Lowdim Sans", "DejaVu Sans"],
        "font.size": 9.5,
        "mathtext.fontset": "cm",
        "text.color": INK,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "xtick.labelsize": 8.5,
        "ytick.labelsize": 8.5,
        "xtick.major.size": 3,
        "ytick.major.size": 3,
        "xtick.minor.size": 0,
        "ytick.minor.size": 0,
        "legend.fontsize": 8.5,
        "legend.frameon": False,
        "legend.handlelength": 1.6,
        "image.interpolation": "nearest",
        "svg.fonttype": "path",
        "svg.hashsalt": "lowdim",
    }
)


def use_style() -> None:
    """Make the book's style the current Matplotlib style, starting from Matplotlib's own defaults."""
    known = {entry.name for entry in font_manager.fontManager.ttflist}
    if "Lowdim Sans" not in known:
        for font in sorted(_FONTS.glob("*.ttf")):
            font_manager.fontManager.addfont(font)
    mpl.rcdefaults()  # leaves the backend alone
    mpl.rcParams.update(_RC)


def figure(
    width: float = 1.0, aspect: float = 0.62, nrows: int = 1, ncols: int = 1, **subplots: Any
) -> tuple[Figure, Any]:
    """A figure in the book's style with a grid of axes.

    ``width`` is the share of the text column, in (0, 1]; ``aspect`` the height of one panel over its width;
    ``subplots`` goes to :meth:`matplotlib.figure.Figure.subplots`. Returns ``(figure, axes)``: one ``Axes`` for a
    1 x 1 grid, else an array. The figure belongs to no window manager, so it is freed with its last reference.
    Raises ``ValueError`` for a width outside (0, 1] or an aspect that is not positive.
    """
    if not 0 < width <= 1:
        raise ValueError(f"width: {width!r} is not allowed; give the share of the text column, in (0, 1]")
    if not aspect > 0:
        raise ValueError(f"aspect: {aspect!r} is not allowed; give a positive height over width")
    use_style()
    inches = width * COLUMN_WIDTH
    fig = Figure(figsize=(inches, inches / ncols * aspect * nrows))
    return fig, fig.subplots(nrows, ncols, **subplots)


def show_matrix(
    ax: Axes, values: ArrayLike, *, signed: bool = False, limit: float | None = None, **imshow: Any
) -> AxesImage:
    """Draw a matrix ``(rows, columns)`` as a heat map without a grid and return the image, for a colour bar.

    ``signed`` takes the diverging map with zero in the middle, else the sequential one from zero; ``limit`` is the
    value at the end of the colours (the largest magnitude by default); ``imshow`` goes to
    :meth:`matplotlib.axes.Axes.imshow`.
    """
    array = np.asarray(values, dtype=float)
    top = float(np.nanmax(np.abs(array))) if limit is None else limit
    ax.grid(False)
    ax.spines[:].set_visible(True)
    cmap, low = (DIVERGING, -top) if signed else (SEQUENTIAL, 0.0)
    return ax.imshow(array, cmap=cmap, vmin=low, vmax=top, **imshow)


def image_grid(
    images: ArrayLike,
    *,
    columns: int | None = None,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    limits: tuple[float, float] = (-1.0, 1.0),
    width: float = 1.0,
) -> Figure:
    """Small images side by side, without axes.

    ``images`` is ``(N, H, W)``, ``(N, C, H, W)`` with C = 1 or 3, or ``(R, N, C, H, W)`` with the rows apart.
    ``limits`` are the values drawn black and white; pixels of the book live in [-1, 1].
    Raises ``ValueError`` for other shapes and for more labels than rows or columns.
    """
    grid = _as_rows(np.asarray(images, dtype=float), columns)
    rows, cols = grid.shape[:2]
    for name, labels, most in (("row_labels", row_labels, rows), ("column_labels", column_labels, cols)):
        if len(labels) > most:
            raise ValueError(f"{name}: {len(labels)} labels for {most}; give at most {most}")
    shape = grid.shape[3] / grid.shape[4]
    fig, axes = figure(width, aspect=shape, nrows=rows, ncols=cols, squeeze=False)
    fig.set_layout_engine("constrained", w_pad=0.025, h_pad=0.025, wspace=0.0, hspace=0.0)
    for r in range(rows):
        for c in range(cols):
            _draw_image(axes[r, c], grid[r, c], limits)
    for r, label in enumerate(row_labels):
        axes[r, 0].set_ylabel(label, rotation=0, ha="right", va="center")
    for c, label in enumerate(column_labels):
        axes[0, c].set_title(label, loc="center", fontweight="normal", fontsize=8.5, pad=3)
    return fig


def _as_rows(stack: np.ndarray, columns: int | None) -> np.ndarray:
    """Any accepted shape as ``(rows, columns, C, H, W)``; missing cells at the end are NaN and stay empty."""
    if stack.ndim == 3:
        stack = stack[:, None]
    if stack.ndim == 4:
        if stack.shape[1] not in (1, 3):
            raise ValueError(f"images: {stack.shape[1]} channels are not allowed; give 1 or 3")
        cols = columns or min(len(stack), 8)
        rows = -(-len(stack) // cols)
        padded = np.full((rows * cols, *stack.shape[1:]), np.nan)
        padded[: len(stack)] = stack
        return padded.reshape(rows, cols, *stack.shape[1:])
    if stack.ndim == 5 and stack.shape[2] in (1, 3):
        return stack
    raise ValueError(f"images: shape {stack.shape} is not allowed; give (N, H, W), (N, C, H, W) or (R, N, C, H, W)")


def _draw_image(ax: Axes, image: np.ndarray, limits: tuple[float, float]) -> None:
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(False)
    ax.spines[:].set_visible(False)
    if np.isnan(image).all():
        ax.set_facecolor("none")
        return
    low, high = limits
    if image.shape[0] == 1:
        ax.imshow(image[0], cmap="gray", vmin=low, vmax=high)
    else:
        ax.imshow(np.clip((image.transpose(1, 2, 0) - low) / (high - low), 0, 1))

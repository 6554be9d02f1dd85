"""Figures and the film of edited faces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from lowdim.papers.loco_edit.faces import PAIRS
from lowdim.papers.loco_edit.portraits import WISHES
from lowdim.papers.loco_edit.told import ORDERS
from lowdim.record import Record
from lowdim.style import COLOURS, figure, image_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMES = [wish.name for wish in WISHES]
TINTS = ("network", "measured", "gaussian", "exact", "empirical")


def _signed(v: np.ndarray) -> np.ndarray:
    return v / np.abs(v).max(axis=(-3, -2, -1), keepdims=True)


def _outline(ax: Axes, mask: np.ndarray) -> None:
    ax.contour(mask.astype(float), levels=[0.5], colors=[COLOURS["card"]], linewidths=0.9)
    ax.contour(mask.astype(float), levels=[0.5], colors=[COLOURS["ink"]], linewidths=0.9, linestyles=[(0, (2, 2))])


def draw_sheet(record: Record) -> Figure:
    """One row an edit: the face with its mask, the direction, and the face over the strength."""
    s = record["strengths"]
    picked = np.unique(np.linspace(0, len(s) - 1, 5).round().astype(int))
    pictures, n = record["pictures"], len(record["pictures"])
    original = np.broadcast_to(record["original"], (n, 1, *record["original"].shape[1:]))
    grid = np.concatenate([original, _signed(record["directions"])[:, None], pictures[:, picked]], axis=1)
    labels = ["mask", "direction", *(rf"${s[i]:+.3g}$" if s[i] else "$0$" for i in picked)]
    fig = image_grid(grid, row_labels=NAMES, column_labels=labels)
    for row in range(n):
        _outline(fig.axes[row * grid.shape[1]], record["masks"][row])
    return fig


def film_edits(record: Record) -> Iterator[tuple[str, Figure]]:
    """One frame a strength, there and back: the same face under each edit."""
    s, pictures = record["strengths"], record["pictures"]
    order = [*range(len(s)), *range(len(s) - 2, 0, -1)]
    fig = image_grid(pictures[None, :, order[0]], column_labels=NAMES)
    for i in order:
        for ax, picture in zip(fig.axes, pictures[:, i], strict=True):
            ax.images[0].set_data(np.clip((picture.transpose(1, 2, 0) + 1) / 2, 0, 1))
        yield f"strength {s[i]:+.2f}", fig


def draw_responses(record: Record) -> Figure:
    """The attribute over the strength, for each edit."""
    fig, ax = figure(0.78, 0.62)
    s = record["strengths"]
    for i, (name, tint) in enumerate(zip(NAMES, TINTS, strict=True)):
        for row in record["responses"][i :: len(NAMES)]:
            ax.plot(s, row, color=COLOURS[tint], lw=0.8, alpha=0.5)
            inside = np.abs(s) <= s.max() / 2 + 1e-6
            slope, level = np.polyfit(s[inside], row[inside], 1)
        ax.plot(s, row, "o", ms=3.5, color=COLOURS[tint], label=name)
        ax.plot(s, slope * s + level, color=COLOURS["theory"], lw=0.9, alpha=0.8)
    ax.axhline(0, color=COLOURS["grid"], lw=0.8)
    ax.set(xlabel="strength", title="change of the attribute, standard deviations")
    ax.set_ylim(*(1.25 * np.abs(record["responses"]).max() * np.array([-1, 1])))
    ax.legend(fontsize=8, loc="upper left", ncols=2)
    return fig


def draw_locality(record: Record) -> Figure:
    """The same change inside the mask by four kinds of direction, with what it spills outside."""
    kinds = ("projected", "singular vector", "principal component", "random in mask")
    pictures = record["pictures"].reshape(len(NAMES), len(kinds), *record["pictures"].shape[1:])
    fig = image_grid(pictures, row_labels=NAMES, column_labels=kinds, width=0.8)
    spills = record["spills"][: len(NAMES)].ravel()
    for ax, spill in zip(fig.axes, spills, strict=True):
        ax.text(
            0.97, 0.04, f"{spill:.2f}", transform=ax.transAxes, ha="right", fontsize=7,
            bbox={"facecolor": COLOURS["card"], "edgecolor": "none", "pad": 1.2, "alpha": 0.85},
        )  # fmt: skip
    return fig


def draw_transfer(record: Record) -> Figure:
    """Other faces, and the same faces under each of the edits found on one face."""
    grid = np.concatenate([record["originals"][None], record["pictures"]])
    return image_grid(grid, row_labels=["others", *NAMES], width=0.9)


def draw_together(record: Record) -> Figure:
    """A face, two edits of it, and both at once."""
    names = [f"{NAMES[a]},\n{NAMES[b]}" for a, b in PAIRS]
    return image_grid(
        record["pictures"], row_labels=names, column_labels=("face", "first", "second", "both"), width=0.7
    )


def draw_told(record: Record) -> Figure:
    """Edits by label: before, after with and without projection, and the direction."""
    columns = ("before", "projected", "not projected", "direction")
    titles = [str(title).replace(" to ", "\nto ") for title in record["titles"]]
    rows = [f"{order.name}:\n{title}" for order, title in zip(ORDERS, titles, strict=True)]
    return image_grid(record["pictures"], row_labels=rows, column_labels=columns, width=0.9)


def draw_larger(record: Record) -> Figure:
    """Edits of larger faces both ways: projected, and not."""
    rows = record["pictures"]
    names = [f"{name}{'' if k == 0 else ', plain'}" for name in NAMES for k in (0, 1)]
    return image_grid(rows, row_labels=names, column_labels=("down", "face", "up"), width=0.6)


def draw_photographs(record: Record) -> Figure:
    """Rank over noise of a network on photographs."""
    fig, ax = figure(0.72, 0.6)
    ax.plot(record["sigmas"], record["ratios"], ".", color=COLOURS["network"], alpha=0.4)
    ax.plot(record["sigmas"], record["ratios"].mean(1), "o-", color=COLOURS["network"])
    ax.set(xscale="log", xlabel=r"$\sigma$", ylim=(0, 1.05), title=f"numerical rank over dimension, {record['source']}")
    return fig

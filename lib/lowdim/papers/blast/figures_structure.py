"""Figures of the structure: what BLAST contains, what its product holds, what each family can express."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lowdim.papers.blast.structure import NAMES
from lowdim.record import Record
from lowdim.style import COLOURS, CYCLE, figure, show_matrix

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLES = {
    "low-rank": "low-rank",
    "block-diagonal": "block-diagonal",
    "monarch": "Monarch",
    "ragged blocks": "ragged ranks",
    "blast": "BLAST",
}


def tiles(couplings: np.ndarray, across: int) -> np.ndarray:
    """The ``b x b`` matrices ``S_k`` of couplings (b, b, r), ``across`` side by side, with empty lines between."""
    rows, columns, rank = couplings.shape
    down = -(-rank // across)
    page = np.full((down * (rows + 1) - 1, across * (columns + 1) - 1), np.nan)
    for k in range(rank):
        top, left = k // across * (rows + 1), k % across * (columns + 1)
        page[top : top + rows, left : left + columns] = couplings[..., k]
    return page


def draw_gallery(record: Record) -> Figure:
    """A matrix of each family over its couplings."""
    fig, axes = figure(1.0, 1.12, nrows=2, ncols=len(NAMES))
    for (top, bottom), name in zip(axes.T, NAMES, strict=True):
        matrix, couplings = record[f"{name}-matrix"], record[f"{name}-couplings"]
        rank, true = (int(value) for value in record[f"{name}-facts"])
        show_matrix(top, matrix, signed=True, limit=float(np.quantile(np.abs(matrix), 0.995)) or 1.0)
        for cut in range(12, 48, 12):
            top.axhline(cut - 0.5, color=COLOURS["muted"], lw=0.5)
            top.axvline(cut - 0.5, color=COLOURS["muted"], lw=0.5)
        top.set(xticks=[], yticks=[])
        top.set_title(TITLES[name], fontsize=9, loc="center")
        show_matrix(bottom, tiles(couplings, 2 if rank <= 4 else 3), limit=1.0)
        bottom.set(xticks=[], yticks=[])
        bottom.spines[:].set_visible(False)
        bottom.set_anchor("N")
        bottom.set_xlabel(f"r = {rank}\ntrue rank {true}", fontsize=8.5)
    axes[0, 0].set_ylabel("matrix")
    axes[1, 0].set_ylabel("couplings $S_k$")
    return fig


def draw_colouring(record: Record) -> Figure:
    """The table of block ranks, each block with its components as coloured squares."""
    fig, ax = figure(0.72, 0.92)
    couplings = record["couplings"]
    rows, columns, rank = couplings.shape
    ax.grid(False)
    for i in range(rows):
        for j in range(columns):
            ax.add_patch(_box(j, i, 1, "none", COLOURS["muted"]))
            for place, k in enumerate(np.flatnonzero(couplings[i, j])):
                x, y = j + 0.1 + 0.28 * (place % 3), i + 0.12 + 0.4 * (place // 3)
                ax.add_patch(_box(x, y, 0.24, _shade(int(k)), COLOURS["card"]))
                ax.text(x + 0.12, y + 0.125, str(int(k) + 1), fontsize=6.5, color="white", ha="center", va="center")
    ranks = record["ranks"]
    for i, total in enumerate(ranks.sum(1)):
        ax.text(columns + 0.15, i + 0.5, str(int(total)), va="center", fontsize=9, color=_bold(total, rank))
    for j, total in enumerate(ranks.sum(0)):
        ax.text(j + 0.5, rows + 0.35, str(int(total)), ha="center", fontsize=9, color=_bold(total, rank))
    ax.set(xlim=(-0.05, columns + 0.7), ylim=(rows + 0.6, -0.05), xticks=[], yticks=[], aspect="equal")
    ax.spines[:].set_visible(False)
    ax.set_title(f"{int(ranks.sum())} pieces of rank one in {rank} components")
    return fig


def _box(x: float, y: float, size: float, face: str, edge: str):  # type: ignore[no-untyped-def]
    from matplotlib.patches import Rectangle

    return Rectangle((x, y), size, size if size == 1 else 0.32, facecolor=face, edgecolor=edge, lw=0.7)


def _shade(k: int) -> str:
    return (*CYCLE, "#5d6873", "#752806", "#0c2f5c", "#3c5a14")[k % 10]


def _bold(total: float, rank: int) -> str:
    return COLOURS["measured"] if int(total) == rank else COLOURS["ink"]


def draw_expressive(record: Record) -> Figure:
    """Relative errors of four families on five targets, as a table with shades."""
    fig, ax = figure(0.8, 0.6)
    errors = record["errors"]
    show_matrix(ax, errors, limit=1.0, aspect="auto")
    for row in range(errors.shape[0]):
        for column in range(errors.shape[1]):
            value = errors[row, column]
            text = "exact" if value < 1e-6 else f"{value:.2f}"
            ax.text(column, row, text, ha="center", va="center", color="white" if value > 0.55 else COLOURS["ink"])
    fitted = ("low-rank", "block-diagonal", "monarch", "blast")
    ax.set_yticks(range(len(fitted)), [TITLES[name] for name in fitted])
    labels = ["full diagonal\nblocks" if name == "block-diagonal" else TITLES[name] for name in NAMES]
    ax.set_xticks(range(len(NAMES)), labels)
    ax.tick_params(length=0)
    ax.set(ylabel="fitted family", title="relative error at half the numbers, by target")
    return fig


def draw_largest(record: Record) -> Figure:
    """The largest tensor of the product over the number of blocks."""
    fig, ax = figure(0.62, 0.68)
    blocks, largest = record["blocks"], record["largest"]
    rank = 32 / 256  # of the input's size
    ax.plot(blocks, np.maximum(blocks**2 * rank, 1), color=COLOURS["theory"], lw=1.1)
    ax.plot(blocks, np.maximum(blocks * rank, 1), color=COLOURS["theory"], lw=1.1)
    ax.plot(blocks, largest[:, 0], "s", color=COLOURS["baseline"], label="as published")
    ax.plot(blocks, largest[:, 1], "o", color=COLOURS["measured"], label="ours")
    ax.text(7, 9.5, "$b^2r/n$", ha="right")
    ax.text(11, 1.75, "$br/n$", ha="left", va="bottom")
    ax.set(xscale="log", yscale="log", xlabel="blocks a side $b$", title="largest tensor over the input")
    ax.set_xticks(blocks, [str(int(b)) for b in blocks])
    ax.set_yticks([1, 4, 16, 32], ["1", "4", "16", "32"])
    ax.minorticks_off()
    ax.legend(loc="upper left")
    return fig

"""Figures of the comparisons and of speed, and the catalogue of all figures of the chapter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lowdim.papers.blast.comparison import ORDER, SIBLINGS
from lowdim.papers.blast.figures_solvers import (
    draw_damping,
    draw_exact_rank,
    draw_monotone,
    draw_step_range,
    draw_surplus_rank,
)
from lowdim.papers.blast.figures_structure import draw_colouring, draw_expressive, draw_gallery, draw_largest
from lowdim.record import Film, Plot, Record
from lowdim.style import COLOURS, figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHADES = {
    "dense": COLOURS["theory"],
    "blast": COLOURS["measured"],
    "monarch": COLOURS["component_1"],
    "low-rank": COLOURS["component_3"],
    "block-diagonal": COLOURS["baseline"],
}
NAMES = {"dense": "dense", "blast": "BLAST", "monarch": "Monarch", "low-rank": "low-rank", "block-diagonal": "diagonal"}
TARGETS = {
    "gaussian": "Gaussian", "mixed": "low-rank +\nblocks", "ragged": "ragged\nranks", "power-law": "power law",
    "trained": "trained\nlayer",
}  # fmt: skip


def draw_budget(record: Record) -> Figure:
    """Errors of the families at half and at a quarter of the numbers, target by target."""
    fig, axes = figure(1.0, 0.95, ncols=2, sharey=True)
    names = [str(name) for name in record["names"]]
    place = np.arange(len(names))
    for at, (ax, title) in enumerate(zip(axes, ("half the numbers", "a quarter of them"), strict=True)):
        rows = {"blast": record["blast"][at].min(0)}
        rows |= {name: record["baselines"][at, i] for i, name in enumerate(SIBLINGS)}
        for column, name in enumerate(("block-diagonal", "low-rank", "monarch", "blast")):
            left = place + 0.2 * (column - 1.5)
            ax.bar(left, rows[name], 0.19, color=SHADES[name], label=NAMES[name])
            for x, error in zip(left, rows[name], strict=True):
                if error < 0.02:  # a bar too low to be seen
                    look = {"fontsize": 7, "rotation": 90, "ha": "center", "va": "bottom", "color": SHADES[name]}
                    ax.text(x, 0.015, f"{error:.1g}", **look)
        ax.set_xticks(place, [TARGETS[name] for name in names], fontsize=7)
        ax.set_title(title)
        ax.grid(axis="x", visible=False)
    axes[0].set_ylabel("relative error")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return fig


def draw_traces(record: Record) -> Figure:
    """How the error falls with our solver and with the published schedule, target by target."""
    names = [str(name) for name in record["names"]]
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    fig, axes = figure(1.0, 1.95, ncols=len(names))
    ours, old = record["ours-trace"], record["old-trace"]
    for i, (ax, name) in enumerate(zip(axes, names, strict=True)):
        ax.plot(np.arange(1, len(old) + 1), old[:, i], color=COLOURS["component_2"], label="published", lw=1.3)
        ax.plot(np.arange(1, len(ours) + 1), ours[:, i], color=COLOURS["measured"], label="ours", lw=1.3)
        ax.axhline(old[-1, i], color=COLOURS["muted"], lw=0.7, ls=":")
        ax.set(yscale="log", xlabel="sweep")
        ax.set_title(TARGETS[name].replace("\n", " "), fontsize=8)
        if min(old[:, i].min(), ours[:, i].min()) > 1e-3:
            ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())
        ax.tick_params(labelsize=7)
    axes[0].set_ylabel("relative error")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return fig


def draw_compression(record: Record) -> Figure:
    """Accuracy after compression, without and with a little more training."""
    fig, axes = figure(1.0, 0.8, ncols=2, sharey=True)
    scores = record["scores"]  # (runs, ratios, families, 2)
    for at, (ax, ratio) in enumerate(zip(axes, record["ratios"], strict=True)):
        ax.axhline(scores[:, at, 0, 0].mean(), color=COLOURS["theory"], lw=1.1)
        for column, family in enumerate(ORDER[1:], 1):
            for when, (marker, shift) in enumerate((("o", -0.14), ("D", 0.14))):
                face = "none" if when == 0 else SHADES[family]
                x = np.full(len(scores), column + shift)
                ax.plot(x, scores[:, at, column, when], marker, ms=5, mfc=face, mec=SHADES[family], ls="none")
        ax.set_xticks(range(1, len(ORDER)), [NAMES[name] for name in ORDER[1:]], fontsize=8)
        ax.set_title(f"{100 * float(ratio):.0f} % of the multiplications")
        ax.grid(axis="x", visible=False)
    axes[0].set_ylabel("test accuracy, %")
    axes[1].plot([], [], "o", mfc="none", mec=COLOURS["ink"], label="at once")
    axes[1].plot([], [], "D", color=COLOURS["ink"], ms=5, label="trained a little more")
    axes[1].plot([], [], color=COLOURS["theory"], lw=1.1, label="dense")
    axes[1].legend(loc="lower left", fontsize=8)
    return fig


def draw_scratch(record: Record) -> Figure:
    """Accuracy of transformers trained from scratch, a point for each seed."""
    fig, ax = figure(0.66, 0.66)
    scores = record["scores"]
    for column, family in enumerate(ORDER):
        ax.plot(np.full(len(scores), column), scores[:, column], "o", ms=6, color=SHADES[family])
        ax.hlines(scores[:, column].mean(), column - 0.25, column + 0.25, color=SHADES[family])
    ax.axhline(scores[:, 0].mean(), color=COLOURS["theory"], lw=0.8, ls=":")
    ax.set_xticks(range(len(ORDER)), [NAMES[name] for name in ORDER])
    ax.grid(axis="x", visible=False)
    ax.set(title="test accuracy, %", xlim=(-0.5, len(ORDER) - 0.5))
    return fig


ROOFS = {
    "fused": ("fused", COLOURS["theory"]),
    "two steps fused": ("two steps fused", COLOURS["component_1"]),
    "three products": ("three products", COLOURS["component_3"]),
    "compiled": ("compiled", COLOURS["component_2"]),
    "reference": ("as published", COLOURS["baseline"]),
}


def draw_roofline(record: Record) -> Figure:
    """Speed over the dense product by the roofline, over the number of blocks, and what was measured."""
    fig, axes = figure(1.0, 0.8, ncols=2, sharey=True)
    blocks = record["blocks"]
    for ax, tokens in zip(axes, (1, 1024), strict=True):
        for name, (label, colour) in ROOFS.items():
            ax.plot(blocks, record[f"{name}-{tokens}"], "-", marker=".", color=colour, label=label)
        ax.axhline(1, color=COLOURS["muted"], lw=0.8, ls=":")
        ax.set(xscale="log", yscale="log", xlabel="blocks a side $b$", title=f"{tokens} token{'s' * (tokens > 1)}")
        ax.set_xticks(blocks, [str(int(b)) for b in blocks])
        ax.set_yticks([0.1, 0.25, 0.5, 1, 2], ["0.1", "0.25", "0.5", "1", "2"])
        ax.minorticks_off()
        if "measured" in record.arrays:
            table = record["measured"]
            rows = table[(table[:, 0] == 4096) & (table[:, 2] == tokens) & (table[:, 3] == 0.5)]
            best = rows[:, 4] / rows[:, 6:8].min(1)
            ax.plot(rows[:, 1], best, "o", color=COLOURS["measured"], label="measured")
    axes[0].set_ylabel("times the dense speed")
    axes[1].legend(loc="lower left", fontsize=7.5)
    return fig


FIGURES: dict[str, Plot] = {
    "gallery": Plot(
        "families",
        draw_gallery,
        "**The couplings make the family.** Five matrices of 48 × 48 in one format. Below each, its couplings as one "
        "$4\\times4$ matrix $S_k$ for each component: all ones for a low-rank matrix, the identity for "
        "block-diagonal, permutations for Monarch, parts of permutations for ragged ranks.",
        "Five heat maps with a grid of four by four blocks; below each a set of small four by four matrices, dark "
        "where a coupling is one.",
    ),
    "colouring": Plot(
        "block-ranks",
        draw_colouring,
        "**Only the heaviest row or column pays.** Blocks of ranks 0 to 5. Each square is a piece of rank one, its "
        "number the component that carries it (colours repeat after ten). No component occurs twice in a row or in a "
        "column, and there are as many as the largest sum in the margin (in vermillion).",
        "A six by six grid of cells that hold up to five numbered coloured squares, with sums of rows and columns.",
    ),
    "expressive": Plot(
        "expressive",
        draw_expressive,
        "**BLAST comes near every family but one.** Four families fitted to five targets of 64 × 64 with the same "
        "number of stored numbers, half of the dense one. Each sibling is exact at home, and elsewhere further off "
        "than BLAST, except on full diagonal blocks, where all but the sibling at home are equally far.",
        "A table of relative errors with shades: exact where a sibling meets its own target, darker cells elsewhere, "
        "light ones in the row of BLAST except for full diagonal blocks.",
    ),
    "largest": Plot(
        "costs",
        draw_largest,
        "**A tensor that need not be made.** The largest tensor that a product makes for 64 tokens, over the size of "
        "its input ($n=256$, $r=32$). The published form grows with $b^2$, ours with $b$ (lines); neither is below 1, "
        "the input itself.",
        "Two rising lines over the number of blocks, the published one twice as steep, with points on both.",
    ),
    "step-range": Plot(
        "step-range",
        draw_step_range,
        "**Which steps are allowed?** One preconditioned update of all $U_i$: the change of the loss against the step "
        "size (points) on the closed form (lines). Without damping the step 1 lands in the minimum and the step 2 on "
        "the same height as before.",
        "Two parabola-like curves with points on them; one crosses zero again at a step of two, the other stays below.",
    ),
    "monotone": Plot(
        "monotone",
        draw_monotone,
        "**Safe steps never raise the loss.** Gradient descent with the safe step sizes: the loss after every update "
        "of $U$, $V$ and $s$.",
        "Two curves of the loss that only fall: the one of a Gaussian matrix hardly, the other over twelve orders of "
        "magnitude.",
    ),
    "exact-rank": Plot(
        "exact-rank",
        draw_exact_rank,
        "**At the right rank all methods converge.** Left: relative error over the sweeps, a 256 × 256 matrix of rank "
        "8 in 16 blocks a side. Right: the median condition number of the Hessians of the $U_i$ on the preconditioned "
        "run.",
        "Left, error curves that fall to rounding at different speeds; right, condition numbers over the sweeps.",
    ),
    "surplus-rank": Plot(
        "surplus-rank",
        draw_surplus_rank,
        "**With surplus rank gradient descent stalls.** The fit has four times the rank it needs. Right: directions "
        "that are not needed die out, so that the condition of the Hessians keeps growing, here on the preconditioned "
        "run (brown). The damping follows the error, and the preconditioned condition stays bounded (blue). Left: "
        "momentum, with longer steps where a sweep gains little, ends lowest.",
        "Left, error curves: gradient descent flattens, the others fall on; right, one condition number grows, the "
        "other stays small.",
    ),
    "damping": Plot(
        "damping",
        draw_damping,
        "**The best damping depends on the start.** The error after the sweeps over the damping $\\delta_0$, surplus "
        "rank. From the small start of the paper the best value is near the published 0.1; from a start of full size "
        "more damping does no harm.",
        "Two curves of the error over the damping; one is lowest near 0.1, the other falls up to one.",
    ),
    "budget": Plot(
        "budget",
        draw_budget,
        "**BLAST fits best, or ties.** The fit of each family with the same number of stored numbers, at the best of "
        "the numbers of blocks tried. Where a bar is too low to be seen, its height is written.",
        "Two groups of bars for five targets; the bars of BLAST are the lowest, or level with the lowest, everywhere.",
    ),
    "traces": Plot(
        "budget",
        draw_traces,
        "**Half the sweeps are enough.** The same factorisations with 8 blocks a side: our solver against the "
        "published schedule, which must run to its end; ours runs for half as many sweeps. Dotted: where the "
        "published one ends.",
        "Five small panels in which the curve of our solver falls below the end of the published one after part of its "
        "sweeps.",
    ),
    "compression": Plot(
        "compression",
        draw_compression,
        "**What compression costs in accuracy.** Both hidden layers of a classifier of digits replaced. Open circles: "
        "at once; diamonds: after a little more training. The line is the dense network.",
        "Accuracies by family in two panels; BLAST and low-rank stay near the line at once, Monarch and diagonal "
        "blocks fall below it, most at thirty per cent; more training brings them up, diagonal blocks not all the way.",
    ),
    "scratch": Plot(
        "scratch",
        draw_scratch,
        "**Does the format matter in training?** A small vision transformer trained from scratch, dense and with 28 % "
        "of the multiplications in its linear layers; a point for each seed.",
        "Accuracies of five families as points with means.",
    ),
    "roofline": Plot(
        "speed",
        draw_roofline,
        "**How fast can each form be?** The roofline: how many times as fast as the dense product an H200 allows each "
        "form to be, 4096 × 4096, half the multiplications, bfloat16. For one token only the bytes of the factors "
        "count; for many, what lies between the steps decides.",
        "Two panels of curves over the number of blocks; on the left all are near two, on the right they fan out and "
        "the published form is far below one.",
    ),
}
FILMS: dict[str, Film] = {}

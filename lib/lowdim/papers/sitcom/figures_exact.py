"""Figures of one repair, of its coordinates and of the law of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lowdim.record import Record
from lowdim.style import COLOURS, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INPUT, OUTPUT = "measured", "baseline"
"""Colours of the repair of the input (SITCOM) and of the output, in all figures."""


def draw_plane(record: Record) -> Figure:
    """Two ways to a measured line: along the prior, and straight."""
    fig, ax = figure(0.78, 0.72)
    circle = np.stack([np.cos(t := np.linspace(0, 2 * np.pi, 200)), np.sin(t)])
    values, vectors = np.linalg.eigh(record["plane-covariance"])
    for size, shade in ((2, 0.25), (1, 0.45)):
        ax.fill(*(size * vectors * np.sqrt(values) @ circle), color=COLOURS["gaussian"], alpha=shade * 0.5, lw=0)
    a, y = record["plane-a"][0], float(record["plane-y"])
    right = np.array([-1.9, 2.4])
    ax.plot(right, (y - a[0] * right) / a[1], color=COLOURS["theory"], lw=1.4)
    ax.annotate("$Ax=y$", (-1.55, (y + 1.55 * a[0]) / a[1]), xytext=(0, 5), textcoords="offset points")
    x, z = record["plane-x"], record["plane-z"]
    reach = np.linalg.norm(np.linalg.solve(record["plane-w"], record["plane-input"] - x))
    for share in (0.5, 1.0):
        ax.plot(*(x[:, None] + share * reach * record["plane-w"] @ circle), color=COLOURS[INPUT], lw=0.9, ls=":")
    ends = (("plane-output", OUTPUT, "repair of the output"), ("plane-input", INPUT, "repair of the input"))
    for name, colour, label in ends:
        ax.annotate("", record[name], x, arrowprops={"arrowstyle": "-|>", "color": COLOURS[colour], "lw": 1.8})
        ax.plot(*record[name], "o", color=COLOURS[colour], ms=6, label=label)
    ax.plot(*z, "o", color=COLOURS["noise"], label="$z$")
    ax.plot(*x, "o", color=COLOURS["network"], label="$D(z)$")
    ax.annotate("", x, z, arrowprops={"arrowstyle": "-|>", "color": COLOURS["noise"], "lw": 1.2, "ls": "--"})
    ax.set(aspect="equal", xlim=(-2.1, 2.4), ylim=(-1.35, 1.9), xticks=[], yticks=[])
    ax.grid(False)
    ax.legend(loc="lower right")
    return fig


def draw_shift(record: Record) -> Figure:
    """How far each level moves the point, with step and weight mapped, and as they are."""
    fig, ax = figure(0.72, 0.58)
    ax.plot(record["sigmas"], record["moved"], "o-", color=COLOURS[INPUT], label="mapped: both forms")
    ax.plot(record["sigmas"], record["moved-by-port"], "s-", color=COLOURS[OUTPUT], label="nothing mapped")
    ax.set(xscale="log", yscale="log", xlabel=r"noise level $\sigma$", title=r"shift of the input, in units of $x_t$")
    ax.invert_xaxis()
    ax.legend(loc="lower right")
    return fig


def draw_law(record: Record) -> Figure:
    """The posterior and the law of SITCOM's result, on two tasks."""
    fig, axes = figure(1.0, 0.72, ncols=2, sharey=True)
    for ax, task in zip(axes, ("box", "blur"), strict=True):
        _bands(ax, record, task)
        ax.set(title=task, xlabel="sample")
    axes[1].legend(loc="lower left", bbox_to_anchor=(0.2, 0.0), fontsize=8)
    return fig


def _bands(ax: Axes, record: Record, task: str) -> None:
    i = np.arange(len(record[f"{task}-x"]))
    mean, std = record[f"{task}-mean"], record[f"{task}-std"]
    found, spread = record[f"{task}-found"], record[f"{task}-found-std"]
    ax.fill_between(i, mean - 2 * std, mean + 2 * std, color=COLOURS["exact"], alpha=0.22, lw=0, label="posterior")
    ax.fill_between(i, found - 2 * spread, found + 2 * spread, color=COLOURS[INPUT], alpha=0.35, lw=0, label="SITCOM")
    ax.plot(i, mean, color=COLOURS["exact"], lw=1.4)
    ax.plot(i, found, color=COLOURS[INPUT], lw=1.2)
    ax.plot(i, record[f"{task}-x"], color=COLOURS["ink"], lw=0.9, ls="--", label="truth")


def draw_modes(record: Record) -> Figure:
    """Results of many runs on an ambiguous measurement, and the shares of its three readings."""
    fig, (left, right) = figure(1.0, 0.72, ncols=2, gridspec_kw={"width_ratios": (1.5, 1)})
    colours = [COLOURS[f"component_{k}"] for k in (1, 2, 3)]
    for signal, k in zip(record["found"], record["nearest"], strict=True):
        left.plot(signal, color=colours[int(k)], lw=0.7, alpha=0.5)
    left.axvspan(-0.5, 31.5, color=COLOURS["grid"], alpha=0.6, lw=0)
    left.text(15.5, left.get_ylim()[1], "measured", ha="center", va="top", color=COLOURS["muted"])
    left.set(xlabel="sample", title="results of sixty runs")
    places = np.arange(3)
    right.bar(places - 0.19, record["exact"], 0.36, color=COLOURS["exact"], label="posterior")
    right.bar(places + 0.19, record["shares"], 0.36, color=COLOURS[INPUT], label="SITCOM")
    right.set(xticks=places, xticklabels=["bump", "flat", "dip"], title="share of runs", ylim=(0, 0.85))
    right.legend(loc="upper right")
    return fig

"""Figures and film of the experiments in the plane and of the trained linear flow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from lowdim.papers.model_collapse.figures_gaussian import ARMS
from lowdim.papers.model_collapse.plane import ARMS as PLANE_ARMS
from lowdim.papers.model_collapse.plane import VARIANCE
from lowdim.papers.model_collapse.plane_data import SPREAD, centres
from lowdim.record import Record
from lowdim.style import COLOURS, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_trained_gaussian(record: Record) -> Figure:
    """Variances of flows trained by stochastic gradients, on their laws."""
    fig, axes = figure(1.0, 0.8, ncols=2)
    for index, ax in enumerate(axes):
        for arm in ("plain", "current", "first"):
            label, colour, marker = ARMS[arm]
            law, found = record[f"law_{arm}"][:, index], record[f"measured_{arm}"][:, index]
            ax.plot(law, color=COLOURS["theory"], lw=1.1)
            ax.plot(found, marker, color=COLOURS[colour], ms=6, label=label)
        ax.set(xlabel="round $j$", title=f"variance of the data: {record['law_plain'][0, index]:g}")
    axes[1].legend(fontsize=8)
    return fig


def draw_plane_samples(record: Record) -> Figure:
    """Samples of three arms after 0, 1, half and all rounds."""
    last = record["samples"].shape[1] - 1
    shown = sorted({0, 1, last // 2, last})
    fig, axes = figure(1.0, 1.06, nrows=3, ncols=len(shown), sharex=True, sharey=True, squeeze=False)
    for row, arm in enumerate(PLANE_ARMS[:3]):
        for ax, number in zip(axes[row], shown, strict=True):
            _modes(ax)
            ax.plot(*record["samples"][row, number].T, ".", ms=1.6, color=COLOURS[ARMS[arm][1]], alpha=0.8)
            ax.set(xlim=(-2.8, 2.8), ylim=(-2.8, 2.8), aspect="equal", xticks=[], yticks=[])
            if row == 0:
                ax.set_title("first flow" if number == 0 else f"round {number}")
        axes[row, 0].set_ylabel({"plain": "generated only", "current": "+ current flow", "first": "+ first flow"}[arm])
    return fig


def _modes(ax: Axes) -> None:
    from matplotlib.patches import Circle

    for centre in centres().numpy():
        ax.add_patch(Circle(centre, 3 * SPREAD, fc=COLOURS["grid"], ec="none"))
    ax.grid(False)


def draw_plane_drift(record: Record) -> Figure:
    """Distance to the data and share of samples in a mode over the rounds, four arms."""
    fig, (left, right) = figure(1.0, 0.86, ncols=2)
    for i, arm in enumerate(PLANE_ARMS):
        label, colour, marker = ARMS[arm]
        for ax, name in ((left, "distance"), (right, "inside")):
            ax.plot(record[name][:, i].T, color=COLOURS[colour], lw=0.6, alpha=0.35)
            ax.plot(record[name][:, i].mean(0), marker=marker, color=COLOURS[colour], ms=4, lw=1.4, label=label)
    left.axhline(record["floor"].mean(), color=COLOURS["theory"], ls="--", lw=1.1)
    left.annotate("two fresh samples of the data", (0.02, record["floor"].mean()), xytext=(0, 3),
                  xycoords=("axes fraction", "data"), textcoords="offset points", fontsize=8)  # fmt: skip
    left.set(xlabel="round $j$", title="sliced Wasserstein distance to the data", ylim=(0, None))
    right.set(xlabel="round $j$", title="share of samples in a mode", ylim=(0, None))
    right.legend(fontsize=8, loc="lower left")
    return fig


def draw_plane_law(record: Record) -> Figure:
    """Mean variance of the samples over the rounds, on the law from the moments of each round's pairs."""
    fig, ax = figure(0.8, 0.62)
    for i, arm in enumerate(PLANE_ARMS[:3]):
        label, colour, marker = ARMS[arm]
        found, law = record["variance"][:, i].mean(0), record["law"][:, i].mean(0)
        ax.plot(np.arange(1, len(law) + 1), law, color=COLOURS["theory"], lw=1.2)
        ax.plot(found, marker, color=COLOURS[colour], ms=5, label=label)
    ax.plot([], [], color=COLOURS["theory"], label="second-moment law, one ridge for all")
    ax.axhline(VARIANCE, color=COLOURS["data"], ls=":", lw=1.1)
    ax.annotate("data", (1, VARIANCE), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8.5)
    ax.set(xlabel="round $j$", title="mean variance of the samples", ylim=(1.3, 2.2))
    ax.legend(fontsize=8, loc="lower left")
    return fig


def draw_plane_straightness(record: Record) -> Figure:
    """Paths of the first and the second flow, and straightness and one-step quality over the rounds."""
    fig, axes = figure(1.0, 1.0, ncols=3)
    for ax, number, title in ((axes[0], 0, "paths, first flow"), (axes[1], 1, "after one reflow")):
        _modes(ax)
        ax.plot(*record["paths"][0, number].transpose(2, 0, 1), color=COLOURS["network"], lw=0.8, alpha=0.8)
        ax.plot(*record["paths"][0, number, -1].T, ".", ms=3, color=COLOURS["measured"])
        ax.set(title=title, xlim=(-2.8, 2.8), ylim=(-2.8, 2.8), aspect="equal", xticks=[], yticks=[])
    for i, arm in enumerate(PLANE_ARMS):
        _, colour, marker = ARMS[arm]
        axes[2].plot(record["straight"][:, i].mean(0), marker=marker, ms=3.5, lw=1.2, color=COLOURS[colour])
    axes[2].set(yscale="log", xlabel="round $j$", title="straightness")
    return fig


def draw_plane_reversal(record: Record) -> Figure:
    """Mean square of the noise that the flows find for real data, and the quality of one step."""
    fig, (left, right) = figure(1.0, 0.8, ncols=2)
    for i, arm in enumerate(PLANE_ARMS):
        label, colour, marker = ARMS[arm]
        left.plot(record["noise"][:, i].mean(0), marker=marker, ms=4, lw=1.2, color=COLOURS[colour], label=label)
        right.plot(record["one_step"][:, i].mean(0), marker=marker, ms=4, lw=1.2, color=COLOURS[colour])
    left.axhline(1.0, color=COLOURS["theory"], lw=1.1)
    left.set(xlabel="round $j$", title=r"reversed noise $\mathbb{E}\|x_0^{\mathrm{rev}}\|^2/d$", ylim=(0.6, 1.6))
    right.set(xlabel="round $j$", title="distance to the data in one Euler step", yscale="log")
    right.set_yticks([0.2, 0.4, 0.8], ["0.2", "0.4", "0.8"])
    right.minorticks_off()
    left.legend(fontsize=8)
    return fig


def film_plane(record: Record) -> Iterator[tuple[str, Figure]]:
    """Paths and samples round after round: generated pairs only, and with real pairs reversed by the first flow."""
    fig, axes = figure(1.0, 1.0, ncols=2)
    artists = []
    for ax, arm, title in ((axes[0], 0, "generated pairs only"), (axes[1], 2, "half real, reversed by the first flow")):
        _modes(ax)
        lines = ax.plot(*record["paths"][arm, 0].transpose(2, 0, 1), color=COLOURS["network"], lw=0.8, alpha=0.7)
        (dots,) = ax.plot(*record["samples"][arm, 0].T, ".", ms=2, color=COLOURS["measured"])
        ax.set(title=title, xlim=(-2.8, 2.8), ylim=(-2.8, 2.8), aspect="equal", xticks=[], yticks=[])
        artists.append((arm, lines, dots))
    for number in range(record["paths"].shape[1]):
        for arm, lines, dots in artists:
            dots.set_data(*record["samples"][arm, number].T)
            for line, path in zip(lines, record["paths"][arm, number].transpose(1, 2, 0), strict=True):
                line.set_data(*path)
        yield "first flow" if number == 0 else f"round {number}", fig

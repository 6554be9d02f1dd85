"""Figures of trained encoders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lowdim.data.motion import DIRECTIONS
from lowdim.record import Record
from lowdim.style import COLOURS, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CHANCE = 100 / len(DIRECTIONS)
COLOUR = {"base": COLOURS["baseline"], "vididi": COLOURS["network"]}
NAMES = {"base": "frames only", "vididi": "with derivatives"}


def _pairs(ax: Axes, values: np.ndarray, title: str) -> None:
    """A line for each pair of trainings (starts, 2), and the means."""
    for row in values:
        ax.plot([0, 1], row, "-", color=COLOURS["muted"], lw=0.8, alpha=0.7)
    for arm, name in enumerate(COLOUR):
        ax.plot(np.full(len(values), arm), values[:, arm], "o", ms=6, color=COLOUR[name])
        ax.hlines(values[:, arm].mean(), arm - 0.2, arm + 0.2, color=COLOUR[name], lw=2.5)
    ax.set_xticks([0, 1], list(NAMES.values()))
    ax.grid(axis="x", visible=False)
    ax.set(title=title, xlim=(-0.5, 1.5))


def draw_pairs(record: Record) -> Figure:
    """Motion, background and consistency with and without derivatives, seed by seed."""
    names = list(record["measures"])
    fig, axes = figure(1.0, 1.05, ncols=3)
    for ax, (name, title) in zip(
        axes,
        (
            ("motion retrieval", "motion, recall@1 %"),
            ("background retrieval", "background, recall@1 %"),
            ("consistency", "nearness of $V$ and $\\Delta V$"),
        ),
        strict=True,
    ):
        _pairs(ax, record["table"][..., names.index(name)], title)
    axes[0].axhline(CHANCE, color=COLOURS["theory"], lw=0.8, ls=":")
    axes[0].text(1.45, CHANCE, "chance", ha="right", va="bottom", fontsize=8, color=COLOURS["muted"])
    motion = record["table"][..., names.index("motion retrieval")]
    axes[0].set_ylim(0, max(20.0, 1.15 * motion.max()))
    axes[1].set_ylim(0, 102)
    axes[2].axhline(0, color=COLOURS["theory"], lw=0.8, ls=":")
    return fig


def draw_maps(record: Record) -> Figure:
    """Principal directions of the test features, coloured by motion (top) and by background (bottom)."""
    from matplotlib import colormaps

    fig, axes = figure(1.0, 0.72, nrows=2, ncols=2)
    wheel = 0.88 * colormaps["hsv"](np.linspace(0, 1, len(DIRECTIONS), endpoint=False))[:, :3]
    photographs = colormaps["tab20"](np.arange(20))[:, :3]
    for row, (name, colours) in zip(axes, (("labels", wheel), ("places", photographs)), strict=True):
        for ax, arm in zip(row, NAMES, strict=True):
            ax.scatter(*_plane(record[f"features-{arm}"]).T, s=13, c=colours[record[name]], linewidths=0)
            ax.set_xticks([])
            ax.set_yticks([])
            ax.grid(False)
        row[0].set_ylabel("colour: motion" if name == "labels" else "colour: background")
    for ax, title in zip(axes[0], NAMES.values(), strict=True):
        ax.set_title(title)
    for kind in range(len(DIRECTIONS)):
        angle = kind * np.pi / 4
        tip = np.array([0.93 + 0.06 * np.cos(angle), 0.89 - 0.09 * np.sin(angle)])
        axes[0, 1].annotate(
            "", tip, (0.93, 0.89), xycoords="axes fraction", textcoords="axes fraction",
            arrowprops={"arrowstyle": "-|>", "color": wheel[kind], "lw": 1.6, "shrinkA": 2, "shrinkB": 0},
        )  # fmt: skip
    return fig


def _plane(features: np.ndarray) -> np.ndarray:
    """Unit features (n, D) on their first two principal directions."""
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    centred = unit - unit.mean(0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    directions = directions[:2] * np.sign(directions[:2].sum(1, keepdims=True))
    return centred @ directions.T


def draw_ablation(record: Record) -> Figure:
    """Motion and background retrieval of the schedule's parts."""
    names, measures = list(record["names"]), list(record["measures"])
    fig, axes = figure(1.0, 0.62, ncols=2, sharey=True)
    places = np.arange(len(names))[::-1]
    for ax, what in zip(axes, ("motion", "background"), strict=True):
        values = record["table"][..., measures.index(f"{what} retrieval")]
        for place, column, name in zip(places, values.T, names, strict=True):
            colour = COLOUR.get(name, COLOURS["component_2"])
            ax.plot(column, np.full(len(column), place), "o", ms=5, color=colour, alpha=0.7)
            ax.vlines(column.mean(), place - 0.25, place + 0.25, color=colour, lw=2.5)
        ax.set(title=f"{what}, recall@1 %", xlim=(0, 102))
        ax.grid(axis="y", visible=False)
    axes[0].axvline(CHANCE, color=COLOURS["theory"], lw=0.8, ls=":")
    axes[0].set_yticks(places, ["full schedule" if name == "vididi" else NAMES.get(name, name) for name in names])
    axes[0].set_ylim(-0.6, len(names) - 0.4)
    return fig


def draw_flicker_training(record: Record) -> Figure:
    """Motion retrieval with jitter for each clip and for each frame."""
    fig, ax = figure(0.55, 0.75)
    for place, values in enumerate(record["motion"]):
        ax.plot(np.full(len(values), place), values, "o", ms=6, color=COLOURS["network"])
        ax.hlines(values.mean(), place - 0.2, place + 0.2, color=COLOURS["network"], lw=2.5)
    ax.axhline(CHANCE, color=COLOURS["theory"], lw=0.8, ls=":")
    ax.set_xticks([0, 1], ["for each clip", "for each frame"])
    ax.grid(axis="x", visible=False)
    ax.set(title="motion, recall@1 %", xlabel="brightness and contrast drawn", xlim=(-0.5, 1.5), ylim=(0, None))
    return fig


def draw_large(record: Record) -> Figure:
    """Retrieval and probes of R3D-18 with and without derivatives."""
    measures = list(record["measures"])
    shown = ("motion retrieval", "motion probe", "background retrieval", "background probe")
    fig, ax = figure(0.8, 0.55)
    for arm, name in enumerate(COLOUR):
        values = [record["table"][0, arm, measures.index(what)] for what in shown]
        bars = ax.bar(np.arange(4) + 0.4 * arm - 0.2, values, 0.38, color=COLOUR[name], label=NAMES[name])
        ax.bar_label(bars, fmt="%.0f", fontsize=8, padding=2)
    ax.hlines(CHANCE, -0.5, 1.5, color=COLOURS["theory"], lw=0.8, ls=":")
    ax.set_xticks(range(4), [what.replace(" ", "\n") for what in shown])
    ax.grid(axis="x", visible=False)
    ax.set(title="per cent of unseen videos", ylim=(0, 108))
    fig.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return fig


def draw_losses(record: Record) -> Figure:
    """The loss over the steps, and its running mean."""
    fig, ax = figure(1.0, 0.4)
    for arm in COLOUR:
        losses = record[f"losses-{arm}"]
        ax.plot(np.arange(1, len(losses) + 1), losses, color=COLOUR[arm], lw=0.5, alpha=0.35)
        width = max(1, len(losses) // 48)
        smooth = np.convolve(losses, np.ones(width) / width, mode="valid")
        ax.plot(np.arange(len(smooth)) + width / 2 + 0.5, smooth, color=COLOUR[arm], label=NAMES[arm])
    ax.set(xlabel="step", title="loss")
    ax.legend(ncols=2)
    return fig

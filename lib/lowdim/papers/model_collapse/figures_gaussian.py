"""Figures of exact flows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lowdim.record import Record
from lowdim.style import COLOURS, figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ARMS = {
    "plain": ("generated pairs only", "measured", "o"),
    "current": ("+ real, reversed by the current flow", "network", "s"),
    "first": ("+ real, reversed by the first flow", "gaussian", "^"),
    "fresh": ("+ real, with fresh noise", "baseline", "D"),
}
"""Label, colour and marker of each way to choose pairs, in all figures."""


def draw_velocity_denoiser(record: Record) -> Figure:
    """Slopes of velocity and denoiser over time, and where N Euler steps of the first flow arrive."""
    fig, (left, right) = figure(1.0, 0.85, ncols=2)
    for i, name in enumerate((r"$s=0.25$", r"$s=4$")):
        left.plot(record["times"], record["exact"][:, i], color=COLOURS["theory"], lw=1.2)
        left.annotate(name, (0.9, record["exact"][-1, i]), xytext=(5, -3), textcoords="offset points")
    left.plot(record["times"], record["slopes"][:, 0], "o", color=COLOURS["measured"], ms=5)
    left.plot(record["times"], record["slopes"][:, 1], "x", color=COLOURS["network"], ms=5)
    left.plot([], [], "o", color=COLOURS["measured"], label="velocity, regressed")
    left.plot([], [], "x", color=COLOURS["network"], label="$(D-x)/(1-t)$, $D$ regressed")
    left.set(xlabel="time $t$", title="slope of the velocity", xlim=(0.05, 1.08), ylim=(-1.5, 2.4))
    left.legend(loc="upper left")
    for ends, steps, name in zip(record["ends"][1:], (2, 5, 50), ("component_5", "component_1", "ink"), strict=True):
        right.plot(*ends.T, "o", ms=2.2, color=COLOURS[name], label=f"{steps} steps")
    right.plot(*record["ends"][0].mean(0), "*", ms=13, color=COLOURS["measured"], label="1 step: the mean")
    right.set(
        title="where Euler's method arrives", aspect="equal", xlim=(-2.9, 6.1), ylim=(-2.9, 2.9), xticks=(-2, 0, 2)
    )
    right.legend(fontsize=8, loc="center right", handletextpad=0.3)
    return fig


def draw_euler_gains(record: Record) -> Figure:
    """Gains of Euler's method against the number of steps."""
    fig, ax = figure(0.72, 0.62)
    steps = record["steps"]
    for i, s in enumerate(record["variances"]):
        root = np.sqrt(s)
        ax.plot(steps, record["gains_exact"][i] / root, color=COLOURS["theory"], lw=1.3)
        ax.plot(steps, record["gains"][0, i] / root, "o", ms=7, mfc="none", color=COLOURS["measured"])
        ax.plot(steps, record["gains"][1, i] / root, ".", color=COLOURS["network"])
    ax.annotate("$s=4$", (2, 0.4), xytext=(-5, 4), textcoords="offset points", ha="right")
    ax.annotate("$s=1$", (2, 0.5), xytext=(-5, 4), textcoords="offset points", ha="right")
    ax.plot([], [], color=COLOURS["theory"], label="product formula")
    ax.plot([], [], "o", ms=7, mfc="none", color=COLOURS["measured"], label="first flow")
    ax.plot([], [], ".", color=COLOURS["network"], label="after five more reflows")
    ax.set(xscale="log", xlabel="Euler steps $N$", title=r"gain over $\sqrt{s}$", ylim=(-0.04, 1.04))
    ax.legend(loc="lower right")
    return fig


def draw_telescoping(record: Record) -> Figure:
    """The two sides of the telescoping identity as stacked bars."""
    before, after, straight, residual = record["telescoping"]
    fig, ax = figure(0.8, 0.34)
    ax.barh(1, before, color=COLOURS["data"], height=0.55)
    ax.text(before / 2, 1, r"$\mathbb{E}\|X_1-X_0\|^2$", ha="center", va="center", color=COLOURS["card"])
    left = 0.0
    parts = ((after, r"$\mathbb{E}\|Z_1-Z_0\|^2$", "network"), (straight, r"$\mathrm{St}(Z)$", "gaussian"),
             (residual, "$V$", "measured"))  # fmt: skip
    for width, name, colour in parts:
        ax.barh(0, width, left=left, color=COLOURS[colour], height=0.55)
        ax.text(left + width / 2, 0, name, ha="center", va="center", color=COLOURS["card"], fontsize=8.5)
        left += width
    ax.set(yticks=[], xlabel="mean squared length", ylim=(-0.45, 1.45))
    ax.grid(False)
    return fig


def draw_ridge_law(record: Record) -> Figure:
    """The three recursions of the largest and the smallest variance, on their laws."""
    fig, (left, right) = figure(1.0, 0.86, ncols=2)
    rounds = np.arange(41)
    for arm in ("plain", "current", "first"):
        label, colour, marker = ARMS[arm]
        for ax, index in ((left, -1), (right, 0)):
            law, found = record[f"law_{arm}"][:41, index], record[f"measured_{arm}"][:41, index]
            ax.plot(rounds[: len(law)], law, color=COLOURS["theory"], lw=1.1)
            ax.plot(rounds[: len(found) : 4], found[::4], marker, color=COLOURS[colour], ms=5, label=label)
    for ax, index in ((left, -1), (right, 0)):
        ax.axhline(record["limit"][index], color=COLOURS["gaussian"], ls=":", lw=1.1)
        ax.axhline(1.0, color=COLOURS["muted"], ls=":", lw=1.1)
        ax.set(xlabel="round $j$")
    left.set(title=r"variance of the data: 4", ylim=(0.9, 4.1))
    right.set(title=r"variance of the data: 0.25", ylim=(0.2, 1.06))
    right.legend(fontsize=8, loc="center right")
    return fig


def draw_collapse_target(record: Record) -> Figure:
    """Where plain Reflow ends: at the source with the ridge on the velocity, at zero with it on the denoiser."""
    fig, axes = figure(1.0, 0.7, ncols=2, sharey=True)
    for ax, name in zip(axes, ("velocity", "denoiser"), strict=True):
        path = record[f"target_{name}"][:41]
        for index, colour in enumerate(("component_1", "component_3", "component_2")):
            ax.plot(np.arange(len(path)), path[:, index], color=COLOURS[colour], label=f"{path[0, index]:.3g}")
        ax.set(title=f"ridge on the {name}", xlabel="round $j$")
    axes[0].axhline(1.0, color=COLOURS["muted"], ls=":", lw=1.1)
    axes[0].set_ylabel("variance")
    axes[1].legend(title="variance at first")
    return fig

"""Figures of the parallel model and of its flow: one curve, rates, the bound, the push of random pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lowdim.papers.modality_gap.theory import best_fixed_scale, fixed_rate, resultant_length
from lowdim.record import Record
from lowdim.style import COLOURS, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHADES = ("component_1", "component_2", "component_3", "component_4", "component_5")


def draw_effective_scale(record: Record) -> Figure:
    """The loss against the gap for four scales, and all of it on one curve of the effective scale."""
    fig, (left, right) = figure(1.0, 0.72, ncols=2, sharey=True)
    gamma = record["gamma"]
    right.plot(record["effective"], record["curve"], color=COLOURS["theory"], label=r"$\ell(aZ)$")
    for scale, loss, shade in zip(record["scales"], record["loss"], SHADES, strict=False):
        left.plot(gamma, loss, color=COLOURS[shade], label=rf"$\beta={scale:g}$")
        right.plot(scale * (1 - gamma[::3] ** 2), loss[::3], "o", ms=3.5, color=COLOURS[shade])
    left.set(xlabel=r"gap $\gamma$", title="loss of the embeddings")
    left.legend(loc="upper left")
    right.set(xscale="log", xlim=(0.05, 25), xlabel=r"effective scale $a=\beta(1-\gamma^2)$", title="the same losses")
    right.legend()
    return fig


def draw_one_curve(record: Record) -> Figure:
    """Gap and scale under gradient flow, gradient descent and Adam, over the curve of Lemma 3.1."""
    fig, axes = figure(1.0, 1.05, ncols=3, sharex=True, sharey=True)
    titles = (("flow", "gradient flow"), ("descent", "gradient descent"), ("adam", "Adam"))
    for ax, (name, title) in zip(axes, titles, strict=True):
        ax.plot(record["gamma"], record["curve"], color=COLOURS["theory"], lw=1.2, label="Lemma 3.1")
        for (beta, gamma), share, shade in zip(record[name], record["matched"], SHADES, strict=False):
            some = slice(None, None, max(1, len(beta) // 60))
            label = {0: "no pair matched", 0.5: "half matched", 1: "all matched"}[float(share)]
            ax.plot(gamma[some], beta[some], "o", ms=3, color=COLOURS[shade], label=label)
            ax.plot(gamma[-1], beta[-1], "s", ms=7, color=COLOURS[shade], mec=COLOURS["ink"], mew=0.8)
        ax.plot(gamma[0], beta[0], "*", ms=12, color=COLOURS["ink"])
        ax.set(xscale="log", yscale="log", xlabel=r"gap $\gamma$", title=title, xlim=(2e-3, 1.3), ylim=(1.5, 60))
        ax.set(yticks=(2, 5, 10, 20, 50), yticklabels=("2", "5", "10", "20", "50"))
        ax.minorticks_off()
    axes[0].set_ylabel(r"scale $\beta$")
    axes[0].legend(fontsize=7.5, loc="lower left", handlelength=1, labelspacing=0.3)
    return fig


def draw_slow_law(record: Record) -> Figure:
    """The gap of the scalar model under CLIP's rule: flow, closed form, and the pure law."""
    fig, ax = figure(0.7, 0.68)
    ax.plot(record["times"], record["quadrature"], color=COLOURS["theory"], label="closed form")
    ax.plot(record["times"][::3], record["flow"][::3], "o", color=COLOURS["measured"], label="gradient flow")
    late = record["times"] > 3
    law = record["law"]
    ax.plot(record["times"][late], law[late], "--", color=COLOURS["muted"], label=r"$C^2/\log^2 t$")
    ax.set(xscale="log", yscale="log", xlabel="time $t$", title=r"gap $\gamma$", ylim=(1e-3, 1))
    ax.legend()
    return fig


def draw_parametrisations(record: Record) -> Figure:
    """The gap under each rule of the temperature, flow over closed form."""
    fig, ax = figure(0.85, 0.6)
    names = [key.removeprefix("theory-") for key in record.arrays if key.startswith("theory-")]
    times = record["curve_times"]
    for name, shade in zip(names, ("measured", *SHADES[:1], *SHADES[2:4], *SHADES[1:2]), strict=True):
        ax.plot(times, np.maximum(record[f"theory-{name}"], 1e-40), color=COLOURS["theory"], lw=1)
        ax.plot(times[::2], np.maximum(record[f"flow-{name}"][::2], 1e-40), "o", color=COLOURS[shade], label=name)
    ax.plot([], [], color=COLOURS["theory"], lw=1, label="closed form")
    ax.set(xscale="log", yscale="log", xlabel="time $t$", title=r"gap $\gamma$", ylim=(1e-20, 2))
    ax.legend(loc="lower left")
    return fig


def draw_best_temperature(record: Record) -> Figure:
    """The rate of closing against a fixed scale for several numbers of pairs."""
    fig, ax = figure(0.75, 0.62)
    for n, row, best, shade in zip(
        record["pair_counts"], record["pair_rates"], record["pair_best"], SHADES, strict=False
    ):
        ax.plot(record["pair_scales"][::2], row[::2], "o", ms=3.5, color=COLOURS[shade], label=f"$n={n}$")
        fine = np.geomspace(0.2, 12, 200)
        wrong = (n - 1) * np.exp(-fine)
        ax.plot(fine, 2 * fine * wrong / (1 + wrong), color=COLOURS["theory"], lw=1)
        ax.axvline(best_fixed_scale(int(n)), color=COLOURS[shade], lw=0.9, ls=":")
        ax.plot(best, row.max(), "v", color=COLOURS[shade], ms=7, mec=COLOURS["ink"], mew=0.7)
    fine = np.geomspace(0.2, 12, 200)
    ax.plot(fine, [fixed_rate(b) for b in fine], "--", color=COLOURS["muted"], lw=1, label="scalar model")
    ax.set(xscale="log", xlabel=r"fixed scale $\beta=1/\tau$ (margin 1)", title="rate at which the gap closes")
    ax.set(xticks=(0.2, 0.5, 1, 2, 5, 10), xticklabels=("0.2", "0.5", "1", "2", "5", "10"))
    ax.legend()
    return fig


def draw_lower_bound(record: Record) -> Figure:
    """The gap of matched pairs, its closed form and its lower bound."""
    fig, ax = figure(0.7, 0.66)
    late = record["times"] >= 0.1
    times = record["times"][late]
    ax.plot(times, record["quadrature"][late], color=COLOURS["theory"], label="closed form")
    ax.plot(times[::3], record["flow"][late][::3], "o", color=COLOURS["measured"], label="gradient flow")
    ax.plot(times, record["bound"][late], "--", color=COLOURS["network"], label="bound of Theorem 3.2")
    ax.set(xscale="log", yscale="log", xlabel="time $t$", title=r"gap $\gamma$, 8 pairs of margin 1/2")
    ax.legend()
    return fig


def draw_mismatch_limit(record: Record) -> Figure:
    """The push of random pairs against the effective scale, and the initial speed of the gap of free features."""
    fig, (left, right) = figure(1.0, 0.74, ncols=2)
    fine = np.geomspace(10**-0.5, 10**1.5, 120)
    for d, rows, shade in zip(record["dimensions"], record["push"], SHADES, strict=False):
        left.plot(fine, [resultant_length(int(d), float(a)) for a in fine], color=COLOURS["theory"], lw=1.1)
        left.plot(record["scales"], rows.mean(1), "o", color=COLOURS[shade], label=f"$d={d}$")
    left.set(xscale="log", xlabel=r"effective scale $a$", title=r"push $-g$ of random pairs", ylim=(0, 1))
    left.legend()
    _growth(right, record)
    return fig


def _growth(ax: Axes, record: Record) -> None:
    names = sorted(key for key in record.arrays if key.startswith("growth-"))
    names.sort(key=lambda key: tuple(map(int, key.split("-")[1:])))
    shapes = [key.split("-")[1:] for key in names]
    for place, name in enumerate(names):
        speeds = record[name]
        spread = 0.3 * (np.argsort(np.argsort(speeds)) / max(len(speeds) - 1, 1) - 0.5)
        ax.plot(place + spread, speeds, ".", ms=4, color=COLOURS["measured"], alpha=0.6)
    ax.axhline(0, color=COLOURS["ink"], lw=1)
    ax.set(xticks=range(len(names)), xlim=(-0.5, len(names) - 0.5), title=r"$d\Delta/dt$ at the start")
    ax.set_xticklabels([f"$n={n}$\n$d={d}$" for n, d in shapes])

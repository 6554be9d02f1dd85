"""Figures of the linear autoencoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lowdim.record import Record
from lowdim.style import COLOURS, CYCLE, figure, show_matrix

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_linear_dae(record: Record) -> Figure:
    """Gains of the trained autoencoder on the closed form."""
    fig, axes = figure(1.0, 0.95, ncols=3, sharey=True)
    titles = ("full width", "width 3 of 6", r"weight decay $\lambda=0.4$")
    for ax, title, found, exact in zip(axes, titles, record["measured"], record["predicted"], strict=True):
        index = np.arange(1, len(exact) + 1)
        ax.bar(index, exact, width=0.72, color=COLOURS["grid"], label="formula")
        ax.plot(index, found, "o", color=COLOURS["measured"], label="gradient descent")
        ax.set(title=title, xlabel="direction $i$", xticks=index)
    axes[0].set_ylabel("gain")
    axes[2].legend(fontsize=8)
    return fig


def draw_collapse(record: Record) -> Figure:
    """The norm over the rounds, linear and logarithmic."""
    fig, (left, right) = figure(1.0, 0.78, ncols=2)
    norms, rounds = record["norms"], np.arange(1, len(record["norms"]) + 1)
    for ax in (left, right):
        ax.plot(rounds, norms, color=COLOURS["measured"], lw=0.8, alpha=0.55)
        ax.plot([], [], color=COLOURS["measured"], lw=0.8, label=f"{norms.shape[1]} runs, $n=2000$")
        ax.plot(rounds, record["exact"], color=COLOURS["theory"], label="exact recursion")
        ax.plot(rounds, record["bound"], color=COLOURS["muted"], ls="--", lw=1.2, label="geometric bound")
        ax.set(xlabel="round $j$")
    left.set(title=r"$\|A_j\|$", ylim=(0, 1.02))
    right.set(title=r"the same, logarithmic", yscale="log", ylim=(1e-9, 3))
    right.legend(loc="lower left")
    return fig


def draw_spectrum(record: Record) -> Figure:
    """Gains of all directions over the rounds, and the round in which each falls to one half."""
    fig, (left, right) = figure(1.0, 0.8, ncols=2)
    spectrum = record["spectrum"].T
    rounds = spectrum.shape[1]
    image = show_matrix(left, spectrum, limit=1.0, aspect="auto", extent=(0.5, rounds + 0.5, 8.5, 0.5))
    left.plot(record["falls_exact"], np.arange(1, 9), color=COLOURS["theory"], marker="|", ms=9, lw=1.2)
    left.set(xlabel="round $j$", ylabel="direction, by variance", title="gains; the line: half lost, predicted")
    fig.colorbar(image, ax=left, shrink=0.85)
    right.plot(record["variances"], record["falls_exact"], color=COLOURS["theory"], label="recursion")
    right.plot(record["variances"], record["falls"], "o", color=COLOURS["measured"], label="measured, mean of runs")
    right.plot(record["variances"], record["variances"] / 0.25, ls="--", lw=1.1, color=COLOURS["muted"],
               label=r"$s_i/(2\sigma^2-\hat\sigma^2)$")  # fmt: skip
    right.set(xlabel="variance $s_i$", title="round in which the gain is one half", ylim=(0, None))
    right.legend()
    return fig


def draw_noise_threshold(record: Record) -> Figure:
    """Mean variance over the rounds for four noise levels, and around the unstable point."""
    fig, (left, right) = figure(1.0, 0.8, ncols=2)
    rounds = np.arange(1, record["paths"].shape[1] + 1)
    for i, noise in enumerate(record["noises"]):
        mean = record["means"][i].mean(-1)
        left.plot(rounds, mean, color=CYCLE[i], lw=3.2, alpha=0.35)
        left.plot(rounds, record["paths"][i], color=COLOURS["theory"], lw=1.1)
        last = int((mean > 0.1).sum()) - 1  # the curve that collapses is named on its way
        side = {"xytext": (-4, 6), "ha": "right"} if last == len(rounds) - 1 else {"xytext": (8, -4), "ha": "left"}
        factor = "" if noise == 1 else rf"{noise:g}\,"
        left.annotate(rf"$\hat\sigma={factor}\sigma$", (rounds[last], mean[last]),
                      textcoords="offset points", color=CYCLE[i], **side)  # fmt: skip
    left.set(xlabel="round $j$", title="mean variance; lines: recursion", yscale="log", ylim=(1e-2, 100))
    for curves, name in zip(record["around"], ("component_1", "component_2"), strict=True):
        right.plot(rounds, curves, color=COLOURS[name], lw=0.8, alpha=0.8)
    right.axhline(record["unstable"], color=COLOURS["theory"], ls="--", lw=1.2)
    right.annotate(r"$s^\dagger$", (rounds[-1], record["unstable"]), xytext=(-2, 3), textcoords="offset points",
                   ha="right", fontsize=11)  # fmt: skip
    right.set(xlabel="round $j$", title=r"$\hat\sigma=1.5\,\sigma$, two starts", ylim=(0, None))
    return fig


def draw_real_data(record: Record) -> Figure:
    """The mean gain over the rounds for four shares of real data, and its limit against the share."""
    fig, (left, right) = figure(1.0, 0.8, ncols=2)
    ratios, level = record["ratios"], record["levels"].mean(-1)
    rounds = np.arange(1, level.shape[1] + 1)
    for i, ratio in enumerate(ratios):
        left.plot(rounds, level[i], color=CYCLE[i], lw=3.2, alpha=0.35)
        left.plot(rounds, record["paths"][i], color=COLOURS["theory"], lw=1.1)
        left.annotate(rf"$\rho={ratio:g}$", (rounds[-1], level[i, -1]), xytext=(2, -3), textcoords="offset points",
                      color=CYCLE[i], annotation_clip=False, va="top" if i == 2 else "center")  # fmt: skip
    left.set(xlabel="round $j$", title="mean gain; lines: recursion", ylim=(0.69, 0.96), xlim=(0, 73))
    rho = np.linspace(0.002, 1, 300)
    s, v = 4.0, 0.25
    limit = (rho * s - v + np.sqrt((rho * s - v) ** 2 + 4 * rho**2 * s * v)) / (2 * rho)
    right.plot(rho, limit / (limit + v), color=COLOURS["theory"], label="exact limit")
    right.plot(rho, rho * s / (rho * s + v), color=COLOURS["muted"], ls="--", lw=1.2, label="lower bound")
    right.plot(ratios, level[:, -10:].mean(1), "o", color=COLOURS["measured"], label="last ten rounds")
    right.set(xlabel=r"share of real data $\rho$", title="gain in the long run", ylim=(0, 1))
    right.legend(loc="lower right")
    return fig


def draw_finite_sample(record: Record) -> Figure:
    """The norm and its high-probability bound, run by run."""
    fig, ax = figure(0.72, 0.6)
    rounds = np.arange(1, record["norms"].shape[1] + 1)
    ax.plot(rounds, record["norms"].T, color=COLOURS["measured"], lw=0.8, alpha=0.6)
    ax.plot(rounds, record["bounds"].T, color=COLOURS["theory"], lw=0.8, alpha=0.6)
    ax.plot([], [], color=COLOURS["theory"], label="bound of each run")
    ax.plot([], [], color=COLOURS["measured"], label=r"$\|A_j\|$")
    ax.set(yscale="log", xlabel="round $j$", ylim=(1e-12, 10), xlim=(1, 12), title=r"$n=200$, $d=8$")
    ax.legend(loc="lower left")
    return fig

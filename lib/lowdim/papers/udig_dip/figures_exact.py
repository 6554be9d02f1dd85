"""Figures in closed form: early stopping, the sequential limit, the fixed point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lowdim.record import Record
from lowdim.style import COLOURS, figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DIP, ASEQ, UDIG = COLOURS["measured"], COLOURS["empirical"], COLOURS["network"]
TITLES = {"box": "gap", "random": "samples at random", "pooling": "means of four", "blur": "blur"}


def draw_bias(record: Record) -> Figure:
    """The expected error of a linearised network against the steps, its two parts, and simulated runs."""
    steps, noise = record["steps"], float(record["noise"])
    fig, (left, right) = figure(1.0, 0.78, ncols=2)
    q = (1 - record["rates"]) ** steps[:, None]
    signal = (q**2 * record["signal"] ** 2).mean(1)
    left.plot(steps, signal, color=COLOURS["exact"], lw=1.2, ls="--", label="image not yet learnt")
    left.plot(steps, record["error"] - signal, color=COLOURS["noise"], lw=1.2, ls="--", label="noise learnt")
    left.plot(steps, record["error"], color=COLOURS["theory"], label="sum, the formula")
    left.plot(record["some"], record["simulated"], "o", color=DIP, ms=5, label="simulated")
    left.axhline(noise, color=COLOURS["muted"], lw=0.9, ls=":")
    left.annotate(r"$\sigma^2$", (steps[-1], noise), textcoords="offset points", xytext=(-6, 5), color=COLOURS["muted"])
    left.set(xscale="log", xlabel="steps", title="squared error an entry", ylim=(0, 1.35 * record["error"][0]))
    left.legend(fontsize=8, loc="upper center", ncols=2)
    for index, colour in zip((0, 8, 16, 24, 32), (DIP, ASEQ, COLOURS["gaussian"], UDIG, COLOURS["exact"]), strict=True):
        learnt = 1 - (1 - record["rates"][index]) ** steps
        right.plot(steps, learnt, color=colour)
        place = int(np.argmin(np.abs(learnt - 0.5)))
        right.annotate(f"{index + 1}", (steps[place], 0.5), textcoords="offset points", xytext=(4, -10), color=colour)
    right.axvline(steps[int(record["error"].argmin())], color=COLOURS["muted"], lw=0.9, ls=":")
    right.set(xscale="log", xlabel="steps", title="share learnt of direction 1, 9, 17, 25, 33", ylim=(-0.03, 1.05))
    return fig


def draw_limit(record: Record) -> Figure:
    """PSNR against the round for the autoencoding scheme and the purified one, four problems at the smaller noise."""
    fig, axes = figure(1.0, 1.75, ncols=4)
    noise = record["noises"][0]
    for ax, task, row in zip(axes, record["tasks"], record["table"], strict=False):
        curves = record[f"{task}-{noise}"]
        rounds = np.arange(1, curves.shape[1] + 1)
        ax.axhline(row[0], color=COLOURS["exact"], lw=1.1, label="posterior mean")
        ax.plot(rounds, curves[0], color=ASEQ, label="autoencoding")
        for curve, tau, style in zip(curves[1:], record["fixed"], ("-", "--", ":"), strict=True):
            ax.plot(rounds, curve, color=UDIG, ls=style, lw=1.4, label=rf"purified, $\tau={tau:g}$")
        ax.set(xscale="log", title=TITLES[str(task)], xlabel="round", ylim=(row[2:].min() - 2.5, row[0] + 1.5))
    axes[0].set_ylabel("PSNR, dB")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return fig


def draw_fixed(record: Record) -> Figure:
    """How far the fixed point is from the posterior mean, and how fast it is reached."""
    fig, ax = figure(0.62, 0.62)
    taus = record["taus"]
    rounds = np.log(0.01) / np.log(record["radii"])
    ax.plot(record["distances"], rounds, "o-", color=UDIG)
    for tau, x, y in zip(taus, record["distances"], rounds, strict=True):
        ax.annotate(rf"$\tau={tau:g}$", (x, y), textcoords="offset points", xytext=(7, 3))
    ax.set(
        xlabel="distance to the posterior mean", ylabel="rounds for two decimals", yscale="log",
        xlim=(0, 1.25 * record["distances"].max()), ylim=(rounds.min() / 1.6, 1.8 * rounds.max()),
    )  # fmt: skip
    return fig

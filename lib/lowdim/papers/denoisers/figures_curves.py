"""Figures of curves and of images: errors, orders of accuracy, learning, digits, clocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lowdim.papers.denoisers.figures_plane import plane, shade, support
from lowdim.papers.denoisers.sets import STRIP_SIGMAS
from lowdim.record import Record
from lowdim.style import COLOURS, figure, image_grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_errors(record: Record) -> Figure:
    """Mean squared error against noise: affine, exact, oracle; and what the clusters are worth."""
    fig, (left, right) = figure(1.0, 0.78, ncols=2)
    sigma = record["sigmas"]
    left.plot(sigma, record["lmmse"], color=COLOURS["gaussian"], label="best affine (formula)")
    left.plot(sigma, record["oracle"], color=COLOURS["theory"], ls="--", label="told the subspace (formula)")
    left.fill_between(sigma, record["mmse"], record["lmmse"], color=COLOURS["gaussian"], alpha=0.12, lw=0)
    left.plot(sigma, record["mmse"], "o", color=COLOURS["measured"], label="exact denoiser (measured)")
    left.set(xscale="log", xlabel=r"noise level $\sigma$", title=r"error $\mathbb{E}\|x_0-D\|^2$", ylim=(0, 5.6))
    left.legend(loc="upper left")
    gain = 100 * (record["lmmse"] - record["mmse"]) / record["lmmse"]
    right.plot(
        sigma, 100 * record["between"] / record["lmmse"], color=COLOURS["theory"], label="distance to the affine one"
    )
    right.plot(sigma, gain, "o", color=COLOURS["measured"], label="gain over it")
    right.set(
        xscale="log", xlabel=r"noise level $\sigma$", title="what knowing the clusters is worth, %", ylim=(-3, 80)
    )
    right.legend(loc="upper right")
    return fig


def draw_order(record: Record) -> Figure:
    """Error of the samplers against the number of steps, with the closed form; error direction by direction."""
    fig, (left, right) = figure(1.0, 0.78, ncols=2)
    steps, length = record["steps"], float(record["length"])
    left.plot(steps, length / (4 * steps), color=COLOURS["theory"], lw=1.1)
    left.text(steps[-2], length / (4 * steps[-2]) * 1.5, r"$L/4N$", color=COLOURS["theory"])
    middle = len(steps) // 2
    second = record["heun"][middle] * (steps[middle] / steps) ** 2
    left.plot(steps, second, color=COLOURS["theory"], lw=1.1, ls="--")
    left.text(steps[-2], second[-2] * 1.6, "slope 2", color=COLOURS["theory"])
    left.plot(steps, record["euler"], "o", color=COLOURS["measured"], label="Euler")
    left.plot(steps, record["heun"], "s", color=COLOURS["network"], label="Heun")
    left.set(xscale="log", yscale="log", xlabel=r"steps $N$", title="distance from the exact flow")
    left.set_xticks(steps, [f"{int(s)}" for s in steps])
    left.legend(loc="lower left")
    order = np.argsort(record["spectrum"])
    right.plot(record["spectrum"][order], -100 * record["predicted"][order], color=COLOURS["theory"], label="formula")
    right.plot(record["spectrum"], -100 * record["measured"], "o", color=COLOURS["measured"], label="Euler, measured")
    top = 25 * length / steps[-1]
    right.axhline(top, color=COLOURS["muted"], lw=0.8, ls=":")
    right.set(
        xscale="log", xlabel=r"variance $\lambda$ of the direction", ylim=(0, 1.25 * top),
        title=f"shrinkage by Euler, N = {int(steps[-1])}, %",
    )  # fmt: skip
    right.legend(loc="lower right")
    return fig


def draw_inversion(record: Record) -> Figure:
    """Round-trip error of DDIM inversion against steps, and against corrections at a fixed number of steps."""
    fig, (left, right) = figure(1.0, 0.78, ncols=2)
    steps, length = record["steps"], float(record["length"])
    left.plot(steps, length / (2 * steps), color=COLOURS["theory"], lw=1.1)
    left.text(steps[1], length / (2 * steps[1]) * 1.3, r"$L/2N$", color=COLOURS["theory"])
    for name, colour in (("gaussian", "gaussian"), ("mixture", "exact")):
        for label, marker in (("current", "o"), ("next", "s")):
            text = f"{name.capitalize()}, {label} label"
            left.plot(steps, record[f"{name}-{label}"], marker, color=COLOURS[colour], ms=4, label=text)
        right.plot(record[f"{name}-corrected"], "o", color=COLOURS[colour], label=name.capitalize())
    left.set(xscale="log", yscale="log", xlabel=r"steps $N$", title="error of the round trip", ylim=(4e-4, 1))
    left.set_xticks(steps, [f"{int(s)}" for s in steps])
    left.legend(loc="lower left", fontsize=8, labelspacing=0.3)
    corrections = np.arange(len(record["gaussian-corrected"]))
    rate = 1 - np.exp(-length / float(record["corrected_steps"]))
    line = record["gaussian-corrected"][0] * rate**corrections
    right.plot(corrections, line, color=COLOURS["theory"], lw=1.1, label=r"rate $1-e^{-L/N}$")
    steps_text = f"the same, {int(record['corrected_steps'])} corrected steps"
    right.set(yscale="log", xlabel="corrections a step", title=steps_text)
    right.legend(loc="upper right")
    return fig


def draw_learning(record: Record) -> Figure:
    """The loss and its floor; Pythagoras at every stage; the learned field over the exact one."""
    fig, (left, middle, right) = figure(1.0, 1.0, ncols=3)
    losses, floor = record["losses"], float(record["floor"])
    width = max(1, len(losses) // 60)
    means = losses[: len(losses) // width * width].reshape(-1, width).mean(1)
    left.plot(np.arange(len(means)) * width + width / 2, means, color=COLOURS["network"], lw=1.2, label="network")
    left.axhline(floor, color=COLOURS["theory"], label="exact denoiser")
    left.set(xlabel="step", title="the loss has a floor", ylim=(0.8 * floor, 1.6 * floor))
    left.legend(loc="upper right")
    excess, distance = record["error"] - record["best"], record["distance"]
    ends = np.array([0.6 * distance.min(), 1.6 * distance.max()])
    middle.plot(ends, ends, color=COLOURS["theory"], lw=1.1)
    shades = np.linspace(0.25, 1, len(excess))
    for row, (x, y) in enumerate(zip(distance, excess, strict=True)):
        kept = y > 0
        label = f"step {int(record['snapshots'][row])}"
        middle.plot(x[kept], y[kept], "o", ms=4, color=COLOURS["network"], alpha=shades[row], label=label)
    middle.set(xscale="log", yscale="log", xlabel=r"$\mathbb{E}\|D_\theta-D\|^2$", title="excess error")
    middle.legend(loc="lower right", handletextpad=0.1, borderpad=0.1)
    shade(right, record["density"])
    support(right, "lines", np.empty(0))
    arrow = {"angles": "xy", "scale_units": "xy", "scale": 3.2, "headwidth": 3.6}
    right.quiver(*record["starts"].T, *record["exact"].T, color=COLOURS["exact"], width=0.013, alpha=0.45, **arrow)
    right.quiver(*record["starts"].T, *record["learned"].T, color=COLOURS["network"], width=0.006, **arrow)
    plane(right)
    right.set_title("learned over exact")
    return fig


def draw_digits(record: Record) -> Figure:
    """Two held-out digits: noisy, denoised by the Gaussian, denoised by the memory, at four noise levels."""
    clean = record["clean"]
    rows = []
    for key in ("noisy", "by_gaussian", "by_memory"):
        first = clean if key == "noisy" else np.full_like(clean, np.nan)
        rows.append(np.concatenate([[first[d], *record[key][:, d]] for d in range(len(clean))]))
    columns = ["clean", *[rf"$\sigma={s:g}$" for s in STRIP_SIGMAS]] * len(clean)
    images = np.stack(rows).reshape(3, len(columns), 1, 8, 8)
    return image_grid(images, row_labels=["noisy", "Gaussian", "memory"], column_labels=columns)


def draw_digit_errors(record: Record) -> Figure:
    """Error of both denoisers on seen and new digits; their distance at high noise."""
    from matplotlib.ticker import LogLocator

    fig, (left, right) = figure(1.0, 0.78, ncols=2)
    sigma, spectrum = record["sigmas"], record["spectrum"]
    formula = [(s**2 * spectrum / (spectrum + s**2)).sum() / 64 for s in sigma]
    left.plot(sigma, formula, color=COLOURS["theory"], lw=1.1, label="Gaussian, formula")
    left.axhline(float(record["neighbour"]), color=COLOURS["theory"], lw=1.1, ls="--")
    left.text(sigma[-1], 0.93 * float(record["neighbour"]), "nearest seen digit", fontsize=8, ha="right", va="top")
    for name, colour in (("gaussian", "gaussian"), ("memory", "empirical")):
        left.plot(sigma, record[f"{name}_test"], "o", color=COLOURS[colour], label=f"{name.capitalize()}, new digits")
        left.plot(
            sigma, record[f"{name}_train"], "o", mfc="none", color=COLOURS[colour], label=f"{name.capitalize()}, seen"
        )
    left.set(xscale="log", xlabel=r"noise level $\sigma$", title="error per pixel")
    left.legend(loc="upper left", fontsize=7.5)
    high = record["high"]
    right.plot(high, record["predicted"], color=COLOURS["theory"], lw=1.1, label="third cumulant (formula)")
    right.plot(high, record["gaps"], "o", color=COLOURS["measured"], label="measured")
    right.set(xscale="log", yscale="log", xlabel=r"noise level $\sigma$", title="relative distance of the two")
    right.set_xticks(high, [f"{s:g}" for s in high])
    right.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    right.yaxis.set_major_formatter("{x:g}")
    right.minorticks_off()
    right.legend()
    return fig


def draw_samples(record: Record) -> Figure:
    """Images sampled with the memory, their nearest training digits, images sampled with the Gaussian."""
    rows = np.stack([record[key] for key in ("copies", "nearest", "imagined")]).reshape(3, -1, 1, 8, 8)
    return image_grid(rows, row_labels=["memory", "nearest seen", "Gaussian"])


def draw_clocks(record: Record) -> Figure:
    """The book's clock against the two others."""
    fig, ax = figure(0.62, 0.62)
    sigma = record["sigmas"]
    ax.plot(sigma, record["alpha_bar"], color=COLOURS["network"])
    ax.plot(sigma, record["flow"], color=COLOURS["measured"])
    ax.text(0.5, 0.88, r"$\bar\alpha = 1/(1+\sigma^2)$", color=COLOURS["network"])
    ax.text(3.2, 0.28, r"flow time $t = 1/(1+\sigma)$", color=COLOURS["measured"])
    ax.set(xscale="log", xlabel=r"noise level $\sigma$", ylim=(0, 1.12))
    return fig

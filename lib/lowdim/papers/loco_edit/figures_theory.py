"""Figures of exact models and of Jacobians."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lowdim.record import Record
from lowdim.style import COLOURS, figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_mixture(record: Record) -> Figure:
    """Exact and numerical rank over noise, and the error of the printed formula."""
    fig, (left, right) = figure(1.0, 0.72, ncols=2)
    alphas, total = record["alpha_bars"], int(record["component_ranks"].sum())
    seen = record["seen"]
    left.axhline(total, color=COLOURS["theory"], lw=1.1)
    left.text(0.9, total - 0.35, "all subspaces", ha="right", va="top", fontsize=8)
    left.axhline(record["component_ranks"][1], color=COLOURS["theory"], lw=0.9, ls=":")
    left.text(0.02, record["component_ranks"][1] - 0.35, "its own subspace", va="top", fontsize=8)
    left.plot(alphas[seen], record["ranks"][seen], "s", color=COLOURS["exact"], mfc="none", label="exact")
    left.plot(alphas, record["numerical"], "o-", color=COLOURS["measured"], label="98 % of the energy")
    left.set(xlabel=r"signal $\alpha_t$   (noise $\to$ data)", title="rank of the Jacobian", ylim=(0, total + 1.5))
    left.legend(loc="lower right", fontsize=8)
    right.plot(alphas, record["printed"], "o-", color=COLOURS["measured"])
    right.set(xlabel=r"signal $\alpha_t$", title="relative error of the printed mean", ylim=(0, None))
    return fig


def draw_bound(record: Record) -> Figure:
    """Departures from linearity and their bound, each divided by its own bound or over the strength."""
    fig, (left, right) = figure(1.0, 0.72, ncols=2)
    s = record["strengths"]
    left.loglog(s, record["remainder"].T, color=COLOURS["measured"], lw=0.5, alpha=0.25)
    guide = np.median(record["remainder"][:, 0]) * (s / s[0]) ** 2
    left.loglog(s, guide, color=COLOURS["theory"], ls="--", lw=1.3, label=r"slope 2")
    left.set(xlabel=r"strength $\lambda$", title="departure from linearity", ylim=(1e-9, None))
    left.legend(loc="lower right")
    right.loglog(s, record["ratio"], "o-", color=COLOURS["measured"], label="largest of all draws")
    right.axhline(1, color=COLOURS["theory"], lw=1.2, label="the bound")
    right.set(xlabel=r"strength $\lambda$", title="departure over its bound")
    right.legend(loc="lower left")
    return fig


def draw_gaussian(record: Record) -> Figure:
    """What the projection buys and costs, and the gains of prediction and flow."""
    fig, (left, right) = figure(1.0, 0.72, ncols=2)
    ranks = record["outside_ranks"]
    left.plot(ranks, record["share"], "o-", color=COLOURS["measured"], label="energy inside the mask")
    gain = record["gains"] / record["gains"][0]
    left.plot(ranks, gain, "s--", color=COLOURS["gaussian"], mfc="none", label="gain inside, relative")
    left.set(xlabel="$r'$, directions projected out", title="mouth of a Gaussian face", ylim=(0, 1.05))
    left.legend(loc="lower right")
    values = record["eigenvalues"]
    right.loglog(values, record["flowed"], color=COLOURS["network"], label="sampled image")
    right.loglog(values, record["predicted"], color=COLOURS["gaussian"], label="predicted image")
    right.set(xlabel=r"variance $\lambda_i$ along the direction", title="change for a unit step")
    right.legend(loc="lower right")
    return fig


def draw_rank(record: Record) -> Figure:
    """Rank ratio over noise: network, its Gaussian, and the Jacobian of the noise."""
    fig, ax = figure(0.78, 0.62)
    sigmas = record["sigmas"]
    ax.plot(sigmas, record["each"], ".", color=COLOURS["network"], alpha=0.3)
    ax.plot(sigmas, record["of_noise"], "^-", color=COLOURS["baseline"], label="predicted noise, network")
    ax.plot(sigmas, record["of_data"], "o-", color=COLOURS["network"], label="denoiser, network")
    ax.plot(sigmas, record["exact"], color=COLOURS["theory"], lw=1.3, label="denoiser, Gaussian of digits")
    ax.set(xscale="log", xlabel=r"$\sigma$", ylim=(0, 1.05), title="numerical rank over dimension")
    ax.legend(loc="lower left", fontsize=8)
    return fig


def draw_arms(record: Record) -> Figure:
    """The two parametrisations: rank ratio, and size of the Jacobian over the exact one."""
    fig, (left, right) = figure(1.0, 0.72, ncols=2)
    sigmas = record["sigmas"]
    for row, (name, key) in enumerate((("predicts the noise", "network"), ("predicts the data", "measured"))):
        left.plot(sigmas, record["curves"][row], "o-", color=COLOURS[key], label=name)
        right.plot(sigmas, record["size"][row], "o-", color=COLOURS[key], label=name)
    left.plot(sigmas, record["curves"][-1], color=COLOURS["theory"], lw=1.3, label="Gaussian of digits")
    right.axhline(1, color=COLOURS["theory"], lw=1.3)
    left.set(xscale="log", xlabel=r"$\sigma$", title="numerical rank over dimension", ylim=(0, 1))
    right.set(xscale="log", yscale="log", xlabel=r"$\sigma$", title=r"$\|J\|_F$ over that of the Gaussian")
    left.legend(fontsize=8, loc="lower left")
    return fig


def draw_lines(record: Record) -> Figure:
    """Cosine of the prediction with its linear expansion, random and leading directions."""
    fig, axes = figure(1.0, 0.82, ncols=2, sharey=True)
    s = record["strengths"]
    for row, (ax, name) in enumerate(zip(axes, ("random direction", "along $v_1$"), strict=True)):
        for j, (sigma, shade) in enumerate(zip(record["sigmas"], ("measured", "network", "exact"), strict=True)):
            ax.plot(s, record["cosines"][row, j], "o-", color=COLOURS[shade], label=rf"$\sigma={sigma:g}$")
        ax.axhline(1, color=COLOURS["theory"], lw=1)
        ax.set(xlabel=r"strength $\lambda$ in $x_t$", title=name, ylim=(0.45, 1.03))
    axes[0].set_ylabel("cosine with the straight line")
    axes[1].legend(loc="lower left", fontsize=8)
    return fig


def draw_power(record: Record) -> Figure:
    """Singular values by products on those of the full matrix."""
    fig, ax = figure(0.72, 0.6)
    index = np.arange(1, record["whole"].shape[1] + 1)
    for name, key, label in (("whole", "network", "whole picture"), ("masked", "measured", "inside the mask")):
        exact, found = record[name]
        ax.plot(index, exact, color=COLOURS["theory"], lw=1.2)
        evaluations = int(record[f"{name}_evaluations"])
        ax.plot(index, found, "o", color=COLOURS[key], label=f"{label}: {evaluations} products")
    ax.set(xlabel="number", title=f"singular values; full matrix: {int(record['dimension'])} products", ylim=(0, None))
    ax.set_xticks(index)
    ax.legend(loc="center right", fontsize=8)
    return fig

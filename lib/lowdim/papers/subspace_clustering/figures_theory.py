"""Figures of closed forms: the toy plane, Lemma 1 as printed, the rank of the Jacobian, the price of one Gaussian."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lowdim.papers.subspace_clustering.theory import switch_sigma
from lowdim.record import Record
from lowdim.style import COLOURS, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_toy(record: Record) -> Figure:
    """Soft assignment and arrows from noisy points to denoised ones, three noise levels."""
    from matplotlib.colors import LinearSegmentedColormap

    pair = LinearSegmentedColormap.from_list("pair", [COLOURS["component_2"], COLOURS["card"], COLOURS["component_1"]])
    fig, axes = figure(1.0, 1.06, ncols=3, sharey=True)
    for ax, sigma, share, arrow in zip(axes, record["sigmas"], record["shares"], record["arrows"], strict=True):
        ax.imshow(share, cmap=pair, vmin=-0.15, vmax=1.15, extent=(-2.4, 2.4, -2.4, 2.4), origin="lower", alpha=0.55)
        for direction, name in zip(record["lines"], ("component_1", "component_2"), strict=True):
            end = 3.2 * direction
            ax.plot([-end[0], end[0]], [-end[1], end[1]], color=COLOURS[name], lw=1.4)
        start, end = record["starts"], record["starts"] + arrow
        ax.plot(*np.stack([start, end]).transpose(2, 0, 1), color=COLOURS["ink"], lw=0.7, alpha=0.45)
        ax.plot(*end.T, "o", ms=2.2, color=COLOURS["ink"])
        ax.set(title=rf"$\sigma={sigma:g}$", xlim=(-2.4, 2.4), ylim=(-2.4, 2.4), aspect="equal", xticks=[], yticks=[])
        ax.grid(False)
    return fig


def draw_printed_form(record: Record) -> Figure:
    """Error of Lemma 1 as printed against the noise level."""
    fig, ax = figure(0.72, 0.5)
    ax.plot(record["sigmas"], 100 * record["printed_error"], "o-", color=COLOURS["measured"], lw=1.1)
    ax.set(xscale="log", xlabel=r"noise level $\sigma$", title="relative error of the printed form, %", ylim=(0, 52))
    return fig


def draw_jacobian_rank(record: Record) -> Figure:
    """Rank of the exact Jacobian against 1 / sigma, and where it switches for six ranks d."""
    fig, (left, right) = figure(1.0, 0.78, ncols=2)
    snr = record["snr"]
    _rank_axes(left, d=6, blocks=2, n=48)
    left.plot(snr, record["ratio"], "o", color=COLOURS["measured"], ms=4, label="numerical rank$/n$")
    left.axvline(1 / switch_sigma(6), color=COLOURS["theory"], lw=1.1, ls="--")
    left.text(1 / switch_sigma(6) * 1.25, 0.03, "predicted\nswitch", color=COLOURS["theory"], fontsize=8.5)
    left.set(xscale="log", xlabel=r"$1/\sigma$", title=r"$n=48$, $K=2$, $d=6$", ylim=(-0.008, 0.285))
    left.legend(loc=(0.44, 0.6))
    d = np.linspace(1.6, 18, 80)
    right.plot(d, [1 / switch_sigma(float(v)) for v in d], color=COLOURS["theory"], label="predicted")
    right.plot(record["ranks"], record["crossings"], "o", color=COLOURS["measured"], label="half-way, measured")
    right.set(
        xticks=record["ranks"], xlabel=r"rank $d$ of a subspace", title=r"$1/\sigma$ at the switch", ylim=(0, None)
    )
    right.legend()
    return fig


def _rank_axes(ax: Axes, d: int, blocks: int, n: int) -> None:
    for rank, name in ((d, r"$d/n$"), (blocks * d, r"$Kd/n$")):
        ax.axhline(rank / n, color=COLOURS["muted"], lw=0.9, ls=":")
        ax.annotate(name, (1.0, rank / n), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8.5,
                    color=COLOURS["muted"])  # fmt: skip


def draw_gap(record: Record) -> Figure:
    """Errors of three denoisers, and the part that only clustering can win."""
    fig, (left, right) = figure(1.0, 0.78, ncols=2)
    sigma = record["sigmas"]
    left.plot(sigma, record["formula"], color=COLOURS["gaussian"], label="best affine, formula")
    left.plot(sigma, record["clustered"], color=COLOURS["theory"], ls="--", label="told the cluster, formula")
    left.plot(sigma, record["lmmse"], "s", color=COLOURS["gaussian"], ms=3.5, label="best affine, measured")
    left.plot(sigma, record["mmse"], "o", color=COLOURS["measured"], ms=4, label="exact, measured")
    left.set(xscale="log", yscale="log", xlabel=r"noise level $\sigma$", title=r"error $\mathbb{E}\|D-x_0\|^2$")
    left.legend(fontsize=8)
    right.fill_between(sigma, 0, record["between"], color=COLOURS["exact"], alpha=0.12, lw=0)
    right.plot(sigma, record["between"], color=COLOURS["exact"], label=r"$\mathbb{E}\|D_G-D^\star\|^2$")
    right.plot(
        sigma, record["lmmse"] - record["mmse"], "o", ms=4, color=COLOURS["measured"], label="difference of errors"
    )
    right.set(xscale="log", xlabel=r"noise level $\sigma$", title="what clustering is worth", ylim=(0, None))
    right.legend(fontsize=8)
    return fig

"""Figures of recovery: phase diagrams with the step of theory, errors below it, bounds, identifiability, angles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lowdim.papers.subspace_clustering.theory import mean_squared_error, worst_error
from lowdim.record import Record
from lowdim.style import COLOURS, SEQUENTIAL, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

SHADES = ("component_1", "component_2", "component_3", "component_4")


def phase_map(ax: Axes, table: np.ndarray, ranks: np.ndarray, samples: np.ndarray, per: str = "N") -> QuadMesh:
    """Success rates (ranks, samples) as a heat map, with the step N = d of theory drawn over it."""
    shown = ax.pcolormesh(
        np.append(samples, samples[-1] + 1) - 0.5, np.arange(len(ranks) + 1) - 0.5, table,
        cmap=SEQUENTIAL, vmin=0, vmax=1, edgecolor=COLOURS["card"], lw=0.4, rasterized=False,
    )  # fmt: skip
    edges = np.repeat(ranks - 0.5, 2)
    heights = np.stack([np.arange(len(ranks)) - 0.5, np.arange(len(ranks)) + 0.5], 1).ravel()
    ax.plot(edges, heights, color=COLOURS["measured"], lw=1.8, solid_joinstyle="miter")
    ax.grid(False)
    ax.set(xlabel=f"samples ${per}$", xticks=samples[::2], yticks=range(len(ranks)), xlim=(1.5, samples[-1] + 0.5))
    ax.set_yticklabels([str(rank) for rank in ranks])
    return shown


def _bar(fig: Figure, shown: QuadMesh, axes: np.ndarray) -> None:
    fig.colorbar(shown, ax=list(np.atleast_1d(axes)), label="share recovered", shrink=0.85, pad=0.02, ticks=[0, 0.5, 1])


def draw_pca_step(record: Record) -> Figure:
    """The step of PCA, and the squared error before it with the exact mean drawn through."""
    fig, (left, right) = figure(1.0, 0.8, ncols=2, width_ratios=(1, 1.05))
    phase_map(left, record["success"], record["ranks"], record["samples"])
    left.set(ylabel="rank $d$", title="PCA, no noise, $n=48$")
    left.text(2.6, 4.9, "never", color=COLOURS["muted"])
    left.text(9.4, 2.4, "always", color=COLOURS["card"])
    cells, spread = record["cells"], record["spread"]
    for rank, name in zip((2, 4, 6, 8), SHADES, strict=True):
        counts = np.arange(1, 11)
        right.plot(counts, [mean_squared_error(rank, int(c), 48) for c in counts], color=COLOURS[name], lw=1.3)
        mine = cells[:, 0] == rank
        right.errorbar(
            cells[mine, 1], record["mean_square"][mine], yerr=spread[mine], fmt="o", ms=4, color=COLOURS[name],
            elinewidth=0.9, label=f"$d={rank}$",
        )  # fmt: skip
        right.plot(
            counts[: rank - 1],
            [worst_error(rank, int(c), 48) ** 2 for c in counts[: rank - 1]],
            "_",
            color=COLOURS["muted"],
            ms=9,
        )
    right.plot([], [], "_", color=COLOURS["muted"], ms=9, label="worst optimum")
    right.set(xlabel="samples $N$", title=r"mean of $\|\hat P-P^\star\|_F^2$", xticks=counts)
    right.legend(fontsize=8)
    return fig


def draw_noise_bound(record: Record) -> Figure:
    """Recovery error against its bound, problem by problem."""
    fig, ax = figure(0.62, 0.82)
    error, bound = record["noise_error"], record["noise_bound"]
    ax.plot(bound, error, ".", ms=2, color=COLOURS["measured"], alpha=0.35, rasterized=True)
    ends = np.array([1e-2, 1e2])
    ax.plot(ends, ends, color=COLOURS["theory"])
    ax.text(0.09, 0.17, "bound", color=COLOURS["theory"], rotation=45, rotation_mode="anchor")
    ax.axhline(4, color=COLOURS["muted"], lw=0.9, ls=":")
    ax.text(0.013, 4.6, r"largest possible for $d=8$", color=COLOURS["muted"], fontsize=8.5)
    ax.set(
        xscale="log", yscale="log", xlabel=r"bound $2\sqrt{2}\,\|E\|_F/\sigma_{\min}(A)$", xlim=(1e-2, 1e2),
        ylim=(2e-3, 2e1), title=r"error $\|\hat P-P^\star\|_F$",
    )  # fmt: skip
    return fig


def draw_trained_network(record: Record) -> Figure:
    """Success of the trained network over the grid, and along N for three dimensions n."""
    fig, (left, right) = figure(1.0, 0.66, ncols=2, width_ratios=(1.15, 1))
    shown = phase_map(left, record["success"], record["ranks"], record["samples"])
    left.set(ylabel="rank $d$", title="trained by denoising, $n=48$")
    _bar(fig, shown, np.array([left]))
    right.axvline(4, color=COLOURS["measured"], lw=1.8)
    right.axhline(0.5, color=COLOURS["muted"], lw=0.8, ls=":")
    for n, curve, name in zip(record["dimensions"], record["by_dimension"], SHADES, strict=False):
        right.plot(record["samples"][: len(curve)], curve, "o-", ms=4, lw=1.1, color=COLOURS[name], label=f"$n={n}$")
    right.text(4.15, 0.03, "$N=d$", color=COLOURS["measured"])
    right.set(xlabel="samples $N$", title="share recovered, $d=4$", ylim=(-0.04, 1.06), xticks=(2, 4, 6, 8, 10))
    right.legend(loc="center right")
    return fig


def draw_clusters(record: Record) -> Figure:
    """Recovery of two and three clusters: by the graph, and by K-subspaces with restarts."""
    fig, axes = figure(1.0, 0.98, ncols=3, sharey=True)
    titles = ("graph, $K=2$", "graph, $K=3$", "K-subspaces, $K=2$")
    for ax, key, title in zip(axes, ("graph-2", "graph-3", "restarts"), titles, strict=True):
        shown = phase_map(ax, record[key], record["ranks"], record["samples"], per="N_k")
        ax.set_title(title)
    axes[0].set_ylabel("rank $d$")
    _bar(fig, shown, axes)
    return fig


def draw_trained_clusters(record: Record) -> Figure:
    """Success of the network with two blocks."""
    ranks = record["ranks"]
    fig, ax = figure(0.8, 0.2 + 0.1 * len(ranks))
    shown = phase_map(ax, record["success"], ranks, record["samples"], per="N_k")
    ax.set(ylabel="rank $d$", title="two blocks trained by denoising")
    fig.colorbar(shown, ax=ax, label="share", pad=0.02, ticks=[0, 0.5, 1])
    return fig


def draw_identifiability(record: Record) -> Figure:
    """Wrong perfect fits with and without joint orthogonality."""
    fig, axes = figure(1.0, 0.62, ncols=2, sharey=True)
    cells = record["cells"]
    for ax, rank in zip(axes, (4, 6), strict=True):
        mine = cells[:, 0] == rank
        place = cells[mine, 1]
        ax.bar(place - 0.2, record["wrong"][mine], 0.38, color=COLOURS["measured"], label="blocks free")
        ax.bar(
            place + 0.2, record["wrong_joint"][mine], 0.38, color=COLOURS["theory"], label="blocks jointly orthogonal"
        )
        for count, share in zip(place, record["wrong_joint"][mine], strict=True):
            ax.plot(count + 0.2, share, "_", color=COLOURS["theory"], ms=13, mew=2)
        ax.axvline(rank + 0.5, color=COLOURS["muted"], lw=0.9, ls=":")
        ax.text(rank + 0.55, 0.66, "true split is\nthe only fit", color=COLOURS["muted"], fontsize=8.5, va="top")
        ax.set(xlabel="samples $N_k$ of each cluster", title=f"$d={rank}$", xticks=place, ylim=(-0.01, 0.72))
    axes[0].set_ylabel("share of runs: perfect, but wrong")
    axes[1].legend(loc="center right", fontsize=8)
    return fig


def draw_angles(record: Record) -> Figure:
    """Posterior weight of the true cluster by angle, with the predicted switch; share recovered by K-subspaces."""
    import matplotlib as mpl

    fig, (left, middle, right) = figure(1.0, 1.0, ncols=3)
    degrees = record["degrees"]
    colours = mpl.colormaps["viridis"](np.linspace(0.05, 0.85, len(degrees)))
    level = 1 / (1 + np.exp(-1))
    for theta, curve, place, colour in zip(degrees, record["weights"], record["predicted"], colours, strict=True):
        left.plot(record["sigma"], curve, color=colour, lw=1.3, label=f"{theta:g}°")
        left.plot(place, level, "v", color=colour, ms=6, mec=COLOURS["ink"], mew=0.6)
    left.set(xscale="log", xlabel=r"noise level $\sigma$", title="weight of the true cluster", ylim=(0.48, 1.02))
    left.legend(fontsize=7, loc="lower left", handlelength=1, labelspacing=0.25)
    middle.plot(degrees, record["predicted"], color=COLOURS["theory"], label="predicted")
    middle.plot(degrees, record["measured"], "o", color=COLOURS["measured"], label="measured")
    middle.set(title=r"$\sigma$ at log-odds one", ylim=(0, 1.25))
    middle.legend(fontsize=8, loc="lower right")
    right.plot(degrees, record["success"], "o", color=COLOURS["network"])
    right.set(title="found by K-subspaces", ylim=(0, 1.05))
    for ax in (middle, right):
        ax.set(xlabel=r"principal angle $\theta$", xticks=(0, 30, 60, 90), xticklabels=["0°", "30°", "60°", "90°"])
    return fig

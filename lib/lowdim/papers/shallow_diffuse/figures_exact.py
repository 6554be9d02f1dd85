"""Figures of closed forms and of Gaussian pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lowdim.papers.shallow_diffuse.spectral import ATTACKS, BANDS
from lowdim.record import Record
from lowdim.style import BLUE, COLOURS, GREEN, PURPLE, VERMILLION, figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BAND_COLOURS = {"low": VERMILLION, "middle": GREEN, "nyquist": BLUE, "high": BLUE, "random": PURPLE}
BAND_NAMES = {"low": "low band", "middle": "middle band", "nyquist": "highest band", "high": "key's band"}


def draw_sphere(record: Record) -> Figure:
    """The typical length, its simulated quantile, the sharp bound and the printed one, for each rank and dimension."""
    fig, ax = figure(0.86, 0.5)
    labels = [f"$r={r}$\n$d={d}$" for r, d in record["shapes"]]
    styles = (
        (r"$\sqrt{r/d}$", "_", COLOURS["muted"]), ("simulated", "o", COLOURS["measured"]),
        (r"sharp bound", "v", COLOURS["theory"]), ("printed bound", "s", COLOURS["baseline"]),
    )  # fmt: skip
    for column, (name, marker, colour) in enumerate(styles):
        ax.plot(range(len(labels)), record["rows"][:, column], marker, color=colour, ms=8, label=name, ls="none")
    ax.axhline(1, color=COLOURS["muted"], lw=0.9, ls=":")
    ax.text(3.45, 1.04, "trivial", fontsize=8, color=COLOURS["muted"], ha="right")
    ax.set_xticks(range(len(labels)), labels)
    ax.set(yscale="log", ylim=(0.04, 2.4), xlim=(-0.5, 3.5), title=r"bounds on $\|Ju\|/L$")
    ax.legend(ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.2), handletextpad=0.1, columnspacing=1.2)
    return fig


def draw_one_step(record: Record) -> Figure:
    """What one step there and back loses: of the picture itself, and because of the mark."""
    fig, axes = figure(1.0, 0.72, ncols=2)
    times = record["times"] / 1000
    for column, (name, colour) in enumerate(
        (("without a mark", COLOURS["muted"]), ("added by it", COLOURS["measured"]))
    ):
        axes[0].plot(times, record["parts"][:, column], "o-", color=colour, label=name)
    axes[0].set(yscale="log", xlabel="$t/T$", title="error of one step there and back")
    axes[0].legend()
    axes[1].plot(times, record["ratios"], "o-", color=COLOURS["measured"])
    axes[1].axhline(1, color=COLOURS["theory"], lw=1.1)
    axes[1].text(times[-1], 0.8, "bound of Theorem 2", ha="right", va="top", fontsize=8.5)
    axes[1].set(yscale="log", ylim=(0.01, 2), xlabel="$t/T$", title="added error over its bound")
    return fig


def draw_gains(record: Record) -> Figure:
    """How much of a perturbation reaches the posterior mean of Gaussian pictures, by direction."""
    fig, ax = figure(0.78, 0.58)
    times = record["times"] / 1000
    for name in ("low", "random", "middle", "nyquist"):
        ax.plot(times, record[name], color=BAND_COLOURS[name], label=BAND_NAMES.get(name, "random directions"))
    ax.axvline(0.3, color=COLOURS["muted"], lw=0.9, ls=":")
    ax.set(yscale="log", ylim=(0.003, 1.3), xlabel="$t/T$", title=r"$\|J\,\Delta x\|/\|\Delta x\|$")
    ax.legend()
    return fig


def draw_null(record: Record) -> Figure:
    """The distribution of the printed p-value under white noise against the diagonal."""
    fig, ax = figure(0.6, 0.85)
    p = record["p"]
    share = (np.arange(len(p)) + 1) / len(p)
    pick = np.unique(np.geomspace(1, len(p), 300).astype(int)) - 1
    ax.plot([1e-3, 1], [1e-3, 1], color=COLOURS["theory"], lw=1.1, label="uniform")
    ax.plot(p[pick], share[pick], color=COLOURS["measured"], label="white noise")
    ax.set(xscale="log", yscale="log", xlim=(1e-3, 1), ylim=(1e-3, 1.2))
    ax.set(xlabel="p-value claimed", ylabel="share of draws below", title="a p-value that is none")
    ax.legend(loc="lower right")
    return fig


def draw_damping(record: Record) -> Figure:
    """What comes back of a direction after sampling and inversion, by its variance and the number of steps."""
    fig, ax = figure(0.72, 0.62)
    for i, steps in enumerate(record["steps"]):
        alpha = 0.35 + 0.65 * i / (len(record["steps"]) - 1)
        ax.plot(
            record["variances"], record["returned"][i], color=COLOURS["network"], alpha=alpha, label=f"{steps} steps"
        )
    ax.axhline(1, color=COLOURS["theory"], lw=1.1)
    ax.set(
        xscale="log",
        ylim=(0, 1.08),
        xlabel="variance of the data in the direction",
        title="share of a mark that returns",
    )
    ax.legend(title="of DDIM")
    return fig


def draw_gaussian_pictures(record: Record) -> Figure:
    """Distortion and separation of marks in Gaussian pictures, by level and band."""
    fig, axes = figure(1.0, 0.95, ncols=3)
    shares = record["shares"]
    for i, band in enumerate(BANDS):
        colour = BAND_COLOURS[band]
        axes[0].plot(shares, record["predicted"][i], color=COLOURS["theory"], lw=1.1)
        axes[0].plot(shares, record["psnr"][i], "o", color=colour, label=BAND_NAMES[band])
        for ax, k in ((axes[1], ATTACKS.index("noise")), (axes[2], ATTACKS.index("blur"))):
            ax.plot(shares, record["separation"][i, :, k], "o-", color=colour)
            ax.plot(shares, record["added"][i, :, k], "--", color=colour, lw=1, alpha=0.8)
    axes[0].set(title="distortion, PSNR (dB)", ylim=(5, 62))
    axes[0].legend(fontsize=7.5, loc="upper left")
    axes[1].set(title="$d'$ after noise", ylim=(0, None))
    axes[2].set(title="$d'$ after blur", ylim=(0, None))
    for ax in axes:
        ax.set(xlabel="$t^*/T$")
    return fig

"""Figures of exact denoisers of digits: noise from low to high, risk, linearity, moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lowdim.record import Record
from lowdim.style import COLOURS, figure, image_grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHADES = ("component_1", "component_2", "component_3", "component_4", "component_5")


def draw_high_noise(record: Record) -> Figure:
    """Distance of the remembering and the Gaussian denoiser against noise, with the line of the third moments."""
    fig, ax = figure(0.72, 0.6)
    ax.plot(record["sigmas"], record["line"], color=COLOURS["theory"], label=r"$\|T\|_F/(\sqrt{2d}\,\sigma^2)$")
    ax.plot(record["sigmas"], record["root"], "o", color=COLOURS["measured"], label="measured")
    ax.set(xscale="log", yscale="log", xlabel=r"$\sigma$", ylim=(1e-5, 2))
    ax.set_title(r"distance of $\mathcal{D}_M$ and $\mathcal{D}_G$, root mean square")
    ax.legend()
    return fig


def draw_low_noise(record: Record) -> Figure:
    """Distance of the Gaussian denoiser from the identity as the noise vanishes."""
    fig, ax = figure(0.72, 0.6)
    for i, size in enumerate(record["sizes"]):
        ax.axhline(max(record["limits"][i], 1e-9), color=COLOURS["theory"], lw=1)
        ax.plot(record["sigmas"], record["curves"][i], "o-", ms=4, lw=1, color=COLOURS[SHADES[i]], label=f"$N={size}$")
    ax.plot([], [], color=COLOURS["theory"], lw=1, label="off the span of the training set")
    ax.set(xscale="log", yscale="log", xlabel=r"$\sigma$", title="RMSE(identity, Gaussian denoiser), new digits")
    ax.set_ylim(2e-4, 2)
    ax.legend(fontsize=7.5, loc="lower right", labelspacing=0.25, bbox_to_anchor=(1, 0.07))
    return fig


def draw_risk(record: Record) -> Figure:
    """Training and held-out error of the remembering and of the Gaussian denoiser."""
    fig, ax = figure(0.85, 0.62)
    for kind, style, face in (("train", "--", "none"), ("test", "-", None)):
        where = "training digits" if kind == "train" else "new digits"
        ax.plot(record["fine"], record[f"gauss_{kind}_line"], color=COLOURS["theory"], lw=1.1, ls=style)
        ax.plot(
            record["sigmas"],
            record[f"gauss_{kind}"],
            "o",
            mfc=face,
            color=COLOURS["gaussian"],
            label=rf"$\mathcal{{D}}_G$, {where}",
        )
        ax.plot(
            record["sigmas"],
            record[f"exact_{kind}"],
            "s" + style,
            ms=4,
            lw=1,
            mfc=face,
            color=COLOURS["empirical"],
            label=rf"$\mathcal{{D}}_M$, {where}",
        )
    ax.axhline(record["nearest"], color=COLOURS["theory"], lw=0.9, ls=":")
    ax.text(10, record["nearest"] * 1.1, "to the nearest training digit", fontsize=8, ha="right")
    ax.plot([], [], color=COLOURS["theory"], lw=1.1, label="closed form")
    ax.set(xscale="log", yscale="log", xlabel=r"$\sigma$", title="squared error", ylim=(1e-3, 60))
    ax.legend(fontsize=7.5, loc="lower right")
    return fig


def draw_linearity(record: Record) -> Figure:
    """Linearity scores of exact denoisers, as the paper defines them and centred."""
    fig, (left, right) = figure(1.0, 0.78, ncols=2)
    sigmas = record["sigmas"]
    curves = (
        ("raw", COLOURS["gaussian"], "o", r"$\mathcal{D}_G$"),
        ("raw_few", COLOURS["empirical"], "s", r"$\mathcal{D}_M$ of 20 digits"),
    )
    right.plot(sigmas, record["line"], color=COLOURS["theory"], lw=1.1, label="offset, closed form")
    for ax, row in ((left, 0), (right, 1)):
        for key, colour, marker, name in curves:
            ax.plot(sigmas, record[key][row], marker, ms=4, color=colour, label=f"{name}, as published")
            centred = record[key.replace("raw", "centred")][row]
            ax.plot(sigmas, centred, marker + "-", ms=4, mfc="none", lw=1, color=colour, label=f"{name}, centred")
        ax.set(xscale="log", xlabel=r"$\sigma$")
    left.set(title="cosine score", ylim=(0.5, 1.03))
    right.set(title="defect (NMSE score)", ylim=(-0.03, None))
    left.legend(fontsize=7.5, loc="lower right")
    right.legend(fontsize=7.5, handles=right.get_legend_handles_labels()[0][:1], loc="upper right")
    return fig


def draw_moments(record: Record) -> Figure:
    """Cosine of Gaussian samples from the same noise with the moments of disjoint sets."""
    fig, ax = figure(0.72, 0.58)
    sizes, measured = record["sizes"], record["measured"]
    ax.plot(sizes, record["predicted"].mean(1), color=COLOURS["theory"], label="closed form of the two covariances")
    ax.plot(np.repeat(sizes, measured.shape[1]), measured.ravel(), ".", ms=4, color=COLOURS["measured"], alpha=0.45)
    ax.plot(sizes, measured.mean(1), "o", color=COLOURS["measured"], label="measured, mean over pairs of sets")
    ax.set(xscale="log", xlabel="digits in each set, $N$", title="centred cosine of samples", ylim=(0, 1.03))
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.legend(loc="lower right")
    return fig


def draw_moments_samples(record: Record) -> Figure:
    """Gaussian samples from the same noise, in pairs of rows from disjoint sets of the same size."""
    names = [f"$N={size}$" if half == 0 else "other set" for size in (8, 32, 128, 512) for half in (0, 1)]
    return image_grid(record["samples"], row_labels=names, width=0.8)

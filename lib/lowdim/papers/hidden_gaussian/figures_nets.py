"""Figures of networks trained on digits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lowdim.record import Record
from lowdim.style import COLOURS, figure, image_grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEW, MANY = COLOURS["component_6"], COLOURS["network"]
FEW_NAME, MANY_NAME = "trained on 40 digits", "on 1500"


def draw_closeness(record: Record) -> Figure:
    """Distance of the networks to the Gaussian denoiser and to the denoiser of their training set."""
    fig, axes = figure(1.0, 0.78, ncols=2, sharey=True)
    panels = ((axes[0], slice(0, 2), FEW_NAME), (axes[1], slice(4, 5), "trained on 1500 digits"))
    for i, (ax, members, name) in enumerate(panels):
        ax.plot(record["sigmas"], record["between"][i], color=COLOURS["theory"], lw=1.1, label="between the two, exact")
        for key, colour, label in (
            ("to_gaussian", COLOURS["gaussian"], r"to the Gaussian $\mathcal{D}_G$"),
            ("to_set", COLOURS["empirical"], r"to the remembering $\mathcal{D}_M$"),
        ):
            ax.plot(record["sigmas"], record[key][-1, members].mean(0), "o-", color=colour, label=label)
        ax.set(xscale="log", xlabel=r"$\sigma$", ylim=(0, None))
        ax.set_title(f"RMSE of nets {name}" if name == FEW_NAME else name)
    axes[0].legend(fontsize=7.5, loc="lower left")
    return fig


def draw_nets_linearity(record: Record) -> Figure:
    """Centred linearity score of the networks against noise."""
    fig, ax = figure(0.72, 0.58)
    ax.axhline(1.0, color=COLOURS["theory"], lw=1.1, label="an affine denoiser")
    for members, colour, label in ((slice(0, 2), FEW, FEW_NAME), (slice(4, 5), MANY, MANY_NAME)):
        ax.plot(record["sigmas"], record["linearity"][members].mean(0), "o-", color=colour, label=label)
    ax.plot(record["sigmas"], record["linearity_remembered"], color=COLOURS["empirical"], label="remembers 40, exact")
    ax.set(xscale="log", xlabel=r"$\sigma$", title="centred linearity score, new digits", ylim=(None, 1.02))
    ax.legend(loc="lower right")
    return fig


def draw_early(record: Record) -> Figure:
    """Distance to the Gaussian denoiser and agreement of two networks over training."""
    fig, (left, right) = figure(1.0, 0.78, ncols=2)
    at = int(np.argmin(np.abs(record["sigmas"] - 0.6)))
    for members, pair, colour, label in ((slice(0, 2), 0, FEW, "40 digits"), (slice(2, 4), 1, MANY, "750 digits")):
        left.plot(record["steps"], record["to_gaussian"][:, members, at].mean(1), "o-", color=colour, label=label)
        right.plot(record["steps"], record["agreement"][pair], "o-", color=colour, label=label)
    left.set(xscale="log", xlabel="step", title=r"RMSE to the Gaussian denoiser, $\sigma=0.6$", ylim=(0, None))
    right.set(xscale="log", xlabel="step", title="cosine of samples, disjoint sets", ylim=(0, 1.03))
    right.axhline(1.0, color=COLOURS["theory"], lw=1)
    left.legend(loc="lower left")
    right.legend(loc="lower left")
    return fig


def draw_nets_risk(record: Record) -> Figure:
    """Training and held-out error of network, Gaussian and remembering denoiser, relative to the Gaussian one."""
    fig, axes = figure(1.0, 0.82, ncols=2, sharey=True)
    names = (("network", "network"), ("gaussian", r"$\mathcal{D}_G$"), ("empirical", r"$\mathcal{D}_M$"))
    for i, (ax, size) in enumerate(zip(axes, (40, 750), strict=True)):
        for j, (colour, name) in enumerate(names):
            for law, style, where in ((0, "--", "training"), (1, "o-", "new")):
                ax.plot(
                    record["sigmas"],
                    record["risk"][i, j, law],
                    style,
                    ms=4,
                    lw=1.2,
                    color=COLOURS[colour],
                    label=f"{name}, {where}",
                )
        ax.set(xscale="log", yscale="log", xlabel=r"$\sigma$", ylim=(0.03, 60))
        ax.set_title(f"squared error, $N={size}$" if i == 0 else f"$N={size}$")
    axes[1].legend(fontsize=7.5, loc="lower right")
    return fig


def draw_halves(record: Record) -> Figure:
    """Samples of networks on disjoint sets from the same noise."""
    names = (
        f"40, step {int(record['early_step'])}",
        "other 40",
        "40, end",
        "other 40",
        "750, end",
        "other 750",
        "Gaussian of 750",
    )
    return image_grid(record["samples"], row_labels=names, width=0.85)


def draw_capacity(record: Record) -> Figure:
    """Narrow and wide networks on 40 digits over training."""
    fig, (left, right) = figure(1.0, 0.78, ncols=2)
    at = int(np.argmin(np.abs(record["sigmas"] - 0.6)))
    for i, colour in enumerate((COLOURS["component_4"], FEW)):
        label = f"width {record['widths'][i]}"
        left.plot(record["steps"], record["to_gaussian"][i, :, at], "o-", color=colour, label=label)
        right.plot(record["steps"], record["agreement"][i], "o-", color=colour, label=label)
    left.set(xscale="log", xlabel="step", title=r"RMSE to the Gaussian denoiser, $\sigma=0.6$", ylim=(0, None))
    right.set(xscale="log", xlabel="step", title="cosine of samples, disjoint sets", ylim=(0, 1.03))
    right.axhline(1.0, color=COLOURS["theory"], lw=1)
    left.legend(loc="lower left")
    return fig


def draw_noise_law(record: Record) -> Figure:
    """Distance to the Gaussian denoiser for two laws of noise levels in training, and the laws."""
    fig, ax = figure(0.8, 0.6)
    names = ("usual law", "law that covers the range")
    shade = ax.twinx()
    fine = np.geomspace(0.05, 100, 200)
    for i, colour in enumerate((COLOURS["component_6"], COLOURS["network"])):
        ax.plot(record["sigmas"], record["rmse"][i], "o-", color=colour, label=names[i])
        mean, spread = record["laws"][i]
        density = np.exp(-((np.log(fine) - mean) ** 2) / (2 * spread**2)) / spread
        shade.fill_between(fine, density, color=colour, alpha=0.12, lw=0)
    shade.set(yticks=[], ylim=(0, 2.4))
    shade.grid(False)
    shade.spines[:].set_visible(False)
    ax.set(xscale="log", xlabel=r"$\sigma$", title="RMSE to the Gaussian denoiser, 1500 digits", ylim=(0, None))
    ax.legend(loc="upper center")
    return fig

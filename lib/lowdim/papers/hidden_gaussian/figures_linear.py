"""Figures of the linear denoiser: descent, sampling, distillation, the family in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lowdim.record import Record
from lowdim.style import COLOURS, figure, image_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHADES = ("component_1", "component_2", "component_3", "component_4", "component_5")


def draw_best_linear(record: Record) -> Figure:
    """Decay of the error of principal components under gradient descent, and measured rates on predicted ones."""
    fig, (left, right) = figure(1.0, 0.78, ncols=2)
    decay, steps = record["decay"], np.arange(len(record["decay"]))
    every = np.unique(np.geomspace(1, len(steps) - 1, 14).round().astype(int))
    for i, (mode, rate) in enumerate(zip(record["decay_modes"], record["decay_rates"], strict=True)):
        line = (1 - rate) ** steps.astype(float)
        left.plot(steps[line > 1e-7], line[line > 1e-7], color=COLOURS["theory"], lw=1.1)
        shown = every[decay[every, i] > 1e-7]
        left.plot(shown, decay[shown, i], "o", ms=4, color=COLOURS[SHADES[i]], label=f"component {mode + 1}")
    left.set(xscale="log", yscale="log", ylim=(1e-7, 3), xlim=(0.9, 4e3), xlabel="step", title="error left")
    left.legend(fontsize=7.5, loc="upper right")
    predicted, measured = record["rates_predicted"], record["rates_measured"]
    right.plot(predicted, predicted, color=COLOURS["theory"], lw=1.1, label=r"$2\eta(\lambda_i+\sigma^2)$")
    right.plot(predicted, measured, "o", ms=3.5, color=COLOURS["measured"], label="measured")
    right.set(xlabel="predicted", title="share of the error lost in a step", xlim=(0, 1), ylim=(0, 1))
    right.legend()
    return fig


def draw_gaussian_flow(record: Record) -> Figure:
    """When components are decided along the sampling path, and how many pass at each level."""
    fig, (left, right) = figure(1.0, 0.78, ncols=2)
    levels, fine = record["levels"], np.geomspace(0.002, 80, 300)
    for i, mode in enumerate(record["shown"]):
        variance = record["eigenvalues"][mode]
        left.plot(fine, variance / (variance + fine**2), color=COLOURS["theory"], lw=1.1)
        left.plot(
            levels[::6], record["share"][::6, i], "o", ms=3.5, color=COLOURS[SHADES[i]], label=f"component {mode + 1}"
        )
        left.axvline(variance**0.5, color=COLOURS[SHADES[i]], lw=0.8, ls=":")
    left.axhline(0.5, color=COLOURS["muted"], lw=0.8, ls=":")
    left.set(
        xscale="log", xlim=(80, 0.01), xlabel=r"$\sigma$", title="share of a component decided", ylim=(-0.02, 1.04)
    )
    left.legend(fontsize=7.5, loc="lower right")
    right.plot(levels, record["active"], color=COLOURS["gaussian"], label="digits, $d=64$")
    right.plot(levels, record["face_active"], color=COLOURS["network"], label="faces, $d=768$")
    right.set(xscale="log", yscale="log", xlim=(80, 0.01), ylim=(0.01, 800), xlabel=r"$\sigma$")
    right.set_title(r"components that pass, $\mathrm{tr}\,W^\star$")
    right.legend(loc="lower right")
    return fig


def draw_coarse_to_fine(record: Record) -> Figure:
    """The Gaussian model of faces on its way from noise: what it has decided at each level."""
    labels = [
        rf"$\sigma={sigma:g}$" + f"\n{count:.1f} active"
        if count < 10
        else rf"$\sigma={sigma:g}$" + f"\n{count:.0f} active"
        for sigma, count in zip(record["strip_levels"], record["strip_active"], strict=True)
    ]
    rows = np.concatenate([record["strip_noisy"][None], record["strip_denoised"]])
    names = ("path, scaled", "denoised", "another", "a third")
    return image_grid(rows, row_labels=names, column_labels=labels)


def draw_distillation(record: Record) -> Figure:
    """Weight error of the affine fit to the denoiser of a training set, on its own images and on others."""
    fig, ax = figure(0.9, 0.6)
    for i, size in enumerate(record["sizes"]):
        colour = COLOURS[SHADES[i]]
        ax.plot(
            record["sigmas"], record["off_set"][i], "o-", lw=1.2, color=colour, label=f"$N={size}$, on held-out digits"
        )
        ax.plot(
            record["sigmas"],
            record["on_set"][i],
            "s",
            ms=4.5,
            mfc="none",
            color=colour,
            label=f"$N={size}$, on its own digits",
        )
        ax.plot(record["sigmas"], record["floor"][i], color=COLOURS["theory"], lw=0.9, ls="--")
    ax.plot([], [], color=COLOURS["theory"], lw=0.9, ls="--", label="expected sampling error")
    ax.set(xscale="log", yscale="log", xlabel=r"$\sigma$", title=r"$\|W_L-W_G\|_F^2\,/\,\|W_G\|_F^2$", ylim=(None, 3))
    ax.legend(fontsize=7.5, ncols=1, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return fig


def draw_molrg(record: Record) -> Figure:
    """The exact denoiser of a mixture of subspaces along one direction with its affine fit; the cost of linearity."""
    fig, (left, right) = figure(1.0, 0.78, ncols=2)
    x = np.linspace(record["input"].min(), record["input"].max(), 2)
    left.plot(record["input"], record["exact"], ".", ms=4, color=COLOURS["exact"], label="exact denoiser")
    left.plot(x, record["slope"] * x, color=COLOURS["measured"], lw=3.2, alpha=0.6, label="best affine fit")
    left.plot(x, record["slope_theory"] * x, color=COLOURS["theory"], lw=1.1, label="Gaussian denoiser")
    left.set(xlabel=r"$u^Ty$", title=r"$u^T\mathcal{D}(y)$ along one direction, $\sigma=0.7$")
    left.legend(fontsize=7.5)
    right.plot(
        record["sigmas"], record["gaussian_risk"], color=COLOURS["theory"], lw=1.2, label="Gaussian, closed form"
    )
    right.plot(record["sigmas"], record["exact_risk"], "o-", ms=3.5, lw=1, color=COLOURS["exact"], label="exact")
    gap = record["gaussian_risk"] - record["exact_risk"]
    right.fill_between(
        record["sigmas"], record["exact_risk"], record["gaussian_risk"], color=COLOURS["exact"], alpha=0.15
    )
    best = int(gap.argmax())
    right.axvline(record["sigmas"][best], color=COLOURS["muted"], lw=0.9, ls=":")
    right.text(record["sigmas"][best] * 1.06, 0.15, "largest gap", color=COLOURS["muted"], fontsize=8.5)
    right.set(xscale="log", xlabel=r"$\sigma$", title="squared error", ylim=(0, None))
    right.legend(fontsize=7.5, loc="upper left")
    return fig


def draw_smoothed(record: Record) -> Figure:
    """Held-out error over the dial; distillation error that does not move."""
    fig, (left, right) = figure(1.0, 0.78, ncols=2)
    for i, sigma in enumerate(record["risk_sigmas"]):
        best = int(record["held_out"][i].argmin())
        scale = record["held_out"][i, -1]
        left.plot(
            record["risk_dial"],
            record["held_out"][i] / scale,
            "o-",
            ms=3.5,
            lw=1.2,
            color=COLOURS[SHADES[i]],
            label=rf"new digits, $\sigma={sigma:g}$",
        )
        left.plot(record["risk_dial"], record["own"][i] / scale, "--", lw=1.0, color=COLOURS[SHADES[i]])
        left.plot(
            record["risk_dial"][best], record["held_out"][i, best] / scale, "D", ms=7, mfc="none", color=COLOURS["ink"]
        )
    left.plot([], [], "--", lw=1, color=COLOURS["muted"], label="training digits")
    left.set(xlabel=r"$h$: remembers (0) to Gaussian (1)", title="error over that of the Gaussian", ylim=(0, 2.6))
    left.legend(fontsize=7.5, loc="upper right")
    _draw_dial_errors(right, record)
    return fig


def _draw_dial_errors(ax: Axes, record: Record) -> None:
    inside = record["dial"] < 1  # at 1 the member is affine and the fit exact
    for i, (sigma, own, other) in enumerate(zip((0.3, 1.0), record["errors"], record["errors_off"], strict=True)):
        name, colour = rf"$\sigma={sigma:g}$", COLOURS[SHADES[i]]
        ax.plot(record["dial"][inside], other[inside], "o-", ms=4, lw=1.2, color=colour, label=f"{name}, new digits")
        ax.plot(record["dial"][inside], own[inside], "s", ms=4, mfc="none", color=colour, label=f"{name}, its own law")
    ax.set(yscale="log", xlabel="$h$", xlim=(-0.04, 1.04), ylim=(3e-5, 9))
    ax.set_title(r"$\|W_L-W_G\|_F^2\,/\,\|W_G\|_F^2$")
    ax.legend(fontsize=7.5, ncols=2, loc="upper center")


def draw_smoothed_samples(record: Record) -> Figure:
    """Samples from the same noise along the dial."""
    labels = [f"$h={h:g}$" for h in record["dial"]]
    return image_grid(
        record["samples"], column_labels=labels, row_labels=[f"noise {i}" for i in range(1, 5)], width=0.75
    )

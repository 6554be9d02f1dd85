"""Figures of the solvers: steps that are allowed, monotone decrease, convergence and damping."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lowdim.record import Record
from lowdim.style import COLOURS, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOOKS = {
    "gradient": ("gradient descent", COLOURS["baseline"], "-"),
    "published": ("published schedule", COLOURS["component_2"], "-"),
    "linear": (r"preconditioned, $\eta$: 1 to 0", COLOURS["component_5"], "--"),
    "preconditioned": (r"preconditioned, $\eta=1$", COLOURS["network"], "-"),
    "accelerated": ("with momentum", COLOURS["measured"], "-"),
}


def draw_step_range(record: Record) -> Figure:
    """Change of the loss over the step size, formula and measurement, without and with damping."""
    fig, ax = figure(0.66, 0.66)
    for name, colour in (("undamped", "network"), ("damped", "gaussian")):
        ax.plot(record["etas"], record[f"{name}-formula"], color=COLOURS["theory"], lw=1.1)
        label = r"$\delta=0$" if name == "undamped" else r"$\delta=0.3\,\lambda_{\max}$"
        ax.plot(record["etas"][::3], record[name][::3], "o", color=COLOURS[colour], label=label)
    ax.axhline(0, color=COLOURS["muted"], lw=0.8)
    ax.axvline(2, color=COLOURS["muted"], lw=0.8, ls=":")
    ax.axvline(1, color=COLOURS["muted"], lw=0.8, ls=":")
    ax.set(xlabel=r"step size $\eta$", title="relative change of the loss", xticks=[0, 0.5, 1, 1.5, 2])
    ax.legend(loc="upper left")
    return fig


def draw_monotone(record: Record) -> Figure:
    """The loss after every update of gradient descent."""
    fig, ax = figure(0.66, 0.66)
    path = record["path"] / record["path"][0]
    sweeps = np.arange(1, len(path) + 1) / 3
    ax.plot(sweeps, path[:, 1], color=COLOURS["muted"], label="Gaussian matrix")
    ax.plot(sweeps, path[:, 0], color=COLOURS["measured"], label="matrix of rank 8")
    ax.set(yscale="log", xlabel="sweep", title="loss after every update, over the first")
    ax.legend(loc="lower left")
    return fig


def _curves(ax: Axes, record: Record) -> None:
    for name, (label, colour, dash) in LOOKS.items():
        errors = np.maximum(record[name].mean(1), 1e-17)
        ax.plot(np.arange(1, len(errors) + 1), errors, color=colour, ls=dash, label=label, lw=1.5)
    ax.set(yscale="log", xlabel="sweep")


def _conditions(ax: Axes, record: Record) -> None:
    step, plain, damped = record["conditions"].T
    ax.plot(step, plain, color=COLOURS["baseline"], label=r"$\lambda_{\max}/\lambda_{\min}$")
    ax.plot(step, damped, color=COLOURS["network"], label="preconditioned")
    ax.set(yscale="log", xlabel="sweep", title="condition of the blocks", ylim=(0.6, None))
    ax.legend(loc="best")


def draw_exact_rank(record: Record) -> Figure:
    """Errors over the sweeps at the right rank, and the condition of the blocks."""
    fig, (left, right) = figure(1.0, 0.9, ncols=2)
    _curves(left, record)
    left.set(title="relative error, $r=r^*=8$")
    _conditions(right, record)
    fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig


def draw_surplus_rank(record: Record) -> Figure:
    """Errors over the sweeps with surplus rank, and the condition of the blocks."""
    fig, (left, right) = figure(1.0, 0.9, ncols=2)
    _curves(left, record)
    left.set(title="relative error, $r=32$, $r^*=8$")
    _conditions(right, record)
    fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig


def draw_damping(record: Record) -> Figure:
    """The error after the sweeps over the damping, from two starts."""
    fig, ax = figure(0.66, 0.66)
    ax.plot(record["damping"], record["small"], "o-", color=COLOURS["measured"], label="small start, as published")
    ax.plot(record["few"], record["random"], "s-", color=COLOURS["network"], label="start of full size")
    ax.axvline(0.1, color=COLOURS["muted"], lw=0.8, ls=":")
    ax.set(xscale="log", yscale="log", xlabel=r"damping $\delta_0$", title="relative error after the sweeps")
    ax.legend()
    return fig

"""Figures of runs: over-fitting, inputs, the methods side by side, tasks, levels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lowdim.metrics.images import psnr, ssim
from lowdim.papers.udig_dip.figures_exact import ASEQ, DIP, UDIG
from lowdim.papers.udig_dip.noisy import RUNS as NOISY
from lowdim.papers.udig_dip.runs import METHODS
from lowdim.papers.udig_dip.scans import TITLES
from lowdim.record import Record
from lowdim.style import COLOURS, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINES = {
    "dip": (DIP, "-"),
    "reference": (DIP, ":"),
    "self-guided": (COLOURS["exact"], "-"),
    "input": (COLOURS["baseline"], "-"),
    "aseq": (ASEQ, "-"),
    "udig": (UDIG, "-"),
}
"""Colour and style of each method."""
RAMP = ("#0b2f57", "#0b5cad", "#349be6", "#8cc4ee")


def draw_overfitting(record: Record) -> Figure:
    """PSNR and residual on noisy phantoms: DIP, with a reference, guided by itself, and the sequential scheme with and
    without its term.
    """
    fig, (left, right) = figure(1.0, 0.85, ncols=2)
    runs = {"dip": METHODS["dip"], "reference": METHODS["reference"], "self-guided": METHODS["self-guided"],
            "off": r"sequential, $\lambda=0$", "on": r"sequential, $\lambda=1$"}  # fmt: skip
    lines = LINES | {"off": (COLOURS["baseline"], "-"), "on": LINES["aseq"]}
    for key, label in runs.items():
        _curve(left, right, record, key, label, *lines[key])
    _finish(left, right, legend=False)
    _legend_below(fig, left, 3)
    return fig


def draw_noisy(record: Record) -> Figure:
    """PSNR and residual on noisy phantoms: DIP, and uDiG-DIP with three choices of its weight and level. The first
    round is left out: there the networks that start at the measurement still return it.
    """
    fig, (left, right) = figure(1.0, 0.85, ncols=2)
    runs = {"dip": (DIP, "-"), "udig": (UDIG, "-"), "uncut": (COLOURS["gaussian"], "--"), "held": (ASEQ, "-.")}
    for key, (colour, style) in runs.items():
        for ax, what in ((left, "psnr"), (right, "residual")):
            values = record[f"{what}-{key}"].mean(1)
            ax.plot(record["updates"][1:], values[1:], style, color=colour, label=NOISY[key])
    _finish(left, right, legend=False)
    for ax in (left, right):
        ax.set_xscale("log")
    _legend_below(fig, left, 4)
    return fig


def draw_inputs(record: Record) -> Figure:
    """PSNR against the updates for inputs at several distances from the image."""
    fig, (left, right) = figure(1.0, 0.78, ncols=2)
    names = [f"{level:g}" for level in record["levels"]]
    for name, colour in zip(names, RAMP, strict=False):
        _curve(left, right, record, name, f"image + {name} noise", colour, "-")
    _curve(left, right, record, "noise", "noise", DIP, "-")
    _finish(left, right)
    return fig


def draw_methods(record: Record) -> Figure:
    """PSNR and residual of every method against the updates, with the point where the noise is reached."""
    fig, (left, right) = figure(1.0, 0.85, ncols=2)
    for key, name in METHODS.items():
        _curve(left, right, record, key, name, *LINES[key])
    _finish(left, right, legend=False)
    _legend_below(fig, left, 3)
    return fig


def draw_images(record: Record) -> Figure:
    """The first image, the results and the truth above their errors."""
    names = ["zero-filled", *(str(name) for name in record["names"]), "truth"]
    pictures = np.stack([record["start"], *record["images"], record["x"]])
    truth = _magnitude(record["x"])
    fig, axes = figure(1.0, 1.0, nrows=2, ncols=len(names))
    fig.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0.0, hspace=0.0)
    for column, (name, picture) in enumerate(zip(names, pictures, strict=True)):
        found = _magnitude(picture)
        error = np.abs(found - truth)
        score = "" if name == "truth" else f"\n{_quality(found, truth)}"
        axes[0, column].imshow(found, cmap="gray", vmin=0, vmax=1)
        axes[0, column].set_title(name + score, loc="center", fontsize=8.5, fontweight="normal")
        axes[1, column].imshow(5 * error, cmap="gray", vmin=0, vmax=1)
    axes[1, 0].set_ylabel("error × 5")
    axes[1, -1].set_visible(False)
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
    return fig


def input_frames(record: Record) -> Iterator[tuple[str, Figure]]:
    """Input and output of uDiG-DIP's network, round by round, beside the truth."""
    truth = _magnitude(record["x"])
    fig, axes = figure(1.0, 1.12, ncols=3)
    fig.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0.0, hspace=0.0)
    size = truth.shape[0]  # of the axes, also where the frames are kept with fewer pixels
    shown = [ax.imshow(truth, cmap="gray", vmin=0, vmax=1, extent=(0, size, size, 0)) for ax in axes]
    for ax, title in zip(axes, ("input $z$", "output $f_\\theta(z)$", "truth"), strict=True):
        ax.set_title(title, loc="center", fontsize=9, fontweight="normal")
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
    for k, (z, found) in zip(record["rounds"], record["frames"].astype(float), strict=True):
        shown[0].set_data(z)
        shown[1].set_data(found)
        yield f"round {k}", fig


def draw_tasks(record: Record) -> Figure:
    """Final PSNR of every method on every task, with intervals and costs; open marks: the best on the way."""
    updates, evaluations = (record[name][0, :, 0].astype(int) for name in ("updates", "evaluations"))
    costs = [f"{u} + {d}" if u else str(d) for u, d in zip(updates, evaluations, strict=True)]
    labels = [f"{name}  ({cost})" for name, cost in zip(record["names"], costs, strict=True)]
    return _table(record, labels, record["psnr"], record["best"], record["width"])


def draw_mismatch(record: Record) -> Figure:
    """Final PSNR on phantoms and on brain slices."""
    names = [str(name) for name in record["brains-names"]]
    tasks = [str(task) for task in record["brains-tasks"]]
    fig, axes = figure(1.0, 0.42 * len(tasks), ncols=len(tasks), sharey=True, squeeze=False)
    pairs = np.stack([record["brains-phantoms"], record["brains-psnr"]], 1).mean(-1)
    for ax, task, pair in zip(axes[0], tasks, pairs, strict=True):
        for row, (known, new) in enumerate(pair.T):
            ax.plot([known, new], [row, row], color=COLOURS["muted"], lw=1.2)
            ax.plot(known, row, "o", color=UDIG, label="phantoms" if row == 0 else None)
            ax.plot(new, row, "s", color=ASEQ, label="brain slices" if row == 0 else None)
        ax.set(title=TITLES[task], xlabel="PSNR, dB", yticks=range(len(names)), yticklabels=names)
    axes[0, 0].invert_yaxis()
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return fig


def draw_levels(record: Record) -> Figure:
    """PSNR against the level of purification."""
    fig, ax = figure(0.72, 0.62)
    levels = record["levels"]
    ax.plot(levels, record["fixed"].mean(1), "o-", color=UDIG, label=r"one level, $\lambda=\sigma_y^2/\tau^2$")
    ax.plot(levels, record["pulled"].mean(1), "o--", color=COLOURS["gaussian"], label=r"one level, $\lambda=0.1$")
    ax.axhline(record["annealed"].mean(), color=UDIG, lw=1.2, ls=":", label="falling levels")
    ax.axhline(record["aseq"].mean(), color=ASEQ, lw=1.4, label=r"aSeqDIP, $\lambda=0.1$")
    ax.set(xscale="log", xlabel=r"level of purification $\tau$", ylabel="PSNR, dB")
    ax.legend(fontsize=8)
    return fig


def _curve(left: Axes, right: Axes, record: Record, key: str, label: str, colour: str, style: str) -> None:
    """A run in both panels: PSNR, and the residual; a ring where the residual reaches the noise."""
    psnr, residual = record[f"psnr-{key}"].mean(1), record[f"residual-{key}"].mean(1)
    updates = record["updates"]
    left.plot(updates, psnr, color=colour, ls=style, label=label)
    right.plot(updates, residual, color=colour, ls=style)
    down = np.flatnonzero(residual <= 1)
    if down.size:
        for ax, values in ((left, psnr), (right, residual)):
            ax.plot(updates[down[0]], values[down[0]], "o", color=colour, mfc=COLOURS["card"], ms=6, mew=1.5, zorder=5)


def _finish(left: Axes, right: Axes, *, legend: bool = True) -> None:
    left.set(xlabel="updates", title="PSNR, dB")
    right.axhline(1, color=COLOURS["theory"], lw=1)
    right.set(xlabel="updates", title=r"residual over $\sigma_y\sqrt{m}$", yscale="log")
    if legend:
        left.legend(fontsize=8)


def _legend_below(fig: Figure, ax: Axes, columns: int) -> None:
    """One legend for both panels, below them."""
    fig.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=columns)


def _table(record: Record, labels: list[str], last: Any, best: Any, width: Any) -> Figure:
    names = [str(name) for name in record["names"]]
    tasks = [str(task) for task in record["tasks"]]
    columns = len(tasks) if len(tasks) <= 4 else 3
    lines = -(-len(tasks) // columns)
    fig, axes = figure(1.0, 0.5 * columns, nrows=lines, ncols=columns, sharey=True, squeeze=False)
    trained = record["updates"][0, :, 0] > 0
    for ax, task, scores, tops, half in zip(axes.flat, tasks, last, best, width, strict=False):
        rows = np.arange(len(names))
        colours = [UDIG if name == "uDiG-DIP" else COLOURS["muted"] for name in names]
        for row, colour in zip(rows, colours, strict=True):
            ax.errorbar(scores[row].mean(), row, xerr=half[row], fmt="o", color=colour, ms=5, lw=1.2)
            if trained[row]:
                ax.plot(tops[row].mean(), row, "o", color=colour, mfc="none", ms=8)
        ax.set(title=TITLES[task], xlabel="PSNR, dB", yticks=rows, yticklabels=labels)
    for ax in axes.flat[len(tasks) :]:
        ax.set_visible(False)
    axes[0, 0].invert_yaxis()
    return fig


def _quality(found: Any, truth: Any) -> str:
    """PSNR and SSIM of one magnitude on the range [0, 1]."""
    x, x0 = (torch.as_tensor(picture)[None, None] for picture in (found, truth))
    return f"{float(psnr(x, x0, (0.0, 1.0))):.1f} dB, {float(ssim(x, x0, (0.0, 1.0))):.2f}"


def _magnitude(picture: Any) -> Any:
    return np.hypot(*picture) if len(picture) == 2 else picture[0]

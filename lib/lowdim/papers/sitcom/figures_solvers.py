"""Figures that compare solvers, stopping rules and noise levels; runs on amplitudes; images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lowdim.papers.sitcom.figures_exact import INPUT, OUTPUT
from lowdim.record import Record
from lowdim.style import COLOURS, figure, image_grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABELS = {
    "super-resolution": "super-\nresolution", "box-inpainting": "box", "random-inpainting": "random",
    "gaussian-blur": "blur", "motion-blur": "motion", "phase-retrieval": "amplitudes",
    "nonuniform-blur": "uneven\nblur", "dynamic-range": "clipped",
}  # fmt: skip
"""Short names of the eight tasks."""


def draw_budget(record: Record) -> Figure:
    """Loss against the best possible estimate, over evaluations of the denoiser: one panel for each prior."""
    names = [str(name) for name in record["methods"]]
    gap = (record["psnr"].mean(2)[:, :1] - record["psnr"].mean(2)).reshape(3, 4, -1).mean(1)
    cost = record["evaluations"].reshape(3, 4, -1).mean(1)
    fig, axes = figure(1.0, 1.25, ncols=3, sharey=True)
    dps = [k for k, name in enumerate(names) if name.startswith("DPS")]
    marks = {"SITCOM": ("o", INPUT, "SITCOM"), "SITCOM, half the levels": ("o", INPUT, ""),
             "SITCOM, closeness": ("D", "gaussian", "with closeness"), "DAPS": ("^", "network", "DAPS"),
             "output repair": ("s", OUTPUT, "output repair"),
             "output repair, ten times the steps": ("s", OUTPUT, "")}  # fmt: skip
    for ax, title, y, x in zip(axes, ("smooth", "shapes", "subspaces"), gap, cost, strict=True):
        ax.plot(x[dps], y[dps], "x-", color=COLOURS["data"], label="DPS, tuned", ms=6)
        for name, (mark, colour, label) in marks.items():
            k = names.index(name)
            face = "none" if not label else COLOURS[colour]
            ax.plot(x[k], y[k], mark, color=COLOURS[colour], mfc=face, ms=6.5, label=label or None)
        ax.set(xscale="log", title=title, xlabel="evaluations", ylim=(max(13.0, gap.max() + 0.8), -0.5), xlim=(14, 600))
        ax.set_xticks([20, 100, 400], ["20", "100", "400"])
        ax.minorticks_off()
    axes[0].set_ylabel("dB below the posterior mean")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return fig


def draw_stopping(record: Record) -> Figure:
    """Few and many inner steps, with and without the threshold, at the larger noise."""
    mean, residual = record["psnr"].mean(-1)[..., 1], record["residual"].mean(-1)[..., 1]
    fig, (left, right) = figure(1.0, 0.8, ncols=2)
    inner = [int(k) for k in record["inner"]]
    for t in range(len(record["tasks"])):
        for rule, colour, mark in ((0, INPUT, "o"), (1, OUTPUT, "s")):
            for ax, values in ((left, mean), (right, residual)):
                place = t + 0.18 * (rule - 0.5)
                ax.plot([place, place], values[:, rule, t], color=COLOURS[colour], lw=1.3)
                ax.plot(place, values[0, rule, t], mark, color=COLOURS[colour], mfc=COLOURS["card"], ms=5.5)
                ax.plot(place, values[1, rule, t], mark, color=COLOURS[colour], ms=5.5)
    for ax, title in ((left, "PSNR, dB"), (right, r"residual over $\sigma_y\sqrt{m}$")):
        ax.set(xticks=range(len(record["tasks"])), xticklabels=record["tasks"], title=title)
    right.axhline(1, color=COLOURS["theory"], lw=1)
    right.plot([], [], "o", color=COLOURS[INPUT], label="stops at the noise")
    right.plot([], [], "s", color=COLOURS[OUTPUT], label="never stops")
    right.plot([], [], "o", color=COLOURS["muted"], mfc=COLOURS["card"], label=f"{inner[0]} inner steps")
    right.plot([], [], "o", color=COLOURS["muted"], label=f"{inner[1]} inner steps")
    fig.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return fig


def draw_noise_levels(record: Record) -> Figure:
    """PSNR against the noise level: threshold following it, threshold fixed, and the posterior mean."""
    fig, axes = figure(1.0, 1.3, ncols=4, sharey=True)
    following, fixed = record["psnr"].mean(-1)
    best = record["posterior-mean"].mean(-1)
    for t, ax in enumerate(axes):
        ax.plot(record["levels"], best[t], color=COLOURS["exact"], label="posterior mean")
        ax.plot(record["levels"], following[t], "o-", color=COLOURS[INPUT], label="threshold follows")
        ax.plot(record["levels"], fixed[t], "s-", color=COLOURS[OUTPUT], label="threshold fixed")
        ax.axvline(0.05, color=COLOURS["muted"], lw=0.8, ls=":")
        ax.set(xscale="log", title=str(record["tasks"][t]), xlabel=r"noise $\sigma_y$")
        ax.set_xticks([0.01, 0.05, 0.2], ["0.01", "0.05", "0.2"], minor=False)
        ax.minorticks_off()
    axes[0].set_ylabel("PSNR, dB")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig


def draw_phase(record: Record) -> Figure:
    """PSNR of every run on every signal, and of the run with the smallest residual of each four."""
    fig, (left, right) = figure(1.0, 0.8, ncols=2)
    plain, free, residual = record["plain"], record["free"], record["residual"]
    order = plain.max(0).argsort()
    for place, k in enumerate(order):
        left.plot(np.full(len(plain), place), plain[:, k], ".", color=COLOURS[INPUT], ms=5, alpha=0.6)
        chosen = record["chosen"][:, k]
        left.plot(np.full(len(chosen), place) + 0.25, chosen, "_", color=COLOURS["network"], ms=9, mew=1.6)
    left.plot([], [], ".", color=COLOURS[INPUT], label="a run")
    left.plot([], [], "_", color=COLOURS["network"], ms=9, mew=1.6, label="best residual of four")
    left.axhline(25, color=COLOURS["theory"], lw=1)
    left.set(xlabel="signal, by its best run", title="PSNR, dB", xticks=[])
    left.legend(loc="upper left", fontsize=8)
    right.plot(residual.ravel(), plain.ravel(), ".", color=COLOURS[INPUT], ms=4, alpha=0.6, label="as found")
    turned = free > plain + 1e-9
    right.plot(residual[turned], free[turned], ".", color=COLOURS["gaussian"], ms=4, alpha=0.7, label="reversed")
    right.set(xlabel="residual over noise", title="PSNR, dB")
    right.legend(loc="upper right", fontsize=8)
    return fig


def draw_scan(record: Record) -> Figure:
    """Magnitudes of a complex image, its mask, and the reconstructions."""
    magnitude = np.sqrt((record["images"] ** 2).sum(1))
    truth = np.sqrt((record["x"] ** 2).sum(0))
    panels = np.concatenate([record["mask"][None] * truth.max(), magnitude, truth[None]])
    scores = record["scores"][0].mean(1)
    labels = ["measured columns", *(f"{name}\n{s:.0f} dB" for name, s in zip(record["names"], scores, strict=True))]
    return image_grid(panels, columns=6, column_labels=[*labels, "truth"], limits=(0.0, float(truth.max())))


def draw_gallery(record: Record) -> Figure:
    """What is measured of one face in each task, what comes back, and the face."""
    return _measured_and_found(record, record["scores"][:, 0])


def draw_tasks(record: Record) -> Figure:
    """The same at the larger noise, of the first image of a comparison on all tasks."""
    return _measured_and_found(record, record["scores"][:, -1, 0, 0, 0])


def _measured_and_found(record: Record, scores: np.ndarray) -> Figure:
    tasks = [LABELS[str(task)] for task in record["tasks"]]
    rows = np.stack([record["views"], record["found"], np.broadcast_to(record["face"], record["found"].shape)])
    labels = [f"{task}\n{score:.0f} dB" for task, score in zip(tasks, scores, strict=True)]
    return image_grid(rows, column_labels=labels, row_labels=["measured", "SITCOM", "truth"])


FACE_MARKS = {
    "SITCOM": ("o", INPUT, "SITCOM"), "SITCOM, half the levels": ("o", INPUT, ""),
    "output repair": ("s", OUTPUT, "output repair"), "output repair, ten times the steps": ("s", OUTPUT, ""),
    "deepinv's DPS": ("P", "data", "deepinv's DPS"), "DiffPIR": ("v", "gaussian", "DiffPIR"),
    "DDRM": ("*", "empirical", "DDRM"), "DAPS": ("^", "network", "DAPS"),
}  # fmt: skip
"""Mark, colour and name of each solver of faces, one run with several numbers of evaluations joined by a line; one
without a name is a variant and drawn open.
"""


def draw_faces(record: Record) -> Figure:
    """PSNR of each solver over its evaluations, one panel for each task."""
    scores = record["scores"].mean(-1)
    names = [str(name) for name in record["methods"]]
    dps = [k for k, name in enumerate(names) if name.startswith("DPS")]
    count = len(record["tasks"])
    columns = min(2, count)
    fig, axes = figure(1.0, 0.62, nrows=-(-count // columns), ncols=columns, sharey=True, sharex=True, squeeze=False)
    for ax, task, rows in zip(axes.flat, record["tasks"], scores, strict=True):
        ax.plot(rows[dps, 2], rows[dps, 0], "x-", color=COLOURS["data"], label="DPS, tuned", ms=6)
        for name, (mark, colour, label) in FACE_MARKS.items():
            line = rows[[k for k, other in enumerate(names) if other.rstrip(" 0123456789") == name]]
            face = COLOURS[colour] if label else "none"
            size = 10 if mark == "*" else 7
            style = {"color": COLOURS[colour], "mfc": face, "ms": size, "lw": 0.8}
            ax.plot(line[:, 2], line[:, 0], f"{mark}-", label=label or None, **style)
        ax.set(xscale="log", title=LABELS[str(task)].replace("\n", ""))
        ax.set_xticks(rows[dps, 2], [f"{x:.0f}" for x in rows[dps, 2]])
        ax.minorticks_off()
    for ax in axes[-1]:
        ax.set_xlabel("evaluations of the network")
    for ax in axes[:, 0]:
        ax.set_ylabel("PSNR, dB")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return fig

"""Figures of trained networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lowdim.papers.model_collapse.figures_gaussian import ARMS
from lowdim.papers.model_collapse.networks import DIGIT_ARMS, PLANE_ARMS
from lowdim.record import Record
from lowdim.style import COLOURS, figure, image_grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ONLINE = {
    "ocar": ("OCAR", "component_4", "v"),
    "ocar-s": ("OCAR-S", "component_5", "P"),
    "ocar-later": ("OCAR after one offline round", "component_2", "X"),
}


def draw_plane_network(record: Record) -> Figure:
    """Distance and share in a mode over the rounds for an MLP, six methods."""
    fig, (left, right) = figure(1.0, 0.98, ncols=2)
    for i, arm in enumerate(PLANE_ARMS):
        label, colour, marker = (ARMS | ONLINE)[arm]
        left.plot(record["distance"][i], marker=marker, ms=4, lw=1.3, color=COLOURS[colour])
        right.plot(record["inside"][i], marker=marker, ms=4, lw=1.3, color=COLOURS[colour], label=label)
    left.axhline(float(record["floor"]), color=COLOURS["theory"], ls="--", lw=1.1)
    left.annotate("two fresh samples of the data", (0.98, float(record["floor"])), xytext=(0, 3), ha="right",
                  xycoords=("axes fraction", "data"), textcoords="offset points", fontsize=8)  # fmt: skip
    for ax in (left, right):
        ax.set(xlabel="round $j$", xticks=range(record["distance"].shape[1]))
    left.set(title="sliced Wasserstein distance to the data", yscale="log")
    left.set_yticks([0.03, 0.1, 0.3, 1.0], ["0.03", "0.1", "0.3", "1"])
    left.minorticks_off()
    right.set(title="share of samples in a mode", ylim=(0, 1))
    fig.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8)
    return fig


def draw_digits_samples(record: Record) -> Figure:
    """The same ten noise vectors through the first flow and through the last flow of each arm."""
    rows = [record["samples_plain"][0], *(record[f"samples_{arm}"][-1] for arm in DIGIT_ARMS)]
    labels = ("first flow", "generated only", "+ current flow", "+ first flow")
    return image_grid(np.stack(rows), row_labels=labels)


def draw_digits_drift(record: Record) -> Figure:
    """Fréchet distance, recall and saturation of digits over the rounds."""
    fig, axes = figure(1.0, 1.05, ncols=3)
    titles = {"frechet": "Fréchet distance", "recall": "recall", "saturation": "mean absolute pixel"}
    for ax, (name, title) in zip(axes, titles.items(), strict=True):
        for arm in DIGIT_ARMS:
            label, colour, marker = ARMS[arm]
            ax.plot(record[f"{name}_{arm}"], marker=marker, ms=4, lw=1.3, color=COLOURS[colour], label=label)
        ax.set(xlabel="round $j$", title=title, xticks=range(len(record[f"{name}_plain"])))
    axes[0].set_ylim(0, None)
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    return fig


def draw_digits_spectrum(record: Record) -> Figure:
    """Change of the variances along the principal directions against the pull towards one."""
    fig, (left, right) = figure(1.0, 0.82, ncols=2)
    spectra = record["spectra"]
    index = np.arange(1, spectra.shape[1] + 1)
    left.plot(index, record["real_spectrum"], color=COLOURS["data"], lw=1.2, label="real digits")
    left.plot(index, spectra[0], color=COLOURS["network"], lw=1.2, label="first flow")
    left.plot(index, spectra[-1], color=COLOURS["measured"], lw=1.2, label="last round, generated only")
    left.axhline(1.0, color=COLOURS["muted"], ls=":", lw=1.1)
    left.set(yscale="log", xlabel="principal direction", title="variance", ylim=(1e-4, 6))
    left.legend(fontsize=8)
    first, change = spectra[0], spectra[-1] - spectra[0]
    right.plot(first, change, "o", ms=4, color=COLOURS["measured"], label="measured")
    ends = np.array([0.0, first.max()])
    for target, style, name in ((0, "-", "pull towards the mean"), (1, "--", "pull towards the source")):
        away = first - target
        right.plot(ends, (away * change).sum() / (away**2).sum() * (ends - target), style, lw=1.3,
                   color=COLOURS["theory"], label=name)  # fmt: skip
    right.axhline(0, color=COLOURS["muted"], lw=0.8)
    right.set(xlabel="variance, first flow", title="change over all rounds")
    right.legend(fontsize=8)
    return fig


def draw_images_samples(record: Record) -> Figure:
    """The same noise vectors through the flow of each round."""
    rows = record["samples"]
    labels = ["first flow", *(f"round {number}" for number in range(1, len(rows)))]
    return image_grid(rows, row_labels=labels)

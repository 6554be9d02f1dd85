"""Figures and the film of networks on faces and photographs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from lowdim.record import Record
from lowdim.style import COLOURS, figure, image_grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_faces_strip(record: Record) -> Figure:
    """Samples from the same noise over the size of the training set, and Gaussian samples."""
    rows = np.concatenate([record["samples"], record["twin"][None], record["gaussian"][-1:]])
    names = [f"{number} faces" for number in record["numbers"]]
    last = int(record["numbers"][-1])
    return image_grid(rows, row_labels=[*names, f"other {last}", f"Gaussian\nof {last}"])


def film_faces(record: Record) -> Iterator[tuple[str, Figure]]:
    """One frame a size: samples, their nearest training faces, and Gaussian samples from the same noise."""
    for i, number in enumerate(record["numbers"]):
        rows = np.stack([record["samples"][i], record["nearest"][i], record["gaussian"][i]])
        yield f"N = {number}", image_grid(rows, row_labels=("network", "nearest\ntraining face", "Gaussian"))


def draw_faces_curves(record: Record) -> Figure:
    """Copies, distances and agreement against the number of training faces."""
    fig, axes = figure(1.0, 1.05, ncols=3)
    numbers = record["numbers"]
    at = int(np.argmin(np.abs(record["sigmas"] - 0.6)))
    axes[0].plot(numbers, record["copies"], "o-", color=COLOURS["network"])
    axes[0].axhline(0, color=COLOURS["theory"], lw=1)
    axes[0].text(numbers[-1], 0.03, "new faces", fontsize=8, ha="right")
    axes[0].set(title="share of copies", ylim=(-0.04, 1.04))
    axes[1].plot(numbers, record["between"][:, at], color=COLOURS["theory"], lw=1.1, label="between the two")
    axes[1].plot(numbers, record["to_gaussian"][:, at], "o-", color=COLOURS["gaussian"], label=r"to $\mathcal{D}_G$")
    axes[1].plot(numbers, record["to_set"][:, at], "o-", color=COLOURS["empirical"], label=r"to $\mathcal{D}_M$")
    axes[1].set(title=r"RMSE, $\sigma=0.6$", ylim=(0, None))
    axes[1].legend(fontsize=7.5, loc="lower left")
    axes[2].plot(numbers, record["agreement_gaussian"], color=COLOURS["theory"], lw=1.1, label="Gaussians, closed form")
    axes[2].plot(record["others"], record["agreement"], "o", color=COLOURS["network"], label="networks")
    axes[2].set(title="cosine, disjoint sets", ylim=(0, 1.04))
    axes[2].legend(fontsize=7.5, loc="lower right")
    for ax in axes:
        ax.set(xscale="log", xlabel="training faces, $N$")
    return fig


def draw_faces_noise(record: Record) -> Figure:
    """Samples of the network over Gaussian samples from the same noise."""
    pairs = np.stack([record["samples"], record["gaussian"]])
    labels = [f"{cosine:.2f}" for cosine in record["cosines"][: pairs.shape[1]]]
    return image_grid(pairs, row_labels=("network", "Gaussian"), column_labels=labels)


def draw_jacobian(record: Record) -> Figure:
    """Alignment of leading singular vectors with principal components against noise."""
    fig, ax = figure(0.72, 0.58)
    ax.axhline(1.0, color=COLOURS["theory"], lw=1.1, label="the Gaussian denoiser")
    ax.axhline(record["chance"], color=COLOURS["muted"], lw=0.9, ls=":", label="by chance")
    for row in record["alignment"].T:
        ax.plot(record["sigmas"], row, ".", color=COLOURS["measured"], alpha=0.5)
    ax.plot(record["sigmas"], record["alignment"].mean(1), "o-", color=COLOURS["measured"], label="network")
    ax.set(xscale="log", xlabel=r"$\sigma$", ylim=(0, 1.05))
    ax.set_title("five singular vectors in the span of five components")
    ax.legend(loc="center", bbox_to_anchor=(0.62, 0.2))
    return fig


def draw_jacobian_vectors(record: Record) -> Figure:
    """Principal components, and leading singular vectors of the network's Jacobian at three noise levels."""
    sigmas = list(record["sigmas"])
    picked = [sigmas.index(sigma) for sigma in (20.0, 5.0, 1.2, 0.5, 0.2)]
    rows = np.stack([record["components"], *record["vectors"][picked]])
    rows = rows / np.abs(rows).max(axis=(2, 3, 4), keepdims=True)
    names = ["principal\ncomponents", *(rf"$\sigma={sigmas[i]:g}$" for i in picked)]
    return image_grid(rows, row_labels=names, column_labels=[f"$v_{i}$" for i in range(1, 6)], width=0.7)


def draw_photographs_few(record: Record) -> Figure:
    """Distance to the Gaussian denoiser over training on few images."""
    fig, ax = figure(0.72, 0.58)
    for i, (sigma, shade) in enumerate(zip(record["sigmas"], np.linspace(0.35, 1, len(record["sigmas"])), strict=True)):
        ax.plot(
            record["steps"], record["to_gaussian"][:, i], "o-", color=COLOURS["network"], alpha=shade,
            label=rf"$\sigma={sigma:g}$",
        )  # fmt: skip
    ax.set(xscale="log", xlabel="step", title="RMSE to the Gaussian denoiser, test images", ylim=(0, None))
    ax.legend(fontsize=7.5, ncols=2)
    return fig


def draw_photographs_samples(record: Record) -> Figure:
    """Samples of the network on few images over their nearest training images."""
    return image_grid(
        np.stack([record["samples"], record["nearest"]]), row_labels=("sample", "nearest\ntraining image")
    )


def draw_photographs_halves(record: Record) -> Figure:
    """Samples from the same noise: networks on two disjoint halves, and their Gaussians."""
    names = ("first half", "second half", "Gaussian,\nfirst", "Gaussian,\nsecond")
    return image_grid(record["samples"], row_labels=names)


def draw_photographs_exact(record: Record) -> Figure:
    """Weight error of the affine fit to the denoiser of few images, on its own images and on others."""
    fig, ax = figure(0.72, 0.58)
    for row, marker, name in ((1, "o-", "test images"), (0, "s-", "its own images")):
        ax.plot(
            record["sigmas"],
            record["errors"][row],
            marker,
            color=COLOURS["empirical"],
            mfc="none" if row == 0 else None,
            label=name,
        )
    ax.set(xscale="log", yscale="log", xlabel=r"$\sigma$", title=r"$\|W_L-W_G\|_F^2\,/\,\|W_G\|_F^2$")
    ax.legend()
    return fig

"""Figures of networks and images: memorising, Jacobian ranks, discs and their tangents, digits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lowdim.data.discs import FACTORS
from lowdim.record import Record
from lowdim.style import COLOURS, figure, image_grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHADES = ("component_1", "component_2", "component_3", "component_4")


def draw_network_rank(record: Record) -> Figure:
    """Rank of the Jacobian of a trained MLP beside the exact one."""
    fig, ax = figure(0.8, 0.55)
    for rank, name in ((6, r"$d/n$"), (12, r"$Kd/n$")):
        ax.axhline(rank / 48, color=COLOURS["muted"], lw=0.9, ls=":")
        ax.text(0.021, rank / 48 + 0.012, name, color=COLOURS["muted"], fontsize=8.5)
    ax.plot(record["snr"], record["exact"], color=COLOURS["exact"], label="exact denoiser")
    ax.plot(record["snr"], record["ratio"], "o-", color=COLOURS["network"], lw=1.1, ms=4, label="trained network")
    ax.set(xscale="log", xlabel=r"$1/\sigma$", title="numerical rank of the Jacobian over $n$", ylim=(0, 1.05))
    ax.legend()
    return fig


def draw_memorise(record: Record) -> Figure:
    """GL score, energy in the best cluster and error to Lemma 1 against samples per dimension."""
    fig, axes = figure(1.0, 1.0, ncols=3)
    ratios = record["ratios"]
    for (n, d), name in zip(record["shapes"], SHADES, strict=False):
        label = f"$n={n}$, $d={d}$"
        for ax, key in ((axes[0], "gl"), (axes[1], "energy")):
            values = record[f"{key}-{n}-{d}"]
            ax.plot(ratios, values.mean(0), "o-", color=COLOURS[name], ms=4, lw=1.2, label=label)
            if len(values) > 1:
                ax.plot(np.tile(ratios, (len(values), 1)).T, values.T, ".", ms=3, color=COLOURS[name], alpha=0.5)
    n, d = record["shapes"][0]
    axes[0].plot(
        ratios, record[f"gl_fresh-{n}-{d}"].mean(0), color=COLOURS["theory"], lw=1, ls="--", label="fresh true samples"
    )
    axes[0].set(title="GL score", ylim=(-0.03, 1.05))
    axes[0].legend(fontsize=7.5, loc="lower right")
    axes[1].set(title="energy in best cluster", ylim=(0.6, 1.02))
    for i, sigma in enumerate(record["sigmas"]):
        shade = 0.25 + 0.75 * i / (len(record["sigmas"]) - 1)
        errors = record[f"error-{n}-{d}"].mean(0)[:, i]
        axes[2].plot(
            ratios, errors, "o-", ms=3.5, lw=1.1, color=COLOURS["network"], alpha=shade, label=rf"$\sigma={sigma:g}$"
        )
    axes[2].set(title="relative error to Lemma 1", ylim=(0, None))
    axes[2].legend(fontsize=7.5)
    for ax in axes:
        ax.set(xscale="log", xlabel="samples per dimension $N_k/d$")
    return fig


def draw_discs(record: Record) -> Figure:
    """Exact tangents, their shadow on the span of four singular vectors, and the singular vectors."""
    tangents = _unit(record["tangents"])
    top = record["vectors"][:4]
    basis = np.linalg.qr(top.T)[0]
    shadow = tangents @ basis @ basis.T
    blank = np.full(tangents.shape[1], np.nan)
    rows = [
        np.stack([*tangents, record["clean"], record["noisy"]]),
        np.stack([*shadow, blank, blank]),
        record["vectors"],
    ]
    size = round(tangents.shape[1] ** 0.5)
    stack = np.stack(rows).reshape(3, 6, 1, size, size)
    signed = stack / np.nanmax(np.abs(stack[:, :4]), axis=(-1, -2, -3, -4), keepdims=True)
    signed[0, 4:] = stack[0, 4:]
    signed[2] = stack[2] / np.abs(stack[2]).max(axis=(-1, -2, -3), keepdims=True)
    names = ["centre, x", "centre, y", "radius", "brightness", "clean", "noisy"]
    labels = ("exact\ntangents", "their part\nin 4 vectors", "singular\nvectors")
    fig = image_grid(signed, row_labels=labels, column_labels=names[: len(FACTORS) + 2])
    for number, ax in enumerate(fig.axes[12:18], start=1):
        ax.set_xlabel(f"$v_{number}$", fontsize=8.5, labelpad=2)
    return fig


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def draw_disc_alignment(record: Record) -> Figure:
    """Squared cosines between singular and tangent space, and the spectrum that shows the dimension."""
    fig, (left, right) = figure(1.0, 0.72, ncols=2)
    shades = np.linspace(0.35, 1, len(record["sigmas"]))
    width = 0.8 / len(record["sigmas"])
    for i, (sigma, row) in enumerate(zip(record["sigmas"], record["cosines"], strict=True)):
        place = np.arange(4) + (i - (len(shades) - 1) / 2) * width
        left.bar(place, row, width * 0.92, color=COLOURS["measured"], alpha=shades[i], label=rf"$\sigma={sigma:g}$")
    left.axhline(4 / 256, color=COLOURS["theory"], lw=1.1, ls="--", label="by chance")
    left.set(xticks=range(4), title=r"$\cos^2$ of the principal angles", ylim=(0, 1.42), yticks=np.linspace(0, 1, 6))
    left.set_xticklabels(["1st", "2nd", "3rd", "4th"])
    left.legend(ncols=3, fontsize=7.5, loc="upper left", columnspacing=1)
    for shade, sigma, row in zip(shades, record["sigmas"], record["spectra"], strict=True):
        right.plot(
            np.arange(1, len(row) + 1),
            row,
            "o-",
            ms=3.5,
            lw=1,
            color=COLOURS["measured"],
            alpha=shade,
            label=rf"$\sigma={sigma:g}$",
        )
    right.axvline(4.5, color=COLOURS["theory"], lw=1.1, ls="--")
    right.text(4.7, 1.0, "four factors", color=COLOURS["theory"], fontsize=8.5)
    right.set(yscale="log", xlabel="index", title="singular values of the Jacobian", ylim=(1e-3, 3))
    return fig


def draw_digits(record: Record) -> Figure:
    """Mean digit and leading directions of some classes, and of the clusters found from a k-means start."""
    classes = record["class_bases"]  # (10, 64, d)
    rows = np.stack([_signed(classes[k].T[:8]) for k in (0, 1, 3, 7)])
    return image_grid(
        rows.reshape(4, 8, 1, 8, 8),
        row_labels=("zero", "one", "three", "seven"),
        column_labels=[f"$u_{i}$" for i in range(1, 9)],
    )


def _signed(rows: np.ndarray) -> np.ndarray:
    strongest = rows[np.arange(len(rows)), np.abs(rows).argmax(1)]
    return rows / strongest[:, None]


def draw_digits_clusters(record: Record) -> Figure:
    """Accuracy and captured energy by starting point."""
    numbers = record.numbers
    names = ("random-starts", "k-means-start", "true-classes")
    fig, (left, right) = figure(1.0, 0.5, ncols=2, sharey=True)
    colours = [COLOURS[name] for name in ("measured", "network", "theory")]
    labels = [f"K-subspaces,\n{name.replace('-', ' ').replace('k means', 'k-means')}" for name in names]
    left.barh(range(3), [numbers[f"digits-accuracy-{name}"].value for name in names], color=colours, height=0.6)
    left.axvline(numbers["digits-k-means-accuracy"].value, color=COLOURS["baseline"], lw=1.4, ls="--")
    left.text(
        numbers["digits-k-means-accuracy"].value - 0.015,
        -0.42,
        "k-means",
        color=COLOURS["baseline"],
        ha="right",
        fontsize=8.5,
    )
    left.set(yticks=range(3), yticklabels=labels, xlim=(0, 1), title="share of digits in the right cluster")
    left.invert_yaxis()
    captured = [numbers[f"digits-captured-{name}"].value for name in names]
    right.plot(captured, range(3), "D", color=COLOURS["ink"], ms=6)
    for place, value in enumerate(captured):
        right.text(value - 0.0012, place, f"{value:.4f}", va="center", ha="right", fontsize=8.5)
    right.set(xlim=(min(captured) - 0.01, max(captured) + 0.003), title="energy captured: the objective")
    return fig


def draw_digits_network(record: Record) -> Figure:
    """Rank of the Jacobian of the digits network."""
    fig, ax = figure(0.72, 0.52)
    ax.plot(record["snr"], record["gaussian"], color=COLOURS["gaussian"], label="Gaussian with their covariance")
    ax.plot(record["snr"], record["ratio"], "o-", color=COLOURS["network"], ms=4, lw=1.2, label="trained network")
    ax.set(xscale="log", xlabel=r"$1/\sigma$", title="numerical rank of the Jacobian over $n=64$", ylim=(0, 1.05))
    ax.legend()
    return fig


def draw_disc_network(record: Record) -> Figure:
    """Tangents and singular vectors of the network trained on discs."""
    return draw_discs(record)


def draw_images(record: Record) -> Figure:
    """Samples over their nearest training images."""
    pairs = np.stack([record["samples"], record["nearest"]])
    return image_grid(pairs, row_labels=("sample", "nearest\ntraining image"))

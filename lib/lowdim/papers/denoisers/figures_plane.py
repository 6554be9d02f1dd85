"""Figures in the plane: fields, posterior ellipses, trajectories and a measurement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.patches import Ellipse

from lowdim.papers.denoisers.models import LINE_ANGLES
from lowdim.papers.denoisers.pictures import FEW_STEPS, FIELD_SIGMAS, FLOW_HALF_WIDTH, HALF_WIDTH
from lowdim.record import Record
from lowdim.style import COLOURS, SEQUENTIAL, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMES = {"gaussian": "Gaussian", "lines": "two lines", "points": "sixteen points"}
MODEL_COLOURS = {"gaussian": COLOURS["gaussian"], "lines": COLOURS["exact"], "points": COLOURS["empirical"]}


def plane(ax: Axes, half_width: float = HALF_WIDTH) -> None:
    """A square panel without ticks."""
    ax.set(xlim=(-half_width, half_width), ylim=(-half_width, half_width), xticks=[], yticks=[], aspect="equal")
    ax.grid(False)
    ax.spines[:].set_visible(True)


def shade(ax: Axes, density: np.ndarray, half_width: float = HALF_WIDTH) -> None:
    """A density as a soft background; the square root keeps thin ridges from hiding the rest."""
    extent = (-half_width, half_width, -half_width, half_width)
    ax.imshow(
        np.sqrt(density), origin="lower", extent=extent, cmap=SEQUENTIAL, vmin=0, vmax=1.9 * np.sqrt(density.max()),
        interpolation="bilinear", rasterized=True,
    )  # fmt: skip


def support(ax: Axes, name: str, points: np.ndarray, reach: float = 4.0) -> None:
    """Where the clean data live: one and two deviations of the Gaussian, the two lines, or the points."""
    if name == "gaussian":
        u, v = np.radians(LINE_ANGLES)
        half_difference, middle = (v - u) / 2, np.degrees(u + v) / 2
        for size in (2, 4):
            axes = size * np.cos(half_difference), size * np.sin(half_difference)
            ax.add_patch(Ellipse((0, 0), *axes, angle=middle, fill=False, ec=COLOURS["ink"], lw=0.8, zorder=2))
        return
    if name == "points":
        ax.plot(*points.T, "o", ms=3.2, color=COLOURS["ink"], mec=COLOURS["card"], mew=0.6, zorder=4)
        return
    for angle in np.radians(LINE_ANGLES) if name == "lines" else ():
        end = reach * np.array([np.cos(angle), np.sin(angle)])
        ax.plot([-end[0], end[0]], [-end[1], end[1]], color=COLOURS["ink"], lw=0.8, zorder=2)


def draw_fields(record: Record) -> Figure:
    """Two rows of noise levels, three columns of models."""
    fig, axes = figure(1.0, 1.0, nrows=len(FIELD_SIGMAS), ncols=3)
    starts = record["starts"]
    for row, sigma in zip(axes, FIELD_SIGMAS, strict=True):
        for ax, name in zip(row, NAMES, strict=True):
            shade(ax, record[f"density-{name}-{sigma}"])
            support(ax, name, record["points"])
            arrows = record[f"arrows-{name}-{sigma}"]
            ax.quiver(
                *starts.T, *arrows.T, color=MODEL_COLOURS[name], angles="xy", scale_units="xy", scale=3.2,
                width=0.0075, headwidth=3.6, headlength=4.2, headaxislength=3.8, minlength=0.3, zorder=3,
            )  # fmt: skip
            plane(ax)
            if sigma == FIELD_SIGMAS[0]:
                ax.set_title(NAMES[name], color=MODEL_COLOURS[name])
        row[0].set_ylabel(rf"$\sigma = {sigma}$")
    return fig


def draw_ellipses(record: Record) -> Figure:
    """One panel a model: noisy point, line to its denoised image, one-deviation ellipse there."""
    fig, axes = figure(1.0, 1.0, ncols=3)
    x = record["x"]
    for ax, name in zip(axes, NAMES, strict=True):
        shade(ax, record[f"density-{name}"])
        centres, colour = record[f"denoised-{name}"], MODEL_COLOURS[name]
        ax.add_collection(LineCollection(list(np.stack([x, centres], 1)), colors=COLOURS["muted"], linewidths=0.6))
        for centre, spread in zip(centres, record[f"axes-{name}"], strict=True):
            # Columns are the principal half-axes; a thin floor keeps a flat ellipse visible.
            lengths = np.maximum(np.linalg.norm(spread, axis=0), 0.012)
            angle = np.degrees(np.arctan2(*spread[::-1, 1]))
            ax.add_patch(
                Ellipse(centre, 2 * lengths[1], 2 * lengths[0], angle=angle, fc=colour, ec=colour, alpha=0.4, lw=0.9)
            )
        ax.plot(*x.T, "o", ms=2.6, color=COLOURS["noise"], mec=COLOURS["ink"], mew=0.4)
        ax.plot(*centres.T, "o", ms=2.2, color=colour)
        plane(ax)
        ax.set_title(NAMES[name], color=colour)
    return fig


def draw_trajectories(record: Record) -> Figure:
    """Four panels: the exact flow and three samplers with few steps, coloured by the line that the flow reaches."""
    titles = {
        "flow": "exact flow",
        "euler": f"Euler, {FEW_STEPS} steps",
        "heun": f"Heun, {FEW_STEPS} steps",
        "ancestral": f"ancestral, {FEW_STEPS} steps",
    }
    fig, axes = figure(0.86, 1.0, nrows=2, ncols=2)
    colours = np.array([COLOURS["component_1"], COLOURS["component_2"]])[record["owner"].astype(int)]
    for ax, (name, title) in zip(axes.flat, titles.items(), strict=True):
        paths = record[name].swapaxes(0, 1)
        support(ax, "lines", np.empty(0), reach=7.0)
        ax.add_collection(LineCollection(list(paths), colors=colours, linewidths=0.8, alpha=0.8, zorder=3))
        ax.scatter(*paths[:, 0].T, s=9, color=COLOURS["noise"], zorder=2, lw=0)
        if name != "flow":
            ax.scatter(*paths[:, 1:-1].reshape(-1, 2).T, s=3, c=np.repeat(colours, FEW_STEPS - 1), zorder=4, lw=0)
        ax.scatter(*paths[:, -1].T, s=16, c=colours, zorder=5, lw=0.5, edgecolors=COLOURS["card"])
        plane(ax, 3.4)
        ax.set_title(title)
    return fig


def flow_frames(record: Record) -> Iterator[tuple[str, Figure]]:
    """One panel a model: the points of the flow over the density, noise level by noise level."""
    fig, axes = figure(1.0, 1.0, ncols=3)
    window = (-FLOW_HALF_WIDTH, FLOW_HALF_WIDTH) * 2
    moving = []
    for ax, name in zip(axes, NAMES, strict=True):
        # Twelve flat levels: shading without steps would make the film several times larger.
        shades = ax.imshow(
            record[f"density-{name}"][0], origin="lower", extent=window, cmap=SEQUENTIAL.resampled(12),
            vmin=0, vmax=1.9 * 255, interpolation="bilinear", interpolation_stage="data",
        )  # fmt: skip
        style = {"ms": 3, "color": MODEL_COLOURS[name], "mec": COLOURS["card"], "mew": 0.4}
        moving.append((name, shades, *ax.plot([], [], "o", **style)))
        plane(ax, FLOW_HALF_WIDTH)
        ax.set_title(NAMES[name], color=MODEL_COLOURS[name])
    for index, sigma in enumerate(record["sigmas"]):
        for name, shades, dots in moving:
            shades.set_data(record[f"density-{name}"][index])
            dots.set_data(*record[f"path-{name}"][index].T)
        yield f"σ = {sigma:.2f}", fig


def draw_measurement(record: Record) -> Figure:
    """The prior with the measured strip, and the flow of the posterior."""
    fig, axes = figure(1.0, 0.95, ncols=2)
    row, y, noise = record["row"][0], float(record["y"][0]), float(record["noise"])
    along = np.linspace(-5, 5, 2)
    for ax, title in zip(axes, ("what is known", "sampling what is known"), strict=True):
        centre = (y - row[0] * along) / row[1]
        width = 2 * noise / row[1]
        ax.fill_between(along, centre - width, centre + width, color=COLOURS["component_5"], alpha=0.25, lw=0, zorder=0)
        support(ax, "lines", np.empty(0), reach=6)
        ax.set_title(title)
    axes[0].plot(*record["prior"].T, "o", ms=2.5, color=COLOURS["noise"], label="prior samples")
    axes[0].plot(*record["posterior"].T, "o", ms=2.5, color=COLOURS["exact"], label="posterior samples")
    axes[0].plot(*record["mean"], "X", ms=7, color=COLOURS["measured"], mec=COLOURS["card"], label="posterior mean")
    axes[0].plot(*record["truth"], "*", ms=10, color=COLOURS["ink"], mec=COLOURS["card"], label="truth")
    paths = record["paths"].swapaxes(0, 1)
    axes[1].add_collection(LineCollection(list(paths), colors=COLOURS["exact"], linewidths=0.5, alpha=0.55))
    axes[1].plot(*paths[:, 0].T, "o", ms=2.2, color=COLOURS["noise"])
    axes[1].plot(*record["ends"].T, "o", ms=3, color=COLOURS["exact"], mec=COLOURS["card"], mew=0.4)
    for ax in axes:
        plane(ax, 3.2)
    axes[0].legend(loc="lower left", handletextpad=0.2, borderpad=0.2)
    return fig

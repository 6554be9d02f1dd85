"""Figures of trained towers: the latent toy, faces with captions, and the paper's own tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lowdim.papers.modality_gap.tables import COLUMNS
from lowdim.record import Record
from lowdim.style import COLOURS, SEQUENTIAL, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure


def _plain(*axes: Axis, at: tuple[int, ...] = (1, 2, 5)) -> None:
    """Logarithmic axes with ticks at these multiples of powers of ten, written as plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    for axis in axes:
        axis.set_major_locator(LogLocator(subs=at, numticks=20))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_locator(NullLocator())


def draw_first_steps(record: Record) -> Figure:
    """The change of the gap during the first ten steps, and its histogram at the end."""
    fig, (left, right) = figure(1.0, 0.7, ncols=2, sharey=True)
    change = record["gaps"] - record["gaps"][:1]
    left.plot(change, color=COLOURS["measured"], lw=0.6, alpha=0.35)
    left.plot(change.mean(1), color=COLOURS["ink"], lw=2.2, label="mean")
    left.set(xlabel="optimiser step", title=r"change of the gap $\Delta$")
    left.legend(loc="lower left")
    right.hist(change[-1], bins=20, orientation="horizontal", color=COLOURS["measured"], ec=COLOURS["card"])
    right.axhline(0, color=COLOURS["ink"], lw=1)
    right.set(xlabel="initialisations", title="after ten steps")
    right.xaxis.get_major_locator().set_params(integer=True)
    return fig


def _split(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """Which trainings have a fixed temperature and which learn it."""
    fixed = np.array([str(name).startswith("fixed") for name in record["names"]])
    return fixed, ~fixed


def draw_temperature_gap(record: Record) -> Figure:
    """The gap against the temperature, seed by seed, with the noise floor of theory."""
    fig, ax = figure(0.8, 0.64)
    fixed, learned = _split(record)
    tau, gap = record["fixed"], record["gap"]
    ax.plot(tau, record["floor"][fixed].mean(1), color=COLOURS["theory"], label="sampling floor")
    ax.plot(tau, gap[fixed], "o", ms=3.5, color=COLOURS["measured"], alpha=0.5)
    ax.plot(tau, gap[fixed].mean(1), color=COLOURS["measured"], lw=1.4, label=r"fixed $\tau$")
    start = record["learned"]
    ax.plot(
        start,
        gap[learned].mean(1),
        "s",
        ms=7,
        mfc="none",
        mew=1.6,
        color=COLOURS["network"],
        label="learned, by its start",
    )
    ax.set(xscale="log", yscale="log", xlabel=r"temperature $\tau$", title=r"modality gap $\Delta$, held-out pairs")
    _plain(ax.xaxis, ax.yaxis)
    ax.legend()
    return fig


def _temperatures(ax: Axes, record: Record, x: np.ndarray, y: np.ndarray) -> None:
    """A point for every training of the toy: fixed temperatures shaded from cold to warm, learned ones as squares."""
    fixed, learned = _split(record)
    tau = record["fixed"]
    ax.plot(x[learned], y[learned], "s", ms=10, mfc="none", mew=1.3, color=COLOURS["measured"], label="learned")
    for value, shade, *place in zip(tau, SEQUENTIAL(np.linspace(0.3, 1, len(tau))), x[fixed], y[fixed], strict=True):
        ax.plot(*place, "o", ms=6.5, color=shade, label=rf"$\tau={value:g}$")


def draw_retrieval_window(record: Record) -> Figure:
    """Retrieval against the gap over all settings, shaded from cold to warm."""
    fig, ax = figure(0.8, 0.6)
    fixed, _ = _split(record)
    gap, recall, spread = record["gap"].mean(1), record["recall"].mean(1), record["recall"].std(1)
    ax.errorbar(gap[fixed], recall[fixed], spread[fixed], lw=1, color=COLOURS["muted"], zorder=1)
    _temperatures(ax, record, gap, recall)
    ax.set(xscale="log", xlabel=r"modality gap $\Delta$", title="recall at 1, mean of both ways (%)")
    _plain(ax.xaxis)
    fig.legend(*ax.get_legend_handles_labels(), loc="outside right center")
    return fig


def draw_uniformity_probe(record: Record) -> Figure:
    """The linear probe against uniformity and against the gap, shaded from cold to warm."""
    fig, (left, right) = figure(1.0, 0.78, ncols=2, sharey=True)
    probe = record["probe"].mean(1)
    _temperatures(left, record, record["uniformity"].mean(1), probe)
    _temperatures(right, record, record["gap"].mean(1), probe)
    left.set(xlabel="uniformity", title="linear probe of the latent ($R^2$)")
    right.set(xlabel=r"modality gap $\Delta$", xscale="log")
    _plain(right.xaxis)
    fig.legend(*left.get_legend_handles_labels(), loc="outside right center")
    return fig


def draw_mitigations(record: Record) -> Figure:
    """Gap and retrieval of every mitigation, with the spread over seeds."""
    fig, left = _rows(record, record["gap"], record["recall"], 0.07 * len(record["names"]) + 0.2)
    left.set(xscale="log")
    _plain(left.xaxis)
    return fig


def draw_faces_mitigations(record: Record) -> Figure:
    """Gap and retrieval of the mitigations on faces and captions."""
    gap, recall = record["gap"][:, None], 100 * record["recall"][:, None]
    fig, left = _rows(record, gap, recall, 0.1 * len(record["names"]) + 0.28)
    for ax in (left, fig.axes[1]):
        ax.set(xlim=(0, 1.1 * ax.get_xlim()[1]))
    return fig


def _rows(record: Record, gap: np.ndarray, recall: np.ndarray, aspect: float) -> tuple[Figure, Axes]:
    """A row for each training, with its mean and its seeds (trainings, S), and the first one as a dotted line."""
    fig, (left, right) = figure(1.0, aspect, ncols=2, sharey=True)
    place = np.arange(len(gap))[::-1]
    for ax, values, shade in ((left, gap, "measured"), (right, recall, "network")):
        ax.axvline(values[0].mean(), color=COLOURS["muted"], lw=0.9, ls=":")
        ax.plot(values.mean(1), place, "o", ms=7, color=COLOURS[shade])
        if values.shape[1] > 1:
            ax.plot(values, place[:, None] + np.zeros_like(values), ".", ms=5, color=COLOURS["muted"], alpha=0.7)
    left.set(yticks=place, title=r"modality gap $\Delta$", ylim=(-0.6, len(gap) - 0.4))
    left.set_yticklabels([str(name).replace("learned 0.07", "baseline") for name in record["names"]])
    right.set(title="recall at 1 (%)")
    return fig, left


def draw_paper_tables(record: Record) -> Figure:
    """The numbers that the paper prints: retrieval and probe against gap and uniformity."""
    fig, axes = figure(1.0, 0.92, ncols=3)
    table, nine = record["table"], record["nine"]
    pairs = ((0, 4), (0, 3), (1, 3))
    for ax, (x, y) in zip(axes, pairs, strict=True):
        ax.plot(table[:, x], table[:, y], "o", ms=4.5, color=COLOURS["muted"], label="all 26 rows")
        ax.plot(table[nine, x], table[nine, y], "o", ms=4.5, color=COLOURS["measured"], label="the nine of the figure")
        ax.set(xlabel=COLUMNS[x], title=f"{COLUMNS[y]} (%)", xscale="log" if x == 0 else "linear")
        if x == 0:
            _plain(ax.xaxis, at=(1,))
    axes[0].legend(loc="lower right", fontsize=7.5)
    return fig


def draw_faces_pairs(record: Record) -> Figure:
    """Held-out faces with their captions."""
    import textwrap

    fig, axes = figure(1.0, 1.55, ncols=len(record["pictures"]))
    for ax, picture, caption in zip(axes, record["pictures"], record["captions"], strict=True):
        ax.imshow((picture.transpose(1, 2, 0) + 1) / 2)
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        ax.spines[:].set_visible(False)
        ax.set_xlabel("\n".join(textwrap.wrap(str(caption), 19)), fontsize=7.5)
    return fig


def draw_faces_clouds(record: Record) -> Figure:
    """Held-out faces and captions in the plane of the gap, at a small and a moderate temperature."""
    fig, axes = figure(1.0, 0.95, ncols=2, sharex=True, sharey=True)
    for ax, key, tau in zip(axes, ("cold", "warm"), ("0.01", "0.07"), strict=True):
        images, texts = record[f"cloud-{key}"]
        for u, v in zip(images[:40], texts[:40], strict=True):
            ax.plot(*np.stack([u, v]).T, color=COLOURS["grid"], lw=0.7, zorder=1)
        ax.plot(*images.T, "o", ms=3.5, color=COLOURS["component_1"], label="faces")
        ax.plot(*texts.T, "o", ms=3.5, color=COLOURS["component_2"], label="captions")
        ax.set(title=rf"fixed $\tau={tau}$", xlabel="widest direction across the gap", aspect="equal")
    axes[0].set_ylabel("direction of the gap")
    axes[0].legend()
    return fig


def draw_faces_gap(record: Record) -> Figure:
    """Gap and retrieval during training at each temperature, with the sampling floor."""
    fig, (left, right) = figure(1.0, 0.74, ncols=2)
    shades = ("ink", "measured", "component_5", "component_2", "component_1", "component_3", "component_4")
    steps = np.maximum(record["steps"], 0.7)
    for name, gap, recall, floor, shade in zip(
        record["names"], record["path-gap"], record["path-recall"], record["floor"], shades, strict=False
    ):
        label = rf"$\tau={str(name).removeprefix('fixed ')}$" if str(name).startswith("fixed") else "learned from 0.07"
        left.plot(steps, gap, "o-", ms=3, color=COLOURS[shade], label=label)
        left.plot([steps[-1] * 1.15], [floor], "_", ms=10, mew=2, color=COLOURS[shade])
        right.plot(steps, 100 * recall, "o-", ms=3, color=COLOURS[shade])
    left.set(xscale="log", yscale="log", xlabel="optimiser step", title=r"modality gap $\Delta$")
    left.legend(loc="lower left")
    right.set(xscale="log", xlabel="optimiser step", title="recall at 1, all fitting captions count (%)")
    _plain(left.xaxis, left.yaxis, right.xaxis)
    return fig


def draw_faces_diagnostics(record: Record) -> Figure:
    """Temperature, pressure, share of matched pairs and the invariant while the baseline trains."""
    fig, axes = figure(1.0, 1.0, ncols=3)
    steps = np.maximum(record["steps"], 0.7)
    _over(axes[0], steps, 1 / record["path-temperature"][0], r"scale $\beta$", "measured")
    _over(axes[1], steps, record["path-pressure"][0], r"pressure $g$, held-out pairs", "network")
    axes[1].axhline(0, color=COLOURS["ink"], lw=0.9)
    invariant = record["path-invariant"][0]
    _over(axes[2], steps, invariant / invariant[0], "the invariant over its start", "measured")
    axes[2].axhline(1, color=COLOURS["theory"], label="gradient flow,\nparallel model")
    axes[2].set(ylim=(0, 1.25))
    axes[2].legend(loc="lower left", fontsize=8)
    return fig


def _over(ax: Axes, steps: np.ndarray, values: np.ndarray, title: str, shade: str) -> None:
    ax.plot(steps, values, "o-", ms=3.5, color=COLOURS[shade])
    ax.set(xscale="log", xlabel="optimiser step", title=title)
    _plain(ax.xaxis, at=(1,))


def draw_faces_mismatch(record: Record) -> Figure:
    """Learned temperature, gap and retrieval against the share of captions of other faces."""
    fig, axes = figure(1.0, 1.0, ncols=3)
    rates = 100 * record["rates"]
    panels = (
        (record["temperature"], r"learned temperature $\tau$", "measured"),
        (record["gap"], r"modality gap $\Delta$", "measured"),
        (100 * record["recall"], "recall at 1 (%)", "network"),
    )
    for ax, (values, title, shade) in zip(axes, panels, strict=True):
        ax.plot(rates, values, "o-", color=COLOURS[shade])
        ax.set(xlabel="captions of another face (%)", title=title, ylim=(0, 1.15 * values.max()))
    axes[1].plot(rates, record["floor"], color=COLOURS["theory"], label="sampling floor")
    axes[1].legend()
    return fig

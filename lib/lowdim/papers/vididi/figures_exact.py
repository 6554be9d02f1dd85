"""Figures of what differences do to clips, without learning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from lowdim.record import Record
from lowdim.style import COLOURS, figure, image_grid, show_matrix

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ORDER_COLOURS = (COLOURS["baseline"], COLOURS["component_1"], COLOURS["component_3"])


def frames_of_orders(record: Record) -> Iterator[tuple[str, Figure]]:
    """A clip, its first and its second difference, frame by frame."""
    clips = record["clips"]  # (scenes, 3, T, S, S)
    views = [clips, np.diff(clips, axis=2), np.diff(clips, n=2, axis=2)]
    length = views[-1].shape[2]
    fig, axes = figure(1.0, 1.06, nrows=3, ncols=clips.shape[0])
    fig.set_layout_engine("constrained", w_pad=0.03, h_pad=0.03)
    pictures = [[ax.imshow(np.zeros((*clips.shape[3:], 3))) for ax in row] for row in axes]
    for ax in axes.flat:
        ax.set_xticks([])
        ax.set_yticks([])
        ax.grid(False)
        ax.spines[:].set_visible(False)
    for row, name in zip(axes, ("$V$", "$\\Delta V$", "$\\Delta^2V$"), strict=True):
        row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=12)
    for ax, name in zip(axes[0], record["names"], strict=True):
        ax.set_title(str(name), loc="center", fontweight="normal")
    for time in range(length):
        for view, row in zip(views, pictures, strict=True):
            for clip, picture in zip(view, row, strict=True):
                picture.set_data(np.clip((clip[:, time].transpose(1, 2, 0) + 1) / 2, 0, 1))
        yield f"frame {time + 1} of {length}", fig


def draw_ahead(record: Record) -> Figure:
    """How far frames foretold from the first derivatives are off."""
    fig, axes = figure(1.0, 0.86, ncols=2, width_ratios=(1.2, 1))
    floor = 0.4
    for order, row in enumerate(record["ahead"]):
        steps, exact = np.arange(1, len(row)), row[1:] < 1e-6
        axes[0].plot(steps[~exact], row[1:][~exact], "o-", color=f"C{order}", label=f"orders up to {order}")
        axes[0].plot(steps[exact], np.full(exact.sum(), floor * 1.12**order), "v", color=f"C{order}")
    axes[0].set_xticks(range(1, 6))
    axes[0].set(xlabel="frames ahead $h$", title="error, in typical $|\\Delta V|$", yscale="log", ylim=(0.33, None))
    axes[0].text(0.02, 0.02, "exact", transform=axes[0].transAxes, color=COLOURS["muted"], fontsize=8)
    axes[0].legend(loc="upper left", fontsize=7.5)
    pictures = [record["clip"][:, 2], *record["foretold"][1:]]
    rows = [np.concatenate(pictures[i : i + 2], axis=2) for i in (0, 2)]
    axes[1].imshow(np.clip((np.concatenate(rows, axis=1).transpose(1, 2, 0) + 1) / 2, 0, 1))
    side = record["clip"].shape[-1]
    for place, name in enumerate(("the frame", "orders to 1", "to 2", "to 3")):
        across, down = place % 2 * side + 1, place // 2 * side + 2.5
        axes[1].text(
            across, down, name, fontsize=8, color="white", va="center", bbox={"fc": "#0008", "lw": 0, "pad": 1}
        )
    axes[1].set_axis_off()
    return fig


def draw_gains(record: Record) -> Figure:
    """Gain over frequency for three orders: formula and measurement."""
    fig, ax = figure(0.8, 0.6)
    fine = np.linspace(0, np.pi, 200)
    for order, colour in enumerate(ORDER_COLOURS):
        ax.plot(fine, np.abs(2 * np.sin(fine / 2)) ** order, color=colour)
        ax.plot(record["omegas"], record["kept"][order], "o", color=colour, label=f"order {order}")
        if order:
            ax.plot(fine, fine**order, ":", color=colour, lw=1)
    ax.set_xticks([0, np.pi / 4, np.pi / 2, 3 * np.pi / 4, np.pi], ["0", "π/4", "π/2", "3π/4", "π"])
    ax.set(xlabel="radians a frame $\\omega$", title="gain of the amplitude", ylim=(-0.1, 4.4))
    ax.legend(loc="upper left")
    return fig


def draw_backgrounds(record: Record) -> Figure:
    """The same motion over two backgrounds, and its differences."""
    rows = [
        np.concatenate([x[i].transpose(1, 0, 2, 3)[:3] for i in (0, 1)]) for x in (record["shown"], record["parts"])
    ]
    labels = ("one background", "", "", "another", "", "")
    return image_grid(np.stack(rows), row_labels=("$V$", "$\\Delta V$"), column_labels=labels)


def draw_ratios(record: Record) -> Figure:
    """How much of the difference between two backgrounds is left."""
    fig, ax = figure(0.7, 0.55)
    bins = np.linspace(0, max(record["second"].max(), record["first"].max()) * 1.05, 30)
    for name, order, colour in (("first", 1, ORDER_COLOURS[1]), ("second", 2, ORDER_COLOURS[2])):
        ax.hist(record[name], bins=bins, color=colour, alpha=0.75, label=f"order {order}")
    ax.axvline(1, color=COLOURS["theory"], lw=0.8, ls=":")
    ax.text(
        0.99, 0.9, "nothing removed", rotation=90, ha="right", va="top", fontsize=8, transform=ax.get_xaxis_transform()
    )
    ax.set(xlabel="difference between the clips, after over before", title="clips", xlim=(0, 1.03))
    ax.legend()
    return fig


def draw_flicker(record: Record) -> Figure:
    """A still scene under jitter for every frame, and its difference."""
    still, difference = (record[name].transpose(1, 0, 2, 3)[:6] for name in ("still", "difference"))
    return image_grid(np.stack([still, 2 * difference]), row_labels=("$V$", "$2\\,\\Delta V$"))


def draw_schedule(record: Record) -> Figure:
    """Shares of the pairs of orders, simulated over exact."""
    fig, ax = figure(0.48, 0.95)
    expected, counts = record["expected"], record["counts"]
    show_matrix(ax, expected, limit=0.7)
    for i in range(3):
        for j in range(3):
            text = f"{counts[i, j]:.3f}\n({expected[i, j]:.3f})" if expected[i, j] else "never"
            ax.text(j, i, text, ha="center", va="center", fontsize=8.5)
    ax.set_xticks(range(3), ["$V$", "$\\Delta V$", "$\\Delta^2V$"])
    ax.set_yticks(range(3), ["$V$", "$\\Delta V$", "$\\Delta^2V$"])
    ax.set(xlabel="view 2", ylabel="view 1", title="share of batches (exact)")
    return fig


def draw_neighbours(record: Record) -> Figure:
    """One nearest neighbour for motion and background, in pixels and spectra."""
    fig, axes = figure(1.0, 0.75, ncols=2, sharey=True)
    for ax, (name, chance) in zip(axes, (("motion", 1 / 8), ("background", 1 / 16)), strict=True):
        for row, (label, colour) in enumerate((("pixels", COLOURS["baseline"]), ("spectrum", COLOURS["network"]))):
            bars = ax.bar(np.arange(3) + 0.4 * row - 0.2, 100 * record[name][row], 0.38, color=colour, label=label)
            ax.bar_label(bars, fmt="%.0f", fontsize=8, padding=2)
        ax.axhline(100 * chance, color=COLOURS["theory"], lw=0.8, ls=":")
        ax.set_xticks(range(3), ["$V$", "$\\Delta V$", "$\\Delta^2V$"])
        ax.grid(axis="x", visible=False)
        ax.set(title=f"{name} of the nearest neighbour, % right", ylim=(0, 112))
    axes[0].legend(loc="upper left")
    return fig


def draw_canonical(record: Record) -> Figure:
    """What the first canonical variate follows, by the spread of appearance."""
    fig, axes = figure(1.0, 0.9, ncols=3, sharey=True)
    titles = {"plain": "$(V,V)$", "mixed": "$(V,\\Delta V)$", "both": "$(\\Delta V,\\Delta V)$"}
    for ax, (name, title) in zip(axes, titles.items(), strict=True):
        for column, (label, colour) in enumerate((("appearance", COLOURS["baseline"]), ("motion", COLOURS["network"]))):
            ax.plot(record["fine"], record[f"theory-{name}"][:, column], color=colour, label=label)
            ax.plot(record["spreads"], record[name][:, column], "o", color=colour)
        ax.axvline(float(record["crossover"]), color=COLOURS["theory"], lw=0.8, ls=":")
        ax.set(xscale="log", title=title, xlabel="spread of appearance $\\sigma_a$", ylim=(-0.05, 1.08))
    axes[0].set_ylabel("|correlation|")
    axes[1].legend(loc="center right")
    return fig

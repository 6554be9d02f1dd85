"""Figures and the film of marks in faces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from lowdim.papers.shallow_diffuse.ablations import CONDITIONS
from lowdim.papers.shallow_diffuse.figures_exact import BAND_COLOURS
from lowdim.record import Record
from lowdim.style import BLUE, COLOURS, GREEN, VERMILLION, figure, image_grid, show_matrix

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AMPLIFIED = 10
BROWN = COLOURS["baseline"]


def _difference(marked: np.ndarray, clean: np.ndarray, factor: float = AMPLIFIED) -> np.ndarray:
    return np.clip(factor * (marked - clean), -1, 1)


def draw_gallery(record: Record) -> Figure:
    """Faces from the same noise: unmarked, marked at the paper's level, ten times the difference; Tree-Ring."""
    clean, marked, deep = record["clean"], record["ours"], record["tree_ring"]
    rows = np.stack([clean, marked, _difference(marked, clean), deep])
    names = ("no mark", "Shallow\nDiffuse", f"difference\n× {AMPLIFIED}", "Tree-Ring")
    return image_grid(rows, row_labels=names)


def draw_spectra(record: Record) -> Figure:
    """Mean size of the coefficients on the red-green axis, and what the two marks change in it."""
    fig, axes = figure(1.0, 1.05, ncols=3)
    logs = np.log10(record["spectra"][:, 1])
    show_matrix(axes[0], logs[0] - logs[0].min())
    for ax, values in zip(axes[1:], logs[1:], strict=True):
        show_matrix(ax, values - logs[0], signed=True, limit=0.7)
    for ax, name in zip(axes, ("no mark", "Shallow Diffuse", "Tree-Ring"), strict=True):
        ax.set(title=name, xticks=[], yticks=[])
    return fig


def film_level(record: Record) -> Iterator[tuple[str, Figure]]:
    """One frame for each level of injection: the same faces, marked deeper and deeper, and the price in decibels."""
    clean, count = record["clean"], min(5, len(record["clean"]))
    fig, axes = figure(1.0, 0.96, nrows=3, ncols=count + 2, squeeze=False)
    fig.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0.0, hspace=0.0)
    curve = fig.add_subplot(axes[0, 0].get_gridspec()[:, count:])
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        ax.spines[:].set_visible(False)
        if ax.get_subplotspec().colspan.start >= count:
            ax.set_visible(False)
    images = [[axes[r, c].imshow(_picture(clean[c])) for c in range(count)] for r in range(3)]
    for r, name in enumerate(("no mark", "marked", f"× {AMPLIFIED}")):
        axes[r, 0].set_ylabel(name, rotation=90, fontsize=9)
    curve.plot(record["sigmas"], record["decibels"], color=COLOURS["theory"], lw=1.1)
    (dot,) = curve.plot([], [], "o", color=COLOURS["measured"], ms=8)
    curve.set(xscale="log", xlabel=r"level of injection, $\sigma$", title="PSNR (dB)")
    for k, sigma in enumerate(record["sigmas"]):
        for c in range(count):
            marked = record["marked"][k][c]
            images[1][c].set_data(_picture(marked))
            images[2][c].set_data(_picture(_difference(marked, clean[c])))
        dot.set_data([sigma], [record["decibels"][k]])
        yield f"σ = {sigma:.2g}", fig


def _picture(image: np.ndarray) -> np.ndarray:
    return np.clip((image.transpose(1, 2, 0) + 1) / 2, 0, 1)


def draw_posterior_mean(record: Record) -> Figure:
    """How far the network's posterior mean follows a perturbation, by direction and level."""
    fig, ax = figure(0.72, 0.6)
    names = {"low": "low band", "random": "random directions", "high": "key's band"}
    for name, label in names.items():
        ax.plot(record["shares"], record[name], "o-", color=BAND_COLOURS[name], label=label)
    ax.set(yscale="log", xlabel="$t/T$", title=r"$\|f(x+\lambda\Delta x)-f(x)\|/\lambda$, network")
    ax.legend()
    return fig


def draw_where_from(record: Record) -> Figure:
    """Decibels of marks by level, band and channel, as bars."""
    fig, axes = figure(0.86, 0.85, ncols=2, sharey=True)
    decibels = record["decibels"]
    for ax, channel, name in ((axes[0], 0, "brightness"), (axes[1], 1, "red to green")):
        for level, (label, colour) in enumerate((("$t^*=T$", COLOURS["baseline"]), ("$t^*=0.3T$", BLUE))):
            values = decibels[level, :, channel]
            bars = ax.bar(np.arange(2) + 0.38 * level - 0.19, values, 0.36, color=colour, label=label)
            ax.bar_label(bars, fmt="%.0f", fontsize=8.5, padding=2)
        ax.set_xticks([0, 1], ["low band", "key's band"])
        ax.set(title=name, ylim=(0, 1.16 * decibels.max()))
        ax.grid(axis="x", visible=False)
    axes[0].set_ylabel("PSNR (dB)")
    axes[0].legend(loc="upper left")
    return fig


def draw_robustness(record: Record) -> Figure:
    """Rates of detection under each attack with Wilson intervals, beside an additive mark of equal distortion."""
    table = record["table"]
    return _rates(list(record["names"]), {"Shallow Diffuse": (table[:, :3], BLUE), "additive": (table[:, 4:7], BROWN)})


def draw_large_rates(record: Record) -> Figure:
    """The same for the large network."""
    return _rates(list(record["names"]), {"Shallow Diffuse": (record["table"][:, :3], BLUE)})


def _rates(names: list[str], methods: dict[str, tuple[np.ndarray, str]]) -> Figure:
    """Rows of rates ``(names, 3)``, each with the ends of its interval."""
    fig, ax = figure(0.9, max(0.42, 0.05 * len(names) + 0.1))
    places = np.arange(len(names))[::-1]
    for i, (label, (table, colour)) in enumerate(methods.items()):
        rate, low, high = table.T
        shift = 0.3 * ((len(methods) - 1) / 2 - i)
        ends = np.clip([rate - low, high - rate], 0, None)
        ax.errorbar(rate, places + shift, xerr=ends, fmt="o", color=colour, lw=1.4, label=label)
    ax.axvline(0.01, color=COLOURS["theory"], lw=0.9, ls=":")
    ax.set_yticks(places, names)
    ax.set(xlim=(-0.03, 1.03), title="detected at 1 % false alarms")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=2)
    return fig


def draw_false_alarms(record: Record) -> Figure:
    """Scores of unmarked and marked faces with the threshold; the p-value of a random key."""
    fig, axes = figure(1.0, 0.72, ncols=2)
    bins = np.linspace(-0.4, 1, 57)
    for values, colour, label in (
        (record["scores"], COLOURS["muted"], "no mark"),
        (record["positives"], BLUE, "marked"),
    ):
        axes[0].hist(values, bins, density=True, color=colour, label=label)
    axes[0].axvline(record["threshold"], color=COLOURS["theory"], lw=1.1)
    axes[0].set(yticks=[], xlabel="correlation with the key", title="scores and threshold")
    axes[0].legend()
    p = np.sort(record["p"])
    axes[1].plot([0, 1], [0, 1], color=COLOURS["theory"], lw=1.1, label="uniform")
    axes[1].plot(p, (np.arange(len(p)) + 1) / len(p), color=COLOURS["measured"], label="unmarked faces")
    axes[1].set(xlabel="p-value among other keys", title="share below")
    axes[1].legend()
    return fig


def draw_user(record: Record) -> Figure:
    """Faces of a user, their round trip, with the mark, and with the other channels kept."""
    names = ("own picture", "round trip", "marked", "marked, other\nchannels kept")
    return image_grid(record["rows"], row_labels=names)


def draw_level(record: Record) -> Figure:
    """Distortion and detection by level for both bands."""
    fig, axes = figure(1.0, 0.72, ncols=2)
    rates = record["rows"][..., 1 : 1 + len(CONDITIONS)].mean(-1)
    for i, (name, colour) in enumerate((("low band", VERMILLION), ("key's band", BLUE))):
        axes[0].plot(record["shares"], record["rows"][i, :, 0], "o-", color=colour, label=name)
        axes[1].plot(record["shares"], rates[i], "o-", color=colour)
    axes[0].set(title="PSNR (dB)", xlabel="$t^*/T$")
    axes[0].legend()
    axes[1].set(title="detected, mean of four conditions", xlabel="$t^*/T$", ylim=(-0.04, 1.04))
    return fig


def draw_budget(record: Record) -> Figure:
    """Correlation against distortion for growing radius and growing strength."""
    fig, axes = figure(1.0, 0.72, ncols=2)
    found = slice(1 + len(CONDITIONS), None)
    sweeps = (("radii", "by_radius", "o-", GREEN, "outer radius"), ("strengths", "by_strength", "s-", BLUE, "strength"))
    for values, name, marker, colour, label in sweeps:
        x, y = record[name][:, 0], record[name][:, found].mean(1)
        axes[0].plot(x, y, marker, color=colour, label=f"{label} {', '.join(f'{v:g}' for v in record[values])}")
    axes[0].set(xlabel="PSNR (dB)", title="mean correlation, four conditions", ylim=(0, 1.05))
    axes[0].legend(loc="upper right", fontsize=8)
    strength, decibels = record["strengths"], record["by_strength"][:, 0]
    axes[1].plot(strength, decibels, "s-", color=BLUE, label="network")
    axes[1].plot(
        strength, decibels[0] - 20 * np.log10(strength / strength[0]), color=COLOURS["theory"], lw=1.1, label="linear"
    )
    axes[1].set(xscale="log", xlabel="strength of the key", title="PSNR (dB)")
    axes[1].set_xticks(strength, [f"{s:g}" for s in strength])
    axes[1].minorticks_off()
    axes[1].legend()
    return fig


def draw_patterns(record: Record) -> Figure:
    """Distortion and separation of rings, random coefficients and zeros, in both bands."""
    fig, axes = figure(1.0, 0.72, ncols=2)
    names = list(record["names"])
    for i, (band, colour) in enumerate((("low band", VERMILLION), ("key's band", BLUE))):
        place = np.arange(len(names)) + 0.38 * i - 0.19
        axes[0].bar(place, record["rows"][i, :, 0], 0.36, color=colour, label=band)
        axes[1].bar(place, record["separations"][i], 0.36, color=colour)
    for ax, title in zip(axes, ("PSNR (dB)", "$d'$ after noise 0.05"), strict=True):
        ax.set_xticks(range(len(names)), names)
        ax.set_title(title)
        ax.grid(axis="x", visible=False)
    axes[0].set_ylim(0, 60)
    axes[0].legend()
    return fig


def draw_channels(record: Record) -> Figure:
    """Distortion by channel, and without averaging."""
    fig, ax = figure(0.78, 0.5)
    names = ("brightness", "red-green", "yellow-blue", "all three", "red-green,\nno averaging")
    colours = [BLUE, BLUE, BLUE, COLOURS["baseline"], COLOURS["muted"]]
    bars = ax.bar(range(len(names)), record["rows"][:, 0], 0.6, color=colours)
    ax.bar_label(bars, fmt="%.1f", fontsize=8.5, padding=2)
    ax.set_xticks(range(len(names)), names)
    ax.set(title="PSNR (dB)", ylim=(0, 1.15 * record["rows"][:, 0].max()))
    ax.grid(axis="x", visible=False)
    return fig


def draw_several_keys(record: Record) -> Figure:
    """Rate of detection and correlation by number of keys."""
    fig, ax = figure(0.6, 0.66)
    ax.plot(record["counts"], record["rates"], "o-", color=BLUE, label="detected")
    ax.plot(record["counts"], record["correlations"], "s--", color=COLOURS["muted"], label="correlation")
    ax.set(xscale="log", xlabel="keys in one picture", ylim=(0, 1.04), title="each key, mean of four conditions")
    ax.set_xticks(record["counts"], [str(n) for n in record["counts"]])
    ax.minorticks_off()
    ax.legend(loc="lower left")
    return fig


def draw_large(record: Record) -> Figure:
    """Faces of the large network without and with the mark."""
    return image_grid(record["faces"], row_labels=("no mark", "marked"))

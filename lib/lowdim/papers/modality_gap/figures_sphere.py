"""Figures and the film of six pairs flowing on the sphere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from lowdim.record import Record
from lowdim.style import COLOURS, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHADE = {"learned": "measured", "softplus": "component_3", "fixed 0.07": "network", "fixed 0.5": "component_2"}
LABEL = {
    "learned": r"learned, $\beta=e^\nu$",
    "softplus": "learned, softplus",
    "fixed 0.07": r"fixed $\tau=0.07$",
    "fixed 0.5": r"fixed $\tau=0.5$",
}


def draw_sphere_gap(record: Record) -> Figure:
    """The gap of every start under the four rules."""
    fig, ax = figure(0.85, 0.6)
    times = record["times"][1:]
    for name in map(str, record["rules"]):
        gaps = np.maximum(record[f"gap-{name}"][:, 1:], 1e-5)
        ax.plot(times, gaps.T, color=COLOURS[SHADE[name]], lw=0.7, alpha=0.45)
        ax.plot(times, np.median(gaps, 0), color=COLOURS[SHADE[name]], lw=2.2, label=LABEL[name])
    ax.set(xscale="log", yscale="log", xlabel="time $t$", title=r"modality gap $\Delta$", ylim=(1e-4, 3))
    ax.legend(loc="lower left")
    return fig


def draw_sphere_temperature(record: Record) -> Figure:
    """Temperature and gap of each start with the learned rule, and the gap that the lemma would allow."""
    fig, axes = figure(1.0, 0.95, ncols=3)
    left, middle, right = axes
    times, start = record["times"][1:], int(record["hundred"])
    matched = record["matched-learned"][:, 1:]
    for tau, share in zip(record["tau"][:, 1:], matched, strict=True):
        left.plot(times, tau, color=COLOURS["measured"], lw=0.9, alpha=0.7)
        middle.plot(times, share, color=COLOURS["network"], lw=0.9, alpha=0.6)
    left.axhline(0.07, color=COLOURS["muted"], lw=0.9, ls=":")
    left.set(xscale="log", yscale="log", title=r"learned temperature $\tau$", xlabel="time $t$")
    left.set(yticks=(0.02, 0.05, 0.1, 0.2, 0.5), yticklabels=("0.02", "0.05", "0.1", "0.2", "0.5"))
    left.minorticks_off()
    middle.set(xscale="log", title="share of matched pairs", xlabel="time $t$", ylim=(-0.05, 1.05))
    gap, curve = record["gap-learned"][:, start:], record["on_curve"][:, start:]
    right.plot(record["times"][start:], (gap / gap[:, :1]).T, color=COLOURS["measured"], lw=0.9, alpha=0.7)
    right.plot(record["times"][start:], (curve / curve[:, :1]).T, color=COLOURS["theory"], lw=0.9, alpha=0.7)
    right.plot([], [], color=COLOURS["measured"], label="free features")
    right.plot([], [], color=COLOURS["theory"], label="parallel model")
    right.set(xscale="log", xlabel="time $t$", title=r"$\Delta(t)/\Delta(100)$", ylim=(0, 1.05))
    right.legend(loc="lower left", fontsize=8)
    return fig


def film_sphere(record: Record) -> Iterable[tuple[str, Figure]]:
    """The two clouds on the sphere as time runs: a learned temperature on the left, a fixed one on the right."""
    fig, axes = figure(1.0, 0.95, ncols=2)
    names = ("learned", "fixed 0.07")
    artists = [_prepare(ax, record[f"features-{name}"], LABEL[name]) for ax, name in zip(axes, names, strict=True)]
    times = record["times"]
    for index in np.unique(np.linspace(0, len(times) - 1, 49).round().astype(int)):
        for name, parts in zip(names, artists, strict=True):
            _move(parts, record[f"features-{name}"][index])
            gap, tau = record[f"gap-{name}"][0, index], record[f"film-tau-{name}"][index]
            parts["text"].set_text(rf"$\Delta={gap:.3f}\quad\tau={tau:.3f}$")
        yield (f"t = {float(f'{times[index]:.2g}'):,.6g}", fig)  # two digits, no exponent


def _project(points: np.ndarray) -> np.ndarray:
    """Points (..., 3) seen from afar: to the right, upwards, and towards the eye. A fraction of the cost of
    Matplotlib's axes in three dimensions, which a film pays for each frame.
    """
    turn, lift = np.radians(-60), np.radians(14)
    eye = np.array([np.cos(lift) * np.cos(turn), np.cos(lift) * np.sin(turn), np.sin(lift)])
    right = np.array([-np.sin(turn), np.cos(turn), 0.0])
    return points @ np.stack([right, np.cross(eye, right), eye], 1)


def _wires() -> np.ndarray:
    """Circles of latitude and longitude on the unit sphere, (circles, 73, 3)."""
    angle = np.linspace(0, 2 * np.pi, 73)
    x, y, height = np.cos(angle), np.sin(angle), np.linspace(-0.8, 0.8, 5)[:, None]
    radius, turn = np.sqrt(1 - height**2), np.linspace(0, np.pi, 5)[:-1, None]
    latitudes = np.stack([radius * x, radius * y, height + 0 * x], -1)
    longitudes = np.stack([y * np.cos(turn), y * np.sin(turn), x + 0 * turn], -1)
    return np.concatenate([latitudes, longitudes])


def _prepare(ax: Axes, features: np.ndarray, title: str) -> dict[str, Any]:
    """A wire sphere, its far side paler, with the points, the segments between pairs and the two means."""
    wires = _project(_wires())
    for side, shade in ((wires[..., 2:] < 0, 0.45), (wires[..., 2:] >= 0, 1.0)):
        ax.plot(*np.where(side, wires, np.nan)[..., :2].T, color=COLOURS["grid"], lw=0.9, alpha=shade)
    angle = np.linspace(0, 2 * np.pi, 145)
    ax.plot(np.cos(angle), np.sin(angle), color=COLOURS["noise"], lw=0.9)
    parts: dict[str, Any] = {
        "pairs": [ax.plot([], [], color=COLOURS["muted"], lw=0.8)[0] for _ in features[0, 0]],
        "between": ax.plot([], [], color=COLOURS["ink"], lw=2.4)[0],
        "text": ax.text(0.5, -0.02, "", transform=ax.transAxes, ha="center", color=COLOURS["ink"]),
    }
    for key, colour, label in (("images", "component_1", "images"), ("texts", "component_2", "texts")):
        size = 10 if key == "images" else 6.5  # so that both show where they meet
        parts[key] = ax.plot([], [], "o", ms=size, color=COLOURS[colour], mec=COLOURS["card"], label=label)[0]
    ax.set(xlim=(-1.2, 1.2), ylim=(-1.1, 1.1), title=title, aspect="equal")
    ax.set_axis_off()
    ax.legend(loc="upper right", fontsize=8)
    return parts


def _move(parts: dict[str, Any], features: np.ndarray) -> None:
    u, v = _project(features)[..., :2]
    parts["images"].set_data(*u.T)
    parts["texts"].set_data(*v.T)
    for line, first, second in zip(parts["pairs"], u, v, strict=True):
        line.set_data(*np.stack([first, second]).T)
    parts["between"].set_data(*np.stack([u.mean(0), v.mean(0)]).T)

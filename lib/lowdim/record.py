"""What an experiment hands back: claim values, headline numbers and the arrays its figures are drawn from."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Number:
    """A headline number: its value, its unit (``""`` for a pure number) and the absolute tolerance within which a
    rerun of the same code, seed and profile on another CPU must agree.
    """

    value: float
    unit: str
    tolerance: float

    def __post_init__(self) -> None:
        if not self.tolerance >= 0 or math.isinf(self.tolerance):
            raise ValueError(f"tolerance: {self.tolerance!r} is not allowed; give a finite number of at least 0")


@dataclass(frozen=True)
class Table:
    """Rows of text and numbers under ``columns``, for the page; costs in seconds belong here, since a page takes them
    from the recorded result and no notebook prints them.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str | float, ...], ...]

    def __post_init__(self) -> None:
        short = [row for row in self.rows if len(row) != len(self.columns)]
        if short:
            raise ValueError(f"rows: {short[0]!r} has {len(short[0])} cells under {len(self.columns)} columns")


@dataclass
class Record:
    """The outcome of one experiment.

    ``claims`` maps a claim's id (``"01-C2a"``) to the measured value, ``numbers`` maps a name to a :class:`Number`,
    ``arrays`` holds what figures are drawn from, as NumPy arrays (tensors are moved to the CPU and converted), and
    ``tables`` maps a name to a :class:`Table`.
    """

    claims: dict[str, float] = field(default_factory=dict)
    numbers: dict[str, Number] = field(default_factory=dict)
    arrays: dict[str, Any] = field(default_factory=dict)  # what NumPy can convert; arrays after construction
    tables: dict[str, Table] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.claims = {key: float(value) for key, value in self.claims.items()}
        self.arrays = {key: _to_numpy(value) for key, value in self.arrays.items()}

    def number(self, name: str, value: float, unit: str = "", *, tolerance: float) -> float:
        """Record a headline number and return its value."""
        self.numbers[name] = Number(float(value), unit, float(tolerance))
        return float(value)

    def table(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[str | float]]) -> None:
        """Record a table for the page."""
        self.tables[name] = Table(tuple(columns), tuple(tuple(map(_cell, row)) for row in rows))

    def __getitem__(self, name: str) -> np.ndarray:
        try:
            return self.arrays[name]
        except KeyError:
            raise KeyError(f"array {name!r} is not in this record; it has {', '.join(sorted(self.arrays))}") from None


def _cell(value: Any) -> str | float:
    return value if isinstance(value, str) else float(value)


def _to_numpy(value: Any) -> np.ndarray:
    torch = sys.modules.get("torch")  # where there is a tensor, it is loaded
    if torch is not None and isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy()
    return np.asarray(value)


@dataclass(frozen=True)
class Plot:
    """A figure of a chapter.

    The experiment whose record it draws, the drawing function ``record -> Figure``, the caption (Markdown with
    ``$math$``) and the alt text for readers who do not see it.
    """

    experiment: str
    draw: Callable[[Record], Figure]
    caption: str
    alt: str


@dataclass(frozen=True)
class Film:
    """A figure that moves: frames drawn from an experiment's record, which a reader plays, pauses and scrubs.

    ``frames(record)`` yields a pair ``(label, figure)`` for each frame, at least two and all of one figure size. The
    label is short plain text shown beside the slider (``"σ = 0.35"``, ``"round 4"``). Changing the artists of one
    figure and yielding it again is several times faster than drawing anew, and keeps the axes where they are.
    ``seconds`` is how long the film lasts; caption and alt text are those of a :class:`Plot`.
    """

    experiment: str
    frames: Callable[[Record], Iterable[tuple[str, Figure]]]
    caption: str
    alt: str
    seconds: float = 6.0

    def __post_init__(self) -> None:
        if not 0 < self.seconds < math.inf:
            raise ValueError(f"seconds: {self.seconds!r} is not allowed; give a positive number")

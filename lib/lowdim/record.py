"""What an experiment hands back: claim values, headline numbers and the arrays its figures are drawn from."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
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


@dataclass
class Record:
    """The outcome of one experiment.

    ``claims`` maps a claim's id (``"01-C2a"``) to the measured value, ``numbers`` maps a name to a :class:`Number`, and
    ``arrays`` holds what figures are drawn from, as NumPy arrays (tensors are moved to the CPU and converted).
    """

    claims: dict[str, float] = field(default_factory=dict)
    numbers: dict[str, Number] = field(default_factory=dict)
    arrays: dict[str, Any] = field(default_factory=dict)  # what NumPy can convert; arrays after construction

    def __post_init__(self) -> None:
        self.claims = {key: float(value) for key, value in self.claims.items()}
        self.arrays = {key: _to_numpy(value) for key, value in self.arrays.items()}

    def number(self, name: str, value: float, unit: str = "", *, tolerance: float) -> float:
        """Record a headline number and return its value."""
        self.numbers[name] = Number(float(value), unit, float(tolerance))
        return float(value)

    def __getitem__(self, name: str) -> np.ndarray:
        try:
            return self.arrays[name]
        except KeyError:
            raise KeyError(f"array {name!r} is not in this record; it has {', '.join(sorted(self.arrays))}") from None


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

"""Which derivative each view of a batch gets: the balanced alternating schedule, and its ablations."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

import torch

Orders = tuple[int, int]


@dataclass(frozen=True)
class PairSchedule:
    r"""Orders of differentiation of the two views, from two sources that add up.

    Pass ``e`` over the data gives both views the orders ``modes[e % len(modes)]``. On top, each batch is differentiated
    once more, both views alike, with probability ``p_random``. Source: the authors' development code.
    """

    modes: tuple[Orders, ...] = ((1, 1), (0, 1), (1, 0), (0, 0))
    p_random: float = 0.5

    def __post_init__(self) -> None:
        if not self.modes or any(len(mode) != 2 or min(mode) < 0 for mode in self.modes):
            raise ValueError(f"modes: {self.modes!r} is not allowed; give pairs of orders of at least 0, one or more")
        if not 0 <= self.p_random <= 1:
            raise ValueError(f"p_random: {self.p_random!r} is not allowed; give a probability")

    @property
    def largest(self) -> int:
        """The highest order that occurs."""
        return max(map(max, self.modes)) + (self.p_random > 0)

    def orders(self, epoch: int, generator: torch.Generator) -> Orders:
        """The orders of one batch of pass ``epoch``; one number is drawn whatever ``p_random`` is.

        Processes that train together must draw from generators in the same state, or their views differ in length.
        """
        extra = int(float(torch.rand((), generator=generator)) < self.p_random)
        first, second = self.modes[epoch % len(self.modes)]
        return first + extra, second + extra

    def probabilities(self) -> dict[Orders, Fraction]:
        """The exact probability of each pair over a cycle of the modes."""
        found: dict[Orders, Fraction] = {}
        extra = Fraction(self.p_random)
        for first, second in self.modes:
            for more, weight in ((0, 1 - extra), (1, extra)):
                if weight:
                    pair = (first + more, second + more)
                    found[pair] = found.get(pair, Fraction(0)) + weight / len(self.modes)
        return found


SCHEDULES = MappingProxyType(
    {
        "base": PairSchedule(((0, 0),), 0.0),
        "vididi": PairSchedule(),
        "derivatives only": PairSchedule(((1, 1),), 0.0),
        "random only": PairSchedule(((0, 0),), 0.5),
        "no mixed pairs": PairSchedule(((1, 1), (0, 0)), 0.5),
    }
)
"""The method, the method without derivatives, and the ablations."""

"""When a residual is as small as the noise allows: thresholds on ``||A(x) - y||^2``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

Threshold = Callable[[Tensor, Tensor], Tensor]
"""From the noise levels ``sigma_y (B,)`` and the numbers of noisy entries ``m (B,)`` to ``delta^2 (B,)``."""


@dataclass(frozen=True)
class Margin:
    """``delta^2 = (sigma_y + margin)^2 m``, the rule of the released code with ``margin = 0.001``."""

    margin: float = 0.001

    def __call__(self, noise_std: Tensor, entries: Tensor) -> Tensor:
        """``delta^2 (B,)``."""
        return (noise_std + self.margin).square() * entries


@dataclass(frozen=True)
class Deviations:
    """``delta^2 = sigma_y^2 (m + count sqrt(2 m))``: the mean of ``||n||^2`` and ``count`` of its deviations.

    A relative margin like that of the released code is a fraction of a deviation for the few measurements of a small
    image, and many deviations for those of a large one.
    """

    count: float = 0.0

    def __call__(self, noise_std: Tensor, entries: Tensor) -> Tensor:
        """``delta^2 (B,)``."""
        return noise_std.square() * (entries + self.count * (2 * entries).sqrt())


@dataclass(frozen=True)
class Fixed:
    """``delta^2 = level^2 m`` whatever the noise: what happens when the noise level is not known."""

    level: float

    def __call__(self, noise_std: Tensor, entries: Tensor) -> Tensor:
        """``delta^2 (B,)``."""
        return self.level**2 * entries.to(noise_std)

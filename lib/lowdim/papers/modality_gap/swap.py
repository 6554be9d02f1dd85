r"""Modality swapping: mix the features of both modalities before the loss, in a share of the training steps.

:math:`\bar H_X=\lambda H_X+(1-\lambda)H_Y` and :math:`\bar H_Y=\lambda H_Y+(1-\lambda)H_X` entry by entry. Gradients
pass through both towers and the mixed features are not normalised again. Source: Yaras et al. (2025), section 4; the
paper leaves these two points open.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Weights = Callable[[Tensor, torch.Generator], Tensor]
"""Draws the weights that mix features (..., n, d)."""


def hard_weights(features: Tensor, generator: torch.Generator) -> Tensor:
    """Hard swapping: every entry 0 or 1 with probability one half, drawn independently."""
    return (_uniform(features.shape, features, generator) < 0.5).to(features.dtype)


def soft_weights(features: Tensor, generator: torch.Generator) -> Tensor:
    """Soft swapping: every entry uniform on [0, 1], drawn independently."""
    return _uniform(features.shape, features, generator)


def row_weights(features: Tensor, generator: torch.Generator) -> Tensor:
    """Hard swapping of whole features: one 0 or 1 for each row (the paper's control)."""
    return (_uniform((*features.shape[:-1], 1), features, generator) < 0.5).to(features.dtype)


@dataclass(frozen=True)
class Swap:
    """Swap with ``weights`` in a share ``probability`` of the steps.

    For features of several models (..., n, d) each draws its own steps. Raises ``ValueError`` for a probability outside
    [0, 1].
    """

    weights: Weights
    probability: float

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability: {self.probability!r} is not allowed; give the share of steps, from 0 to 1")

    def __call__(self, u: Tensor, v: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The features after a step's swap, if this step swaps at all."""
        swaps = _uniform((*u.shape[:-2], 1, 1), u, generator) < self.probability
        mixed = torch.where(swaps, self.weights(u, generator), torch.ones((), dtype=u.dtype, device=u.device))
        return mixed * u + (1 - mixed) * v, mixed * v + (1 - mixed) * u


def _uniform(shape: tuple[int, ...], like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator, dtype=like.dtype, device=generator.device).to(like.device)

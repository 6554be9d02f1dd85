"""An inverse problem as the solvers of this chapter see it: levels of noise, and what a physics has to offer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lowdim.measurement import discrepancy
from lowdim.measurement import problem as measured
from lowdim.measurement.problem import Problem


def pose(y: Tensor, physics: Any, denoiser: Any = None) -> Problem:
    """:func:`lowdim.measurement.problem.pose`, and :func:`check_noise`."""
    return check_noise(measured.pose(y, physics, denoiser))


def check_noise(problem: Problem) -> Problem:
    """``problem``. Raises ``ValueError`` for Gaussian noise of a level that is not above 0, or of another number of
    levels than one or one for each measurement; a physics without Gaussian noise passes.
    """
    discrepancy.check_noise(problem.physics, problem.shape[0])
    return problem


def ability(problem: Problem, name: str, purpose: str) -> Callable[..., Tensor]:
    """The physics' method ``name``. Raises ``ValueError`` that tells its ``purpose`` where there is none."""
    method = getattr(problem.physics, name, None)
    if not callable(method):
        raise ValueError(
            f"physics: {type(problem.physics).__name__} has no {name}, with which {purpose}; give a linear operator "
            "(deepinv.physics.LinearPhysics)"
        )
    return method


def for_each(values: list[float], problem: Problem) -> float | Tensor:
    """``values``, one for each sample, as a tensor ``(B,)`` beside the images; the number itself if all are equal."""
    if len(set(values)) == 1:
        return values[0]
    return torch.tensor(values, dtype=problem.dtype, device=problem.y.device)

"""An inverse problem as the solvers of this chapter see it."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.views import UnitRangeView
from lowdim.measurement import problem
from lowdim.measurement.problem import Problem

__all__ = ["Problem", "pose"]


def pose(y: Tensor, physics: Any, denoiser: Denoiser, x_init: Tensor | None = None) -> Problem:
    """:func:`lowdim.measurement.problem.pose` for images in [-1, 1]: a denoiser of pixels in [0, 1] is refused too."""
    if isinstance(denoiser, UnitRangeView):
        raise ValueError("denoiser: it expects pixels in [0, 1], measurements here speak of [-1, 1]; give the original")
    return problem.pose(y, physics, denoiser, x_init)

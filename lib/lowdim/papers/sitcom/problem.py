"""An inverse problem as the solvers of this chapter see it."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.ranges import check_range
from lowdim.measurement import problem
from lowdim.measurement.discrepancy import check_noise
from lowdim.measurement.problem import Problem

__all__ = ["Problem", "pose"]


def pose(y: Tensor, physics: Any, denoiser: Denoiser, x_init: Tensor | None = None) -> Problem:
    """:func:`lowdim.measurement.problem.pose` for images in [-1, 1]; denoisers for pixels in [0, 1], such as those of
    deepinv, are refused too (see :func:`~lowdim.denoising.ranges.check_range`). So is Gaussian noise of a level that is
    not above 0, or of several levels but not one for each measurement, whether the solver reads it or not.
    """
    posed = problem.pose(y, physics, check_range("denoiser", denoiser), x_init)
    check_noise(physics, y.shape[0])
    return posed

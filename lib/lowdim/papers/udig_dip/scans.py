"""Scans of phantoms and of brain slices: multi-coil magnetic resonance imaging, and tomography from few views."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lowdim.compat import import_deepinv
from lowdim.data.mni152 import brain_slices
from lowdim.data.phantoms import sample_phantoms, smooth_phases, with_phase
from lowdim.measurement.mri import multi_coil_mri
from lowdim.measurement.problem import Problem, pose
from lowdim.metrics.images import psnr, ssim
from lowdim.papers.udig_dip.solver import adjoint
from lowdim.seeding import make_generator

deepinv: Any = import_deepinv()

TITLES = {
    "mri-4": "MRI, 4×",
    "mri-8": "MRI, 8×",
    "mri-4-gaussian": "MRI, 4×, Gaussian",
    "mri-8-gaussian": "MRI, 8×, Gaussian",
    "ct-60": "CT, 60 views",
    "ct-30": "CT, 30 views",
    "ct-18": "CT, 18 views",
}
TASKS = tuple(TITLES)
MIDDLE = {4: 0.08, 8: 0.04}
"""The share of columns in the middle that are always measured, for each acceleration."""
MRI_NOISE, CT_NOISE = 0.01, 0.01


@dataclass(frozen=True)
class Scan:
    """Images ``x (B, C, H, W)`` with magnitudes in [0, 1], their measurements ``y`` through ``physics``, and for each a
    similar image as a ``reference``.
    """

    task: str
    x: Tensor
    y: Tensor
    physics: Any
    reference: Tensor

    @property
    def noise_std(self) -> float:
        """The deviation of the noise."""
        return float(self.physics.noise_model.sigma)

    def start(self) -> Tensor:
        """What every sequential method starts from: zero-filled, or filtered back-projection."""
        return first_image(pose(self.y, self.physics))

    def psnr(self, found: Tensor) -> Tensor:
        """PSNR ``(B,)`` of the magnitudes, in dB; the largest true value is 1, and so is the peak."""
        return psnr(magnitude(found), magnitude(self.x), (0.0, 1.0))

    def ssim(self, found: Tensor) -> Tensor:
        """SSIM ``(B,)`` of the magnitudes, on the range [0, 1]."""
        return ssim(magnitude(found), magnitude(self.x), (0.0, 1.0))


def magnitude(x: Tensor) -> Tensor:
    """``|x|`` of complex images ``(B, 2, H, W)`` as ``(B, 1, H, W)``; real ones as they are."""
    return x.square().sum(1, keepdim=True).sqrt() if x.shape[1] == 2 else x


def make_scan(
    task: str, kind: str, count: int, seed: int, device: str | torch.device = "cpu", *, size: int = 64, views: int = 0
) -> Scan:
    """``count`` scans of ``"phantoms"`` or ``"brains"`` for one of :data:`TASKS`, noise included.

    MRI: four coils, one column in 4 or 8, other columns for every image, noise 0.01 on orthonormal frequencies; beside
    the middle the columns are drawn evenly, or (``"mri-4-gaussian"``) more often near it. CT: 60, 30 or 18 views,
    operator of norm 1, noise 1 percent of the mean largest entry. The reference of a brain is the next slice, unturned;
    that of a phantom another phantom. ``views`` overrides the number of views.

    Raises ``ValueError`` for an unknown task or kind.
    """
    if task not in TASKS or kind not in ("phantoms", "brains"):
        raise ValueError(f"task, kind: {task!r}, {kind!r}; choose one of {', '.join(TASKS)}, and phantoms or brains")
    generator = make_generator(seed, "udig-dip", task, kind)
    grey = sample_phantoms(count, generator, size) if kind == "phantoms" else brain_slices(count, generator, size)
    other = sample_phantoms(count, generator, size) if kind == "phantoms" else _neighbours(count, generator, size)
    number = int(task.split("-")[1])
    if task.startswith("mri"):
        phases = smooth_phases(count, generator, size)
        x, reference = with_phase(grey, phases), with_phase(other, torch.zeros_like(phases))
        middle = MIDDLE[number]
        physics = multi_coil_mri(size, MRI_NOISE, generator, acceleration=number, middle=middle, slices=count)
        if task.endswith("gaussian"):
            draws = deepinv.physics.generator.GaussianMaskGenerator((size, size), number, middle, rng=generator)
            physics.update_parameters(**draws.step(count))
    else:
        x, reference = grey, other
        physics = _tomography(views or number, size)
        level = CT_NOISE * float(physics.A(x).amax((1, 2, 3)).mean())
        physics.set_noise_model(deepinv.physics.GaussianNoise(level, rng=generator))
    y = physics(x)
    return Scan(task, x.to(device), y.to(device), physics.to(device), reference.to(device))


def _tomography(views: int, size: int) -> Any:
    """Parallel beams from ``views`` angles evenly in half a turn, of norm 1."""
    with torch.random.fork_rng(devices=[]):  # the norm is found by power iteration from a start of the global generator
        torch.manual_seed(0)
        return deepinv.physics.Tomography(angles=views, img_width=size, circle=False, normalize=True)


def _neighbours(count: int, generator: torch.Generator, size: int) -> Tensor:
    """For each slice the next one."""
    return brain_slices(count + 1, generator, size, turned=False)[1:]


def first_image(problem: Problem) -> Tensor:
    """The zero-filled image of magnetic resonance imaging, filtered back-projection of tomography; scaled to the
    measurement.
    """
    if isinstance(problem.physics, deepinv.physics.Tomography):
        with torch.no_grad():
            return problem.physics.A_dagger(problem.y, fbp=True)
    return adjoint(problem)

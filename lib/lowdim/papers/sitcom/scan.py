"""Experiment on a scan: complex images seen by four coils, with a Gaussian prior whose posterior is a formula."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lowdim.compat import import_deepinv
from lowdim.data.faces import sample_faces
from lowdim.denoising.grids import vp_sigmas
from lowdim.distributions import Gaussian
from lowdim.measurement.mri import multi_coil_mri
from lowdim.papers.sitcom.coordinates import posterior_closeness
from lowdim.papers.sitcom.settings import PROFILES, Settings
from lowdim.papers.sitcom.sitcom import SITCOM
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

deepinv: Any = import_deepinv()

NOISES, SIDE = (0.05, 0.01), 32


def scan(profile: str, seed: int, device: str) -> Record:
    """SITCOM on multi-coil scans at a quarter of the columns and two noise levels, beside the posterior mean and the
    zero-filled image (claims S12).
    """
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "sitcom", "scan")
    prior = Gaussian.from_samples(complex_faces(settings.mri_faces, generator))
    x = prior.sample(settings.mri_scans, generator)
    physics = multi_coil_mri(SIDE, NOISES[0], generator)
    levels = []
    for noise in NOISES:
        physics.set_noise_model(deepinv.physics.GaussianNoise(noise, rng=generator))
        levels.append(_reconstructions(prior, physics, physics(x), noise, settings, generator))
    scores = torch.stack([torch.stack([error_db(image, x) for image in images.values()]) for images in levels])
    gain = (scores[:, 1] - scores[:, 0]).mean(1)
    record = Record(
        claims={"07-S12": float(gain[0]), "07-S12b": float((scores[1, 1] - scores[0, 1]).mean())},
        arrays={"names": list(levels[0]), "noises": NOISES, "scores": scores, "x": x[0], "mask": physics.mask[0, 0],
                "images": torch.stack([image[0] for image in levels[0].values()])},
    )  # fmt: skip
    behind = (scores[:, -1] - scores[:, 1]).mean(1)
    record.number("distance-to-posterior-mean", float(behind[0]), "dB", tolerance=0.5)
    record.number("distance-to-posterior-mean-less-noise", float(behind[1]), "dB", tolerance=0.5)
    return record


def _reconstructions(
    prior: Gaussian, physics: Any, y: Tensor, noise: float, settings: Settings, generator: torch.Generator
) -> dict[str, Tensor]:
    """What each method makes of measurements ``y``."""
    options: dict[str, Any] = {"inner_steps": settings.inner, "learning_rate": 0.02, "pixel_range": None}
    best = torch.stack([prior.posterior(one, physics, noise).mean() for one in y])
    found = SITCOM(prior, vp_sigmas(20), **options)(y, physics, generator)
    close = SITCOM(prior, vp_sigmas(20), closeness=posterior_closeness(noise), stop=None, **options)
    return {"zero-filled": physics.A_adjoint(y), "SITCOM": found, "SITCOM, closeness": close(y, physics, generator),
            "posterior mean": best}  # fmt: skip


def complex_faces(count: int, generator: torch.Generator) -> Tensor:
    """Brightness of faces as magnitude, with a smooth random phase: ``(count, 2, 32, 32)`` in float64."""
    grey = (sample_faces(count, generator, SIDE, dtype=torch.float64).images.mean(1) + 1) / 2
    line = torch.linspace(-1, 1, SIDE, dtype=torch.float64)
    slopes = torch.randn(count, 3, generator=generator, dtype=torch.float64)
    phase = slopes[:, 0, None, None] + slopes[:, 1, None, None] * line + slopes[:, 2, None, None] * line[:, None]
    return torch.stack([grey * torch.cos(phase), grey * torch.sin(phase)], 1)


def error_db(image: Tensor, x: Tensor) -> Tensor:
    """``-10 log10`` of the squared error over the squared size of each image ``(B,)``."""
    return -10 * torch.log10((image - x).flatten(1).square().sum(1) / x.flatten(1).square().sum(1))

"""What the figures in the plane are drawn from: fields of arrows, posterior ellipses, trajectories, a measurement."""

from __future__ import annotations

import torch
from torch import Tensor

from lowdim.denoising.samplers import Step, ancestral, euler, heun, last
from lowdim.distributions import Distribution
from lowdim.papers.denoisers.models import add_noise, drawn_points, two_lines
from lowdim.papers.denoisers.paths import geometric_grid
from lowdim.profile import check_device, check_profile
from lowdim.record import Record
from lowdim.seeding import make_generator

HALF_WIDTH = 2.6
FIELD_SIGMAS = (0.9, 0.3)
ELLIPSE_SIGMA = 0.45
PATH_SIGMA, PATH_POINTS = 1.5, 48
FLOW_SIGMAS, FLOW_HALF_WIDTH = (2.0, 0.05), 3.6
FEW_STEPS = 6
MEASURED_ROW, MEASURED_NOISE = (0.35, 1.0), 0.12


def plane_models(seed: int, device: str) -> dict[str, Distribution]:
    """Three models of the same data in the plane: the Gaussian with its moments, the two lines, sixteen samples."""
    lines = two_lines(device)
    points = drawn_points(lines, 16, make_generator(seed, "denoisers", "plane", "points", device=device))
    return {"gaussian": lines.gaussian(), "lines": lines, "points": points}


def lattice(count: int, device: str, half_width: float = HALF_WIDTH) -> Tensor:
    """``count x count`` points of the square, ``(count^2, 2)``, row by row from below."""
    axis = torch.linspace(-half_width, half_width, count, dtype=torch.float64, device=device)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([x, y], -1).reshape(-1, 2)


def density(model: Distribution, sigma: float, count: int, device: str, half_width: float = HALF_WIDTH) -> Tensor:
    """``p_sigma`` on a ``count x count`` lattice, in single precision: enough to be shaded."""
    return model.log_prob(lattice(count, device, half_width), sigma).exp().reshape(count, count).float()


def fields(profile: str, seed: int, device: str) -> Record:
    """Density and arrows ``D(x, sigma) - x`` of the three models at two noise levels."""
    check_profile(profile), check_device(device)
    models = plane_models(seed, device)
    pixels, arrows = (40, 7) if profile == "smoke" else (140, 13)
    starts = lattice(arrows, device, 0.93 * HALF_WIDTH)
    record = Record(
        arrays={"starts": starts, "points": models["points"].sample(400, _generator(seed, device)).unique(dim=0)}
    )
    for name, model in models.items():
        for sigma in FIELD_SIGMAS:
            record.arrays[f"density-{name}-{sigma}"] = density(model, sigma, pixels, device).cpu().numpy()
            record.arrays[f"arrows-{name}-{sigma}"] = (model(starts, sigma) - starts).cpu().numpy()
    return record


def _generator(seed: int, device: str) -> torch.Generator:
    return make_generator(seed, "denoisers", "pictures", device=device)


def ellipses(profile: str, seed: int, device: str) -> Record:
    """Noisy points, their denoised images, and the axes of the posterior covariance ``sigma^2 J`` there."""
    check_profile(profile), check_device(device)
    models = plane_models(seed, device)
    sigma = ELLIPSE_SIGMA
    angles = torch.arange(10, dtype=torch.float64, device=device) * torch.pi / 5 + 0.2
    circle = torch.stack([angles.cos(), angles.sin()], 1)
    x = torch.cat([2.1 * circle, torch.tensor([[0.75, 0.75], [-0.75, -0.75]], dtype=torch.float64, device=device)])
    arrays: dict[str, Tensor | float] = {"x": x, "sigma": sigma}
    for name, model in models.items():
        values, vectors = torch.linalg.eigh(sigma**2 * model.denoiser_jacobian(x, sigma))
        arrays[f"denoised-{name}"] = model(x, sigma)
        arrays[f"axes-{name}"] = vectors * values.clamp_min(0).sqrt()[:, None]
        arrays[f"density-{name}"] = density(model, sigma, 40 if profile == "smoke" else 140, device)
    return Record(arrays=arrays)


def trajectories(profile: str, seed: int, device: str) -> Record:
    """The same noisy points taken to the data by the exact flow and by three samplers with few steps."""
    check_profile(profile), check_device(device)
    generator = _generator(seed, device)
    lines = two_lines(device)
    start = add_noise(lines.sample(PATH_POINTS, generator), PATH_SIGMA, generator)
    few, many = (geometric_grid(steps, PATH_SIGMA, 0.02) for steps in (FEW_STEPS, 120))
    paths = {
        "flow": heun(lines, start, many),
        "euler": euler(lines, start, few),
        "heun": heun(lines, start, few),
        "ancestral": ancestral(lines, start, few, generator),
    }
    arrays = {name: walked(path) for name, path in paths.items()}
    owner = lines.component_weights(arrays["flow"][-1], 0.02).argmax(1)
    return Record(arrays={**arrays, "owner": owner})


def flow(profile: str, seed: int, device: str) -> Record:
    """Noisy samples of the three models carried by the exact flow, and the density that they should follow.

    The densities are kept as their square root relative to the largest value, in 256 grey levels.
    """
    check_profile(profile), check_device(device)
    generator = _generator(seed, device)
    points, frames, pixels = (30, 4, 24) if profile == "smoke" else (180, 49, 96)
    every = 4  # steps of the flow between two frames
    sigmas = geometric_grid(every * (frames - 1), *FLOW_SIGMAS)
    record = Record(arrays={"sigmas": sigmas[::every]})
    for name, model in plane_models(seed, device).items():
        start = add_noise(model.sample(points, generator), FLOW_SIGMAS[0], generator)
        record.arrays[f"path-{name}"] = walked(heun(model, start, sigmas))[::every].half().cpu().numpy()
        shades = [density(model, float(s), pixels, device, FLOW_HALF_WIDTH) for s in sigmas[::every]]
        greys = torch.stack([255 * (shade / shade.max()).sqrt() for shade in shades])
        record.arrays[f"density-{name}"] = greys.round().byte().cpu().numpy()
    return record


def walked(steps: object) -> Tensor:
    """All points of a sampler's walk, ``(levels, B, 2)``."""
    return torch.stack([step.x for step in steps if isinstance(step, Step)])  # type: ignore[attr-defined]


def measurement(profile: str, seed: int, device: str) -> Record:
    """One noisy linear measurement of a point on the two lines: samples of the prior and of the exact posterior, and
    paths that reach the posterior by following its own denoiser.
    """
    check_profile(profile), check_device(device)
    generator = _generator(seed, device)
    lines = two_lines(device)
    row = torch.tensor([MEASURED_ROW], dtype=torch.float64, device=device)
    truth = lines.bases[0][:, 0] * 1.5
    y = row @ truth
    posterior = lines.posterior(y, row, MEASURED_NOISE)
    grid = geometric_grid(60, PATH_SIGMA, 0.01)
    start = add_noise(posterior.sample(40, generator), PATH_SIGMA, generator)
    return Record(
        arrays={
            "prior": lines.sample(250, generator), "posterior": posterior.sample(250, generator), "truth": truth,
            "row": row, "y": y, "noise": MEASURED_NOISE, "mean": posterior.mean(),
            "paths": walked(heun(posterior, start, grid)), "ends": last(heun(posterior, start, grid)),
        }
    )  # fmt: skip

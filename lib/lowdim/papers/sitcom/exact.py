"""Experiments on one repair: the closed form, the conditional mean it approaches, and its two coordinate forms."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lowdim.denoising.grids import vp_sigmas
from lowdim.distributions import Gaussian
from lowdim.measurement.level_solver import pose
from lowdim.papers.sitcom.coordinates import VE, VP, Coordinates
from lowdim.papers.sitcom.descent import GradientDescent
from lowdim.papers.sitcom.settings import PROFILES
from lowdim.papers.sitcom.signals import TASKS, Case, draw_case, measure, shapes_prior
from lowdim.papers.sitcom.sitcom import SITCOM
from lowdim.papers.sitcom.theory import conditional_gain, input_gain, output_gain, shrinkage
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

DIMENSION, MEASURED = 12, 5
LEVELS = (1.0, 0.3, 0.1, 0.03)


def closed_form(profile: str, seed: int, device: str) -> Record:
    """The repair by descent through the denoiser against its closed form, with and without the closeness term (claims
    S1a and S1b); and how near its gain is to that of the exact conditional mean (S1c).
    """
    PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "sitcom", "closed-form")
    case, covariance = _toy_case(generator)
    sigma = 0.7
    z = case.x + sigma * torch.randn(case.x.shape, generator=generator, dtype=torch.float64)
    record = Record()
    for claim, rho in (("07-S1a", 0.3), ("07-S1b", 0.0)):
        found = _repaired(case, z, sigma, rho)
        denoised = case.prior(z, sigma)
        gain = input_gain(shrinkage(covariance, sigma), case.matrix[0], rho)
        formula = denoised + (case.y - denoised @ case.matrix[0].T) @ gain.T
        record.claims[claim] = float((found - formula).abs().max())
    errors, without = _gain_errors(generator)
    record.claims["07-S1c"] = errors[-1]
    record.arrays |= {"levels": np.array(LEVELS), "gain-errors": np.array(errors), **_plane()}
    record.number("gain-error-without-closeness", without, tolerance=0.01 * without)
    return record


def _toy_case(generator: torch.Generator) -> tuple[Case, Tensor]:
    """A Gaussian in R^12 with eigenvalues from 1/4 to 4, seen through 5 orthonormal rows."""
    basis, _ = torch.linalg.qr(torch.randn(DIMENSION, DIMENSION, generator=generator, dtype=torch.float64))
    values = torch.logspace(-2, 2, DIMENSION, base=2, dtype=torch.float64)
    mean = torch.randn(DIMENSION, generator=generator, dtype=torch.float64)
    rows, _ = torch.linalg.qr(torch.randn(DIMENSION, MEASURED, generator=generator, dtype=torch.float64))
    prior = Gaussian(mean, basis, values)
    case = measure(prior, rows.T[None], prior.sample(4, generator)[None], 0.1, generator)
    return case, basis * values @ basis.T


def _repaired(case: Case, z: Tensor, sigma: float, rho: float) -> Tensor:
    """The estimate after many steps of gradient descent on ``z`` with ``lambda_VE = rho``."""
    solver = SITCOM(
        case.prior,
        inner_steps=400,
        learning_rate=0.4,
        closeness=rho,
        stop=None,
        pixel_range=None,
        coordinates=VE(mapped=False),
        optimiser=GradientDescent,
    )
    problem = pose(case.y, case.physics, case.prior)
    solver.prepare(problem)
    return solver.repair(problem, z, sigma).estimate


def _gain_errors(generator: torch.Generator, noise_std: float = 0.1) -> tuple[list[float], float]:
    """On a prior of rank 3: the relative difference between the repair's gain with ``lambda = sigma_y^2 / (1 -
    alpha_bar)`` and that of the conditional mean at each of :data:`LEVELS`; and without closeness at the last.
    """
    basis, _ = torch.linalg.qr(torch.randn(8, 3, generator=generator, dtype=torch.float64))
    covariance = basis * torch.tensor([9.0, 4.0, 1.0], dtype=torch.float64) @ basis.T
    a = torch.randn(5, 8, generator=generator, dtype=torch.float64)
    errors = []
    for sigma in LEVELS:
        w, ratio = shrinkage(covariance, sigma), (noise_std / sigma) ** 2
        right = conditional_gain(w, a, ratio)
        errors.append(float((input_gain(w, a, ratio) - right).norm() / right.norm()))
    return errors, float((input_gain(w, a, 0.0) - right).norm() / right.norm())


def _plane(sigma: float = 0.45, value: float = 1.0) -> dict[str, np.ndarray]:
    """Two repairs in the plane, for the figure: a long thin Gaussian, measured along one slanted direction."""
    turn = torch.tensor([[0.94, -0.34], [0.34, 0.94]], dtype=torch.float64)
    covariance = turn * torch.tensor([1.0, 0.02], dtype=torch.float64) @ turn.T
    a, z = torch.tensor([[0.35, 0.94]], dtype=torch.float64), torch.tensor([-0.9, -0.85], dtype=torch.float64)
    w = shrinkage(covariance, sigma)
    x = w @ z
    gains = {"input": input_gain(w, a, 0.0), "output": output_gain(a)}
    repaired = {f"plane-{name}": (x + gain @ (value - a @ x)).numpy() for name, gain in gains.items()}
    return {"plane-z": z.numpy(), "plane-x": x.numpy(), "plane-covariance": covariance.numpy(), "plane-w": w.numpy(),
            "plane-a": a.numpy(), "plane-y": np.array(value), **repaired}  # fmt: skip


def coordinates(profile: str, seed: int, device: str) -> Record:
    """The same run in variance-preserving and in variance-exploding coordinates, step and closeness mapped (claim S2);
    and how far a port that does not map them moves at the first level.
    """
    settings = PROFILES[profile]
    check_device(device)
    case = draw_case(shapes_prior(), TASKS, 0.05, min(settings.signals, 4), seed, "coordinates")
    record = Record()
    for claim, dtype in (("07-S2a", torch.float64), ("07-S2b", torch.float32)):
        first, _ = _trajectory(case, VP(), seed, dtype)
        second, _ = _trajectory(case, VE(), seed, dtype)
        record.claims[claim] = float((first - second).abs().max())
    _, moved = _trajectory(case, VP(), seed, torch.float64)
    _, port = _trajectory(case, VE(mapped=False), seed, torch.float64)
    record.arrays |= {
        "sigmas": vp_sigmas(20)[:-1].numpy(), "moved": moved.numpy(), "moved-by-port": port.numpy()
    }  # fmt: skip
    record.number("port-moves-at-first-level", float(port[0] / moved[0]), tolerance=0.005)
    return record


def _trajectory(case: Case, form: Coordinates, seed: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The estimates at all levels ``(20, B, 64)`` in float64, and the mean shift at each ``(20,)``."""
    solver = SITCOM(
        case.prior.to(dtype), learning_rate=0.02, closeness=0.01, stop=None, pixel_range=None, coordinates=form
    )
    generator = make_generator(seed, "sitcom", "coordinates", "run")
    visits = [level.visit for level in solver.levels(case.y.to(dtype), case.physics, generator)]
    shifts = torch.stack([visit.shift.double().mean() for visit in visits])
    return torch.stack([visit.estimate.double() for visit in visits]), shifts

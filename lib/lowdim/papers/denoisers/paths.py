"""Experiments on the way from noise to data: accuracy of samplers, inversion, and the dictionary of clocks."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lowdim.denoising import conversions as to
from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.flows import gaussian_flow
from lowdim.denoising.samplers import ancestral, euler, heun, invert, last
from lowdim.distributions import Gaussian
from lowdim.papers.denoisers.models import add_noise, eight_dimensions, orthonormal
from lowdim.papers.denoisers.settings import PROFILES
from lowdim.papers.denoisers.theory import ancestral_variance_error, euler_error, log_log_slope
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

SIGMA_MAX, SIGMA_MIN = 20.0, 0.02
LENGTH = math.log(SIGMA_MAX / SIGMA_MIN)
CORRECTED_STEPS = 32


def geometric_grid(steps: int, sigma_max: float = SIGMA_MAX, sigma_min: float = SIGMA_MIN) -> Tensor:
    """``steps`` steps, uniform in ``log sigma``, from ``sigma_max`` to ``sigma_min``; it does not go on to zero."""
    return torch.linspace(math.log(sigma_max), math.log(sigma_min), steps + 1, dtype=torch.float64).exp()


def relative_rms(found: Tensor, exact: Tensor) -> float:
    """``||found - exact|| / ||exact||`` over the whole batch."""
    return float((found - exact).norm() / exact.norm())


def wide_gaussian(seed: int, device: str) -> Gaussian:
    """A centred Gaussian in R^8 with variances from 4 down to 0.0001, below that of the last noise on the grid."""
    basis = orthonormal(8, 8, make_generator(seed, "denoisers", "wide-gaussian"))
    spectrum = torch.logspace(math.log10(4), -4, 8, dtype=torch.float64)
    return Gaussian(torch.zeros(8, dtype=torch.float64), basis, spectrum).to(device=device)


def sampler_order(profile: str, seed: int, device: str) -> Record:
    """Errors of Euler's, Heun's and the ancestral sampler for a Gaussian against its exact flow (claim D7)."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "denoisers", "sampler-order", device=device)
    gaussian = wide_gaussian(seed, device)
    start = add_noise(gaussian.sample(64, generator), SIGMA_MAX, generator)
    exact = gaussian_flow(gaussian, start, SIGMA_MAX, SIGMA_MIN)
    grids = [geometric_grid(steps) for steps in settings.steps]
    first = [relative_rms(last(euler(gaussian, start, grid)), exact) for grid in grids]
    second = [relative_rms(last(heun(gaussian, start, grid)), exact) for grid in grids]
    steps = torch.tensor(settings.steps, dtype=torch.float64)
    large = slice(len(steps) // 2, None)
    orders = [-log_log_slope(steps[large], torch.tensor(errors)[large]) for errors in (first, second)]
    spectrum = gaussian.eigenvalues.cpu()
    predicted = euler_error(spectrum, settings.steps[-1], SIGMA_MAX, SIGMA_MIN)
    measured = along_axes(gaussian, last(euler(gaussian, start, grids[-1])) / exact.norm(), exact / exact.norm())
    deficits, predictions = variance_losses(gaussian, settings.ancestral_samples, generator)
    return Record(
        claims={
            "00-D7a": orders[0],
            "00-D7b": orders[1],
            "00-D7c": float((measured / predicted - 1).abs().max()),
            "00-D7d": deficits["ancestral"] / deficits["euler"],
        },
        arrays={
            "steps": steps, "euler": first, "heun": second, "length": LENGTH, "start": SIGMA_MAX, "end": SIGMA_MIN,
            "spectrum": spectrum, "measured": measured, "predicted": predicted,
            "losses": [deficits["euler"], deficits["ancestral"]], "predicted_losses": predictions,
        },
    )  # fmt: skip


def along_axes(gaussian: Gaussian, found: Tensor, exact: Tensor) -> Tensor:
    """Relative error of ``found`` along each principal direction ``(r,)``, by least squares over the batch."""
    a, b = exact @ gaussian.basis, found @ gaussian.basis
    return ((a * b).sum(0) / a.square().sum(0) - 1).cpu()


def variance_losses(
    gaussian: Gaussian, samples: int, generator: torch.Generator, steps: int = 64
) -> tuple[dict[str, float], list[float]]:
    """Mean relative loss of variance over the principal directions, with the same start for Euler's and the ancestral
    sampler; then the two leading-order predictions.
    """
    start = add_noise(gaussian.sample(samples, generator), SIGMA_MAX, generator)
    grid = geometric_grid(steps)
    target = (gaussian.eigenvalues + SIGMA_MIN**2).cpu()
    exact = gaussian_flow(gaussian, start, SIGMA_MAX, SIGMA_MIN)
    ends = {"euler": last(euler(gaussian, start, grid)), "ancestral": last(ancestral(gaussian, start, grid, generator))}

    def variance(x: Tensor) -> Tensor:
        return (x @ gaussian.basis).square().mean(0).cpu()

    # Euler is measured against the exact flow of the same start, whose sampling noise then cancels.
    losses = {
        "euler": float(1 - (variance(ends["euler"]) / variance(exact)).mean()),
        "ancestral": float(1 - (variance(ends["ancestral"]) / target).mean()),
    }
    spectrum = gaussian.eigenvalues.cpu()
    predictions = [
        -2 * float(euler_error(spectrum, steps, SIGMA_MAX, SIGMA_MIN).mean()),
        -float(ancestral_variance_error(spectrum, steps, SIGMA_MAX, SIGMA_MIN).mean()),
    ]
    return losses, predictions


def inversion(profile: str, seed: int, device: str) -> Record:
    """How far DDIM inversion followed by sampling lands from where it started (claim D10)."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "denoisers", "inversion", device=device)
    models = {"gaussian": wide_gaussian(seed, device), "mixture": eight_dimensions(seed, device)["mixture"]}
    steps = torch.tensor(settings.steps, dtype=torch.float64)
    large = slice(len(steps) // 2, None)
    record = Record(arrays={"steps": steps, "length": LENGTH, "corrected_steps": CORRECTED_STEPS})
    for name, model in models.items():
        x0 = add_noise(model.sample(64, generator), SIGMA_MIN, generator)
        for label in ("current", "next"):
            errors = torch.tensor([round_trip(model, x0, n, label) for n in settings.steps])
            record.arrays[f"{name}-{label}"] = errors.numpy()
            slope = -log_log_slope(steps[large], errors[large])
            if (name, label) == ("mixture", "current"):
                record.claims["00-D10"] = slope
            else:
                record.number(f"inversion-order-{name}-{label}", slope, tolerance=0.05)
        corrected = [round_trip(model, x0, CORRECTED_STEPS, "current", count) for count in range(11)]
        record.arrays[f"{name}-corrected"] = torch.tensor(corrected).numpy()
    return record


def round_trip(model: Denoiser, x0: Tensor, steps: int, label: str, corrections: int = 0) -> float:
    """Median relative distance between ``x0`` and what Euler's sampler makes of its DDIM inversion on the same grid.

    The median, because a point near the border between two components may come back on the other side.
    """
    grid = geometric_grid(steps)
    noise = last(invert(model, x0, grid, label=label, corrections=corrections))
    returned = last(euler(model, noise, grid))
    return float(((returned - x0).norm(dim=1) / x0.norm(dim=1)).median())


def dictionary(profile: str, seed: int, device: str) -> Record:
    """Round trips through every clock and prediction, and Euler's step against DDIM's in diffusers (claims D8, D9)."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "denoisers", "dictionary", device=device)
    mixture = eight_dimensions(seed, device)["mixture"]
    worst = 0.0
    for sigma in (0.1, 0.5, 1.0, 4.0, 20.0):
        x = add_noise(mixture.sample(settings.points, generator), sigma, generator)
        for back in round_trips(x, mixture.denoise(x, sigma), sigma):
            worst = max(worst, relative_rms(back, mixture.denoise(x, sigma)))
    x = 100 * torch.randn(settings.points, 8, generator=generator, dtype=torch.float64, device=device)
    sigmas = torch.logspace(-2, 2, 41, dtype=torch.float64)
    return Record(
        claims={"00-D8": worst, "00-D9": ddim_difference(mixture, x)},
        arrays={"sigmas": sigmas, "alpha_bar": to.sigma_to_alpha_bar(sigmas), "flow": to.sigma_to_flow_time(sigmas)},
    )


def round_trips(x: Tensor, denoised: Tensor, sigma: float) -> list[Tensor]:
    """The denoised batch after trips through the score, the noise, VP's ``v`` and the flow velocity, and levels."""
    alpha_bar, t = to.sigma_to_alpha_bar(sigma), to.sigma_to_flow_time(sigma)
    x_vp, x_flow = to.ve_to_vp(x, alpha_bar), to.ve_to_flow(x, t)
    v = to.denoiser_to_v(denoised, x_vp, alpha_bar)
    velocity = to.denoiser_to_velocity(denoised, x_flow, t)
    vp_score = to.score_to_vp_score(to.denoiser_to_score(denoised, x, sigma), alpha_bar)
    back, forth = to.alpha_bar_to_sigma(alpha_bar), to.flow_time_to_sigma(t)
    return [
        to.score_to_denoiser(to.vp_score_to_score(vp_score, alpha_bar), to.vp_to_ve(x_vp, alpha_bar), back),
        to.noise_to_denoiser(to.denoiser_to_noise(denoised, x, sigma), to.flow_to_ve(x_flow, t), forth),
        to.v_to_denoiser(v, x_vp, to.sigma_to_alpha_bar(forth)),
        to.velocity_to_denoiser(velocity, x_flow, to.sigma_to_flow_time(back)),
    ]


def ddim_difference(model: Denoiser, x: Tensor, steps: int = 20) -> float:
    """Relative distance between 20 steps of ``DDIMScheduler`` of diffusers, told the model's noise in VP coordinates,
    and Euler's method in sigma on the same levels, from ``x`` at the first of them.
    """
    from lowdim.compat import import_diffusers

    scheduler = import_diffusers().DDIMScheduler(clip_sample=False, set_alpha_to_one=True)
    scheduler.set_timesteps(steps)
    alpha_bars = scheduler.alphas_cumprod.double()[scheduler.timesteps]
    sigmas = to.alpha_bar_to_sigma(torch.cat([alpha_bars, alpha_bars.new_ones(1)]))
    x_t = to.ve_to_vp(x, float(alpha_bars[0]))
    for t, alpha_bar, sigma in zip(scheduler.timesteps, alpha_bars.tolist(), sigmas.tolist(), strict=False):
        point = to.vp_to_ve(x_t, alpha_bar)
        noise = to.denoiser_to_noise(model(point, sigma), point, sigma)
        x_t = scheduler.step(noise, t, x_t).prev_sample
    return relative_rms(last(euler(model, x, sigmas)), x_t)

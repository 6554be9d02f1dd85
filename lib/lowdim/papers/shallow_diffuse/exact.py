"""Experiments where the answer is a formula: directions on the sphere, one step there and back, Gaussian pictures."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from lowdim.denoising.conversions import alpha_bar_to_sigma, linear_beta_alpha_bars
from lowdim.denoising.grids import vp_sigmas
from lowdim.distributions.stationary import StationaryGaussian
from lowdim.papers.shallow_diffuse import theory
from lowdim.papers.shallow_diffuse.detect import p_value
from lowdim.papers.shallow_diffuse.keys import Key, make_key
from lowdim.papers.shallow_diffuse.settings import PROFILES
from lowdim.profile import check_device, check_profile
from lowdim.record import Record
from lowdim.seeding import make_generator

SHAPES = ((20, 1024), (10, 3072), (60, 3072), (100, 16384))
"""Ranks and dimensions: a 32 x 32 grey picture, 32 x 32 colours twice, the latent of Stable Diffusion."""
GAUSSIAN_SIZE = 64
GAIN_STEPS = (100, 300, 500)


def sphere(profile: str, seed: int, device: str) -> Record:
    """Lengths of ``J u`` for random directions against their law, the printed and the sharp bound (claims S1, S2)."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "shallow-diffuse", "sphere")
    rows, violations = [], 0.0
    for rank, dimension in SHAPES:
        # |P u|^2 = chi^2_r / (chi^2_r + chi^2_{d-r}): all that a projector of rank r sees of u.
        inside, outside = (_chi_square(k, settings.directions, generator) for k in (rank, dimension - rank))
        lengths = (inside / (inside + outside)).sqrt()
        sharp = theory.sharp_h(rank, dimension)
        violations = max(violations, rank * float((lengths > sharp).double().mean()))
        quantile = float(lengths.quantile(1 - 1 / rank))
        rows.append([math.sqrt(rank / dimension), quantile, sharp, theory.printed_h(rank, dimension)])
    law = StationaryGaussian.power_law(GAUSSIAN_SIZE)
    gains, sigma = law.gains(1.0).flatten(), 1.0
    u = torch.randn(1000, law.n, generator=generator, dtype=torch.float64)
    u = (u / u.norm(dim=1, keepdim=True)).reshape(-1, *law.event_shape)
    lengths = law.denoiser_product(torch.zeros_like(u), sigma, u).flatten(1).norm(dim=1)
    rms = float(lengths.square().mean().sqrt())
    return Record(
        claims={
            "06-S1a": rms / float(gains.norm() / math.sqrt(law.n)),
            "06-S2a": violations,
            "06-S2b": min(row[3] for (_, d), row in zip(SHAPES, rows, strict=True) if d <= 3072),
            "06-S2c": max(row[2] / row[1] for row in rows),
        },
        arrays={"shapes": np.array(SHAPES), "rows": np.array(rows), "lengths": lengths.numpy(), "rms": np.array(rms)},
    )


def _chi_square(degrees: int, count: int, generator: torch.Generator) -> Tensor:
    draws = [torch.randn(count, min(512, degrees - k), generator=generator).double().square().sum(1)
             for k in range(0, degrees, 512)]  # fmt: skip
    return torch.stack(draws).sum(0)


def one_step(profile: str, seed: int, device: str) -> Record:
    """One step down and up again in a linear world: the identity, and what Theorem 2 leaves out (claims S3, S4)."""
    check_profile(profile)
    check_device(device)
    generator = make_generator(seed, "shallow-diffuse", "one-step")
    law = StationaryGaussian.power_law(GAUSSIAN_SIZE)
    alpha_bars = linear_beta_alpha_bars()
    identity, ratios, parts = 0.0, [], []
    times = torch.arange(60, 900, 60)
    for t in times.tolist():
        high, low = (float(alpha_bar_to_sigma(alpha_bars[k])) for k in (t, t - 20))
        x = law.sample(4, generator) + high * torch.randn(4, *law.event_shape, generator=generator).double()
        u = torch.randn(x.shape, generator=generator).double()
        shift = 5.0 * math.sqrt(1 + high**2) * u / u.flatten(1).norm(dim=1)[:, None, None, None]
        clean, marked = (_there_and_back(law, y, high, low) for y in (x, x + shift))
        # In variance-preserving units: divide by sqrt(1 + sigma^2). The identity is exact in any units.
        identity = max(identity, float((marked.error - marked.formula).norm() / marked.formula.norm()))
        scale = math.sqrt(1 + high**2)
        added = (marked.error - clean.error).flatten(1).norm(dim=1) / scale
        steps = theory.step_coefficients(float(alpha_bars[t]), float(alpha_bars[t - 20]))
        # f as a function of the variance-preserving point: its Jacobian carries a factor sqrt(1 + sigma^2).
        J = [law.gains(s).flatten() * math.sqrt(1 + s * s) for s in (high, low)]
        L = max(float(j.max()) for j in J)
        # The measured length of J u over L takes the place of h.
        h = max(float((j.square().mean()).sqrt()) / L for j in J)
        ratios.append(float(added.max()) / (5.0 * L * h * theory.two_step_bracket(steps, L)))
        parts.append([float(clean.error.flatten(1).norm(dim=1).mean()) / scale, float(added.mean())])
    both = np.array(parts)
    at = int((times == 300).nonzero())
    return Record(
        claims={"06-S3a": identity, "06-S4a": max(ratios), "06-S4b": both[at, 0] / both[at, 1]},
        arrays={"times": times.numpy(), "ratios": np.array(ratios), "parts": both},
    )


class _Trip:
    """A state after one step down to level ``low`` and up again with the cleaner label: its error, twice."""

    def __init__(self, error: Tensor, formula: Tensor) -> None:
        self.error, self.formula = error, formula


def _there_and_back(denoiser: StationaryGaussian, x: Tensor, high: float, low: float) -> _Trip:
    before = denoiser(x, high)
    y = before + low * (x - before) / high
    after = denoiser(y, low)
    back = y + (high - low) * (y - after) / low
    return _Trip(back - x, (high - low) / low * (before - after))


def gains(profile: str, seed: int, device: str) -> Record:
    """How far keys and random directions move the posterior mean of Gaussian pictures (claims S5)."""
    check_profile(profile)
    check_device(device)
    law = StationaryGaussian.power_law(GAUSSIAN_SIZE)
    alpha_bars = linear_beta_alpha_bars()
    bands = {name: gaussian_key(name, seed).mask for name in ("low", "middle", "nyquist")}
    times = torch.arange(20, 1000, 20)
    curves = {name: np.zeros(len(times)) for name in ("random", *bands)}
    for i, t in enumerate(times.tolist()):
        gain = law.gains(float(alpha_bar_to_sigma(alpha_bars[t])))[0]
        curves["random"][i] = float(gain.square().mean().sqrt())
        for name, mask in bands.items():
            curves[name][i] = float(gain[mask].square().mean().sqrt())
    at = [int((times == t).nonzero()) for t in GAIN_STEPS]
    ordered = min(
        float(min(curves["random"][i] / curves["nyquist"][i], curves["low"][i] / curves["random"][i])) for i in at
    )
    record = Record(
        claims={"06-S5a": ordered, "06-S5b": max(curves["nyquist"][i] / curves["low"][i] for i in at)},
        arrays={"times": times.numpy(), **curves},
    )
    record.arrays["sigmas"] = alpha_bar_to_sigma(alpha_bars[times]).numpy()
    return record


def gaussian_key(name: str, seed: int, strength: float = 1.0) -> Key:
    """Keys on one grey channel: the paper's discs of radius 10 at both ends of the spectrum, and a ring between."""
    low, high, centre = {"low": (0, 10, "dc"), "middle": (10, 16, "dc"), "nyquist": (0, 10, "nyquist")}[name]
    generator = make_generator(seed, "shallow-diffuse", "gaussian-key", name)
    return make_key(GAUSSIAN_SIZE, low, high, generator, centre=centre, axes=torch.eye(1), strength=strength)


def null_law(profile: str, seed: int, device: str) -> Record:
    """P-values of the released formula under white noise, where its assumptions hold best (claims S17)."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "shallow-diffuse", "null")
    key = gaussian_key("nyquist", seed)
    noise = torch.randn(settings.noise_draws, GAUSSIAN_SIZE, GAUSSIAN_SIZE, generator=generator)
    read = torch.cat([torch.fft.fft2(x, norm="ortho")[:, key.mask] for x in noise.split(500)])[:, None]
    p = 1 - p_value(read, key)
    return Record(
        claims={"06-S17a": float((p < 0.05).double().mean()), "06-S17b": float((p < 0.01).double().mean())},
        arrays={"p": p.sort().values.numpy()},
    )


def damping(profile: str, seed: int, device: str) -> Record:
    """How much of a direction comes back after sampling down and inverting up, by steps (claims S19)."""
    check_profile(profile)
    check_device(device)
    variances = torch.logspace(-4, 0, 41, dtype=torch.float64)
    steps = (10, 20, 50, 200)
    returned = np.zeros((len(steps), len(variances)))
    for i, n in enumerate(steps):
        grid = vp_sigmas(n)[-int(0.3 * n) - 1 :]
        returned[i] = (theory.euler_gain(variances, grid) * theory.inversion_gain(variances, grid)).numpy()
    reference = vp_sigmas(50)[-16:]
    at = torch.tensor([0.1, 0.01, 0.001], dtype=torch.float64)
    back = theory.euler_gain(at, reference) * theory.inversion_gain(at, reference)
    return Record(
        claims={"06-S19a": float(back[0]), "06-S19b": float(back[2])},
        arrays={"variances": variances.numpy(), "steps": np.array(steps), "returned": returned},
    )

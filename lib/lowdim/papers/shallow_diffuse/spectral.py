"""The whole method on stationary Gaussian pictures. Every step multiplies a coefficient by a known gain, so states,
pictures and readings are drawn and moved coefficient by coefficient: the same numbers as with the full machinery (a
test compares them), in a hundredth of the time.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from lowdim.denoising.grids import vp_sigmas
from lowdim.distributions.stationary import StationaryGaussian, frequencies
from lowdim.metrics.detection import area_under_curve
from lowdim.papers.shallow_diffuse import theory
from lowdim.papers.shallow_diffuse.detect import correlation
from lowdim.papers.shallow_diffuse.exact import GAUSSIAN_SIZE, gaussian_key
from lowdim.papers.shallow_diffuse.keys import Key
from lowdim.papers.shallow_diffuse.settings import PROFILES
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

STEPS = 50
SHARES = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
BANDS = ("low", "middle", "nyquist")
NOISE, BLUR = 0.2, 1.0
"""Attacks: the deviation of white noise on pixels in [-1, 1], and the radius of a Gaussian blur in pixels."""
ATTACKS = ("none", "noise", "blur")


def band_of(law: StationaryGaussian, key: Key) -> Tensor:
    """The variances at the key's marks ``(marks,)``."""
    return law.spectrum[0][key.mask]


def draw_band(variance: Tensor, key: Key, count: int, generator: torch.Generator) -> Tensor:
    """Coefficients ``(count, marks)`` of real white noise at the marks, times the root of ``variance``."""
    noise = torch.randn(count, *key.mask.shape, generator=generator, dtype=torch.float64)
    return torch.fft.fft2(noise, norm="ortho")[:, key.mask] * variance.sqrt()


class Trial:
    """One key at one level: distortion and readings, in closed form but for the drawn coefficients."""

    def __init__(self, law: StationaryGaussian, key: Key, grid: Tensor, count: int, generator: torch.Generator) -> None:
        sigma = float(grid[0])
        self.key, self.scale = key, math.sqrt(1 + sigma**2)
        self.variance = band_of(law, key)
        self.down, self.up = (f(self.variance, grid) for f in (theory.euler_gain, theory.inversion_gain))
        state = draw_band(self.variance + sigma**2, key, count, generator)
        self.clean = self.down * state
        self.marked = (self.down * self.scale * key.marked_values).expand_as(state)
        power = key.marked_values.abs().square()
        self.predicted = float(theory.distortion(self.variance, power, sigma, self.down).sum())
        self.energy = float((self.marked - self.clean).abs().square().sum(1).mean())
        self.pixels = key.mask.numel()

    @property
    def psnr(self) -> float:
        """Decibels, for pixels in [-1, 1]."""
        return 10 * math.log10(4 * self.pixels / self.energy)

    def attacked(self, picture: Tensor, attack: str, generator: torch.Generator) -> Tensor:
        """The coefficients after the attack."""
        if attack == "noise":
            return picture + draw_band(torch.full_like(self.variance, NOISE**2), self.key, len(picture), generator)
        if attack == "blur":
            f = frequencies(*self.key.mask.shape)[self.key.mask]
            return picture * torch.exp(-2 * (math.pi * BLUR * f) ** 2)
        return picture

    def scores(self, attack: str, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Correlations of marked and of unmarked pictures after the attack and inversion."""
        both = [self.attacked(x, attack, generator) for x in (self.marked, self.clean)]
        marked, clean = (correlation((self.up * x / self.scale)[:, None], self.key) for x in both)
        return marked, clean

    def added_scores(self, attack: str, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The same for an additive mark of equal energy with the key's pattern, read without a network."""
        W = self.key.marked_values
        amplitude = math.sqrt(self.energy / float(W.abs().square().sum()))
        both = [self.attacked(x, attack, generator) for x in (self.clean + amplitude * W, self.clean)]
        marked, clean = (correlation(x[:, None], self.key) for x in both)
        return marked, clean


def separation(marked: Tensor, clean: Tensor) -> float:
    """``d'``: the difference of the means over the deviation of the unmarked."""
    return float((marked.mean() - clean.mean()) / clean.std())


def informed_z(trial: Trial, generator: torch.Generator) -> float:
    """The z-score of the best detector that knows the unmarked picture, after white noise and inversion.

    It reads the difference of the two pictures through the inversion and weighs every coefficient by signal over noise
    variance: both are amplified alike, so the gain cancels.
    """
    difference = trial.marked - trial.clean
    noise = draw_band(torch.full_like(trial.variance, NOISE**2), trial.key, len(difference), generator)
    weights = (trial.up * difference).conj() / (trial.up * NOISE).square()
    signal = (weights * trial.up * difference).real.sum(1)
    spread = (weights * trial.up * noise).real.sum(1)
    # Each real degree of freedom appears at k and -k: the noise of the sum has twice the variance of its halves.
    return float((signal / signal.sqrt()).mean() / (spread / signal.sqrt()).std())


def gaussian_pictures(profile: str, seed: int, device: str) -> Record:
    """Distortion and detection by band and level in a linear world (claims S5c, S6c, S9c, S18)."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "shallow-diffuse", "gaussian-pictures")
    law, grid = StationaryGaussian.power_law(GAUSSIAN_SIZE), vp_sigmas(STEPS)
    shape = (len(BANDS), len(SHARES))
    psnr, predicted, split = np.zeros(shape), np.zeros(shape), np.zeros((*shape, len(ATTACKS)))
    found, added, informed = np.zeros_like(split), np.zeros_like(split), np.zeros(shape)
    for i, band in enumerate(BANDS):
        key = gaussian_key(band, seed)
        for j, share in enumerate(SHARES):
            trial = Trial(law, key, grid[-int(share * STEPS + 1e-9) - 1 :], settings.gaussian_pictures, generator)
            psnr[i, j] = trial.psnr
            predicted[i, j] = 10 * math.log10(4 * trial.pixels / trial.predicted)
            informed[i, j] = informed_z(trial, generator) / (math.sqrt(trial.energy) / NOISE)
            for k, attack in enumerate(ATTACKS):
                marked, clean = trial.scores(attack, generator)
                split[i, j, k] = separation(marked, clean)
                found[i, j, k] = area_under_curve(marked, clean)
                added[i, j, k] = separation(*trial.added_scores(attack, generator))
    at = SHARES.index(0.3)
    return Record(
        claims={
            "06-S6c": psnr[2, at] - psnr[0, at],
            "06-S9c": psnr[2, at] - psnr[2, -1],
            "06-S9d": np.abs(predicted - psnr).max(),
            "06-S18a": np.abs(informed - 1).max(),
            "06-S18b": split[2, at, 1] / added[2, at, 1],
        },
        arrays={"shares": np.array(SHARES), "psnr": psnr, "predicted": predicted, "separation": split,
                "added": added, "auc": found, "informed": informed},
    )  # fmt: skip

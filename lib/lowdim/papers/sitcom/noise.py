"""Experiments on noise: who fits it, and what a threshold that knows the noise level is worth."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lowdim.measurement.discrepancy import observed_entries
from lowdim.papers.sitcom.comparison import input_repair
from lowdim.papers.sitcom.settings import PROFILES
from lowdim.papers.sitcom.signals import TASKS, Case, measure, signal_psnr, smooth_prior, task_matrices
from lowdim.papers.sitcom.stopping import Fixed, Margin, Threshold
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

LEVELS = (0.01, 0.05, 0.1, 0.2)
KNOWN = 0.051
"""The fixed threshold: right at ``sigma_y = 0.05``, of four noise levels."""


@dataclass(frozen=True)
class Either:
    """The rule ``first`` for the first half of a batch, ``second`` for the other; ``None`` never stops."""

    first: Threshold | None
    second: Threshold | None

    def __call__(self, noise_std: Tensor, entries: Tensor) -> Tensor:
        """``delta^2 (B,)``."""
        half = len(noise_std) // 2
        never = torch.full_like(noise_std, -1.0)
        first, second = (never if rule is None else rule(noise_std, entries) for rule in (self.first, self.second))
        return torch.cat([first[:half], second[half:]])


def stopping(profile: str, seed: int, device: str) -> Record:
    """The threshold on and off, for few and many inner steps, at two noise levels (claims S6a to S6c)."""
    settings = PROFILES[profile]
    check_device(device)
    levels, inner = (0.05, 0.2), (settings.inner, settings.long_inner)
    case = _twice(levels, settings.stopping_signals, seed, "stopping")
    shape = (2, len(TASKS), len(levels), settings.stopping_signals)
    psnr, ratio = [], []
    for steps in inner:
        solver = input_repair(case, inner_steps=steps, stop=Either(Margin(), None))
        solution = solver.solve(case.y, case.physics, make_generator(seed, "sitcom", "stopping", steps))
        psnr.append(signal_psnr(solution.estimate, case.x).reshape(shape))
        noise = case.noise_std * observed_entries(case.physics, case.y).sqrt()
        ratio.append((solution.misfit.sqrt() / noise).reshape(shape))
    scores, residual = torch.stack(psnr), torch.stack(ratio)
    mean = scores.mean(-1)
    gain = mean[1, 0, :, 1] - mean[1, 1, :, 1]
    record = Record(
        claims={
            "07-S6a": float(gain.min()),
            "07-S6b": float(torch.minimum(gain[TASKS.index("box")], gain[TASKS.index("blur")])),
            "07-S6c": float((mean[1, 0, :, 1] - mean[0, 0, :, 1]).min()),
        },
        arrays={"tasks": TASKS, "inner": inner, "levels": levels, "psnr": scores, "residual": residual},
    )
    record.number("residual-without-stopping", float(residual[1, 1, :, 1].mean()), tolerance=0.03)
    return record


def noise_levels(profile: str, seed: int, device: str) -> Record:
    """Four noise levels, with a threshold that follows them and with a fixed one (claims S10a and S10b)."""
    settings = PROFILES[profile]
    check_device(device)
    case = _twice(LEVELS, settings.stopping_signals, seed, "noise-levels")
    shape = (2, len(TASKS), len(LEVELS), settings.stopping_signals)
    solver = input_repair(case, inner_steps=settings.inner, stop=Either(Margin(), Fixed(KNOWN)))
    solution = solver.solve(case.y, case.physics, make_generator(seed, "sitcom", "noise-levels"))
    psnr = signal_psnr(solution.estimate, case.x).reshape(shape)
    best = signal_psnr(case.half().posterior_mean(), case.half().x).reshape(shape[1:])
    following, fixed = psnr.mean(-1)
    loss = (following - fixed)[[TASKS.index("box"), TASKS.index("blur")], -1]
    return Record(
        claims={"07-S10a": float((following[:, :-1] - following[:, 1:]).min()), "07-S10b": float(loss.min())},
        arrays={"tasks": TASKS, "levels": LEVELS, "psnr": psnr, "posterior-mean": best},
    )


def _twice(levels: tuple[float, ...], signals: int, seed: int, name: str) -> Case:
    """Rows ``(2, task, level, signal)``, flat: the same signals in every task and level, and the same measurements in
    both halves.
    """
    generator = make_generator(seed, "sitcom", "signals", name)
    prior = smooth_prior()
    matrices = task_matrices(TASKS, generator)
    x = prior.sample(signals, generator).repeat(len(levels), 1).expand(len(TASKS), -1, -1)
    noise = torch.tensor(levels, dtype=torch.float64).repeat_interleave(signals)
    return measure(prior, matrices, x, noise, generator).repeat(2)

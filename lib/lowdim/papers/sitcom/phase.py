"""Experiment on amplitudes: how often a run finds the signal, and what choosing among runs is worth."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lowdim.compat import import_deepinv
from lowdim.denoising.grids import vp_sigmas
from lowdim.distributions import MoLRG
from lowdim.measurement.phase_retrieval import AmplitudePhaseRetrieval, turned
from lowdim.papers.sitcom.settings import PROFILES
from lowdim.papers.sitcom.signals import LENGTH, signal_psnr, subspaces_prior
from lowdim.papers.sitcom.sitcom import SITCOM
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

deepinv: Any = import_deepinv()

NOISE_STD, SUCCESS, GROUP = 0.05, 25.0, 4


def phase(profile: str, seed: int, device: str) -> Record:
    """Runs of SITCOM on the amplitudes of signals from six subspaces: share of runs that succeed, and the best of
    four by residual, which needs no truth (claims S11a and S11b).
    """
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "sitcom", "phase")
    prior = one_channel(subspaces_prior())
    x = prior.sample(settings.phase_signals, generator)
    physics = AmplitudePhaseRetrieval(
        (1, LENGTH), pad=LENGTH // 4, noise_model=deepinv.physics.GaussianNoise(NOISE_STD, rng=generator)
    )
    y = physics(x)
    solver = SITCOM(
        prior, vp_sigmas(20), inner_steps=settings.inner, learning_rate=0.02, closeness=1.0, pixel_range=None
    )
    runs = settings.phase_runs
    ends = solver.solve(y.repeat(runs, 1, 1), physics, generator)  # all runs of all signals at once
    plain, free = (score(ends.estimate, x.repeat(runs, 1, 1)).reshape(runs, -1) for score in (signal_psnr, turned_psnr))
    residual = ends.misfit.reshape(runs, -1).sqrt() / (NOISE_STD * y[0].numel() ** 0.5)
    chosen = best_of(plain, residual)
    record = Record(
        claims={
            "07-S11a": float((plain > SUCCESS).double().mean()),
            "07-S11b": float(chosen.mean() - plain.mean()),
        },
        arrays={"plain": plain, "free": free, "residual": residual, "chosen": chosen, "x": x[:, 0],
                "found": ends.estimate.reshape(runs, -1, LENGTH)[:6]},
    )  # fmt: skip
    record.number("success-up-to-reversal", float((free > SUCCESS).double().mean()), tolerance=0.05)
    record.number("psnr-of-one-run", float(plain.mean()), "dB", tolerance=0.5)
    return record


def one_channel(prior: MoLRG) -> MoLRG:
    """The same law on events ``(1, 64)``."""
    parts = prior.bases, prior.eigenvalues, prior.means
    return MoLRG(*parts, prior.weights, event_shape=(1, LENGTH))


def turned_psnr(estimate: Tensor, x: Tensor) -> Tensor:
    """The better PSNR of the estimate and of its reversal ``(B,)``."""
    return torch.maximum(signal_psnr(estimate, x), signal_psnr(turned(estimate), x))


def best_of(scores: Tensor, residual: Tensor, group: int = GROUP) -> Tensor:
    """Scores ``(R // group, B)`` of the run with the smallest residual in each group of runs; both ``(R, B)``."""
    groups = len(scores) // group
    shape = (groups, group, scores.shape[1])
    pick = residual[: groups * group].reshape(shape).argmin(1, keepdim=True)
    return scores[: groups * group].reshape(shape).gather(1, pick)[:, 0]

"""Experiment: a level of purification that goes to zero."""

from __future__ import annotations

import torch
from torch import Tensor

from lowdim.papers.udig_dip.runs import LAMBDA, Curve, make_method, prior, run_curve
from lowdim.papers.udig_dip.scans import make_scan
from lowdim.papers.udig_dip.settings import PROFILES
from lowdim.profile import check_device
from lowdim.record import Record

LEVELS = (0.005, 0.001, 0.0002)


def vanishing(profile: str, seed: int, device: str) -> Record:
    """uDiG-DIP with the autoencoding scheme's weight at levels near zero, against that scheme (claims U10d, U10e).

    The scans are those of the other levels. A purification moves the first image by ``|z_k - f(z_{k-1})|``, root mean
    square over its entries; ``moves`` holds that over the level, ``(levels, rounds - 1)``.
    """
    settings, place = PROFILES[profile], check_device(device)
    scan = make_scan("mri-4", "phantoms", settings.purify_slices, seed, place, size=settings.size)
    denoiser = prior(place)

    def run(name: str, **options: float) -> Curve:
        method = make_method(name, scan, settings, settings.purify_updates, denoiser, **options)
        return run_curve(method, scan, seed, "levels")

    plain = run("aseq")
    found = [run("udig", tau=level, lam=LAMBDA) for level in LEVELS]
    gaps = torch.stack([(curve.last - plain.last).mean() for curve in found])
    sizes = torch.stack([moves(curve) / level for curve, level in zip(found, LEVELS, strict=True)])
    record = Record(
        claims={"08-U10d": float(gaps[-1].abs()), "08-U10e": float(sizes[0].mean())},
        arrays={"levels": LEVELS, "gaps": gaps, "moves": sizes},
    )
    for level, gap in zip(LEVELS, gaps, strict=True):
        record.number(f"gap-at-{level:g}", float(gap), "dB", tolerance=0.5)
    return record


def moves(curve: Curve) -> Tensor:
    """How far each update of the input moved the first image from the output before it, ``(K - 1,)``."""
    return (curve.frames[1:, 0] - curve.frames[:-1, 1]).flatten(1).square().mean(1).sqrt()

"""Experiment: uDiG-DIP where the deep image prior over-fits, on pictures that are only noisy."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lowdim.papers.udig_dip.curves import NOISE_STD, noisy_scan
from lowdim.papers.udig_dip.runs import Curve, descending, make_method, prior, run_curve
from lowdim.papers.udig_dip.settings import PROFILES
from lowdim.profile import check_device
from lowdim.record import Record

RUNS = {
    "dip": "DIP",
    "udig": "uDiG-DIP",
    "uncut": "weight not cut",
    "held": "level held at the noise",
}
"""The runs; the last two are uDiG-DIP with another choice of its weight or level."""


def noisy(profile: str, seed: int, device: str) -> Record:
    """DIP and uDiG-DIP on noisy phantoms, about ten times as long as the peak of DIP takes (claims U1c, U6g to U6k).

    The chapter's levels fall from 0.1 to 0.02 and its weight ``sigma_y^2 / tau^2`` is cut at 1. Here ``sigma_y = 0.1``,
    so the cut is active in every round but the first. A run without it, and one with ``tau = sigma_y`` throughout, where
    nothing is cut, say what it does.
    """
    settings, place = PROFILES[profile], check_device(device)
    scan, denoiser = noisy_scan(settings, seed, place), prior(place)
    updates = 2 * settings.noisy_updates
    falling = descending(max(1, updates // settings.steps))
    choices: dict[str, dict[str, Any]] = {
        "dip": {},
        "udig": {},
        "uncut": {"lam": lambda k: (NOISE_STD / falling[k]) ** 2},
        "held": {"tau": NOISE_STD},
    }
    found = {
        name: run_curve(make_method("dip" if name == "dip" else "udig", scan, settings, updates, denoiser, **more),
                        scan, seed, "noisy")
        for name, more in choices.items()
    }  # fmt: skip
    fall = {name: float((curve.best - curve.last).mean()) for name, curve in found.items()}
    record = Record(
        claims={
            "08-U1c": float((found["dip"].best - later(found["dip"], 10)).mean()),
            "08-U6g": fall["udig"],
            "08-U6h": fall["udig"] - fall["dip"] / 2,
            "08-U6i": fall["uncut"],
            "08-U6j": float(found["uncut"].residual[-1].mean()),
            "08-U6k": fall["held"],
        },
        arrays={
            "updates": found["dip"].updates, "x": scan.x[0], "y": scan.y[0],
            "images": torch.stack([curve.estimate[0] for curve in found.values()]),
            **{f"psnr-{name}": curve.psnr for name, curve in found.items()},
            **{f"residual-{name}": curve.residual for name, curve in found.items()},
        },
    )  # fmt: skip
    for name, curve in found.items():
        record.number(f"noisy-{name}", float(curve.last.mean()), "dB", tolerance=1.0)
    ratio = found["dip"].updates[-1] / found["dip"].peak
    record.number("noisy-updates-over-those-of-the-peak", float(ratio.min()), tolerance=20)
    return record


def later(curve: Curve, times: int) -> Tensor:
    """PSNR ``(B,)`` after ``times`` as many updates as the peak took, the last one where the run is shorter."""
    at = torch.searchsorted(curve.updates, times * curve.peak).clamp_max(len(curve.updates) - 1)
    return curve.psnr.gather(0, at[None])[0]

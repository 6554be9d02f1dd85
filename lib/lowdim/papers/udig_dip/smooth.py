"""Experiment: total variation run to its end."""

from __future__ import annotations

import torch
from torch import Tensor

from lowdim.measurement.problem import pose
from lowdim.papers.udig_dip.baselines import total_variation
from lowdim.papers.udig_dip.scans import Scan, make_scan
from lowdim.papers.udig_dip.settings import PROFILES
from lowdim.profile import check_device
from lowdim.record import Record

PENALTIES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
TUNED_ON = 2


def smooth(profile: str, seed: int, device: str) -> Record:
    """Total variation after half as many steps as the networks have updates, its weight the best of five on two other
    phantoms after as many, on the scans of the comparison (claim U7g).

    Sixty steps, its default, are too few on MRI: what was not measured fills slowly, and fills at all only through the
    penalty, which is small.
    """
    settings, place = PROFILES[profile], check_device(device)
    steps = settings.updates // 2
    weights, found = [], []
    for task in settings.tasks:
        other = make_scan(task, "phantoms", TUNED_ON, seed + 1, place, size=settings.size)
        scores = [float(reached(other, weight, steps).mean()) for weight in PENALTIES]
        weights.append(PENALTIES[scores.index(max(scores))])
        scan = make_scan(task, "phantoms", settings.slices, seed, place, size=settings.size)
        found.append(reached(scan, weights[-1], steps))
    psnr = torch.stack(found)
    record = Record(
        claims={"08-U7g": float(psnr.mean())},
        arrays={"tasks": list(settings.tasks), "weights": weights, "psnr": psnr, "steps": steps},
    )
    for task, row in zip(settings.tasks, psnr, strict=True):
        record.number(f"smooth-{task}", float(row.mean()), "dB", tolerance=0.2)
    return record


def reached(scan: Scan, weight: float, steps: int) -> Tensor:
    """PSNR ``(B,)`` after ``steps`` steps."""
    return scan.psnr(total_variation(pose(scan.y, scan.physics), weight, scan.start(), steps)).double().cpu()

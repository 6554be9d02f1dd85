"""Experiments on faces and captions: temperatures, mitigations, and captions that belong to other faces."""

from __future__ import annotations

import numpy as np
import torch

from lowdim.papers.modality_gap.captioned import Trained, face_sets, first_growth, measures, paths, train_faces
from lowdim.papers.modality_gap.settings import PROFILES
from lowdim.papers.modality_gap.toys import BASELINE, spearman
from lowdim.profile import check_device
from lowdim.record import Record

SHOWN = 6
KEYS = ("uniformity", "gap")
WARM, HOT = 0.07, 0.4
"""Fixed temperatures that are compared with 0.01: one near which the paper retrieves best, one where it collapses."""


def faces_temperature(profile: str, seed: int, device: str) -> Record:
    """Towers of faces and captions at fixed temperatures and with a learned one."""
    settings = PROFILES[profile]
    _, test = face_sets(profile, seed, check_device(device))
    names = [BASELINE] + [f"fixed {tau:g}" for tau in settings.face_temperatures]
    found = {name: train_faces(profile, seed, device, name) for name in names}
    cold, warm, free = found["fixed 0.01"], found[f"fixed {WARM:g}"], found[BASELINE]
    invariant = free.path("invariant")
    growth = first_growth(profile, seed, device, BASELINE)
    record = Record(
        claims={
            "04-F1a": cold.last.gap / warm.last.gap,
            "04-F1b": 100 * (warm.last.recall - cold.last.recall),
            "04-F1c": float((growth > 0).double().mean()),
            "04-F1d": float(invariant.max() / invariant.min()),
            "04-F2b": cold.shifted_gap / cold.last.gap,
        }
    )
    if HOT in settings.face_temperatures:
        best = max(found[f"fixed {tau:g}"].last.recall for tau in settings.face_temperatures)
        record.claims["04-F1e"] = 100 * (best - found[f"fixed {HOT:g}"].last.recall)
        probe = [one.probe for one in found.values()]
        with_uniformity, with_gap = (
            spearman([getattr(one.last, key) for one in found.values()], probe) for key in KEYS
        )
        record.claims |= {"04-F1f": with_uniformity, "04-F1g": with_uniformity - abs(with_gap)}
    if profile == "full":
        _full_claims(settings.face_temperatures, found, record)
    record.number("recall-learned", 100 * free.last.recall, "%", tolerance=5)
    record.number("chance-recall", 100 * chance_recall(found), "%", tolerance=0.5)
    record.arrays |= {**measures(found), **paths(found), "floor": np.array([one.last.floor for one in found.values()])}
    record.number("faces-growth-in-ten-steps", float(growth.mean()), tolerance=0.02)
    record.arrays["growth"] = growth.numpy()
    record.arrays |= {"pictures": test.images[:SHOWN].cpu().numpy(), "captions": np.array(test.captions[:SHOWN])}
    for key, one in (("cold", cold), ("warm", warm)):
        record.arrays[f"cloud-{key}"] = cloud(one)
    return record


def _full_claims(temperatures: tuple[float, ...], found: dict[str, Trained], record: Record) -> None:
    fixed = [found[f"fixed {tau:g}"] for tau in temperatures]
    gap = [one.last.gap for one in fixed]
    low = [index for index, tau in enumerate(temperatures) if tau <= 0.1]
    record.claims["04-F4a"] = spearman(np.array(temperatures)[low], np.array(gap)[low])
    record.claims["04-F4b"] = record.claims["04-F1e"]
    record.claims["04-F4c"] = record.claims["04-F1f"]


def chance_recall(found: dict[str, Trained]) -> float:
    """Recall at 1 of untrained towers, the mean over trainings; many captions fit several faces."""
    return float(np.mean([one.diagnoses[0].recall for one in found.values()]))


def cloud(trained: Trained, points: int = 160) -> np.ndarray:
    """Some held-out embeddings (2, points, 2) in the plane of the gap and the first principal direction across it."""
    both = torch.cat([trained.images, trained.texts])
    apart = torch.nn.functional.normalize(trained.images.mean(0) - trained.texts.mean(0), dim=0)
    centred = both - both.mean(0)
    across = centred - (centred @ apart)[:, None] * apart
    second = torch.linalg.svd(across, full_matrices=False).Vh[0]
    plane = centred @ torch.stack([second, apart], 1)
    return torch.stack([plane[: len(trained.images)][:points], plane[len(trained.images) :][:points]]).numpy()


def faces_mitigation(profile: str, seed: int, device: str) -> Record:
    """Mitigations on faces and captions against the baseline with a learned temperature."""
    settings = PROFILES[profile]
    check_device(device)
    names = [BASELINE, *settings.face_mitigations]
    found = {name: train_faces(profile, seed, device, name) for name in names}
    ratio = found["hard swap 0.1"].last.gap / found[BASELINE].last.gap
    record = Record(claims={"04-F2a": ratio})
    if profile == "full":
        record.claims["04-F4d"] = ratio
    record.arrays |= {**measures(found), **paths(found)}
    return record


def faces_mismatch(profile: str, seed: int, device: str) -> Record:
    """The learned temperature and the gap when a share of the captions belongs to other faces."""
    settings = PROFILES[profile]
    check_device(device)
    found = {f"{rate:g}": train_faces(profile, seed, device, BASELINE, rate) for rate in settings.mismatch_rates}
    last = [one.last for one in found.values()]
    record = Record(
        claims={
            "04-F3a": last[-1].temperature / last[0].temperature,
            "04-F3b": last[-1].gap / last[0].gap,
        }
    )
    record.arrays |= {"rates": np.array(settings.mismatch_rates), **measures(found), **paths(found)}
    return record

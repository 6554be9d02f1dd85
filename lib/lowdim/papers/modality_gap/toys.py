"""Experiments on the latent toy: first steps, temperatures, mitigations; and the printed tables of the paper."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor

from lowdim.papers.modality_gap.gap import pressure
from lowdim.papers.modality_gap.latent import Outcome, embed, make_towers, sample_toys, train_method
from lowdim.papers.modality_gap.methods import METHODS
from lowdim.papers.modality_gap.settings import PROFILES
from lowdim.papers.modality_gap.tables import FIGURE_ROWS, ROWS
from lowdim.papers.modality_gap.train import train_pair
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

FIXED = (0.01, 0.02, 0.04, 0.07, 0.1, 0.2, 0.4, 1.0)
LEARNED = (0.01, 0.02, 0.07)
BASELINE = "learned 0.07"
MITIGATIONS = (
    BASELINE,
    "fixed 0.01",
    "hard swap 0.01",
    "hard swap 0.1",
    "hard swap 1",
    "soft swap 0.05",
    "soft swap 1",
    "row swap 0.1",
    "softplus",
    "scaled 2",
    "slower rate",
    "schedule",
    "alternating",
    "no normalisation",
)


def spearman(x: object, y: object) -> float:
    """Spearman's rank correlation."""
    return float(spearmanr(np.asarray(x), np.asarray(y)).statistic)


def latent_start(profile: str, seed: int, device: str) -> Record:
    """The gap on held-out pairs during the first ten steps of many initialisations, temperature learned from 0.07."""
    check_device(device)
    copies = PROFILES[profile].first_starts
    training, test = sample_toys(copies, make_generator(seed, "modality-gap", "first-steps", "toys"))
    generator = make_generator(seed, "modality-gap", "first-steps")
    pair = make_towers(copies, METHODS[BASELINE].temperature(copies), generator)

    def batches(source: torch.Generator) -> tuple[Tensor, Tensor]:
        index = torch.randint(training.images.shape[1], (128,), generator=source)
        return training.images[:, index], training.texts[:, index]

    def gaps() -> Tensor:
        u, v = embed(pair, test)
        return torch.linalg.vector_norm(u.mean(1) - v.mean(1), dim=-1)

    path = [gaps()]
    u, v = embed(pair, test)
    pushed = pressure(u @ v.mT, pair.temperature().detach().double()) < 0
    # A schedule as long as a usual training, so that the first ten steps have its learning rate.
    steps = train_pair(pair, batches, METHODS[BASELINE], 1500, generator)
    for _ in range(10):
        next(steps)
        path.append(gaps())
    change = path[-1] - path[0]
    record = Record(claims={"04-M6e": float((change > 0).double().mean())})
    record.number("mean-growth-in-ten-steps", float(change.mean()), tolerance=0.01)
    record.number("mean-growth-in-one-step", float((path[1] - path[0]).mean()), tolerance=0.005)
    record.number("share-of-starts-pushed-apart", float(pushed.double().mean()), tolerance=0.02)
    record.arrays["gaps"] = torch.stack(path).numpy()
    return record


def latent_temperature(profile: str, seed: int, device: str) -> Record:
    """Gap, retrieval, uniformity and a linear probe against the temperature, fixed and learned."""
    check_device(device)
    settings = PROFILES[profile]
    names = [f"fixed {tau:g}" for tau in FIXED] + [f"learned {tau:g}" for tau in LEARNED]
    found = {name: train_method(name, settings.latent_seeds, settings.latent_steps, seed) for name in names}
    gap = torch.stack([found[name].gap for name in names])
    recall = torch.stack([found[name].recall for name in names]).mean(1)[: len(FIXED)]
    low = [index for index, tau in enumerate(FIXED) if tau <= 0.1]
    fourth = found["fixed 0.4"]
    starts = [float(found[f"learned {tau:g}"].gap.mean()) for tau in LEARNED]
    probe = [float(found[name].probe.mean()) for name in names]
    uniformity = [float(found[name].uniformity.mean()) for name in names]
    with_uniformity, with_gap = spearman(uniformity, probe), spearman(gap.mean(1), probe)
    record = Record(
        claims={
            "04-M9a": spearman(np.array(FIXED)[low], gap.mean(1)[low]),
            "04-M9b": float((gap[0] / gap[FIXED.index(0.07)]).min()),
            "04-M9c": float(fourth.gap.mean() / fourth.floor.mean()),
            "04-M10": min(a / b for a, b in pairwise(starts)),
            "04-M11a": float(recall.max() - recall[0]),
            "04-M11b": float(recall.max() - recall[-1]),
            "04-M12a": with_uniformity,
            "04-M12b": with_uniformity - abs(with_gap),
        }
    )
    record.number("spearman-gap-probe", with_gap, tolerance=0.25)
    record.number("best-temperature", FIXED[int(recall.argmax())], tolerance=1.0)
    record.arrays |= {"fixed": np.array(FIXED), "learned": np.array(LEARNED), **columns(found)}
    return record


def columns(found: dict[str, Outcome]) -> dict[str, np.ndarray]:
    """Every measure as an array (methods, S), with the methods' names."""
    fields = ("gap", "floor", "recall", "uniformity", "probe", "temperature")
    table = {field: torch.stack([getattr(outcome, field) for outcome in found.values()]).numpy() for field in fields}
    return {"names": np.array(list(found)), **table}


def latent_mitigation(profile: str, seed: int, device: str) -> Record:
    """Every mitigation of the paper on the toy, and the mean shift that needs no training."""
    check_device(device)
    settings = PROFILES[profile]
    found = {name: train_method(name, settings.mitigation_seeds, settings.latent_steps, seed) for name in MITIGATIONS}
    gap = {name: float(outcome.gap.mean()) for name, outcome in found.items()}
    recall = {name: float(outcome.recall.mean()) for name, outcome in found.items()}
    cold = found["fixed 0.01"]
    record = Record(
        claims={
            "04-M13a": gap["hard swap 0.1"] / gap[BASELINE],
            "04-M13b": recall[BASELINE] - recall["soft swap 1"],
            "04-M13c": recall[BASELINE] - recall["hard swap 1"],
            "04-M13d": gap["row swap 0.1"] / gap[BASELINE],
            "04-M14a": float(cold.shifted_gap.mean() / cold.gap.mean()),
            "04-M14b": float(cold.shifted_recall.mean()),
            "04-M15a": gap["schedule"] / gap["fixed 0.01"],
            "04-M15b": gap["alternating"] / gap["fixed 0.01"],
            "04-M15c": min(gap[name] for name in ("softplus", "scaled 2", "slower rate")) / gap[BASELINE],
            "04-M15d": recall[BASELINE] - recall["no normalisation"],
            "04-M15e": gap["no normalisation"] / gap[BASELINE],
        }
    )
    record.arrays |= columns(found)
    record.arrays["shifted"] = np.array([float(cold.shifted_gap.mean()), float(cold.shifted_recall.mean())])
    return record


def tables(profile: str, seed: int, device: str) -> Record:
    """Rank correlations in the numbers that the paper prints."""
    check_device(device)
    PROFILES[profile]
    table = np.array(list(ROWS.values()))
    gap, uniformity, probe, images = (table[:, column] for column in (0, 1, 3, 4))
    nine = [index for index, name in enumerate(ROWS) if name in FIGURE_ROWS]
    record = Record(
        claims={"04-M11c": spearman(gap, images), "04-M12c": spearman(uniformity[nine], probe[nine])},
        arrays={"names": list(ROWS), "table": table, "nine": nine},
    )
    for name, first, second in (("gap-retrieval", gap, images), ("gap-probe", gap, probe)):
        record.number(f"{name}-nine-rows", spearman(first[nine], second[nine]), tolerance=1e-6)
        record.number(f"{name}-all-rows", spearman(first, second), tolerance=1e-6)
    record.number("uniformity-probe-all-rows", spearman(uniformity, probe), tolerance=1e-6)
    return record

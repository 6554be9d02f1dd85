"""Experiments on tasks: every method on phantoms and on brain slices, and the level of purification."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from lowdim.denoising.denoiser import Denoiser
from lowdim.measurement.problem import pose, residual_ratio
from lowdim.metrics.clock import clock_for
from lowdim.metrics.means import half_width
from lowdim.papers.udig_dip.baselines import DDS, HalfQuadraticSplitting, total_variation
from lowdim.papers.udig_dip.purifier import Purifier
from lowdim.papers.udig_dip.runs import (
    LAMBDA,
    METHODS,
    at_least,
    descending,
    make_method,
    prior,
    run_curve,
)
from lowdim.papers.udig_dip.scans import TITLES, Scan, first_image, make_scan
from lowdim.papers.udig_dip.settings import PROFILES, Settings
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

OTHERS = {"start": "zero-filled, FBP", "tv": "total variation", "hqs": "pixels (HQS)", "dds": "DDS"}
NAMES = {**OTHERS, **METHODS}
WEIGHTS = (3e-4, 1e-3, 3e-3, 1e-2)
"""Weights of total variation that are tried on other images."""
COSTS = (
    "task", "method", "images", "PSNR (dB)", "± (95 %)", "SSIM", "updates", "evaluations", "seconds an image",
)  # fmt: skip
STOPS = ("task", "method", "last (dB)", "stopped at the noise (dB)", "best, by the truth (dB)", "residual / noise")
Row = dict[str, Tensor]
"""PSNR of the last image, stopped at the noise, and the best; SSIM; residual; evaluations, updates and seconds, each
``(B,)``, and one image.
"""
MISMATCHED = ("start", "hqs", "dds", "dip", "aseq", "udig")


def tasks(profile: str, seed: int, device: str) -> Record:
    """Every method on phantoms, of which the prior knows the law, and some on brain slices, which it has never seen
    (claims U7 to U9).
    """
    settings = PROFILES[profile]
    found = _compare(settings, "phantoms", settings.tasks, seed, device)
    brains = _compare(settings, "brains", settings.mismatch_tasks, seed, device, MISMATCHED)
    last = dict(zip(NAMES, found["psnr"].transpose(0, 1), strict=True))  # of each method (tasks, B)
    new = dict(zip(MISMATCHED, brains["psnr"].transpose(0, 1), strict=True))
    common = [settings.tasks.index(task) for task in settings.mismatch_tasks]
    known = {name: last[name][common] for name in MISMATCHED}
    drop = {name: float((known[name] - new[name]).mean()) for name in MISMATCHED}
    over = {name: last["udig"] - scores for name, scores in last.items()}
    stopped = found["stopped"][:, list(NAMES).index("dip")]
    record = Record(
        claims={
            "08-U7a": min(at_least(row) for row in over["dip"]),
            "08-U7b": min(at_least(row) for row in over["aseq"]),
            "08-U7c": min(at_least(row) for row in over["reference"]),
            "08-U7d": float((last["udig"] - stopped).mean()),
            "08-U8a": float(over["dds"].mean(1).min()),
            "08-U8b": float(over["hqs"].mean(1).min()),
            "08-U9a": drop["udig"] - drop["dds"],
            "08-U9b": float((new["udig"] - new["dip"]).mean()),
            "08-U9c": float((new["udig"] - new["dds"]).mean()),
        },
        arrays={
            "tasks": list(settings.tasks), "names": list(NAMES.values()), **found,
            "brains-tasks": list(settings.mismatch_tasks), "brains-names": [NAMES[name] for name in MISMATCHED],
            "brains-phantoms": torch.stack(list(known.values()), 1), **{f"brains-{k}": v for k, v in brains.items()},
        },
    )  # fmt: skip
    for k, task in enumerate(settings.tasks):
        for name in MISMATCHED:
            record.number(f"{name}-{task}", float(last[name][k].mean()), "dB", tolerance=1.0)
    record.table("every-task", COSTS, _cost_rows(found, settings.tasks, "phantoms"))
    record.table("brain-slices", COSTS, _cost_rows(brains, settings.mismatch_tasks, "brain slices"))
    record.table("stopping", STOPS, _stop_rows(found, settings.tasks))
    return record


def _cost_rows(found: dict[str, Any], on: Sequence[str], kind: str) -> Iterator[tuple[str | float, ...]]:
    """What each method reaches on each task with its last image, and what an image costs."""
    for k, task in enumerate(on):
        for m, name in enumerate(found["keys"]):
            mean = {part: float(found[part][k, m].double().mean()) for part in ("psnr", "ssim", "seconds")}
            counts = (float(found[part][k, m, 0]) for part in ("updates", "evaluations"))
            images, width = f"{found['psnr'].shape[-1]} {kind}", float(found["width"][k, m])
            yield TITLES[task], NAMES[name], images, mean["psnr"], width, mean["ssim"], *counts, mean["seconds"]


def _stop_rows(found: dict[str, Any], on: Sequence[str]) -> Iterator[tuple[str | float, ...]]:
    """The last image of each untrained network, beside the one a rule and the one the truth would pick."""
    parts = ("psnr", "stopped", "best", "residual")
    for k, task in enumerate(on):
        for m, name in enumerate(found["keys"]):
            if name in METHODS:
                yield TITLES[task], NAMES[name], *(float(found[part][k, m].double().mean()) for part in parts)


def levels(profile: str, seed: int, device: str) -> Record:
    """uDiG-DIP at one level of purification after another (claims U10)."""
    settings = PROFILES[profile]
    place = check_device(device)
    scan = make_scan("mri-4", "phantoms", settings.purify_slices, seed, place, size=settings.size)
    denoiser = prior(place)

    def run(name: str, **options: Any) -> Tensor:
        return run_curve(
            make_method(name, scan, settings, settings.purify_updates, denoiser, **options), scan, seed, "levels"
        ).last

    fixed = torch.stack([run("udig", tau=tau) for tau in settings.purify_levels])
    pulled = torch.stack([run("udig", tau=tau, lam=LAMBDA) for tau in settings.purify_levels])
    plain, annealed = run("aseq"), run("udig")
    mean = fixed.mean(1)
    inside = mean[1:-1] if len(mean) > 2 else mean
    return Record(
        claims={
            "08-U10a": float(inside.max() - torch.maximum(mean[0], mean[-1])),
            "08-U10b": float(annealed.mean() - mean.max()),
            "08-U10c": float((pulled[0] - plain).mean().abs()),
        },
        arrays={"levels": settings.purify_levels, "fixed": fixed, "pulled": pulled, "aseq": plain,
                "annealed": annealed},
    )  # fmt: skip


def _compare(
    settings: Settings, kind: str, on: tuple[str, ...], seed: int, device: str, names: tuple[str, ...] = tuple(NAMES)
) -> dict[str, Any]:
    """The methods ``names`` on every task: arrays ``(tasks, methods, B)``."""
    place = check_device(device)
    denoiser = prior(place)
    rows: dict[str, list[Tensor]] = {}
    for task in on:
        scan = make_scan(task, kind, settings.slices, seed, place, size=settings.size)
        found = [_measure(name, scan, settings, seed, denoiser) for name in names]
        for part in found[0]:
            rows.setdefault(part, []).append(torch.stack([row[part] for row in found]))
    images = {f"images-{task}": image for task, image in zip(on, rows.pop("image"), strict=True)}
    arrays = {part: torch.stack(values) for part, values in rows.items()}
    arrays["width"] = torch.tensor([[half_width(row) for row in task] for task in arrays["psnr"]])
    return {**arrays, **images, "keys": list(names)}


def _measure(name: str, scan: Scan, settings: Settings, seed: int, denoiser: Denoiser) -> Row:
    """One method on one scan."""
    count, clock = len(scan.x), clock_for(scan.y.device)
    if name in METHODS:
        method = make_method(name, scan, settings, settings.updates, denoiser)
        began = clock()
        curve = run_curve(method, scan, seed, name)
        estimate, residual = curve.estimate.to(scan.x), curve.residual[-1]
        row = {"psnr": curve.last, "stopped": curve.stopped, "best": curve.best}
        cost = (curve.evaluations, int(curve.updates[-1]))
    else:
        run = _other(name, scan, settings, seed, denoiser)
        began = clock()
        estimate, evaluations = run()
        problem = pose(scan.y, scan.physics)
        with torch.no_grad():
            residual = residual_ratio(problem.misfit(estimate), problem)
        last = scan.psnr(estimate).double().cpu()
        row, cost = {"psnr": last, "stopped": last, "best": last}, (evaluations, 0)
    # The seconds of a run go to the record of the unit, never into a claim: they are another machine's tomorrow.
    row["seconds"] = torch.full((count,), (clock() - began) / count)
    row |= {"ssim": scan.ssim(estimate).double().cpu(), "residual": residual, "image": estimate[0].cpu()}
    return row | {"evaluations": torch.full((count,), cost[0]), "updates": torch.full((count,), cost[1])}


def _other(
    name: str, scan: Scan, settings: Settings, seed: int, denoiser: Denoiser
) -> Callable[[], tuple[Tensor, int]]:
    """A method without a network of its own, tuned and ready to run: its image, and its evaluations of the denoiser."""
    if name == "start":
        return lambda: (scan.start(), 0)
    if name == "tv":
        weight = _tv_weight(scan, settings, seed)
        return lambda: (total_variation(pose(scan.y, scan.physics), weight, scan.start()), 0)
    rounds = max(2, settings.updates // settings.steps)
    solver: HalfQuadraticSplitting | DDS = (
        HalfQuadraticSplitting(Purifier(denoiser), descending(rounds), start=first_image)
        if name == "hqs"
        else DDS(denoiser, levels=settings.dds_levels)
    )

    def run() -> tuple[Tensor, int]:
        generator = make_generator(seed, "udig-dip", "compare", name, scan.task)
        solution = solver.solve(scan.y, scan.physics, generator)
        return solution.estimate, solution.evaluations

    return run


def _tv_weight(scan: Scan, settings: Settings, seed: int) -> float:
    """The weight that is best on two other phantoms."""
    other = make_scan(scan.task, "phantoms", 2, seed + 1, scan.y.device, size=settings.size)
    problem, start = pose(other.y, other.physics), other.start()
    scores = [float(other.psnr(total_variation(problem, weight, start)).mean()) for weight in WEIGHTS]
    return WEIGHTS[scores.index(max(scores))]

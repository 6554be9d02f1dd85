"""Experiments on tasks: every method on phantoms and on brain slices, and the level of purification."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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
from lowdim.papers.udig_dip.tuning import Tuned, guided_sampler, tune
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

OTHERS = {"start": "zero-filled, FBP", "tv": "total variation", "hqs": "pixels (HQS)", "dds": "DDS", "dps": "DPS"}
NAMES = {**OTHERS, **METHODS}
COSTS = (
    "task", "method", "images", "PSNR (dB)", "± (95 %)", "SSIM", "updates", "evaluations", "seconds an image", "tuned",
)  # fmt: skip
STOPS = ("task", "method", "last (dB)", "stopped at the noise (dB)", "best, by the truth (dB)", "residual / noise")
Row = dict[str, Tensor]
"""PSNR of the last image, stopped at the noise, and the best; SSIM; residual; evaluations, updates and seconds, each
``(B,)``.
"""
MISMATCHED = ("start", "hqs", "dds", "dps", "dip", "reference", "aseq", "udig")


@dataclass(frozen=True)
class Bench:
    """What every method of a comparison gets: the sizes, the seed, the prior, and what was tuned for each task."""

    settings: Settings
    seed: int
    denoiser: Denoiser
    tuned: dict[str, Tuned]
    device: torch.device


def tasks(profile: str, seed: int, device: str) -> Record:
    """Every method on phantoms, of which the prior knows the law, and some on brain slices, which it has never seen
    (claims U7 to U9).
    """
    settings, place = PROFILES[profile], check_device(device)
    denoiser = prior(place)
    tuned = {task: tune(task, settings, seed, denoiser, place) for task in settings.tasks}
    bench = Bench(settings, seed, denoiser, tuned, place)
    found = _compare(bench, "phantoms", settings.tasks)
    brains = _compare(bench, "brains", settings.mismatch_tasks, MISMATCHED)
    last = dict(zip(NAMES, found["psnr"].transpose(0, 1), strict=True))  # of each method (tasks, B)
    new = dict(zip(MISMATCHED, brains["psnr"].transpose(0, 1), strict=True))
    common = [settings.tasks.index(task) for task in settings.mismatch_tasks]
    known = {name: last[name][common] for name in MISMATCHED}
    record = Record(
        claims=_claims(last, found["stopped"][:, list(NAMES).index("dip")], known, new),
        arrays={
            "tasks": list(settings.tasks), "names": list(NAMES.values()), **found,
            "brains-tasks": list(settings.mismatch_tasks), "brains-names": [NAMES[name] for name in MISMATCHED],
            "brains-phantoms": torch.stack(list(known.values()), 1), **{f"brains-{k}": v for k, v in brains.items()},
        },
    )  # fmt: skip
    for k, task in enumerate(settings.tasks):
        for name in MISMATCHED:
            record.number(f"{name}-{task}", float(last[name][k].mean()), "dB", tolerance=1.0)
    record.table("every-task", COSTS, _cost_rows(bench, found, settings.tasks, "phantoms"))
    record.table("brain-slices", COSTS, _cost_rows(bench, brains, settings.mismatch_tasks, "brain slices"))
    record.table("stopping", STOPS, _stop_rows(found, settings.tasks))
    return record


def _claims(last: Row, stopped: Tensor, known: Row, new: Row) -> dict[str, float]:
    """From the PSNR of each method on all tasks, of DIP stopped at the noise, and on the tasks that are measured on
    both kinds of images: ``(tasks, B)`` each.
    """
    over = {name: last["udig"] - scores for name, scores in last.items()}
    ahead = {name: new["udig"] - scores for name, scores in new.items()}
    drop = {name: float((known[name] - new[name]).mean()) for name in new}
    return {
        "08-U7a": min(at_least(row) for row in over["dip"]),
        "08-U7b": min(at_least(row) for row in over["aseq"]),
        "08-U7c": min(at_least(row) for row in over["reference"]),
        "08-U7d": float((last["udig"] - stopped).mean()),
        "08-U7e": min(at_least(row) for row in ahead["reference"]),
        "08-U7f": min(at_least(row) for row in over["input"]),
        "08-U8a": float(over["dds"].mean(1).min()),
        "08-U8b": float(over["hqs"].mean(1).min()),
        "08-U8c": float(over["dps"].mean(1).min()),
        "08-U9a": drop["udig"] - drop["dds"],
        "08-U9b": float(ahead["dip"].mean()),
        "08-U9c": float(ahead["dds"].mean()),
        "08-U9d": drop["udig"] - drop["dps"],
    }


def _cost_rows(bench: Bench, found: dict[str, Any], on: Sequence[str], kind: str) -> Iterator[tuple[str | float, ...]]:
    """What each method reaches on each task with its last image, what an image costs, and what was tuned."""
    for k, task in enumerate(on):
        tuned = {"tv": f"weight {bench.tuned[task].weight:g}", "dps": f"guidance {bench.tuned[task].guidance:g}"}
        for m, name in enumerate(found["keys"]):
            mean = {part: float(found[part][k, m].double().mean()) for part in ("psnr", "ssim", "seconds")}
            counts = (float(found[part][k, m, 0]) for part in ("updates", "evaluations"))
            images, width = f"{found['psnr'].shape[-1]} {kind}", float(found["width"][k, m])
            quality, seconds = (mean["psnr"], width, mean["ssim"]), mean["seconds"]
            yield TITLES[task], NAMES[name], images, *quality, *counts, seconds, tuned.get(name, "")


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


def _compare(bench: Bench, kind: str, on: tuple[str, ...], names: tuple[str, ...] = tuple(NAMES)) -> dict[str, Any]:
    """The methods ``names`` on every task: arrays ``(tasks, methods, B)``."""
    rows: dict[str, list[Tensor]] = {}
    for task in on:
        scan = make_scan(task, kind, bench.settings.slices, bench.seed, bench.device, size=bench.settings.size)
        found = [_measure(name, scan, bench) for name in names]
        for part in found[0]:
            rows.setdefault(part, []).append(torch.stack([row[part] for row in found]))
    arrays = {part: torch.stack(values) for part, values in rows.items()}
    arrays["width"] = torch.tensor([[half_width(row) for row in task] for task in arrays["psnr"]])
    return {**arrays, "keys": list(names)}


def _measure(name: str, scan: Scan, bench: Bench) -> Row:
    """One method on one scan."""
    count, clock = len(scan.x), clock_for(scan.y.device)
    if name in METHODS:
        method = make_method(name, scan, bench.settings, bench.settings.updates, bench.denoiser)
        began = clock()
        curve = run_curve(method, scan, bench.seed, name)
        estimate, residual = curve.estimate.to(scan.x), curve.residual[-1]
        row = {"psnr": curve.last, "stopped": curve.stopped, "best": curve.best}
        cost = (curve.evaluations, int(curve.updates[-1]))
    else:
        run = _other(name, scan, bench)
        began = clock()
        estimate, evaluations = run()
        problem = pose(scan.y, scan.physics)
        with torch.no_grad():
            residual = residual_ratio(problem.misfit(estimate), problem)
        last = scan.psnr(estimate).double().cpu()
        row, cost = {"psnr": last, "stopped": last, "best": last}, (evaluations, 0)
    # The seconds of a run go to the record of the unit, never into a claim: they are another machine's tomorrow.
    row["seconds"] = torch.full((count,), (clock() - began) / count)
    row |= {"ssim": scan.ssim(estimate).double().cpu(), "residual": residual}
    return row | {"evaluations": torch.full((count,), cost[0]), "updates": torch.full((count,), cost[1])}


def _other(name: str, scan: Scan, bench: Bench) -> Callable[[], tuple[Tensor, int]]:
    """A method without a network of its own, ready to run: its image, and its evaluations of the denoiser."""
    settings, tuned = bench.settings, bench.tuned[scan.task]
    if name == "start":
        return lambda: (scan.start(), 0)
    if name == "tv":
        return lambda: (total_variation(pose(scan.y, scan.physics), tuned.weight, scan.start()), 0)
    generator = make_generator(bench.seed, "udig-dip", "compare", name, scan.task)
    if name == "dps":
        sampler = guided_sampler(bench.denoiser, settings.dps_levels, tuned.guidance)
        return lambda: (sampler(scan.y, scan.physics, generator), settings.dps_levels)
    rounds = max(2, settings.updates // settings.steps)
    solver: HalfQuadraticSplitting | DDS = (
        HalfQuadraticSplitting(Purifier(bench.denoiser), descending(rounds), start=first_image)
        if name == "hqs"
        else DDS(bench.denoiser, levels=settings.dds_levels)
    )

    def run() -> tuple[Tensor, int]:
        solution = solver.solve(scan.y, scan.physics, generator)
        return solution.estimate, solution.evaluations

    return run

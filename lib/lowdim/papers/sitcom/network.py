"""Experiments with the shipped network as the prior: cartoon faces of 32 x 32 pixels."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lowdim.data.faces import sample_faces
from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.grids import edm_sigmas, vp_sigmas
from lowdim.denoising.weights import load_model
from lowdim.measurement.dps import DPS
from lowdim.measurement.level_solver import Solution
from lowdim.measurement.tasks import TASKS, make_task
from lowdim.metrics.images import psnr, ssim
from lowdim.papers.sitcom.daps import DAPS
from lowdim.papers.sitcom.peers import DeepinvSolver, ddrm, decomposable, deepinv_dps, diffpir
from lowdim.papers.sitcom.settings import PROFILES, Settings
from lowdim.papers.sitcom.sitcom import SITCOM, OutputRepair
from lowdim.papers.sitcom.stopping import Deviations
from lowdim.papers.sitcom.tasks import COLUMNS, UNTUNED, as_picture, summary, timed, tuned_guidance, tuning_score
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

SHAPE, NOISE_STD, RATE = (3, 32, 32), 0.05, 0.02
STOP = Deviations(0.5)
"""At 32 x 32 the margin of the released code would be as little as 0.4 deviations of the residual."""


def gallery(profile: str, seed: int, device: str) -> Record:
    """One face through each of the eight tasks, and what SITCOM makes of it."""
    settings = PROFILES[profile]
    place = check_device(device)
    denoiser = load_model("faces-32", device=place)
    face = sample_faces(1, make_generator(seed, "sitcom", "gallery"), 32).images
    found, views, scores, evaluations = [], [], [], []
    for task in TASKS:
        generator = make_generator(seed, "sitcom", "gallery", task)
        (y,), physics = measured(task, generator, place, face)
        solver = SITCOM(
            denoiser, vp_sigmas(settings.gallery_levels), inner_steps=settings.inner, learning_rate=RATE, stop=STOP,
            closeness=1.0 if task == "phase-retrieval" else 0.0,
        )  # fmt: skip
        solution = solver.solve(y, physics, generator)
        found.append(solution.estimate[0])
        views.append(as_picture(y[0], task, SHAPE[1]))
        scores.append([float(score(solution.estimate.cpu(), face)[0]) for score in (psnr, ssim)])
        evaluations.append(float(solution.forward[0]))
    record = Record(
        arrays={"tasks": list(TASKS), "face": face[0], "found": torch.stack(found), "views": torch.stack(views),
                "scores": scores, "evaluations": evaluations}
    )  # fmt: skip
    linear = [k for k, task in enumerate(TASKS) if task != "phase-retrieval"]
    record.number("psnr-without-phase", float(torch.tensor(scores)[linear, 0].mean()), "dB", tolerance=1.5)
    return record


def measured(task: str, generator: torch.Generator, place: torch.device, *images: Tensor) -> tuple[list[Tensor], Any]:
    """Measurements of several sets of images, drawn on the CPU like the operator, and then moved with it."""
    physics = make_task(task, SHAPE, NOISE_STD, generator)
    seen = [physics(x).to(place) for x in images]
    return seen, physics.to(place)


Run = Callable[[Tensor, Any, torch.Generator], Solution]


def face_solvers(denoiser: Denoiser, settings: Settings, value: float = 0.0) -> dict[str, Run]:
    """Every solver of the comparison, each at its number of levels; ``value`` is the number to tune, where there is
    one.
    """
    grid = vp_sigmas(settings.face_levels)
    options: dict[str, Any] = {"inner_steps": settings.inner, "learning_rate": RATE, "stop": STOP}
    solvers: dict[str, Run] = {
        "SITCOM": SITCOM(denoiser, grid, **options).solve,
        "SITCOM, half the levels": SITCOM(denoiser, vp_sigmas(max(1, settings.face_levels // 2)), **options).solve,
        "output repair": OutputRepair(denoiser, grid, **options).solve,
        "output repair, ten times the steps": OutputRepair(
            denoiser, grid, **(options | {"inner_steps": 10 * settings.inner})
        ).solve,
    }
    for levels in settings.face_dps_levels:
        solvers[f"DPS {levels}"] = DPS(denoiser, vp_sigmas(levels), guidance=value).solve
    weighed = deepinv_dps(settings.face_dps_levels[1], weight=value or 20.0)
    solvers["deepinv's DPS"] = DeepinvSolver(denoiser, weighed).solve
    for steps in settings.face_peer_steps:
        solvers[f"DiffPIR {steps}"] = DeepinvSolver(denoiser, diffpir(steps, closeness=value or 1.0)).solve
        solvers[f"DDRM {steps}"] = DeepinvSolver(denoiser, ddrm(steps)).solve
        annealing = edm_sigmas(max(2, steps // 5), 0.02, 80.0)
        draws = settings.langevin
        solvers[f"DAPS {steps}"] = DAPS(denoiser, annealing, spread=value or 1.0, langevin_steps=draws).solve
    return solvers


def tuning_values(name: str) -> tuple[float, ...]:
    """The values tried for a solver; one alone means that nothing is tuned."""
    values = {
        "deepinv's DPS": (20.0, 60.0, 180.0, 540.0, 1620.0, 4860.0),
        "DiffPIR": (0.1, 0.3, 1.0, 7.0, 25.0),
        "DAPS": (0.1, 0.3, 1.0, 3.0),
    }
    return values.get(name.rstrip(" 0123456789"), (0.0,))


def faces(profile: str, seed: int, device: str) -> Record:
    """PSNR, SSIM, evaluations and seconds of every solver on linear tasks (claims S3e, S3f, S4 and S5b)."""
    settings = PROFILES[profile]
    place = check_device(device)
    denoiser = load_model("faces-32", device=place)
    names = list(face_solvers(denoiser, settings))
    images = sample_faces(settings.face_images, make_generator(seed, "sitcom", "faces"), 32).images
    others = sample_faces(settings.face_tuning, make_generator(seed, "sitcom", "faces", "tuning"), 32).images
    table, tuned, examples, rows = [], [], [], []
    for task in settings.face_tasks:
        generator = make_generator(seed, "sitcom", "faces", task)
        (y, y_others), physics = measured(task, generator, place, images, others)
        for name in names:
            if name.startswith("DDRM") and not decomposable(physics):
                table.append(torch.full((5, len(images)), math.nan))
                tuned.append(math.nan)
                examples.append(torch.full(SHAPE, math.nan))
                continue
            stream = functools.partial(make_generator, seed, "sitcom", "faces", task, name)
            value = _tune(denoiser, settings, name, others, y_others, physics, stream)
            solution, seconds = timed(face_solvers(denoiser, settings, value)[name], y, physics, stream())
            seconds /= len(images)
            estimate = solution.estimate.cpu()
            row = torch.stack([
                psnr(estimate, images), ssim(estimate, images), solution.forward.float().cpu(),
                solution.backward.float().cpu(), torch.full((len(images),), seconds),
            ])  # fmt: skip
            table.append(row)
            facts = (*summary(row[:2]), float(row[2].mean()), seconds)
            chosen = f"{value:g}" if value else UNTUNED
            rows.append((name, task, NOISE_STD, len(images), *facts, chosen))
            tuned.append(value)
            examples.append(estimate[0])
    shape = (len(settings.face_tasks), len(names))
    scores = torch.stack(table).reshape(*shape, 5, -1)
    record = Record(
        arrays={"tasks": settings.face_tasks, "methods": names, "scores": scores,
                "tuned": torch.tensor(tuned).reshape(shape), "examples": torch.stack(examples).reshape(*shape, *SHAPE),
                "face": images[0]}
    )  # fmt: skip
    record.table("solvers", COLUMNS, rows)
    record.claims |= _claims({name: scores[:, k].mean(-1) for k, name in enumerate(names)}, settings)
    return record


def _tune(
    denoiser: Denoiser,
    settings: Settings,
    name: str,
    images: Tensor,
    y: Tensor,
    physics: Any,
    stream: Callable[..., torch.Generator],
) -> float:
    """The value with the largest mean PSNR on other faces, the score that is compared."""
    if name.startswith("DPS"):
        return tuned_guidance(denoiser, int(name.removeprefix("DPS ")), images, y, physics, stream("tuning"))
    values = tuning_values(name)
    if len(values) == 1:
        return values[0]
    solutions = (face_solvers(denoiser, settings, value)[name](y, physics, stream("tuning")) for value in values)
    scores = torch.stack([tuning_score(solution.estimate.cpu(), images).mean() for solution in solutions])
    return values[int(scores.argmax())]


def _claims(means: dict[str, Tensor], settings: Settings) -> dict[str, float]:
    """From mean rows ``(tasks, 5)`` of each solver."""
    few, more, many = (means[f"DPS {levels}"] for levels in settings.face_dps_levels)
    sitcom = means["SITCOM"]
    long = torch.maximum(means["output repair"][:, 0], means["output repair, ten times the steps"][:, 0])
    inpainting = [k for k, task in enumerate(settings.face_tasks) if "inpainting" in task]
    return {
        "07-S3e": float((sitcom - few)[:, 0].min()),
        "07-S3f": float(((sitcom - more)[:, 0] >= -0.3).double().mean()),
        "07-S4a": float((sitcom[:, 2] / many[:, 2]).max()),
        "07-S4b": float((sitcom[:, 4] / many[:, 4]).max()),
        "07-S4c": float((sitcom - many)[:, 0].mean()),
        "07-S5b": float((sitcom[:, 0] - long)[inpainting].min()),
    }


def closeness(profile: str, seed: int, device: str) -> Record:
    """PSNR against the weight of the closeness term, on two tasks (claim S7)."""
    settings = PROFILES[profile]
    place = check_device(device)
    denoiser = load_model("faces-32", device=place)
    images = sample_faces(settings.face_images, make_generator(seed, "sitcom", "closeness"), 32).images
    rows = []
    for task in ("super-resolution", "box-inpainting"):
        (y,), physics = measured(task, make_generator(seed, "sitcom", "closeness", task), place, images)
        for weight in settings.face_closeness:
            solver = SITCOM(
                denoiser, vp_sigmas(settings.face_levels), inner_steps=settings.inner, learning_rate=RATE, stop=STOP,
                closeness=weight,
            )  # fmt: skip
            found = solver(y, physics, make_generator(seed, "sitcom", "closeness", "run"))
            rows.append(psnr(found.cpu(), images))
    scores = torch.stack(rows).reshape(2, len(settings.face_closeness), -1)
    means = scores.mean(-1)
    return Record(
        claims={"07-S7": float((means.amax(1) - means.amin(1)).max())},
        arrays={"weights": settings.face_closeness, "psnr": scores},
    )

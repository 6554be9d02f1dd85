"""Experiment: every task of the papers at two noise levels, with the shipped network as the prior."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lowdim.data.faces import sample_faces
from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.grids import vp_sigmas
from lowdim.denoising.weights import load_model
from lowdim.measurement.dps import DPS
from lowdim.measurement.level_solver import Solution
from lowdim.measurement.tasks import TASKS, make_task
from lowdim.metrics.clock import clock_for
from lowdim.metrics.images import psnr, ssim
from lowdim.metrics.means import half_width
from lowdim.papers.sitcom.settings import PROFILES, Settings
from lowdim.papers.sitcom.sitcom import SITCOM
from lowdim.papers.sitcom.stopping import Deviations
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

NOISES, GUIDANCE = (0.01, 0.05), (0.1, 0.3, 1.0, 3.0, 6.0, 12.0, 24.0, 48.0)
UNTUNED = "—"
COLUMNS = (
    "solver", "task", "noise", "images", "PSNR (dB)", "± (95 %)", "SSIM", "evaluations", "seconds an image", "tuned"
)  # fmt: skip


def all_tasks(profile: str, seed: int, device: str) -> Record:
    """SITCOM and DPS on the eight tasks, each measured with two levels of noise (claims S10c and S13)."""
    settings, place = PROFILES[profile], check_device(device)
    denoiser = load_model("faces-32", device=place)
    images = sample_faces(settings.task_images, make_generator(seed, "sitcom", "tasks"), 32).images
    others = sample_faces(settings.face_tuning, make_generator(seed, "sitcom", "tasks", "tuning"), 32).images
    stream = partial(make_generator, seed, "sitcom", "tasks")
    record, means = compare_on_tasks(denoiser, place, images, others, settings, stream)
    record.claims["07-S10c"], record.claims["07-S13"] = worst_gain(means), mean_lead(means)
    return record


def compare_on_tasks(
    denoiser: Denoiser,
    place: torch.device,
    images: Tensor,
    others: Tensor,
    settings: Settings,
    stream: Callable[..., torch.Generator],
) -> tuple[Record, Tensor]:
    """SITCOM and DPS on ``images (B, C, H, H)`` through the eight tasks at two noise levels, both run at ``place``.

    DPS is tuned on ``others``, for each task and level; ``stream(task, noise)`` gives the randomness of each. PSNR and
    SSIM are those of the last estimate, pixels in [-1, 1] mapped to [0, 1]. The record holds the scores, a table, and
    the first image at the larger noise; beside it the mean PSNR ``(task, noise, solver)``.
    """
    levels = settings.face_dps_levels[1]
    scores, rows, views, found = [], [], [], []
    for task in TASKS:
        for noise in NOISES:
            generator = stream(task, str(noise))
            physics = make_task(task, (*images.shape[1:],), noise, generator)
            y, y_others = physics(images).to(place), physics(others).to(place)
            physics = physics.to(place)
            guidance = tuned_guidance(denoiser, levels, others, y_others, physics, generator)
            for name, solver in _solvers(denoiser, settings, task, guidance).items():
                solution, seconds = timed(solver.solve, y, physics, generator)
                estimate = solution.estimate.cpu()
                scores.append(torch.stack([psnr(estimate, images), ssim(estimate, images)]))
                cost = float(solution.forward.double().mean())
                tuned = f"{guidance:g}" if name == "DPS" else UNTUNED
                rows.append((name, task, noise, len(images), *summary(scores[-1]), cost, seconds / len(images), tuned))
                if name == "SITCOM" and noise == NOISES[-1]:
                    found.append(estimate[0])
        views.append(as_picture(y[0].cpu(), task, images.shape[-1]))
    table = torch.stack(scores).reshape(len(TASKS), len(NOISES), 2, 2, -1)
    arrays = {"tasks": list(TASKS), "noises": NOISES, "solvers": ["SITCOM", "DPS"], "scores": table}
    shown = {"face": images[0], "views": torch.stack(views), "found": torch.stack(found)}
    record = Record(arrays=arrays | shown)
    record.table("every-task", COLUMNS, rows)
    return record, table[..., 0, :].mean(-1)


def worst_gain(means: Tensor) -> float:
    """Of mean PSNRs ``(task, noise, solver)``, the smallest that SITCOM gains from less noise; amplitudes are left out,
    where a run succeeds or fails by chance.
    """
    clear = [k for k, task in enumerate(TASKS) if task != "phase-retrieval"]
    return float((means[:, 0] - means[:, 1])[clear, 0].min())


def mean_lead(means: Tensor) -> float:
    """Of mean PSNRs ``(task, noise, solver)``, what SITCOM is ahead of DPS on average."""
    return float((means[..., 0] - means[..., 1]).mean())


def as_picture(y: Tensor, task: str, side: int) -> Tensor:
    """A measurement ``(C, H, W)`` as a picture of ``side`` pixels: small ones enlarged, amplitudes on a logarithmic
    scale.
    """
    if task == "phase-retrieval":
        y = torch.log1p(y.clamp_min(0))
        y = 2 * y / y.amax() - 1
    return torch.nn.functional.interpolate(y[None], (side, side), mode="nearest")[0]


def summary(scores: Tensor) -> tuple[float, float, float]:
    """Mean PSNR, half the width of its 95 % t-interval over images, and mean SSIM, from rows ``(2, images)``."""
    return float(scores[0].mean()), half_width(scores[0]), float(scores[1].mean())


def timed(
    solve: Callable[..., Solution], y: Tensor, physics: Any, generator: torch.Generator
) -> tuple[Solution, float]:
    """A solution and its seconds (see :func:`~lowdim.metrics.clock.clock_for`)."""
    clock = clock_for(y.device)
    start = clock()
    solution = solve(y, physics, generator)
    float(solution.misfit.sum())  # an accelerator is done when its numbers are here
    return solution, clock() - start


def _solvers(denoiser: Denoiser, settings: Settings, task: str, guidance: float) -> dict[str, Any]:
    return {
        "SITCOM": SITCOM(
            denoiser, vp_sigmas(settings.face_levels), inner_steps=settings.inner, learning_rate=0.02,
            stop=Deviations(0.5), closeness=1.0 if task == "phase-retrieval" else 0.0,
        ),
        "DPS": DPS(denoiser, vp_sigmas(settings.face_dps_levels[1]), guidance=guidance),
    }  # fmt: skip


def tuned_guidance(
    denoiser: Denoiser, levels: int, images: Tensor, y: Tensor, physics: Any, generator: torch.Generator
) -> float:
    """The guidance of DPS with the largest mean PSNR on other images, the score that is compared; all are tried in one
    batch.
    """
    values = guidance_values(levels)
    each = torch.tensor(values).repeat_interleave(len(images))
    solver = DPS(denoiser, vp_sigmas(levels), guidance=each)
    found = solver(y.repeat(len(values), *[1] * (y.dim() - 1)), physics, generator).cpu()
    score = tuning_score(found, images.repeat(len(values), 1, 1, 1)).reshape(len(values), -1).mean(1)
    return values[int(score.argmax())]


def tuning_score(found: Tensor, truth: Tensor) -> Tensor:
    """PSNR of each image, minus infinity for one that is lost to NaN or infinity."""
    lost = ~torch.isfinite(found).flatten(1).all(1)
    return psnr(found.nan_to_num(), truth).masked_fill(lost, -math.inf)


def guidance_values(levels: int) -> tuple[float, ...]:
    """The values of guidance tried for DPS: the more levels take a step, the smaller each."""
    return GUIDANCE[2:] if levels <= 50 else GUIDANCE[1:-1] if levels <= 300 else GUIDANCE[:5]

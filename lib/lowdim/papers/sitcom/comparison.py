"""Experiment: SITCOM against its ablation and other solvers, on priors whose posterior mean is a formula."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from lowdim.denoising.grids import edm_sigmas, vp_sigmas
from lowdim.measurement.dps import DPS
from lowdim.measurement.level_solver import LevelSolver
from lowdim.papers.sitcom.coordinates import posterior_closeness
from lowdim.papers.sitcom.daps import DAPS
from lowdim.papers.sitcom.settings import PROFILES, Settings
from lowdim.papers.sitcom.signals import PRIORS, TASKS, Case, draw_case, measure, signal_psnr
from lowdim.papers.sitcom.sitcom import SITCOM, OutputRepair
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

NOISE_STD = 0.05
GUIDANCE = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
SPREAD = (0.1, 0.2, 0.5, 1.0)
RATE = 0.02


def input_repair(case: Case, levels: int = 20, **options: object) -> SITCOM:
    """SITCOM as in the released code, for signals that are no images."""
    return SITCOM(case.prior, vp_sigmas(levels), learning_rate=RATE, pixel_range=None, **options)  # type: ignore[arg-type]


def output_repair(case: Case, **options: object) -> OutputRepair:
    """The same with the other variable."""
    return OutputRepair(case.prior, vp_sigmas(20), learning_rate=RATE, pixel_range=None, **options)  # type: ignore[arg-type]


Method = Callable[[Case, Settings], LevelSolver]
METHODS: dict[str, Method] = {
    "SITCOM": lambda case, size: input_repair(case, inner_steps=size.inner),
    "SITCOM, half the levels": lambda case, size: input_repair(case, 10, inner_steps=size.inner),
    "SITCOM, closeness": lambda case, size: input_repair(
        case, inner_steps=size.inner, closeness=posterior_closeness(NOISE_STD), stop=None
    ),
    "output repair": lambda case, size: output_repair(case, inner_steps=size.inner),
    "output repair, ten times the steps": lambda case, size: output_repair(case, inner_steps=10 * size.inner),
}


Tuned = tuple[Callable[[Case, float | Tensor], LevelSolver], tuple[float, ...]]
"""A solver from a case and the number to tune, and the values to try."""


def tuned_methods(settings: Settings) -> dict[str, Tuned]:
    """The methods with a number to tune, and its values: DPS at each number of levels, and DAPS."""

    def dps(levels: int) -> Callable[[Case, float | Tensor], LevelSolver]:
        return lambda case, zeta: DPS(case.prior, vp_sigmas(levels), guidance=zeta, pixel_range=None)

    def daps(case: Case, spread: float | Tensor) -> LevelSolver:
        return DAPS(case.prior, edm_sigmas(20, 0.02, 97.0), spread=spread, langevin_steps=settings.langevin)

    methods: dict[str, Tuned] = {f"DPS {levels}": (dps(levels), GUIDANCE) for levels in settings.dps_levels}
    return methods | {"DAPS": (daps, SPREAD)}


def comparison(profile: str, seed: int, device: str) -> Record:
    """Mean PSNR and evaluations of every method on three priors and four tasks (claims S3 and S5)."""
    settings = PROFILES[profile]
    check_device(device)
    names = ["posterior mean", *METHODS, *tuned_methods(settings)]
    scores, costs, chosen = [], [], []
    for kind, prior in PRIORS.items():
        case = draw_case(prior(), TASKS, NOISE_STD, settings.signals, seed, kind)
        tuned, values = _tuned(case, settings, seed, kind)
        rows = [(case.posterior_mean(), torch.zeros(len(case.y))), *_methods(case, settings, seed, kind), *tuned]
        shape = (len(TASKS), settings.signals)
        scores.append(torch.stack([signal_psnr(estimate, case.x).reshape(shape) for estimate, _ in rows], 1))
        costs.append(torch.stack([cost.double().reshape(shape).mean(1) for _, cost in rows], 1))
        chosen.append(values)
    psnr, cost = torch.cat(scores), torch.cat(costs)
    column = {name: psnr.mean(2)[:, k] for k, name in enumerate(names)}
    record = Record(
        arrays={
            "methods": names, "cases": [f"{kind}, {task}" for kind in PRIORS for task in TASKS], "psnr": psnr,
            "evaluations": cost, "tuned": torch.cat(chosen), "tuned-names": list(tuned_methods(settings)),
        }
    )  # fmt: skip
    _claims(record, column, settings)
    for name in ("SITCOM", "output repair", *tuned_methods(settings)):
        record.number(f"psnr-{name.replace(' ', '-')}", float(column[name].mean()), "dB", tolerance=0.3)
    record.number("evaluations-of-sitcom", float(cost[:, 1].mean()), tolerance=5)
    return record


def _claims(record: Record, column: dict[str, Tensor], settings: Settings) -> None:
    few, more, equal = (column[f"DPS {levels}"] for levels in settings.dps_levels[:3])
    sitcom = column["SITCOM"]
    record.claims["07-S3a"] = float((sitcom - few).min())
    low = list(PRIORS).index("subspaces") * len(TASKS)
    record.claims["07-S3b"] = float((sitcom >= more - 0.3)[:low].double().mean())
    record.claims["07-S3c"] = float((equal > sitcom)[low:].double().mean())
    record.claims["07-S3d"] = float((sitcom - equal).mean())
    inpainting = [k for k, task in enumerate(TASKS * len(PRIORS)) if task in ("box", "random")]
    long = torch.maximum(column["output repair"], column["output repair, ten times the steps"])
    record.claims["07-S5"] = float((sitcom - long)[inpainting].min())


def _methods(case: Case, settings: Settings, seed: int, kind: str) -> list[tuple[Tensor, Tensor]]:
    """Estimates and evaluations of each row by each of :data:`METHODS`."""
    solutions = [
        make(case, settings).solve(case.y, case.physics, make_generator(seed, "sitcom", "run", kind, name))
        for name, make in METHODS.items()
    ]
    return [(solution.estimate, solution.forward) for solution in solutions]


def _tuned(case: Case, settings: Settings, seed: int, kind: str) -> tuple[list[tuple[Tensor, Tensor]], Tensor]:
    """The same by each of :func:`tuned_methods`, tuned for each task on other signals; and the values ``(T, methods)``
    that were chosen.
    """
    rows, chosen = [], []
    generator = make_generator(seed, "sitcom", "tuning", kind)
    x = case.prior.sample(settings.tuning_signals, generator).expand(len(TASKS), -1, -1)
    tuning = measure(case.prior, case.matrix, x, NOISE_STD, generator)
    for name, (make, values) in tuned_methods(settings).items():
        generator = make_generator(seed, "sitcom", "tuned", kind, name)
        best = _tune(make, values, tuning, generator)
        solution = make(case, best.repeat_interleave(settings.signals)).solve(case.y, case.physics, generator)
        rows.append((solution.estimate, solution.forward))
        chosen.append(best)
    return rows, torch.stack(chosen, 1)


def _tune(
    make: Callable[[Case, float | Tensor], LevelSolver],
    values: tuple[float, ...],
    tuning: Case,
    generator: torch.Generator,
) -> Tensor:
    """For each task the value with the largest mean PSNR, ``(T,)``, the score that is compared: a mean squared error
    would be decided by the few signals that fail. All values are tried in one batch.
    """
    many = tuning.repeat(len(values))
    each = torch.tensor(values, dtype=torch.float64)
    estimate = make(many, each.repeat_interleave(len(tuning.y)))(many.y, many.physics, generator)
    score = signal_psnr(estimate, many.x).reshape(len(values), len(TASKS), -1).mean(2)
    return each[score.nan_to_num(-math.inf).argmax(0)]

"""Experiments on the solvers: steps that are allowed, monotone decrease, and why the preconditioner matters."""

from __future__ import annotations

import torch
from torch import Tensor

from lowdim.papers.blast import starts, targets
from lowdim.papers.blast.factorize import SOLVERS
from lowdim.papers.blast.factors import Factors
from lowdim.papers.blast.settings import PROFILES, Settings
from lowdim.papers.blast.sweeps import Progress, Target, sweeps
from lowdim.papers.blast.theory import damped_decrease
from lowdim.papers.blast.updates import Rule, side
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

ETAS = (0.5, 1.0, 1.5, 2.1)
RANK = 8
LINEAR = Rule(eta_end=0.0)


def step_range(profile: str, seed: int, device: str) -> Record:
    """One update of the left factors over the step size, against the closed form (B5)."""
    check_device(device)
    generator = make_generator(seed, "blast", "step-range")
    matrix = targets.gaussian(generator, 64)[None]
    U, s, V = starts.random(matrix, 12, (4, 4), generator)
    target = Target(matrix, (4, 4))
    linear, hessian = side(target.rows, s, V)
    gradient = U @ hessian - linear
    before = target.loss(Factors(U, s, V))
    grid = torch.linspace(0, 2.4, 49, dtype=torch.float64)
    largest = torch.linalg.eigvalsh(hessian)[..., -1].max()
    record = Record(arrays={"etas": grid, "largest": largest})

    def change(eta: float, delta: Tensor) -> float:
        rule = Rule(delta0=1.0)  # times the root of delta squared
        moved = rule.move(U, gradient, hessian, eta, delta.square().reshape(1))
        return float((target.loss(Factors(moved, s, V)) - before) / before)

    worst = 0.0
    for name, share in (("undamped", 1e-9), ("damped", 0.3)):
        delta = share * largest
        measured = torch.tensor([change(float(eta), delta) for eta in grid], dtype=torch.float64)
        formula = torch.stack([-damped_decrease(gradient, hessian, float(eta), delta) for eta in grid]) / before
        worst = max(worst, float((measured - formula).abs().max()))
        record.arrays |= {name: measured.numpy(), f"{name}-formula": formula.numpy()}
    zero = torch.tensor(1e-9, dtype=torch.float64)
    record.claims = {
        "09-B5a": max(change(eta, zero) for eta in ETAS[:3]),
        "09-B5b": change(ETAS[3], zero),
        "09-B5c": worst,
    }
    return record


def monotone(profile: str, seed: int, device: str) -> Record:
    """Gradient descent with the steps of Theorem 1: the loss after every single update (B4)."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "blast", "monotone")
    matrices = torch.stack(
        [targets.low_rank(generator, settings.size, RANK), targets.gaussian(generator, settings.size)]
    )
    matrices = _unit(matrices)
    losses = _run(matrices, RANK, settings, SOLVERS["gradient"], generator, settings.sweeps, exact=True)[1]
    path = losses.transpose(1, 2).flatten(0, 1)  # (3 sweeps, L)
    rise = (path[1:] - path[:-1]) / path[:-1]
    seen = path[:-1] > 1e-12 * matrices[0].numel() / 2
    return Record(claims={"09-B4": float(rise[seen].max())}, arrays={"path": path})


def _run(
    matrices: Tensor, rank: int, settings: Settings, rule: Rule, generator: torch.Generator, steps: int,
    *, exact: bool = False, start: starts.Start = starts.small,
) -> tuple[Factors, Tensor]:  # fmt: skip
    """Factors at the end and losses (steps, L, 3)."""
    begin = Progress.start(start(matrices, rank, (settings.blocks, settings.blocks), generator))
    losses = []
    for progress in sweeps(matrices, begin, rule, steps, exact=exact):
        losses.append(progress.losses)
    return progress.factors, torch.stack(losses)


def _unit(matrices: Tensor) -> Tensor:
    return matrices / matrices.square().mean((-2, -1), keepdim=True).sqrt()


def _errors(losses: Tensor, size: int) -> Tensor:
    return (2 * losses[..., 2]).clamp_min(0).sqrt() / size


RULES = {
    "gradient": SOLVERS["gradient"],
    "preconditioned": SOLVERS["preconditioned"],
    "linear": LINEAR,
    "published": SOLVERS["published"],
    "accelerated": SOLVERS["accelerated"],
}


def exact_rank(profile: str, seed: int, device: str) -> Record:
    """The right rank: gradient descent and the preconditioned steps on a matrix of rank 8 (B6)."""
    record, errors = _compare(profile, seed, device, RANK, "exact-rank", runs=1)
    half = errors["preconditioned"].shape[0] // 2 - 1
    record.claims = {
        "09-B6a": float(errors["preconditioned"][half, 0]),
        "09-B6b": float(errors["gradient"][-1, 0]),
    }
    return record


def surplus_rank(profile: str, seed: int, device: str) -> Record:
    """Four times the rank needed: gradient descent stalls; the condition of the blocks shows why (B7)."""
    record, errors = _compare(profile, seed, device, 4 * RANK, "surplus-rank", runs=PROFILES[profile].runs)
    last = {name: value[-1] for name, value in errors.items()}
    record.claims = {
        "09-B7a": float((last["gradient"] / last["preconditioned"]).min()),
        "09-B7b": float((last["gradient"] / last["linear"]).min()),
        "09-B7c": float(last["preconditioned"][0] / last["accelerated"][0]),
    }
    return record


def _compare(profile: str, seed: int, device: str, rank: int, name: str, runs: int) -> tuple[Record, dict[str, Tensor]]:
    settings = PROFILES[profile]
    check_device(device)
    draw = make_generator(seed, "blast", name)
    matrices = _unit(torch.stack([targets.low_rank(draw, settings.size, RANK) for _ in range(runs)]))
    record, errors = Record(), {}
    for rule_name, rule in RULES.items():
        shown = matrices[:1] if rule_name in ("published", "accelerated") else matrices
        losses = _run(shown, rank, settings, rule, make_generator(seed, name, "start"), settings.sweeps)[1]
        errors[rule_name] = _errors(losses, settings.size)
        record.arrays[rule_name] = errors[rule_name].numpy()
    _conditions(matrices[:1], rank, settings, make_generator(seed, name, "start"), record)
    return record, errors


def _conditions(matrices: Tensor, rank: int, settings: Settings, generator: torch.Generator, record: Record) -> None:
    """Largest over smallest eigenvalue of the left factors' Hessians during the preconditioned run, with and without
    the preconditioner (medians over the blocks).
    """
    target = Target(matrices, (settings.blocks, settings.blocks))
    begin = Progress.start(starts.small(matrices, rank, (settings.blocks, settings.blocks), generator))
    rule, rows = SOLVERS["preconditioned"], []
    for progress in sweeps(matrices, begin, rule, settings.sweeps):
        if progress.step % 4:
            continue
        _, hessian = side(target.rows, progress.factors.s, progress.factors.V)
        values = torch.linalg.eigvalsh(hessian[0]).clamp_min(1e-300)
        delta = rule.delta0 * progress.losses[0, 2].clamp_min(0).sqrt()
        low, high = values[:, 0], values[:, -1]
        plain, damped = (high / low).median(), (high / (high + delta) * (low + delta) / low).median()
        rows.append(torch.stack([torch.tensor(float(progress.step)), plain, damped]))
    record.arrays["conditions"] = torch.stack(rows).numpy()


def damping(profile: str, seed: int, device: str) -> Record:
    """How much damping: the error after the sweeps over ``delta0`` (B8)."""
    settings = PROFILES[profile]
    check_device(device)
    matrices = _unit(targets.low_rank(make_generator(seed, "blast", "damping"), settings.size, RANK)[None])
    found: dict[str, list[float]] = {"small": [], "random": []}
    few = settings.damping[:: max(1, len(settings.damping) // 2)]  # the first, the last and between
    for start, errors in found.items():
        for delta0 in settings.damping if start == "small" else few:
            generator, rule = make_generator(seed, "damping", "start"), Rule(delta0=delta0)
            losses = _run(
                matrices, 4 * RANK, settings, rule, generator, settings.sweeps, start=starts.STARTS[start]
            )[1]  # fmt: skip
            errors.append(float(_errors(losses, settings.size)[-1]))
    record = Record(arrays={"damping": list(settings.damping), "few": list(few), **found})
    at = dict(zip(settings.damping, found["small"], strict=True))
    large = dict(zip(few, found["random"], strict=True))
    record.claims = {
        "09-B8a": at[0.1] / at[1.0],
        "09-B8b": at[0.1] / at[1e-5],
        "09-B8c": large[few[0]] / min(large.values()),
    }
    return record

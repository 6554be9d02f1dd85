"""Every way to train that the chapter compares, by name: temperatures, schedules, parametrisations, swapping."""

from __future__ import annotations

from collections.abc import Callable

from lowdim.papers.modality_gap.swap import Swap, Weights, hard_weights, row_weights, soft_weights
from lowdim.papers.modality_gap.temperature import (
    Exponential,
    Fixed,
    Scheduled,
    Softplus,
    Temperature,
    alternating_schedule,
    linear_schedule,
)
from lowdim.papers.modality_gap.train import Method

CLIP_LARGEST = 100.0
"""The largest scale of CLIP and OpenCLIP."""


def fixed(tau: float) -> Method:
    """A temperature that is not learned (FLT)."""
    return Method(lambda copies: Fixed(tau, copies=copies))


def learned(tau: float) -> Method:
    """CLIP's rule from a start; the paper's baseline starts at 0.07."""
    return Method(lambda copies: Exponential(tau, largest=CLIP_LARGEST, copies=copies))


def swapped(weights: Weights, probability: float) -> Method:
    """The baseline with swapping in a share of the steps (HS, SS)."""
    return Method(learned(0.07).temperature, Swap(weights, probability))


def scheduled(schedule: Callable[[float], float]) -> Method:
    """A temperature that follows a schedule (TS)."""
    return Method(lambda copies: Scheduled(schedule, copies=copies))


def ruled(rule: Callable[[int | None], Temperature]) -> Method:
    """Another parametrisation or learning rate of the temperature (TR, SLRT)."""
    return Method(rule)


METHODS: dict[str, Method] = {
    **{f"fixed {tau:g}": fixed(tau) for tau in (0.01, 0.02, 0.04, 0.07, 0.1, 0.2, 0.4, 1.0)},
    **{f"learned {tau:g}": learned(tau) for tau in (0.01, 0.02, 0.07)},
    **{f"hard swap {p:g}": swapped(hard_weights, p) for p in (0.01, 0.1, 1.0)},
    **{f"soft swap {p:g}": swapped(soft_weights, p) for p in (0.05, 1.0)},
    "row swap 0.1": swapped(row_weights, 0.1),
    "softplus": ruled(lambda copies: Softplus(0.07, copies=copies)),
    "scaled 2": ruled(lambda copies: Exponential(0.07, s=2.0, copies=copies)),
    "slower rate": ruled(lambda copies: Exponential(0.07, rate=0.1, copies=copies)),
    "schedule": scheduled(linear_schedule(0.01, 0.05)),
    "alternating": scheduled(alternating_schedule(0.01, 0.04, 5)),
    "no normalisation": Method(fixed(0.07).temperature, normalised=False),
}

"""The inner loop: make a guess explain the measurement, each sample until its residual is down to the noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lowdim.measurement.level_solver import Diverged
from lowdim.measurement.problem import Problem

BETA_1, BETA_2 = 0.9, 0.999


class Adam:
    """Adam (Kingma and Ba 2015, Algorithm 1) on a batch whose samples are independent and may stop one by one.

    ``torch.optim.Adam`` would go on moving a sample that has stopped, by its momentum.
    """

    def __init__(self, like_: Tensor, step: float, eps: float = 1e-8) -> None:
        self.step, self.eps, self.count = step, eps, 0
        self.first, self.second = torch.zeros_like(like_), torch.zeros_like(like_)

    def __call__(self, rows: Tensor, gradient: Tensor) -> Tensor:
        """What to add to the samples ``rows (b,)``, given their gradients ``(b, ...)``; call once an iteration."""
        self.count += 1
        first = BETA_1 * self.first[rows] + (1 - BETA_1) * gradient
        second = BETA_2 * self.second[rows] + (1 - BETA_2) * gradient.square()
        self.first[rows], self.second[rows] = first, second
        root = (second / (1 - BETA_2**self.count)).sqrt()
        return -self.step / (1 - BETA_1**self.count) * first / (root + self.eps)


class GradientDescent:
    """Plain gradient descent with the interface of :class:`Adam`."""

    def __init__(self, like_: Tensor, step: float, eps: float = 0.0) -> None:
        self.step = step

    def __call__(self, rows: Tensor, gradient: Tensor) -> Tensor:
        """``-step gradient``."""
        return -self.step * gradient


Optimiser = Adam | GradientDescent


@dataclass
class Fit:
    """Where the inner loop ended: the variable ``v``, its first and last guess, the last ``misfit (B,)``, the numbers
    of guesses and of gradients ``(B,)``, and which samples met their threshold ``(B,)``.
    """

    v: Tensor
    first: Tensor
    estimate: Tensor
    misfit: Tensor
    forward: Tensor
    backward: Tensor
    met: Tensor


def descend(
    problem: Problem,
    start: Tensor,
    guess: Callable[[Tensor], Tensor],
    optimiser: Optimiser,
    *,
    steps: int,
    weight: float,
    threshold: Tensor,
) -> Fit:
    """Lower ``|A(guess(v)) - y|^2 + weight |v - start|^2`` from ``v = start`` by at most ``steps`` guesses.

    The residual is looked at before each move: a sample below its ``threshold (B,)`` stops there and never moves again,
    while others go on. The guess after the last move is never made, so ``steps`` guesses allow ``steps - 1`` moves, and
    the estimate is always one whose residual is known.

    Raises :class:`Diverged` when a residual is not finite (the message says whether before any move), and
    ``ValueError`` when the guess has no gradient.
    """
    rows = torch.arange(start.shape[0], device=start.device)
    fit = _begin(start)
    for k in range(steps):
        with torch.enable_grad():
            point = fit.v[rows].requires_grad_()
            guessed = guess(point)
            misfit = problem.misfit(guessed, rows)
            loss = misfit
            if weight > 0:
                loss = misfit + weight * (point - start[rows]).square().flatten(1).sum(1)
        _note(fit, rows, guessed, misfit, k)
        going = misfit.detach() >= threshold[rows]
        fit.met[rows[~going]] = True
        if k == steps - 1 or not bool(going.any()):
            break
        if not misfit.requires_grad:
            raise ValueError(
                "denoiser: the residual carries no gradient; neither it nor the operator may switch it off"
            )
        (gradient,) = torch.autograd.grad(loss, point, going.to(loss))
        rows = rows[going]
        fit.backward[rows] += 1
        fit.v[rows] += optimiser(rows, gradient[going])
    return fit


def _begin(start: Tensor) -> Fit:
    count = torch.zeros(start.shape[0], dtype=torch.long, device=start.device)
    nothing = torch.empty_like(start)
    return Fit(
        start.detach().clone(), nothing, nothing.clone(), start.new_empty(start.shape[0]),
        count, count.clone(), count.bool(),
    )  # fmt: skip


def _note(fit: Fit, rows: Tensor, guessed: Tensor, misfit: Tensor, k: int) -> None:
    if not bool(torch.isfinite(misfit).all()):
        if k == 0:  # nothing has moved yet, so no step can be blamed
            who = "operator" if bool(torch.isfinite(guessed).all()) else "denoiser"
            raise Diverged(
                f"the residual is not finite before the first inner step: the {who} returned NaN or infinity, or too "
                "large numbers; look at its result at this level"
            )
        raise Diverged(f"the residual is not finite after {k} inner steps; take a smaller learning_rate or weight")
    fit.estimate[rows] = guessed.detach()
    fit.misfit[rows] = misfit.detach().to(fit.misfit)
    fit.forward[rows] += 1
    if k == 0:
        fit.first = fit.estimate.clone()


def root_mean_square(x: Tensor) -> Tensor:
    """``|x| / sqrt(n)`` of each sample, ``(B,)``."""
    return x.flatten(1).square().mean(1).sqrt()

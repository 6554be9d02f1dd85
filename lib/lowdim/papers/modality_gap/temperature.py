r"""Rules for the inverse temperature :math:`\beta=1/\tau`, the scale of the logits, as trainable modules.

Every learnable rule is a function :math:`\beta(\nu)` of one parameter. Calling the module gives :math:`\beta`; with
``copies`` it holds one parameter for each of several models trained side by side. Source: Yaras et al. (2025), section
4 and appendix C.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from lowdim.checks import check_count

SMALLEST = 1e-4
"""The smallest temperature allowed; below it a float32 softmax of cosines is a step function."""


def check_temperature(name: str, tau: float) -> float:
    """``tau`` when it is a finite number of at least :data:`SMALLEST`, else a ``ValueError``."""
    if isinstance(tau, bool) or not isinstance(tau, int | float) or not SMALLEST <= tau < math.inf:
        raise ValueError(f"{name}: {tau!r} is not allowed; a temperature is a finite number of at least {SMALLEST:g}")
    return float(tau)


class Temperature(nn.Module):
    r"""A rule for the scale of the logits; ``module()`` is :math:`\beta`, a scalar or (copies,).

    ``rate`` multiplies the learning rate of :math:`\nu` (the paper's SLRT has 0.1) and ``largest`` is the largest
    scale: CLIP and OpenCLIP stop at 100.
    """

    def __init__(self, tau: float, *, rate: float = 1.0, largest: float = math.inf, copies: int | None = None) -> None:
        super().__init__()
        check_temperature("tau", tau)
        if not 0 < rate < math.inf:
            raise ValueError(f"rate: {rate!r} is not allowed; give a factor above 0")
        if not largest >= 1 / tau:
            raise ValueError(f"largest: {largest!r} is not allowed; give a scale of at least 1/tau = {1 / tau:g}")
        self.rate, self.largest = rate, largest
        start = float(self.nu_of(torch.tensor(1 / tau, dtype=torch.float64)))
        self.nu = nn.Parameter(torch.full(() if copies is None else (copies,), start))

    def forward(self) -> Tensor:
        """The scale of the logits."""
        return self.beta(self.nu)

    @torch.no_grad()
    def project(self) -> None:
        """Move a parameter beyond the largest scale back to it; call after each optimiser step."""
        if self.largest < math.inf:
            self.nu.clamp_(max=float(self.nu_of(torch.tensor(self.largest, dtype=torch.float64))))

    def beta(self, nu: Tensor) -> Tensor:
        """The scale at a parameter."""
        raise NotImplementedError

    def slope(self, nu: Tensor) -> Tensor:
        r"""The derivative :math:`\beta'(\nu)`."""
        raise NotImplementedError

    def nu_of(self, beta: Tensor) -> Tensor:
        """The parameter of a scale."""
        raise NotImplementedError

    def psi(self, beta: Tensor) -> Tensor:
        r"""The function :math:`\Psi` with :math:`\Psi'=\beta/\beta'(\nu)^2` of the curve along which the flow moves."""
        raise NotImplementedError

    def invariant(self, beta: Tensor, gamma: Tensor) -> Tensor:
        r"""What gradient flow conserves: :math:`\Psi(\beta)/\kappa+\frac12\log\gamma-\frac14\gamma^2`, with the factor
        :math:`\kappa` of the learning rate. For CLIP's rule it is the logarithm of :math:`\beta\sqrt\gamma
        e^{-\gamma^2/4}` (Lemma 3.1).
        """
        return self.psi(beta) / self.rate + gamma.log() / 2 - gamma.square() / 4

    def parameter_group(self, learning_rate: float) -> list[dict[str, object]]:
        """The optimiser's group of the temperature: ``rate`` times the learning rate, no weight decay."""
        own = [p for p in self.parameters() if p.requires_grad]
        return [{"params": own, "lr": self.rate * learning_rate, "weight_decay": 0.0}] if own else []

    def at(self, progress: float) -> None:
        """Tell the rule how much of the training is done, from 0 to 1; only schedules listen."""


class Exponential(Temperature):
    r""":math:`\beta=e^{\nu/s}`: CLIP's own rule for s = 1, the scaled rule (TR) for s > 1."""

    def __init__(self, tau: float, s: float = 1.0, **options: float | int | None) -> None:
        if not 0 < s < math.inf:
            raise ValueError(f"s: {s!r} is not allowed; give a number above 0")
        self.s = float(s)
        super().__init__(tau, **options)  # type: ignore[arg-type]

    def beta(self, nu: Tensor) -> Tensor:
        """The scale at a parameter."""
        return (nu / self.s).exp()

    def slope(self, nu: Tensor) -> Tensor:
        """Its derivative."""
        return self.beta(nu) / self.s

    def nu_of(self, beta: Tensor) -> Tensor:
        """The parameter of a scale."""
        return self.s * beta.log()

    def psi(self, beta: Tensor) -> Tensor:
        r""":math:`s^2\log\beta`."""
        return self.s**2 * beta.log()


class Linear(Temperature):
    r""":math:`\beta=\nu`."""

    def beta(self, nu: Tensor) -> Tensor:
        """The scale at a parameter."""
        return nu

    def slope(self, nu: Tensor) -> Tensor:
        """Its derivative, 1."""
        return torch.ones_like(nu)

    def nu_of(self, beta: Tensor) -> Tensor:
        """The parameter of a scale."""
        return beta

    def psi(self, beta: Tensor) -> Tensor:
        r""":math:`\beta^2/2`."""
        return beta.square() / 2


class Softplus(Temperature):
    r""":math:`\beta=\log(1+e^\nu)`."""

    def beta(self, nu: Tensor) -> Tensor:
        """The scale at a parameter."""
        return torch.logaddexp(nu, torch.zeros_like(nu))  # PyTorch's softplus becomes the identity above 20

    def slope(self, nu: Tensor) -> Tensor:
        r"""Its derivative, :math:`1-e^{-\beta}`."""
        return nu.sigmoid()

    def nu_of(self, beta: Tensor) -> Tensor:
        r"""The parameter of a scale, :math:`\log(e^\beta-1)`."""
        return beta + torch.log(-torch.expm1(-beta))

    def psi(self, beta: Tensor) -> Tensor:
        r""":math:`\beta F-\frac12\beta^2-\mathrm{Li}_2(e^{-\beta})+\log(1-e^{-\beta})`, :math:`F=\log(e^\beta-1)
        -(e^\beta-1)^{-1}`.
        """
        from scipy.special import spence

        left = -torch.expm1(-beta)  # 1 - e^{-beta}
        dilogarithm = torch.as_tensor(spence(left.detach().numpy()), dtype=beta.dtype)
        inner = self.nu_of(beta) - (-beta).exp() / left
        return beta * inner - beta.square() / 2 - dilogarithm + left.log()


class Fixed(Temperature):
    """A temperature that is not learned (FLT)."""

    def __init__(self, tau: float, **options: float | int | None) -> None:
        super().__init__(tau, **options)  # type: ignore[arg-type]
        self.nu.requires_grad_(False)

    def beta(self, nu: Tensor) -> Tensor:
        """The scale, kept as the parameter itself."""
        return nu

    def slope(self, nu: Tensor) -> Tensor:
        """Zero: the flow does not move it."""
        return torch.zeros_like(nu)

    def nu_of(self, beta: Tensor) -> Tensor:
        """The scale itself."""
        return beta


class Scheduled(Fixed):
    r"""A temperature that follows a schedule (TS): ``schedule(progress)`` is :math:`\tau`, progress from 0 to 1."""

    def __init__(self, schedule: Callable[[float], float], **options: float | int | None) -> None:
        self.schedule = schedule
        super().__init__(check_temperature("schedule(0)", schedule(0.0)), **options)

    @torch.no_grad()
    def at(self, progress: float) -> None:
        """Move to the temperature of the schedule."""
        if not 0 <= progress <= 1:
            raise ValueError(f"progress: {progress!r} is not allowed; give the share of training done, from 0 to 1")
        self.nu.fill_(1 / check_temperature("schedule(progress)", self.schedule(progress)))


def linear_schedule(start: float, end: float) -> Callable[[float], float]:
    r"""A :math:`\tau` linear in progress: the paper's S0 to S3 go from 0.01 to 0.02, 0.03, 0.04, 0.05.

    Raises ``ValueError`` when an end is no temperature.
    """
    check_temperature("start", start)
    check_temperature("end", end)
    return lambda progress: start + (end - start) * progress


def alternating_schedule(low: float, high: float, periods: int) -> Callable[[float], float]:
    r"""A :math:`\tau` that goes from low to high and back, as a cosine, ``periods`` times.

    Raises ``ValueError`` when an end is no temperature, or for ``periods`` below 1.
    """
    check_temperature("low", low)
    check_temperature("high", high)
    check_count("periods", periods)
    return lambda progress: low + (high - low) * 0.5 * (1 - math.cos(2 * math.pi * periods * progress))


def optimiser_groups(
    towers: Sequence[nn.Parameter], temperature: Temperature, learning_rate: float
) -> list[dict[str, object]]:
    """The optimiser's groups of two towers and their temperature, each with its learning rate."""
    return [{"params": list(towers), "lr": learning_rate}, *temperature.parameter_group(learning_rate)]

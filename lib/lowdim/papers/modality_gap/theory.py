r"""Closed forms: the curve of gap and temperature, the time along it, the bounds, and the push of random pairs.

Source: Yaras et al. (2025), Lemma 3.1, Theorems 3.2 and 3.3 and appendix C, with corrected constants.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from scipy.integrate import cumulative_simpson
from scipy.special import gammaln, ive, lambertw
from torch import Tensor

from lowdim.papers.modality_gap.temperature import Exponential, Fixed, Linear, Softplus, Temperature

LogPressure = Callable[[Tensor], Tensor]
"""The logarithm of the pressure g as a function of the effective scale a."""


def exponential_pressure(a: Tensor) -> Tensor:
    r"""The scalar model :math:`\ell(m)=e^{-m}` with one logit: :math:`\log g=-a`."""
    return -a


def matched_pressure(n: int, margin: float) -> LogPressure:
    r"""All margins of n pairs equal: :math:`g=\bar\alpha\frac{(n-1)e^{-a\bar\alpha}}{1+(n-1)e^{-a\bar\alpha}}`."""
    if n < 2 or not 0 < margin <= 2:
        raise ValueError(f"n, margin: {n!r}, {margin!r} are not allowed; give n >= 2 and a margin in (0, 2]")

    def log_pressure(a: Tensor) -> Tensor:
        wrong = math.log(n - 1) - a * margin
        return math.log(margin) + wrong - torch.logaddexp(torch.zeros_like(wrong), wrong)

    return log_pressure


def scale_on_curve(rule: Temperature, beta0: float, gamma0: float, gamma: Tensor) -> Tensor:
    r"""The scale :math:`\beta` at which gradient flow from :math:`(\beta_0,\gamma_0)` has the gap :math:`\gamma`:

    :math:`\Psi(\beta)/\kappa=\Psi(\beta_0)/\kappa+\frac12\log(\gamma_0/\gamma)+\frac14(\gamma^2-\gamma_0^2)`. For
    CLIP's rule :math:`\beta=\beta_0\sqrt{\gamma_0/\gamma}\,e^{(\gamma^2-\gamma_0^2)/4}` (Lemma 3.1).
    """
    start = torch.tensor(beta0, dtype=torch.float64)
    travelled = 0.5 * torch.log(gamma0 / gamma) + 0.25 * (gamma.square() - gamma0**2)
    if isinstance(rule, Exponential):
        return start * torch.exp(rule.rate * travelled / rule.s**2)
    if isinstance(rule, Linear):
        return (start.square() + 2 * rule.rate * travelled).sqrt()
    if isinstance(rule, Softplus):
        return _invert(rule, rule.psi(start) + rule.rate * travelled)
    if isinstance(rule, Fixed):
        return start.expand_as(gamma)
    raise ValueError(f"rule: no curve is known for {type(rule).__name__}")


def _invert(rule: Temperature, target: Tensor) -> Tensor:
    r"""The scale with a given :math:`\Psi`, which increases, by bisection in its logarithm."""
    low, high = torch.full_like(target, -5.0), torch.full_like(target, 20.0)
    for _ in range(80):
        middle = (low + high) / 2
        above = rule.psi(middle.exp()) > target
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return ((low + high) / 2).exp()


def gap_by_quadrature(
    rule: Temperature, beta0: float, gamma0: float, times: Tensor, log_pressure: LogPressure = exponential_pressure
) -> Tensor:
    r"""The gap :math:`\gamma(t)` from one integral along the curve, for times above 0:

    :math:`t=\int_{\log(1/\gamma_0)}^{\log(1/\gamma)}\frac{du}{2\beta(u)\,g(\beta(1-e^{-2u}))}`.
    """
    start = math.log(1 / gamma0)
    steps = np.concatenate([[0.0], np.geomspace(1e-9, 400.0, 60_001)])
    gamma = torch.exp(-torch.as_tensor(start + steps))
    beta = scale_on_curve(rule, beta0, gamma0, gamma)
    log_rate = (2 * beta).log() + log_pressure(beta * (1 - gamma.square()))
    keep = int((log_rate > -600).sum())  # the integrand is finite in float64
    elapsed = cumulative_simpson(torch.exp(-log_rate[:keep]).numpy(), x=steps[:keep], initial=0.0)
    reached = np.interp(np.log(times.numpy()), np.log(elapsed[1:]), steps[1:keep])
    return gamma0 * torch.exp(-torch.as_tensor(reached))


def asymptotic_gap(rule: Exponential, beta0: float, gamma0: float, times: Tensor) -> Tensor:
    r"""The law :math:`\gamma\sim(C_s/\log t)^{2s^2}`, :math:`C_s=\beta_0\gamma_0^{1/(2s^2)}e^{-\gamma_0^2/(4s^2)}`."""
    square = rule.s**2 / rule.rate
    constant = beta0 * gamma0 ** (1 / (2 * square)) * math.exp(-(gamma0**2) / (4 * square))
    return (constant / times.log()) ** (2 * square)


def bound_constants(n: int, margin: float, beta0: float, gamma0: float) -> tuple[float, float]:
    r"""The constants :math:`c_1=2\bar\alpha(n-1)\beta_0\sqrt{\gamma_0}` and
    :math:`c_2=\bar\alpha\beta_0\sqrt{\gamma_0}(1-\gamma_0^2)e^{-\gamma_0^2/4}` of Theorem 3.2.

    Raises ``ValueError`` where its assumption :math:`\beta_0\ge\log(4(n-1))/(\bar\alpha(1-\gamma_0^2))` fails.
    """
    least = math.log(4 * (n - 1)) / (margin * (1 - gamma0**2))
    if beta0 < least * (1 - 1e-12):
        raise ValueError(f"beta0: {beta0!r} is not allowed; the theorem assumes at least {least:g} here")
    root = beta0 * math.sqrt(gamma0)
    return 2 * margin * (n - 1) * root, margin * root * (1 - gamma0**2) * math.exp(-(gamma0**2) / 4)


def gap_lower_bound(n: int, margin: float, beta0: float, gamma0: float, times: Tensor) -> Tensor:
    r"""Theorem 3.2 as a bound on :math:`\gamma\le\Delta/2`, constants corrected:

    :math:`c_4^2/\log^2(c_3c_4t+e^{c_4/\sqrt{\gamma_0}})`, :math:`c_3=\frac{55}2c_1`, :math:`c_4=c_2-\frac1{10}`.
    Raises ``ValueError`` where :math:`c_2\le1/10`.
    """
    c1, c2 = bound_constants(n, margin, beta0, gamma0)
    c3, c4 = 27.5 * c1, c2 - 0.1
    if c4 <= 0:
        raise ValueError(f"c2: {c2:g} is not allowed; this form of the bound needs more than 0.1")
    return c4**2 / _log_sum(math.log(c3 * c4), times, c4 / math.sqrt(gamma0)).square()


def printed_lower_bound(n: int, margin: float, beta0: float, gamma0: float, times: Tensor) -> Tensor:
    r"""The bound on :math:`\gamma` with the constants as printed: :math:`c_2` in place of :math:`c_4^2`, and no
    :math:`c_4` inside the logarithm.
    """
    c1, c2 = bound_constants(n, margin, beta0, gamma0)
    return c2 / _log_sum(math.log(27.5 * c1), times, (c2 - 0.1) / math.sqrt(gamma0)).square()


def _log_sum(log_factor: float, times: Tensor, exponent: float) -> Tensor:
    return torch.logaddexp(log_factor + times.log(), torch.full_like(times, exponent))


def resultant_length(d: int, a: float) -> float:
    r"""The mean resultant length :math:`A_d(a)=I_{d/2}(a)/I_{d/2-1}(a)` of a von Mises-Fisher law on
    :math:`S^{d-1}`: the pressure :math:`-g` of random pairs as their number grows (Theorem 3.3).
    """
    top, bottom = ive(d / 2, a), ive(d / 2 - 1, a)
    if top > 1e-290:
        return float(top / bottom)
    ratio = 0.0  # both underflow for a much smaller than d: Gauss's continued fraction, from below
    for order in range(60, -1, -1):
        ratio = 1 / (2 * (d / 2 + order) / a + ratio)
    return ratio


def random_pairs_bound(d: int, a: float, n: float, delta: float) -> float:
    r"""The lower bound of Theorem 3.3 on :math:`-g` for n random pairs, with probability :math:`1-\delta`:

    :math:`\frac{\xi_1-2e^a\epsilon}{\xi_2+(e^a-e^{-a})\epsilon}-2\epsilon`,
    :math:`\epsilon=\sqrt{\log((4n+1)/\delta)/(2n)}`.
    """
    rho = d / 2 - 1
    xi_2 = math.exp(gammaln(d / 2) + rho * math.log(2 / a) + a) * ive(rho, a)
    xi_1 = xi_2 * resultant_length(d, a)
    epsilon = math.sqrt(math.log((4 * n + 1) / delta) / (2 * n))
    return (xi_1 - 2 * math.exp(a) * epsilon) / (xi_2 + 2 * math.sinh(a) * epsilon) - 2 * epsilon


def fixed_rate(beta: float) -> float:
    r"""The rate :math:`2\beta e^{-\beta}` at which a fixed scale closes the gap of the scalar model."""
    return 2 * beta * math.exp(-beta)


def schedule_rate(start: float, end: float) -> float:
    r"""The mean rate :math:`2c` under a scale linear in time,
    :math:`c=\frac{(\beta_0+1)e^{-\beta_0}-(\beta_1+1)e^{-\beta_1}}{\beta_1-\beta_0}`.
    """
    return 2 * ((start + 1) * math.exp(-start) - (end + 1) * math.exp(-end)) / (end - start)


def best_fixed_scale(n: int, margin: float = 1.0) -> float:
    r"""The fixed scale that closes the gap of n matched pairs fastest, :math:`(1+W((n-1)/e))/\bar\alpha`."""
    return float(1 + lambertw((n - 1) / math.e).real) / margin

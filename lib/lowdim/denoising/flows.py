"""Closed-form solutions of the probability-flow ODE, to measure samplers against."""

from __future__ import annotations

from torch import Tensor

from lowdim.checks import check_batch
from lowdim.distributions import Gaussian


def gaussian_flow(gaussian: Gaussian, x: Tensor, sigma_from: float, sigma_to: float) -> Tensor:
    r"""Carry ``x (B, *event_shape)`` along ``dx/dsigma = (x - D(x, sigma)) / sigma`` of a Gaussian, up or down.

    The ODE separates in the eigenbasis: a direction of variance ``lambda`` obeys ``dc/dsigma = c sigma / (lambda +
    sigma^2)``, so with ``c`` the coordinates of ``x - mean`` along the basis and ``r`` the rest,

    ``c(sigma_to) = c sqrt((lambda + sigma_to^2) / (lambda + sigma_from^2))`` and ``r(sigma_to) = r sigma_to /
    sigma_from``.

    ``sigma_from = 0`` is allowed when every direction has variance; with a flat direction no point off the support can
    be carried up. Raises ``ValueError`` for a negative or non-finite level, that case, or a batch of the wrong shape.
    """
    check_batch("x", x, gaussian.event_shape)
    for name, sigma in (("sigma_from", sigma_from), ("sigma_to", sigma_to)):
        if not 0 <= sigma < float("inf"):
            raise ValueError(f"{name}: {sigma!r} is not allowed; give a finite number >= 0")
    basis, variances = gaussian.basis.to(x), gaussian.eigenvalues.to(x)
    full = basis.shape[1] == gaussian.n
    if sigma_from == 0 and not (full and bool((variances > 0).all())):
        raise ValueError("sigma_from: 0 is not allowed for a Gaussian with flat directions; give a number > 0")
    mean = gaussian.mean().to(x)
    centred = (x - mean).flatten(1)
    coordinates = centred @ basis
    moved = (coordinates * ((variances + sigma_to**2) / (variances + sigma_from**2)).sqrt()) @ basis.T
    if not full:
        moved = moved + (centred - coordinates @ basis.T) * (sigma_to / sigma_from)
    return mean + moved.reshape(x.shape)

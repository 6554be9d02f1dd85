"""Learning the best linear denoiser: gradient descent on moments, and stochastic gradients on noisy images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lowdim.checks import check_finite
from lowdim.papers.hidden_gaussian.distil import AffineMap
from lowdim.training.loop import train


@dataclass(frozen=True)
class Problem:
    """The population loss ``E |W (x + sigma n) + b - x|^2`` through its moments.

    ``H = [[E xx^T + sigma^2 I, mu], [mu^T, 1]]`` and ``target = [E xx^T, mu]``, so that ``[W b] = target H^-1`` is the
    minimiser. Made by :func:`problem`.
    """

    H: Tensor
    target: Tensor
    sigma: float

    @property
    def largest_rate(self) -> float:
        """The step size ``1 / lambda_max(H)`` below which gradient descent converges."""
        return 1.0 / float(torch.linalg.eigvalsh(self.H)[-1])

    def solve(self) -> AffineMap:
        """The minimiser, from the normal equations."""
        both = torch.linalg.solve(self.H, self.target.T).T
        return AffineMap(both[:, :-1], both[:, -1], self.sigma, "population moments")

    def descend(self, rate: float, steps: int, start: Tensor | None = None) -> Iterator[Tensor]:
        """Gradient descent: yields ``[W_j b_j]``, ``(n, n + 1)``, for j = 0 (``start``, default zeros) to ``steps``.

        ``[W_{j+1} b_{j+1}] = [W_j b_j] (I - 2 rate H) + 2 rate target``. On centred data, in the basis of principal
        components, component i of the error contracts by ``1 - 2 rate (lambda_i + sigma^2)`` a step.
        """
        if not rate > 0 or steps < 0:
            raise ValueError(f"rate, steps: {rate!r}, {steps!r} are not allowed; give rate > 0 and steps >= 0")
        both = torch.zeros_like(self.target) if start is None else start.to(self.target)
        yield both
        for _ in range(steps):
            both = both - 2 * rate * (both @ self.H - self.target)
            yield both


def problem(images: Tensor, sigma: float) -> Problem:
    """The :class:`Problem` of images ``(N, *shape)`` at one noise level, in float64. Raises ``ValueError`` unless
    ``sigma > 0``.
    """
    x = check_finite("images", images).flatten(1).double()
    if not sigma > 0:
        raise ValueError(f"sigma: {sigma!r} is not allowed; give a number above 0")
    mean, second = x.mean(0), x.T @ x / x.shape[0]
    top = torch.cat([second + sigma**2 * torch.eye(x.shape[1], dtype=x.dtype), mean[:, None]], 1)
    H = torch.cat([top, torch.cat([mean, mean.new_ones(1)])[None]])
    return Problem(H, torch.cat([second, mean[:, None]], 1), sigma)


def fit_by_adam(
    images: Tensor, sigma: float, steps: int, generator: torch.Generator, *, batch: int = 256, rate: float = 1e-2
) -> AffineMap:
    """An affine denoiser trained by Adam on ``|W (x + sigma n) + b - x|^2`` with fresh noise, its rate falling to 0.

    ``images`` is ``(N, *shape)``. Starts at zero.
    """
    x = check_finite("images", images).flatten(1)
    model = nn.Linear(x.shape[1], x.shape[1]).to(x)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)

    def loss(model: nn.Module, generator: torch.Generator) -> Tensor:
        clean = x[torch.randint(len(x), (batch,), generator=generator)]
        noise = torch.randn(clean.shape, generator=generator, dtype=x.dtype)
        return (model(clean + sigma * noise) - clean).square().sum(1).mean()

    optimizer = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    for _ in train(model, loss, optimizer, steps, generator=generator, schedule=lambda step: 1 - step / (steps + 1)):
        pass
    W, b = (parameter.detach().double() for parameter in (model.weight, model.bias))
    return AffineMap(W, b, sigma, "training images")

"""Experiment: the methods themselves, a linear velocity trained by stochastic gradients on the law of a ridge."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lowdim.denoising.velocities import generate, reverse
from lowdim.papers.model_collapse import theory
from lowdim.papers.model_collapse.pairs import Generated, Independent, Mixture, Reversed, choose
from lowdim.papers.model_collapse.reflow import Fit, Loss, flows, frozen, rca_reflow
from lowdim.papers.model_collapse.settings import PROFILES
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

VARIANCES = (4.0, 0.25)
RIDGE, RATIO, TIMES = 0.1, 0.5, 20


class LinearVelocity(nn.Module):
    """``v(x, t) = B_k x`` with a matrix of its own for each time ``k / times``, k = 0 to ``times``."""

    def __init__(self, d: int, times: int) -> None:
        super().__init__()
        self.times = times
        self.matrices = nn.Parameter(torch.zeros(times + 1, d, d, dtype=torch.float64))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """The velocity (B, d)."""
        return torch.einsum("bij,bj->bi", self.matrices[(t * self.times).round().long()], x)


def ridge_loss(ridge: float) -> Loss:
    """The flow matching loss at times on the grid, with the penalty ``ridge |B_k|^2`` of ridge regression."""

    def loss(velocity: LinearVelocity, x0: Tensor, x1: Tensor, generator: torch.Generator) -> Tensor:
        steps = velocity.times
        t = torch.randint(steps + 1, (len(x1),), generator=generator).to(x1) / steps
        x_t = x0 + t[:, None] * (x1 - x0)
        residual = velocity(x_t, t) - (x1 - x0)
        penalty = ridge * velocity.matrices.square().sum((1, 2)).mean()
        return residual.square().sum(1).mean() + penalty

    return loss


def trained_gaussian(profile: str, seed: int, device: str) -> Record:
    """Plain Reflow and RCA Reflow with both reversals, on the law; how pairs must be mixed; the stochastic reversal."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "model-collapse", "trained-gaussian")
    variances = torch.tensor(VARIANCES, dtype=torch.float64)
    real = variances.sqrt() * torch.randn(settings.linear_pool, 2, generator=generator, dtype=torch.float64)
    first = exact_first_flow(variances)
    fit = Fit(steps=settings.linear_steps, batch=256, pool=settings.linear_pool, learning_rate=0.02, clip=float("inf"))
    laws = {
        "plain": lambda s: theory.plain_law(s, RIDGE),
        "current": lambda s: theory.current_reversal_law(s, variances, RIDGE, RATIO),
        "first": lambda s: theory.first_reversal_law(s, variances, RIDGE, RATIO),
    }
    probe = torch.randn(20_000, 2, generator=generator, dtype=torch.float64)
    probe = probe / probe.square().mean(0).sqrt()
    record = Record()
    for claim, (arm, law) in zip(("03-M1a", "03-M1b", "03-M1c"), laws.items(), strict=True):
        ratio, through = 0.0 if arm == "plain" else RATIO, frozen(first) if arm == "first" else None
        model = LinearVelocity(2, TIMES)
        model.load_state_dict(first.state_dict())
        run = rca_reflow(
            model,
            real,
            settings.linear_rounds,
            fit,
            euler_steps=TIMES,
            generator=generator,
            loss=ridge_loss(RIDGE),
            ratio=ratio,
            through=through,
        )
        found = [_variance(flow, probe) for flow in (first, *flows(run))]
        path = [variances]
        for _ in found[1:]:
            path.append(law(path[-1]))
        measured, predicted = torch.stack(found), torch.stack(path)
        record.claims[claim] = float((measured / predicted - 1).square().mean().sqrt())
        record.arrays |= {f"measured_{arm}": measured.numpy(), f"law_{arm}": predicted.numpy()}
    record.claims["03-M2a"] = _interpolation(generator)
    record.claims["03-M2b"] = _stochastic_reversal(generator)
    record.claims["03-M2c"] = _online_pull(real, None, generator)
    record.claims["03-M2d"] = _online_pull(real, first, generator)
    record.arrays["limit"] = theory.first_reversal_limit(variances, RIDGE, RATIO).numpy()
    return record


def exact_first_flow(variances: Tensor) -> LinearVelocity:
    """The straight flow ``x -> sqrt(S) x``: what exact Reflow makes of the first flow, and exact in Euler steps."""
    model = LinearVelocity(len(variances), TIMES)
    t = torch.arange(TIMES + 1, dtype=torch.float64)[:, None] / TIMES
    gain = variances.sqrt() - 1
    model.matrices.data.copy_(torch.diag_embed(gain / (1 + t * gain)))
    return model


def _variance(flow: nn.Module, probe: Tensor) -> Tensor:
    return generate(flow, probe, TIMES).square().mean(0)


def _interpolation(generator: torch.Generator) -> float:
    """Covariance of averaged independent samples over the real one, minus what the average of two would have."""
    real = torch.randn(20_000, 1, generator=generator, dtype=torch.float64)
    pairs = [Independent(real)(lambda x, t: x, 20_000, generator).x1 for _ in range(2)]
    average = RATIO * pairs[0] + (1 - RATIO) * pairs[1]
    return float(average.var() / real.var()) - (RATIO**2 + (1 - RATIO) ** 2)


def _stochastic_reversal(generator: torch.Generator) -> float:
    """Variance that the reversal of a still flow adds, over the one asked for."""
    real = torch.zeros(20_000, 1, dtype=torch.float64)
    noise = reverse(lambda x, t: torch.zeros_like(x), choose(real, 20_000, generator), 50, noise_std=0.3,
                    generator=generator)  # fmt: skip
    return float(noise.square().mean()) / 0.3**2


def _online_pull(real: Tensor, through: nn.Module | None, generator: torch.Generator) -> float:
    """Norm of the gradient that OCAR's pairs exert on the flow that stands still and returns noise as data."""
    still = LinearVelocity(2, TIMES)
    source = Mixture(Generated(real, TIMES), Reversed(real, TIMES, through=through), RATIO)
    pairs = source(still, 2_000, generator)
    ridge_loss(0.0)(still, pairs.x0, pairs.x1, generator).backward()
    assert still.matrices.grad is not None
    return float(still.matrices.grad.sum(0).norm())

"""Sets of points: the softmax denoiser in chunks, and posteriors that may be non-linear."""

import math

import pytest
import torch

from distributions.exact_laws import N, generator, noisy, randn, random_empirical
from lowdim.distributions import Empirical, MoLRG, numerics


def brute_force(law: Empirical, x: torch.Tensor, sigma: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Denoiser and log density from all pairwise differences."""
    squares = (x[:, None] - law.points[None]).flatten(2).square().sum(2)
    joint = law.weights.log() - squares / (2 * sigma**2) - 0.5 * law.n * math.log(2 * math.pi * sigma**2)
    return torch.einsum("bi,i...->b...", joint.softmax(1), law.points), joint.logsumexp(1)


@pytest.mark.parametrize("sigma", [1e-3, 0.1, 1.0, 3.0, 1e3])
@pytest.mark.parametrize("numbers", [2**22, 60])
def test_agrees_with_all_pairwise_differences(sigma, numbers, monkeypatch):
    monkeypatch.setattr(numerics, "CHUNK_NUMBERS", numbers)
    law = random_empirical(shape=(3, 2, 2))
    x = noisy(law, sigma, count=9)
    denoised, log_prob = brute_force(law, x, sigma)
    torch.testing.assert_close(law.denoise(x, sigma), denoised, atol=1e-9, rtol=1e-9)
    # |x|^2 / sigma^2 = 1e7 at the smallest noise: 16 digits leave 1e-9.
    torch.testing.assert_close(law.log_prob(x, sigma), log_prob, atol=1e-8, rtol=1e-9)


def test_is_a_mixture_of_points():
    law = random_empirical()
    points = MoLRG([torch.zeros(N, 0, dtype=torch.float64)] * 30, means=law.points, weights=law.weights)
    x, v = noisy(law, 1.2), randn(6, 2, N, seed=5)
    torch.testing.assert_close(law.denoise(x, 1.2), points.denoise(x, 1.2))
    torch.testing.assert_close(law.denoiser_product(x, 1.2, v), points.denoiser_product(x, 1.2, v))
    torch.testing.assert_close(law.log_prob(x, 1.2), points.log_prob(x, 1.2))


def test_a_single_point_is_always_the_answer():
    law = Empirical(randn(1, N, seed=1))
    x = 100 * randn(4, N, seed=2)
    torch.testing.assert_close(law.denoise(x, 0.5), law.points.expand(4, N))
    torch.testing.assert_close(law.denoiser_product(x, 0.5, x), torch.zeros(4, N, dtype=torch.float64))


def test_samples_are_points_drawn_by_weight():
    points, weights = torch.arange(3.0)[:, None].double(), [0.1, 0.2, 0.7]
    draws = Empirical(points, weights).sample(20_000, generator(1))[:, 0].long()
    counts = torch.bincount(draws, minlength=3) / 20_000
    assert (counts - torch.tensor(weights)).abs().max() < 5 * math.sqrt(0.25 / 20_000)


@pytest.mark.parametrize("sigma", [1e-3, 0.1, 1.0, 30.0, 1e3])
def test_float32_is_close_to_float64(sigma):
    law = random_empirical(50, (3, 8, 8)).to(torch.float32)
    x = noisy(law, sigma, count=20)
    wide = law.to(torch.float64)
    torch.testing.assert_close(law.denoise(x, sigma).double(), wide.denoise(x.double(), sigma), atol=1e-6, rtol=1e-6)
    gap = law.log_prob(x, sigma).double() - wide.log_prob(x.double(), sigma)
    assert (gap.abs() < 1e-6 * law.n * max(1.0, abs(math.log(sigma)))).all()
    assert law.denoiser_product(x, sigma, x).isfinite().all()


class Squares:
    def A(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1)[:, :3] ** 2


def test_posterior_takes_a_non_linear_operator():
    law = random_empirical()
    y = torch.tensor([0.5, 0.1, 1.0], dtype=torch.float64)
    posterior = law.posterior(y, Squares(), 0.3)
    likelihood = (-(law.points[:, :3] ** 2 - y).square().sum(1) / (2 * 0.3**2)).exp() * law.weights
    torch.testing.assert_close(posterior.weights, likelihood / likelihood.sum())
    assert posterior.points is law.points


def test_weights_below_the_smallest_float_are_harmless():
    law = Empirical(torch.tensor([[0.0], [100.0]], dtype=torch.float64))
    posterior = law.posterior(torch.zeros(1), torch.ones(1, 1, dtype=torch.float64), 0.01)
    assert posterior.weights.tolist() == [1.0, 0.0]
    x = torch.tensor([[50.0], [100.0]], dtype=torch.float64)
    assert posterior.denoise(x, 1.0).tolist() == [[0.0], [0.0]]
    assert torch.equal(posterior.sample(5, generator()), torch.zeros(5, 1, dtype=torch.float64))
    # Seen again on the other side, the first point wins back nothing it should not: both are equally far.
    again = posterior.posterior(torch.full((1,), 100.0), torch.ones(1, 1, dtype=torch.float64), 0.01)
    torch.testing.assert_close(again.weights, law.weights, atol=1e-6, rtol=0)


BAD = {
    "none": (lambda: Empirical(torch.zeros(0, 3)), r"points: shape \(0, 3\) is not allowed; give \(N, ...\)"),
    "vector": (lambda: Empirical(torch.zeros(3)), r"points: shape \(3,\) is not allowed"),
    "empty": (lambda: Empirical(torch.zeros(3, 0)), r"points: shape \(3, 0\) is not allowed"),
    "nan": (lambda: Empirical(torch.full((2, 2), math.nan)), r"points: 4 of 4 entries are NaN"),
    "integer": (lambda: Empirical(torch.zeros(2, 2, dtype=torch.long)), r"points: got a Tensor of torch.int64"),
    "weights": (lambda: Empirical(torch.zeros(2, 2), [0.5, 0.6]), r"weights: smallest 0.5, sum 1.1 is not allowed"),
    "half": (lambda: Empirical(torch.zeros(2, 2).half()), r"dtype: torch.float16 is not allowed"),
}


@pytest.mark.parametrize(("build", "message"), BAD.values(), ids=BAD)
def test_bad_arguments_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_repr_names_the_size():
    assert repr(random_empirical()) == "Empirical(N=30, event_shape=(12,), dtype=torch.float64)"

"""Gaussians: constructors, the Wiener filter, and the least error of an affine denoiser."""

import math

import pytest
import torch

from distributions.exact_laws import N, generator, noisy, randn, random_gaussian
from lowdim.distributions import Empirical, Gaussian, MoLRG


def test_denoiser_is_the_wiener_filter():
    law = random_gaussian(rank=5)
    x, sigma = noisy(law, 0.6), 0.6
    covariance = law.covariance()
    gain = torch.linalg.solve(covariance + sigma**2 * torch.eye(N, dtype=torch.float64), covariance)
    torch.testing.assert_close(law.denoise(x, sigma), law.mean() + (x - law.mean()) @ gain)
    torch.testing.assert_close(law.denoiser_jacobian(x, sigma), gain.expand(6, N, N))


def test_log_density_is_that_of_torch():
    law = random_gaussian(rank=5)
    x, sigma = noisy(law, 0.6), 0.6
    covariance = law.covariance() + sigma**2 * torch.eye(N, dtype=torch.float64)
    expected = torch.distributions.MultivariateNormal(law.mean(), covariance).log_prob(x)
    torch.testing.assert_close(law.log_prob(x, sigma), expected)


def test_is_a_mixture_of_one():
    law = random_gaussian(shape=(3, 2, 2))
    mixture = MoLRG([law.basis], [law.eigenvalues], law.mean()[None])
    x = noisy(law, 0.4)
    torch.testing.assert_close(law.denoise(x, 0.4), mixture.denoise(x, 0.4), rtol=1e-13, atol=1e-14)
    assert repr(law) == "Gaussian(event_shape=(3, 2, 2), rank=4, dtype=torch.float64)"


@pytest.mark.parametrize("rank", [1, 4, N])
def test_from_covariance(rank):
    law = random_gaussian(rank)
    again = Gaussian.from_covariance(law.mean(), law.covariance())
    assert again.rank == rank
    torch.testing.assert_close(again.eigenvalues, law.eigenvalues)
    torch.testing.assert_close(again.covariance(), law.covariance())


def test_from_covariance_of_zero_is_a_point():
    law = Gaussian.from_covariance(torch.ones(3), torch.zeros(3, 3))
    assert law.rank == 0
    assert torch.equal(law.sample(2, generator()), torch.ones(2, 3))
    torch.testing.assert_close(law.denoise(torch.zeros(1, 3), 0.1), torch.ones(1, 3))


@pytest.mark.parametrize("count", [5, 200])
def test_from_samples_is_maximum_likelihood(count):
    x = randn(count, 3, 2, 2, seed=1) * 2 + 1
    law, flat = Gaussian.from_samples(x), x.flatten(1)
    assert law.event_shape == (3, 2, 2)
    assert law.rank == min(count - 1, N)
    torch.testing.assert_close(law.mean(), x.mean(0))
    torch.testing.assert_close(law.covariance(), flat.T.cov(correction=0))
    torch.testing.assert_close(law.covariance(), Empirical(x).gaussian().covariance())


def test_from_samples_with_a_rank_keeps_the_leading_directions():
    x = randn(100, N, seed=1) * torch.linspace(3, 0.1, N, dtype=torch.float64)
    full, low = Gaussian.from_samples(x), Gaussian.from_samples(x, rank=3)
    assert low.rank == 3
    torch.testing.assert_close(low.eigenvalues, full.eigenvalues[:3])
    torch.testing.assert_close(low.basis @ low.basis.T, full.basis[:, :3] @ full.basis[:, :3].T)


def test_least_affine_error_of_orthogonal_subspaces_has_its_closed_form():
    d, count, sigma = 4, 3, 0.7
    law = MoLRG.random(24, (d,) * count, generator(1)).gaussian()
    assert law.mmse(sigma) == pytest.approx(d * sigma**2 / (1 / count + sigma**2), rel=1e-12)
    x = noisy(law, sigma, count=5)
    assert law.mmse(sigma) == pytest.approx(float(sigma**2 * law.denoiser_jacobian(x, sigma)[0].trace()), rel=1e-12)


def test_error_of_the_affine_denoiser_is_the_error_of_the_exact_one_plus_their_distance():
    law, sigma = MoLRG.random(24, (4, 4, 4), generator(1)), 0.7
    affine, draw = law.gaussian(), generator(2)
    x0 = law.sample(20_000, draw)
    x = x0 + sigma * torch.randn(x0.shape, generator=draw, dtype=torch.float64)
    exact = law.denoise(x, sigma)
    error = (affine.denoise(x, sigma) - x0).square().sum(1)
    split = (exact - x0).square().sum(1) + (affine.denoise(x, sigma) - exact).square().sum(1)
    # Pythagoras holds in the mean: the cross term is a sum of 20 000 draws with mean zero; five standard errors.
    assert abs(float((error - split).mean())) < 5 * float((error - split).std()) / math.sqrt(20_000)
    assert abs(float(error.mean()) - affine.mmse(sigma)) < 5 * float(error.std()) / math.sqrt(20_000)


NOT_SYMMETRIC = torch.tensor([[1.0, 0.5], [0.0, 1.0]])
BAD = {
    "basis": (lambda: Gaussian(torch.zeros(3), torch.ones(3, 1), torch.ones(1)), r"columns are not orthonormal"),
    "mean": (lambda: Gaussian(torch.zeros(4), torch.eye(3, 1), torch.ones(1)), r"means: shape \(1, 4\) is not allowed"),
    "values": (lambda: Gaussian(torch.zeros(3), torch.eye(3, 1), torch.ones(2)), r"eigenvalues: shapes \[\(2,\)\]"),
    "negative": (lambda: Gaussian(torch.zeros(3), torch.eye(3, 1), -torch.ones(1)), r"eigenvalues: smallest -1"),
    "covariance shape": (lambda: Gaussian.from_covariance(torch.zeros(3), torch.eye(2)), r"covariance: shape \(2, 2\)"),
    "not symmetric": (lambda: Gaussian.from_covariance(torch.zeros(2), NOT_SYMMETRIC), r"covariance: .* not symmetric"),
    "not positive": (lambda: Gaussian.from_covariance(torch.zeros(2), -torch.eye(2)), r"smallest eigenvalue -1 is not"),
    "samples": (lambda: Gaussian.from_samples(torch.zeros(3)), r"x: shape \(3,\) is not allowed; give \(N, ...\)"),
    "rank": (lambda: Gaussian.from_samples(torch.zeros(3, 5), rank=4), r"rank: 4 is not allowed; .* from 0 to 3"),
    "rank type": (lambda: Gaussian.from_samples(torch.zeros(3, 5), rank=1.5), r"rank: 1.5 is not allowed"),
    "sigma": (lambda: random_gaussian().mmse(0.0), r"sigma: 0.0 is not allowed"),
}


@pytest.mark.parametrize(("build", "message"), BAD.values(), ids=BAD)
def test_bad_arguments_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()

"""Exact posteriors of linear measurements: against dense conditioning, Monte Carlo, and themselves."""

import math

import pytest
import torch

from distributions.exact_laws import LAWS, N, generator, noisy, randn, random_gaussian, random_molrg
from lowdim.distributions import Gaussian, MoLRG
from lowdim.distributions.reference import brute_force_posterior, dense_mixture


def dense(law: MoLRG):
    return dense_mixture(law.bases, law.eigenvalues, law.means, law.weights)


@pytest.mark.parametrize("noise_std", [0.01, 0.3, 5.0, 1e3])
@pytest.mark.parametrize("m", [1, 4, N, 20])
@pytest.mark.parametrize("ranks", [(2, 5, 3), (0, N), (1,)])
def test_agrees_with_dense_conditioning(ranks, m, noise_std):
    law, operator, y = random_molrg(ranks), randn(m, N, seed=1), 3 * randn(m, seed=2)
    posterior, expected = (
        dense(law.posterior(y, operator, noise_std)),
        brute_force_posterior(dense(law), y, operator, noise_std),
    )
    # The dense form solves with condition number |A|^2 lambda / noise_std^2, at most 1e6 here.
    torch.testing.assert_close(posterior.weights, expected.weights, atol=1e-9, rtol=1e-6)
    torch.testing.assert_close(posterior.means, expected.means, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(posterior.covariances, expected.covariances, atol=1e-9, rtol=1e-9)


def test_kinds_are_closed_under_conditioning(law):
    posterior = law.posterior(randn(2, seed=1), randn(2, N, seed=2), 0.5)
    assert type(posterior) is type(law)
    assert posterior.event_shape == law.event_shape
    assert posterior.dtype == law.dtype


def test_bases_of_a_posterior_are_orthonormal():
    for u in random_molrg().posterior(randn(3, seed=1), randn(3, N, seed=2), 0.01).bases:
        torch.testing.assert_close(u.T @ u, torch.eye(u.shape[1], dtype=torch.float64), atol=1e-13, rtol=0)


def test_one_after_the_other_equals_both_at_once(law):
    operators, ys = randn(2, 3, N, seed=1), randn(2, 3, seed=2)
    sequential = law.posterior(ys[0], operators[0], 0.7).posterior(ys[1], operators[1], 0.7)
    joint = law.posterior(ys.flatten(), operators.reshape(6, N), 0.7)
    x = noisy(law, 0.9)
    torch.testing.assert_close(sequential.mean(), joint.mean(), atol=1e-10, rtol=1e-9)
    torch.testing.assert_close(sequential.covariance(), joint.covariance(), atol=1e-10, rtol=1e-9)
    torch.testing.assert_close(sequential.denoise(x, 0.9), joint.denoise(x, 0.9), atol=1e-10, rtol=1e-9)


def test_seeing_the_same_twice_equals_seeing_it_once_with_less_noise(law):
    operator, y = randn(3, N, seed=1), randn(3, seed=2)
    twice = law.posterior(y, operator, 0.7).posterior(y, operator, 0.7)
    once = law.posterior(y, operator, 0.7 / math.sqrt(2))
    torch.testing.assert_close(twice.mean(), once.mean(), atol=1e-10, rtol=1e-9)
    torch.testing.assert_close(twice.covariance(), once.covariance(), atol=1e-10, rtol=1e-9)


def test_denoising_a_posterior_is_conditioning_on_both(law):
    operator, y, sigma = randn(3, N, seed=1), randn(3, seed=2), 0.6
    x = noisy(law, sigma, count=1)
    both = torch.cat([operator / 0.7, torch.eye(N, dtype=torch.float64) / sigma])
    joint = law.posterior(torch.cat([y / 0.7, x.flatten() / sigma]), both, 1.0)
    torch.testing.assert_close(law.posterior(y, operator, 0.7).denoise(x, sigma)[0], joint.mean(), atol=1e-9, rtol=1e-9)


def test_agrees_with_weighted_prior_samples(law):
    operator, noise_std = randn(2, N, seed=3) / math.sqrt(N), 0.5
    y = operator @ law.sample(1, generator(5)).flatten() + 0.1
    draws = law.sample(100_000, generator(4)).flatten(1)
    weights = (-(draws @ operator.T - y).square().sum(1) / (2 * noise_std**2)).softmax(0)
    mean = weights @ draws
    centred = draws - mean
    second = (weights[:, None] * centred).T @ centred
    posterior = law.posterior(y, operator, noise_std)
    effective = float(1 / weights.square().sum())
    assert effective > 2_000
    scale = float(posterior.covariance().diagonal().max())
    # Five standard errors at the effective number of draws; 12 for the entries of a covariance (heavier tails).
    assert (mean - posterior.mean().flatten()).abs().max() < 5 * math.sqrt(scale / effective)
    assert (second - posterior.covariance()).abs().max() < 12 * scale / math.sqrt(effective)


def test_no_measurement_leaves_the_prior():
    law = random_molrg()
    posterior = law.posterior(torch.zeros(0, dtype=torch.float64), torch.zeros(0, N, dtype=torch.float64), 0.1)
    torch.testing.assert_close(posterior.weights, law.weights)
    torch.testing.assert_close(posterior.mean(), law.mean())
    torch.testing.assert_close(posterior.covariance(), law.covariance())


def test_little_noise_meets_the_measurement_and_removes_what_it_saw():
    law = random_gaussian(rank=N)
    operator, y = randn(4, N, seed=1), randn(4, seed=2)
    posterior = law.posterior(y, operator, 1e-7)
    torch.testing.assert_close(operator @ posterior.mean(), y, atol=1e-9, rtol=0)
    # What was measured keeps the variance noise_std^2 = 1e-14 beside variances of order one: no cancellation.
    seen = (operator @ posterior.basis * posterior.eigenvalues.sqrt()).square().sum(1)
    torch.testing.assert_close(seen, torch.full((4,), 1e-14, dtype=torch.float64), rtol=1e-3, atol=0)


def test_float32_is_close_to_float64():
    law, operator, y = random_molrg(shape=(3, 2, 2)), randn(5, N, seed=1), randn(5, seed=2)
    narrow, wide = law.to(torch.float32).posterior(y, operator, 0.3), law.posterior(y, operator, 0.3)
    assert isinstance(narrow, MoLRG)
    assert narrow.dtype == torch.float32
    torch.testing.assert_close(narrow.weights.double(), wide.weights, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(narrow.mean().double(), wide.mean(), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(narrow.covariance().double(), wide.covariance(), atol=1e-4, rtol=1e-4)


def test_samples_of_a_posterior_follow_it():
    posterior = LAWS["gaussian"]().posterior(randn(2, seed=1), randn(2, N, seed=2), 0.4)
    assert isinstance(posterior, Gaussian)
    draws = posterior.sample(40_000, generator(6))
    scale = float(posterior.covariance().diagonal().max())
    assert (draws.mean(0) - posterior.mean()).abs().max() < 5 * math.sqrt(scale / 40_000)
    assert (draws.T.cov(correction=0) - posterior.covariance()).abs().max() < 10 * scale / math.sqrt(40_000)

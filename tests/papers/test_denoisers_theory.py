"""The primer's closed forms, each against a computation that does not use it."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from lowdim.denoising.samplers import ancestral, euler, invert, last
from lowdim.distributions import Empirical, Gaussian
from lowdim.papers.denoisers.models import add_noise, eight_dimensions, two_lines
from lowdim.papers.denoisers.paths import SIGMA_MAX, SIGMA_MIN, geometric_grid
from lowdim.papers.denoisers.theory import (
    affine_mmse,
    ancestral_variance_error,
    euler_error,
    high_noise_gap,
    log_log_slope,
    nearest_point_bound,
)
from lowdim.seeding import make_generator

SPECTRUM = torch.tensor([4.0, 1.0, 0.04, 0.0004], dtype=torch.float64)


@pytest.fixture
def generator() -> torch.Generator:
    return make_generator(0, "test", "denoisers")


def diagonal_gaussian() -> Gaussian:
    n = len(SPECTRUM)
    return Gaussian(torch.zeros(n, dtype=torch.float64), torch.eye(n, dtype=torch.float64), SPECTRUM)


def test_affine_error_is_that_of_the_least_squares_fit(generator):
    # The best affine map is found by regression, without the formula.
    x0 = two_lines().sample(100_000, generator)
    x = add_noise(x0, 0.5, generator)
    design = torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1)
    fit = design @ torch.linalg.lstsq(design, x0).solution
    spectrum = torch.linalg.eigvalsh(two_lines().covariance())
    assert float((fit - x0).square().sum(1).mean()) == pytest.approx(affine_mmse(spectrum, 0.5), rel=0.02)


def test_euler_error_is_the_product_of_its_gains():
    # Along a principal direction every Euler step multiplies by 1 + h sigma / (l + sigma^2).
    grid = geometric_grid(2000)
    ratio = torch.ones_like(SPECTRUM)
    for now, after in pairwise(grid):
        ratio = ratio * (1 + (after - now) * now / (SPECTRUM + now**2))
    exact = ((SPECTRUM + SIGMA_MIN**2) / (SPECTRUM + SIGMA_MAX**2)).sqrt()
    torch.testing.assert_close(ratio / exact - 1, euler_error(SPECTRUM, 2000, SIGMA_MAX, SIGMA_MIN), rtol=0.01, atol=0)


def test_round_trip_makes_twice_the_euler_error():
    x0 = torch.eye(4, dtype=torch.float64)
    grid = geometric_grid(1000)
    returned = last(euler(diagonal_gaussian(), last(invert(diagonal_gaussian(), x0, grid)), grid))
    expected = 2 * euler_error(SPECTRUM, 1000, SIGMA_MAX, SIGMA_MIN)
    torch.testing.assert_close(returned.diagonal() - 1, expected, rtol=0.02, atol=0)


def test_ancestral_loss_of_variance_by_recursion(generator):
    grid, steps = geometric_grid(1000), 1000
    variance = SPECTRUM + SIGMA_MAX**2
    for now, after in pairwise(grid.tolist()):
        gain = SPECTRUM / (SPECTRUM + now**2)
        kept = gain + (after / now) ** 2 * (1 - gain)
        variance = kept**2 * variance + after**2 * (1 - (after / now) ** 2)
    expected = ancestral_variance_error(SPECTRUM, steps, SIGMA_MAX, SIGMA_MIN)
    torch.testing.assert_close(variance / (SPECTRUM + SIGMA_MIN**2) - 1, expected, rtol=0.02, atol=0)
    # The sampler follows the recursion: one step from the right variance, in 200 000 draws.
    start = add_noise(diagonal_gaussian().sample(200_000, generator), 1.0, generator)
    end = last(ancestral(diagonal_gaussian(), start, [1.0, 0.5], generator)).square().mean(0)
    gain = SPECTRUM / (SPECTRUM + 1)
    one_step = (gain + 0.25 * (1 - gain)) ** 2 * (SPECTRUM + 1) + 0.25 * 0.75
    torch.testing.assert_close(end, one_step, rtol=0.02, atol=0)


@pytest.mark.parametrize("sigma", [0.1, 0.3, 1.0])
def test_empirical_denoiser_respects_its_bound_and_the_bound_is_sharp(sigma, generator):
    points = eight_dimensions(0)["points"].points
    x = add_noise(points[:20], 0.3, generator)
    nearest, bound = nearest_point_bound(points, x, sigma)
    distance = (Empirical(points)(x, sigma) - nearest).norm(dim=1)
    assert bool((distance <= bound * (1 + 1e-9) + 1e-13).all())
    # Two points alone: the bound is the distance divided by the nearest point's weight.
    pair = points[:2]
    nearest, bound = nearest_point_bound(pair, x, sigma)
    exact = (Empirical(pair)(x, sigma) - nearest).norm(dim=1)
    assert bool((exact >= 0.49 * bound).all())


def test_high_noise_gap_of_a_skewed_coin(generator):
    # One coordinate that is -1 with probability 0.9 and 9 with 0.1: variance 9, third cumulant 72.
    coin = Empirical(torch.tensor([[-1.0], [9.0]], dtype=torch.float64), [0.9, 0.1])
    replicas = torch.cat([coin.points[:1].expand(9, 1), coin.points[1:]])
    assert high_noise_gap(replicas, 50.0) == pytest.approx(72 / (math.sqrt(2) * 9 * 50))
    x = add_noise(coin.sample(200_000, generator), 400.0, generator)
    gap = (coin(x, 400.0) - coin.gaussian()(x, 400.0)).norm() / coin.gaussian()(x, 400.0).norm()
    assert float(gap) == pytest.approx(high_noise_gap(replicas, 400.0), rel=0.05)


def test_log_log_slope_of_a_power():
    x = torch.tensor([1.0, 2.0, 8.0])
    assert log_log_slope(x, 3 * x**-1.5) == pytest.approx(-1.5)

"""Uniformity: its ends, its closed form, and an independent computation."""

import math

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from lowdim.metrics.uniformity import gaussian_uniformity, pairwise_uniformity
from lowdim.seeding import make_generator


def test_a_point_scores_lowest():
    features = torch.ones(5, 4)
    assert gaussian_uniformity(features) == pytest.approx(-math.sqrt(2))
    assert pairwise_uniformity(features) == pytest.approx(0, abs=1e-6)


def test_the_ends_of_all_axes_are_uniform():
    axes = torch.eye(6)
    assert gaussian_uniformity(torch.cat([axes, -axes])) == pytest.approx(0, abs=1e-6)


def test_wasserstein_distance_between_the_two_gaussians():
    """The general formula between N(mu, Sigma) and N(0, I/m), with a matrix square root."""
    generator = make_generator(0, "test", "uniformity")
    x = torch.nn.functional.normalize(torch.randn(40, 5, generator=generator, dtype=torch.float64) + 0.4, dim=-1)
    mean, covariance = x.mean(0).numpy(), np.cov(x.T.numpy(), bias=True)
    root = np.eye(5) / math.sqrt(5)
    cross = sqrtm(root @ covariance @ root).real
    squared = mean @ mean + np.trace(covariance) + 1 - 2 * np.trace(cross)
    assert gaussian_uniformity(x) == pytest.approx(-math.sqrt(squared), rel=1e-9)
    assert gaussian_uniformity(3 * x) == pytest.approx(gaussian_uniformity(x))


def test_few_samples_have_a_floor():
    """1024 uniform features in 1024 dimensions score about -0.55."""
    features = torch.randn(1024, 1024, generator=make_generator(0, "test", "floor"))
    assert gaussian_uniformity(features) == pytest.approx(-0.55, abs=0.02)


def test_pairwise_uniformity_of_two_opposite_points():
    assert pairwise_uniformity(torch.tensor([[1.0, 0], [-1, 0]]), t=0.5) == pytest.approx(-2.0)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="N >= 2"):
        gaussian_uniformity(torch.ones(1, 3))
    with pytest.raises(ValueError, match="NaN"):
        gaussian_uniformity(torch.full((2, 3), math.inf))
    with pytest.raises(ValueError, match="t: 0"):
        pairwise_uniformity(torch.ones(2, 3), t=0)

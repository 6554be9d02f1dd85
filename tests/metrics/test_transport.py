"""The sliced Wasserstein distance where it is known."""

import math

import pytest
import torch

from lowdim.metrics.transport import sliced_wasserstein
from lowdim.seeding import make_generator


def cloud(n, d, seed=0):
    return torch.randn(n, d, generator=make_generator(seed, "test"), dtype=torch.float64)


def test_one_dimension_is_the_distance_of_sorted_samples():
    x, y = cloud(100, 1), 2 * cloud(100, 1, 1) + 1
    expected = float((x.sort(0).values - y.sort(0).values).square().mean().sqrt())
    assert abs(sliced_wasserstein(x, y, make_generator(0, "directions"), 5) - expected) < 1e-9


def test_a_shift_by_a_costs_its_length_over_the_root_of_d():
    x, shift = cloud(50, 3), torch.tensor([3.0, 0.0, 0.0], dtype=torch.float64)
    found = sliced_wasserstein(x, x + shift, make_generator(0, "directions"), 20_000)
    assert abs(found - 3 / math.sqrt(3)) < 0.03


def test_points_of_the_plane_need_no_generator():
    x, shift = cloud(50, 2), torch.tensor([3.0, 0.0], dtype=torch.float64)
    assert abs(sliced_wasserstein(x, x + shift) - 3 / math.sqrt(2)) < 1e-12  # equal angles average cos^2 exactly
    y = cloud(60, 2, 1) @ torch.tensor([[2.0, 1.0], [0.0, 0.5]], dtype=torch.float64)
    assert abs(sliced_wasserstein(x, y) / sliced_wasserstein(x, y, None, 999) - 1) < 1e-3
    random = sliced_wasserstein(x, y, make_generator(0, "directions"), 2_000)
    assert abs(sliced_wasserstein(x, y) / random - 1) < 0.02


def test_images_are_flattened_and_the_generator_decides():
    x, y = cloud(20, 12).reshape(20, 3, 2, 2), cloud(30, 12, 1).reshape(30, 3, 2, 2).float()
    first, again = (sliced_wasserstein(x, y, make_generator(0, "directions")) for _ in range(2))
    assert first == again != sliced_wasserstein(x, y, make_generator(1, "directions"))
    assert abs(first - sliced_wasserstein(x.flatten(1), y.flatten(1), make_generator(0, "directions"))) < 1e-12


def test_errors_name_the_argument():
    x = cloud(5, 2)
    with pytest.raises(ValueError, match="y: shape"):
        sliced_wasserstein(x, cloud(5, 3), make_generator(0, "directions"))
    with pytest.raises(ValueError, match="projections"):
        sliced_wasserstein(x, x, make_generator(0, "directions"), 0)
    with pytest.raises(ValueError, match="generator: None is not allowed for samples of 3 entries"):
        sliced_wasserstein(cloud(5, 3), cloud(5, 3))
    with pytest.raises(ValueError, match="finite"):
        sliced_wasserstein(x / 0, x, make_generator(0, "directions"))

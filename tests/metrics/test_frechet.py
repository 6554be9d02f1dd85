"""Fréchet distance against its closed form and SciPy, precision and recall in cases where they are known."""

import numpy as np
import pytest
import scipy.linalg
import torch

from lowdim.metrics.frechet import frechet_distance, precision_recall
from lowdim.seeding import make_generator


def cloud(n, d, seed=0):
    return torch.randn(n, d, generator=make_generator(seed, "test"), dtype=torch.float64)


def test_shift_and_scale():
    x = cloud(500, 4)
    assert abs(frechet_distance(x, x)) < 1e-9
    assert abs(frechet_distance(x, x + 3) - 4 * 9) < 1e-9
    # Standard deviations s and 2 s along every direction: the sum of squared differences is the total variance.
    assert abs(frechet_distance(x - x.mean(0), 2 * (x - x.mean(0))) - float(x.var(0).sum())) < 1e-9


def test_against_the_matrix_square_root_of_scipy():
    x, y = cloud(300, 5) @ cloud(5, 5, 1), cloud(400, 5, 2) @ cloud(5, 5, 3) + 0.3
    a, b = np.cov(x.numpy().T), np.cov(y.numpy().T)
    root = scipy.linalg.sqrtm(a @ b).real
    expected = float((x.mean(0) - y.mean(0)).square().sum()) + np.trace(a + b - 2 * root)
    assert abs(frechet_distance(x, y) - expected) < 1e-8
    assert abs(frechet_distance(x, y) - frechet_distance(y, x)) < 1e-9


def test_flat_features_are_no_problem():
    x = torch.cat([cloud(50, 2), torch.zeros(50, 3, dtype=torch.float64)], 1)
    assert abs(frechet_distance(x, x)) < 1e-9


def test_precision_and_recall_tell_dropped_modes_from_bad_samples():
    one, two = cloud(200, 2), cloud(200, 2, 1) + 100
    far = cloud(200, 2, 2) - 100
    both = torch.cat([one, two])
    dropped = precision_recall(both, cloud(200, 2, 3))
    assert dropped.precision > 0.8
    assert 0.4 < dropped.recall < 0.52
    bad = precision_recall(one, torch.cat([cloud(200, 2, 4), far]))
    assert 0.4 < bad.precision < 0.52
    assert bad.recall > 0.8
    assert precision_recall(one, far) == (0.0, 0.0)
    assert precision_recall(one, one) == (1.0, 1.0)
    tight, wide = 0.001 * cloud(200, 2, 5), cloud(200, 2, 6)  # each set is covered by its own balls, large or small
    found = precision_recall(tight, wide)
    assert found.precision == 0
    assert found.recall == 1


def test_errors_name_the_argument():
    x = cloud(10, 2)
    with pytest.raises(ValueError, match="shapes"):
        frechet_distance(x, cloud(10, 3))
    with pytest.raises(ValueError, match="samples"):
        frechet_distance(x, x[:1])
    with pytest.raises(ValueError, match="neighbours"):
        precision_recall(x, x, neighbours=0)
    with pytest.raises(ValueError, match="11"):
        precision_recall(x, x, neighbours=10)
    with pytest.raises(ValueError, match="finite"):
        frechet_distance(x / 0, x)

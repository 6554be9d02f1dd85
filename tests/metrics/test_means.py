"""The t-interval of a mean: SciPy's, and its coverage."""

import math

import numpy as np
import pytest
from scipy import stats

from lowdim.metrics.means import half_width


@pytest.mark.parametrize("confidence", [0.5, 0.95])
@pytest.mark.parametrize("n", [2, 5, 40])
def test_it_is_the_interval_of_a_t_test(n, confidence):
    values = np.random.default_rng(n).normal(3, 2, n)
    reference = stats.ttest_1samp(values, 0.0).confidence_interval(confidence)
    assert half_width(values, confidence) == pytest.approx((reference.high - reference.low) / 2, rel=1e-12)


def test_it_covers_the_mean_as_often_as_it_says():
    draws = np.random.default_rng(0).normal(1, 3, (2000, 4))
    covered = np.mean([abs(row.mean() - 1) <= half_width(row, 0.9) for row in draws])
    # Three standard deviations of a share of 2000.
    assert covered == pytest.approx(0.9, abs=3 * math.sqrt(0.9 * 0.1 / 2000))


def test_one_value_says_nothing():
    assert math.isnan(half_width([1.0]))


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [[1.0, 2.0]]])
def test_what_is_no_sample_is_refused(values):
    with pytest.raises(ValueError, match="values"):
        half_width(values)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95])
def test_a_confidence_is_a_probability(confidence):
    with pytest.raises(ValueError, match="confidence"):
        half_width([1.0, 2.0], confidence)

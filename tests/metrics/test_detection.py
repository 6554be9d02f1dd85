"""Thresholds hold their rate on fresh negatives whatever the law; rates, intervals and areas against definitions."""

import pytest
import torch

from lowdim.metrics.detection import area_under_curve, rate_above, threshold_at, wilson
from lowdim.seeding import make_generator


def draws(*shape, name="scores"):
    return torch.randn(shape, generator=make_generator(0, name), dtype=torch.float64)


@pytest.mark.parametrize("n", [99, 100, 250, 999])
def test_the_rate_of_false_alarms_is_exact_on_average(n):
    """``P(fresh > threshold) = k / (n + 1)`` exactly, for exchangeable scores of any law; here of heavy tails."""
    scores = draws(3000, n + 1, name=f"fresh-{n}").exp() ** 2
    alarms = torch.tensor([row[0] > threshold_at(row[1:], 0.01) for row in scores]).double()
    expected = int(0.01 * (n + 1) + 1e-9) / (n + 1)
    assert abs(float(alarms.mean()) - expected) < 4 * (expected / 3000) ** 0.5


def test_ties_count_as_alarms_that_are_not_raised():
    assert threshold_at(torch.zeros(200), 0.01) == 0.0
    assert rate_above(torch.zeros(10), 0.0).value == 0.0


def test_too_few_negatives_are_refused_with_the_number_needed():
    with pytest.raises(ValueError, match="at least 99"):
        threshold_at(draws(98), 0.01)
    with pytest.raises(ValueError, match="at least 9"):
        threshold_at(draws(5), 0.1)
    with pytest.raises(ValueError, match="false_positive_rate"):
        threshold_at(draws(500), 1.0)
    with pytest.raises(ValueError, match="NaN"):
        threshold_at(torch.full((200,), float("nan")), 0.01)


def test_wilson_interval_against_its_equation():
    """Its ends are the p at which the observed share is z standard errors away."""
    for k, n in ((0, 20), (7, 20), (20, 20)):
        rate = wilson(k, n)
        for end in (rate.low, rate.high):
            if 0 < end < 1:
                assert abs(k / n - end) == pytest.approx(1.959964 * (end * (1 - end) / n) ** 0.5, rel=1e-4)
    assert wilson(0, 20).low == pytest.approx(0, abs=1e-12)
    with pytest.raises(ValueError, match="successes"):
        wilson(3, 2)


def test_area_is_the_probability_to_rank_right():
    positives, negatives = draws(50, name="p") + 0.7, draws(60, name="n").round(decimals=1)
    positives = positives.round(decimals=1)  # ties
    pairs = positives[:, None] - negatives
    assert area_under_curve(positives, negatives) == pytest.approx(
        float((pairs > 0).double().mean() + (pairs == 0).double().mean() / 2)
    )

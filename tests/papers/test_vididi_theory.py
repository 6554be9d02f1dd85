"""Differences, the schedule and the linear shortcut, against closed forms and other implementations."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
import torch

from lowdim.papers.vididi.differences import check_moving, difference, make_views, newton
from lowdim.papers.vididi.linear import measured, sample_pairs
from lowdim.papers.vididi.schedule import SCHEDULES, PairSchedule
from lowdim.papers.vididi.theory import (
    appearance_bound,
    canonical,
    crossover,
    difference_matrix,
    flicker_leak,
    noise_gain,
    shortcut,
)

generator = torch.Generator().manual_seed(0)


def test_difference_is_the_matrix():
    clips = torch.randn(2, 3, 7, 4, 5, generator=generator, dtype=torch.float64)
    for order in range(4):
        matrix = torch.as_tensor(difference_matrix(7, order))
        torch.testing.assert_close(difference(clips, order), torch.einsum("st,bcthw->bcshw", matrix, clips))
    assert difference(clips, 0) is not None
    torch.testing.assert_close(difference(clips)[:, :, 0], clips[:, :, 1] - clips[:, :, 0])


def test_newton_reconstructs_and_extrapolates_polynomials():
    clips = torch.randn(2, 3, 6, 4, 4, generator=generator, dtype=torch.float64)
    known = [difference(clips, k)[:, :, 0] for k in range(6)]
    for h in range(6):
        torch.testing.assert_close(newton(known, h), clips[:, :, h])
    time = torch.arange(-3.0, 9, dtype=torch.float64)
    cubic = (time**3 - 2 * time).reshape(1, 12, 1, 1)
    short = cubic[:, 3:7]
    known = [difference(short, k)[:, 0] for k in range(4)]
    for h in range(-3, 9):  # forwards and backwards
        torch.testing.assert_close(newton(known, h), cubic[:, 3 + h])
    with pytest.raises(ValueError, match="derivatives: none"):
        newton([], 2)


def test_the_remainder_of_the_series_is_bounded():
    """By the largest next difference on the way, times a binomial coefficient; cubics reach it."""
    clip = torch.randn(1, 9, 3, 3, generator=generator, dtype=torch.float64)
    power = (torch.arange(9, dtype=torch.float64) ** 3).reshape(1, 9, 1, 1)
    for n in range(4):
        for h in range(n + 1, 9):
            for video in (clip, power):
                known = [difference(video, k)[:, 0] for k in range(n + 1)]
                missed = (newton(known, h) - video[:, h]).abs().max()
                bound = difference(video, n + 1)[:, : h - n].abs().max() * comb(h, n + 1)
                assert missed <= bound + 1e-9
                if video is power and n == 2:
                    assert missed == pytest.approx(float(bound))


def test_views_have_one_length_and_leave_the_clips_alone():
    pairs = torch.randn(2, 2, 3, 8, 4, 4, generator=generator)
    kept = pairs.clone()
    for orders, length in (((0, 0), 8), ((1, 1), 7), ((0, 1), 7), ((2, 1), 6), ((1, 2), 6), ((2, 2), 6)):
        views = make_views(pairs, orders)
        assert {view.shape[2] for view in views} == {length}
        for number, (view, order) in enumerate(zip(views, orders, strict=True)):
            torch.testing.assert_close(view, torch.diff(pairs[:, number], n=order, dim=2)[:, :, :length])
    views[0].add_(1)
    assert torch.equal(pairs, kept)


def test_bad_clips_name_the_remedy():
    clips = torch.zeros(1, 3, 2, 4, 4)
    with pytest.raises(ValueError, match="2 frames are too few for a derivative of order 2; give at least 3"):
        difference(clips, 2)
    with pytest.raises(ValueError, match="convert to float32 first"):
        difference(clips.half())
    with pytest.raises(ValueError, match="convert to float32 first"):
        difference(clips.byte())
    with pytest.raises(ValueError, match="order: -1"):
        difference(clips, -1)
    with pytest.raises(ValueError, match="pairs of clips"):
        make_views(clips, (0, 1))
    moving = torch.rand(4, 3, 5, 4, 4)
    assert check_moving("videos", moving) is moving
    moving[2] = moving[2, :, :1]
    with pytest.raises(ValueError, match=r"videos: 1 of 4 videos are constant in time \(2\).*larger temporal stride"):
        check_moving("videos", moving)
    moving[0, 0, 0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match="NaN"):
        check_moving("videos", moving)


def test_schedule_probabilities_by_hand():
    eighth = Fraction(1, 8)
    pairs = ((0, 0), (2, 2), (0, 1), (1, 0), (1, 2), (2, 1))
    assert PairSchedule().probabilities() == {(1, 1): 2 * eighth} | dict.fromkeys(pairs, eighth)
    marginal = [sum(w for pair, w in PairSchedule().probabilities().items() if pair[0] == k) for k in range(3)]
    assert marginal == [Fraction(1, 4), Fraction(1, 2), Fraction(1, 4)]
    assert SCHEDULES["base"].probabilities() == {(0, 0): 1}
    assert PairSchedule().largest == 2
    assert SCHEDULES["derivatives only"].largest == 1


def test_schedule_is_shared_and_alternates():
    plan = PairSchedule()
    first, second = (torch.Generator().manual_seed(5) for _ in range(2))
    assert [plan.orders(e, first) for e in range(40)] == [plan.orders(e, second) for e in range(40)]
    sure = PairSchedule(p_random=0.0)
    assert [sure.orders(e, first) for e in range(5)] == [(1, 1), (0, 1), (1, 0), (0, 0), (1, 1)]
    assert PairSchedule(p_random=1.0).orders(3, first) == (1, 1)
    for options in ({"modes": ()}, {"modes": ((0, -1),)}, {"p_random": 1.5}):
        with pytest.raises(ValueError, match=next(iter(options))):
            PairSchedule(**options)


def test_gains_by_the_binomial_theorem():
    for order, gain in ((1, 2), (2, 6), (3, 20)):
        assert noise_gain(order) == gain == (difference_matrix(9, order)[0] ** 2).sum()
    u = 1 + 0.2 * (2 * np.random.default_rng(0).random(400_000) - 1)
    assert np.diff(u).std() == pytest.approx(flicker_leak(0.2), rel=0.01)


@pytest.mark.parametrize("orders", [(0, 0), (0, 1), (1, 1)])
def test_shortcut_against_scikit_learn_on_many_pairs(orders):
    from sklearn.cross_decomposition import CCA

    dice = np.random.default_rng(1)
    a, c, first, second = sample_pairs(20_000, 10.0, dice)
    length = 8 - max(orders)
    views = [x @ difference_matrix(8, n)[:length].T for x, n in zip((first, second), orders, strict=True)]
    values, variate = canonical(*views)
    x, y = CCA(1, max_iter=5000, tol=1e-10).fit_transform(*views)
    assert np.corrcoef(x[:, 0], y[:, 0])[0, 1] == pytest.approx(values[0], abs=1e-6)
    assert abs(np.corrcoef(x[:, 0], variate)[0, 1]) == pytest.approx(1, abs=1e-4)
    exact = shortcut(orders, 10.0)
    assert exact.canonical[0] == pytest.approx(values[0], abs=0.004)
    assert exact.appearance == pytest.approx(abs(np.corrcoef(variate, a)[0, 1]), abs=0.04)
    assert exact.motion == pytest.approx(abs(np.corrcoef(variate, c)[0, 1]), abs=0.04)


def test_shortcut_closed_forms():
    """Plain pairs: both correlations of the two-factor model by hand. Mixed: appearance leaves nothing behind."""
    energy = (np.arange(8) - 3.5) @ (np.arange(8) - 3.5)
    plain = shortcut((0, 0), 10.0)
    by_hand = sorted((800 / 800.25, energy / (energy + 0.25)), reverse=True)
    np.testing.assert_allclose(plain.canonical[:2], by_hand, rtol=1e-10)
    np.testing.assert_allclose(plain.canonical[2:], 0, atol=1e-10)
    switch = crossover()
    assert shortcut((0, 0), 0.99 * switch).motion > 0.99 > 0.01 > shortcut((0, 0), 1.01 * switch).motion
    for spread in (1.0, 10.0, 1e3):
        assert shortcut((1, 1), spread).canonical[0] == pytest.approx(shortcut((1, 1), 0.0).canonical[0])
        mixed = shortcut((0, 1), spread)
        assert (mixed.canonical[1:] < 1e-6).all()  # one shared factor only
    a, motion = measured((0, 1), 10.0, 3000, np.random.default_rng(0))
    assert a < 0.1
    assert motion > 0.95


def test_the_bound_holds_and_is_nearly_reached():
    for sigma_a in (1.0, 10.0, 100.0):
        for tilt in (0.0, 0.5, 2.0, 8.0):
            found, bound = shortcut((0, 1), sigma_a, tilt=tilt).appearance, appearance_bound(sigma_a, tilt=tilt)
            assert found <= bound * (1 + 1e-9) + 1e-12
            if sigma_a == 100.0:
                assert found > 0.99 * bound
    assert appearance_bound(100.0) == pytest.approx(appearance_bound(1.0) / 100)

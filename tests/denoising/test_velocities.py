"""Rectified flows: integration both ways, stochastic reversal, straightness."""

import math

import pytest
import torch
from torch import nn

from lowdim.denoising.velocities import (
    FlowNetwork,
    euler_flow,
    flow_times,
    generate,
    reverse,
    round_trip_error,
    solve,
    straightness,
)
from lowdim.denoising.views import flow_view
from lowdim.distributions import Gaussian
from lowdim.seeding import make_generator


def noise(n, d=2, seed=0):
    return torch.randn(n, d, generator=make_generator(seed, "test"), dtype=torch.float64)


def gaussian_velocity(s):
    """The exact velocity of N(0, s I): x (t s - (1 - t)) / (t^2 s + (1 - t)^2)."""

    def velocity(x, t):
        t = t[:, None]
        return x * (t * s - (1 - t)) / (t**2 * s + (1 - t) ** 2)

    return velocity


def straight(x, t):
    """The straight flow x -> 3 x, whose velocity at a point of the path is its end minus its start."""
    return 2 * x / (1 + 2 * t[:, None])


def test_a_straight_flow_is_exact_in_any_number_of_steps_and_both_ways():
    x = noise(20)
    for steps in (1, 3, 10):
        torch.testing.assert_close(generate(straight, x, steps), 3 * x)
    assert straightness(straight, x, 7) < 1e-14
    assert round_trip_error(straight, x, 4000) < 1e-3


@pytest.mark.parametrize("s", [0.25, 4.0])
def test_euler_is_of_first_order(s):
    x, exact = noise(10), math.sqrt(s)
    errors = [float((generate(gaussian_velocity(s), x, n) / x - exact).abs().max()) for n in (100, 200)]
    assert 1.8 < errors[0] / errors[1] < 2.2


def test_the_adaptive_solver_reaches_the_exact_map_and_comes_back():
    x, velocity = noise(10), gaussian_velocity(4.0)
    there = solve(velocity, x)
    torch.testing.assert_close(there, 2 * x, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(solve(velocity, there, 1.0, 0.0), x, rtol=1e-6, atol=1e-8)


def test_the_view_of_a_denoiser_is_its_velocity():
    gaussian = Gaussian.from_covariance(torch.zeros(2, dtype=torch.float64), 4 * torch.eye(2, dtype=torch.float64))
    view, x = flow_view(gaussian, gaussian.mean()), noise(10)
    torch.testing.assert_close(generate(view.velocity, x, 20), generate(gaussian_velocity(4.0), x, 20))


def test_straightness_of_a_flow_that_turns():
    def turning(x, t):  # velocity 1, then -1: the mean is 0, the mean square deviation 1 in each entry
        return torch.where(t < 0.5, 1.0, -1.0)[:, None].expand_as(x)

    assert abs(straightness(turning, noise(5, d=3), 10) - 3) < 1e-12


def test_stochastic_reversal_adds_the_variance_asked_for():
    x = torch.zeros(20_000, 1, dtype=torch.float64)
    for steps in (1, 16):
        moved = reverse(lambda x, t: 0 * x, x, steps, noise_std=0.5, generator=make_generator(1, "test"))
        assert abs(float(moved.var()) / 0.25 - 1) < 0.05


def test_reversal_runs_the_times_backwards():
    seen = []

    def velocity(x, t):
        seen.append(float(t[0]))
        return torch.ones_like(x)

    x = noise(3)
    torch.testing.assert_close(reverse(velocity, x, 4), x - 1)
    assert seen == [1.0, 0.75, 0.5, 0.25]


def test_steps_tell_what_happened():
    x = noise(3)
    steps = list(euler_flow(straight, x, flow_times(2)))
    assert [(step.index, step.t) for step in steps] == [(0, 0.0), (1, 0.5)]
    torch.testing.assert_close(steps[0].x, x + 0.5 * steps[0].velocity)


def test_chunks_change_nothing():
    x = noise(7)
    torch.testing.assert_close(generate(straight, x, 3, chunk=2), generate(straight, x, 3))
    torch.testing.assert_close(reverse(straight, x, 3, chunk=2), reverse(straight, x, 3))


def test_a_network_becomes_a_velocity():
    class Echo(nn.Module):
        def forward(self, x, t):
            return x * t[:, None]

    class Sample:
        def __init__(self, sample):
            self.sample = sample

    class Diffusers(Echo):
        def forward(self, x, t):
            return Sample(super().forward(x, t))

    x, t = noise(4), torch.linspace(0, 1, 4, dtype=torch.float64)
    for network in (Echo(), Diffusers()):
        torch.testing.assert_close(FlowNetwork(network, 1000.0)(x, t), 1000 * x * t[:, None])


def test_errors_name_the_argument():
    x = noise(3)
    with pytest.raises(ValueError, match="steps"):
        generate(straight, x, 0)
    with pytest.raises(ValueError, match="times"):
        next(euler_flow(straight, x, torch.tensor([0.0, 0.5, 0.5])))
    with pytest.raises(ValueError, match="noise_std"):
        reverse(straight, x, 2, noise_std=-1.0)
    with pytest.raises(ValueError, match="generator"):
        reverse(straight, x, 2, noise_std=1.0)
    with pytest.raises(ValueError, match="finite"):
        generate(straight, x / 0, 2)

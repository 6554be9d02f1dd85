"""Closed forms of chapter 06 against numbers, brute force and the exact Gaussian."""

import math

import pytest
import torch

from lowdim.denoising.conversions import alpha_bar_to_sigma, linear_beta_alpha_bars
from lowdim.denoising.flows import gaussian_flow
from lowdim.denoising.grids import log_sigmas
from lowdim.distributions import Gaussian
from lowdim.papers.shallow_diffuse import theory
from lowdim.seeding import make_generator


def test_step_coefficients_and_the_printed_g():
    """Reference values of the sheet: alpha 0.6 to 0.63."""
    steps = theory.step_coefficients(0.6, 0.63)
    assert list(steps)[1:] == pytest.approx([0.04874, 0.05068], abs=5e-6)
    assert theory.printed_g(0.6, 0.63) == pytest.approx(-steps.B)
    assert theory.printed_g(0.63, 0.6) == pytest.approx(steps.B_inverse)
    with pytest.raises(ValueError, match="alpha"):
        theory.step_coefficients(0.6, 0.5)


@pytest.mark.parametrize(
    ("rank", "dimension", "quantile", "printed", "sharp"),
    [(20, 1024, 0.175, 1.20, 0.222), (10, 3072, 0.072, 0.86, 0.097), (100, 16384, 0.091, 0.66, 0.100)],
)
def test_bounds_against_the_table(rank, dimension, quantile, printed, sharp):
    """Simulated and computed independently of this code."""
    assert theory.projector_quantile(rank, dimension, 1 - 1 / rank) == pytest.approx(quantile, abs=0.002)
    assert theory.printed_h(rank, dimension) == pytest.approx(printed, abs=0.006)
    assert theory.sharp_h(rank, dimension) == pytest.approx(sharp, abs=0.001)
    with pytest.raises(ValueError, match="rank"):
        theory.sharp_h(dimension, dimension)


def test_the_law_of_a_projector():
    rank, dimension = 5, 60
    u = torch.randn(20_000, dimension, generator=make_generator(0, "sphere"), dtype=torch.float64)
    lengths = u[:, :rank].norm(dim=1) / u.norm(dim=1)
    for p in (0.1, 0.5, 0.9):
        assert float(lengths.quantile(p)) == pytest.approx(theory.projector_quantile(rank, dimension, p), rel=0.01)
    assert float((lengths > theory.sharp_h(rank, dimension)).double().mean()) < 1 / rank


def test_many_steps_have_the_gain_of_the_flow():
    variance = torch.tensor([1.0, 0.1, 0.01]).double()
    grid = log_sigmas(4000, 1e-3, 1.2)[:-1]
    # The grid stops at a small level, where the flow has not moved what it still has to.
    exact = theory.flow_gain(variance, 1.2) / theory.flow_gain(variance, 1e-3)
    torch.testing.assert_close(theory.euler_gain(variance, grid), exact, rtol=2e-3, atol=0)
    torch.testing.assert_close(theory.inversion_gain(variance, grid), 1 / exact, rtol=5e-3, atol=0)
    law = Gaussian(torch.zeros(3).double(), torch.eye(3).double(), variance)
    moved = gaussian_flow(law, torch.ones(1, 3).double(), 1.2, 1e-3)
    torch.testing.assert_close(moved[0], exact, rtol=1e-6, atol=0)


def test_replacing_a_coefficient_distorts_as_predicted():
    variance, sigma, power = torch.tensor(0.05).double(), 0.8, 2.0
    generator = make_generator(0, "distortion")
    state = (0.05 + 0.64) ** 0.5 * torch.randn(100_000, generator=generator, dtype=torch.float64)
    key = (power * (1 + 0.64)) ** 0.5
    change = theory.flow_gain(variance, sigma) * (key - state)
    assert float(change.square().mean()) == pytest.approx(float(theory.distortion(variance, power, sigma)), rel=0.02)


def test_size_law():
    """The sheet's numbers: PSNR 35.5 dB, noise 0.1 on [0, 1], RGB pictures of 512, 64 and 32 pixels."""
    for side, score in ((512, 149), (64, 19), (32, 9)):
        assert theory.size_law(35.5, 3 * side**2, 0.1, pixel_range=1.0) == pytest.approx(score, abs=0.5)


def test_the_bracket_bounds_one_step_in_a_linear_world():
    alpha_bars = linear_beta_alpha_bars()
    high, low = float(alpha_bars[300]), float(alpha_bars[280])
    steps = theory.step_coefficients(high, low)
    s = torch.tensor([1.0, 0.2, 0.01, 0.0]).double()
    J, J_next = (math.sqrt(a) * s / (a * s + 1 - a) for a in (high, low))
    added = steps.B_inverse * J - steps.B * J_next - steps.B_inverse * steps.B * J_next * J
    L = float(torch.maximum(J, J_next).max())
    assert float(added.abs().max()) <= theory.two_step_bracket(steps, L) * L
    # The same in the book's coordinates: a step down in sigma and one up with the cleaner label.
    a, b = float(alpha_bar_to_sigma(torch.tensor(high))), float(alpha_bar_to_sigma(torch.tensor(low)))
    gain = (1 + (b - a) * a / (s + a * a)) * (1 + (a - b) * b / (s + b * b))
    torch.testing.assert_close(gain - 1, added)

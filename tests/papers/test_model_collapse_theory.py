"""Chapter 03: closed forms against sums, samples and independent computations."""

import math

import pytest
import torch

from lowdim.papers.model_collapse import theory
from lowdim.papers.model_collapse.autoencoder import descend, self_consume
from lowdim.papers.model_collapse.moments import (
    PairMoments,
    generated_moments,
    independent_moments,
    linear_map,
    reversed_moments,
    ridge_denoiser_velocity,
    ridge_velocity,
)
from lowdim.seeding import make_generator

DOUBLE = torch.float64


def tensor(*values):
    return torch.tensor(values, dtype=DOUBLE)


def covariance(values, seed=0):
    basis = torch.linalg.qr(
        torch.randn(len(values), len(values), generator=make_generator(seed, "basis"), dtype=DOUBLE)
    ).Q
    return (basis * tensor(*values)) @ basis.T


def test_the_best_linear_autoencoder_is_the_regression_of_clean_on_noisy_samples():
    moment = covariance((3.0, 1.0, 0.2))
    generator = make_generator(0, "test")
    x = torch.randn(400_000, 3, generator=generator, dtype=DOUBLE) @ torch.linalg.cholesky(moment).T
    noisy = x + 0.7 * torch.randn(x.shape, generator=generator, dtype=DOUBLE)
    found = torch.linalg.lstsq(noisy, x).solution.T
    torch.testing.assert_close(theory.dae_map(moment, 0.7), found, rtol=0, atol=0.01)


@pytest.mark.parametrize(("width", "decay"), [(4, 0.0), (2, 0.0), (4, 0.5)])
def test_gradient_descent_finds_the_closed_form(width, decay):
    moment = covariance((3.0, 1.0, 0.4, 0.1))
    found = descend(moment, 0.6, width, make_generator(0, "test"), 500, decay)
    torch.testing.assert_close(found, theory.dae_map(moment, 0.6, width, decay), rtol=0, atol=1e-6)


def test_the_recursion_reproduces_known_values():
    path = theory.dae_gain(theory.collapse_path(tensor(4.0), 0.5, 0.5, 22), 0.5)[:, 0]
    known = (0.9412, 0.9377, 0.9339, 0.9295, 0.9246, 0.9189, 0.9124, 0.9048, 0.8958, 0.8851, 0.8721, 0.8560, 0.8357,
             0.8096, 0.7749, 0.7274, 0.6599, 0.5615, 0.4183, 0.2312, 0.0650, 0.0045)  # fmt: skip
    torch.testing.assert_close(path, tensor(*known), rtol=0, atol=6e-5)


def test_the_recursion_is_the_mean_of_many_samples():
    generator = make_generator(0, "test")
    x = 1.5 * torch.randn(1, 1, 400_000, generator=generator, dtype=DOUBLE)
    rounds = list(self_consume(x, 0.8, 1.1, 3, generator))
    path = theory.collapse_path(tensor(2.25), 0.8, 1.1, 3)[:, 0]
    torch.testing.assert_close(torch.stack([r.moment for r in rounds]).flatten(), path, rtol=0.01, atol=0)


@pytest.mark.parametrize("s1", [0.25, 1.0, 4.0, 30.0])
def test_the_geometric_bound_holds_for_the_recursion(s1):
    gains = theory.dae_gain(theory.collapse_path(tensor(s1), 0.5, 0.5, 60), 0.5)[:, 0]
    bound = theory.collapse_bound(s1, 0.5, 60)
    assert bool((gains <= bound + 1e-15).all())
    torch.testing.assert_close(gains[:2], bound[:2])  # with equality at first


def test_the_unstable_point_is_a_fixed_point_that_repels():
    point = theory.unstable_point(0.5, 0.75)
    assert math.isclose(float(theory.collapse_step(tensor(point), 0.5, 0.75)), point, rel_tol=1e-12)
    below, above = theory.collapse_path(tensor(0.9 * point, 1.1 * point), 0.5, 0.75, 80)[-1]
    assert below < 0.1 * point
    assert above > 2 * point
    assert theory.unstable_point(0.5, 0.7) == math.inf


@pytest.mark.parametrize("ratio", [0.05, 0.5, 1.0])
def test_with_real_data_the_recursion_stays_where_the_formula_says(ratio):
    limit = theory.mixed_limit(tensor(4.0), 0.5, ratio)
    torch.testing.assert_close(theory.mixed_step(limit, tensor(4.0), 0.5, ratio), limit)
    assert bool(theory.dae_gain(limit, 0.5) >= theory.mixed_bound(tensor(4.0), 0.5, ratio))


def test_limits_with_real_data_reproduce_known_values():
    known = {0.05: 0.7120, 0.1: 0.8889, 0.25: 0.9296, 0.5: 0.9377, 1.0: 0.9412}
    for ratio, value in known.items():
        assert abs(float(theory.dae_gain(theory.mixed_limit(tensor(4.0), 0.5, ratio), 0.5)) - value) < 6e-5


def test_real_samples_are_chosen_whole_and_in_the_right_number():
    """Real samples are +-1, generated ones are smaller: the moment counts them."""
    generator = make_generator(0, "test")
    x = torch.ones(1, 1, 1000, dtype=DOUBLE)
    second = list(self_consume(x, 1.0, 0.0, 2, generator, ratio=0.3))[1]
    # Generated: the gain 1/2, its square 1/4.
    assert math.isclose(float(second.moment), 0.3 + 0.7 / 4, rel_tol=1e-12)


def test_the_finite_sample_bound_asks_for_small_noise():
    bound = theory.finite_sample_bound(tensor(0.5), 0.5, tensor(0.1), 8, 200, 5)
    assert bound.shape == (1, 5)
    assert bool((bound.diff() < 0).all())
    assert math.isclose(theory.bound_noise_factor(8, 200), 1 + 0.2 + math.sqrt(2))
    with pytest.raises(ValueError, match="noise"):
        theory.finite_sample_bound(tensor(0.5), 0.5, tensor(0.3), 8, 200, 5)


def test_the_bound_of_a_gaussian_matrix():
    draws = torch.randn(300, 8, 50, generator=make_generator(0, "test"), dtype=DOUBLE)
    assert float(torch.linalg.matrix_norm(draws, 2).max()) < theory.bound_noise_factor(8, 50) * math.sqrt(50)


def test_euler_gains_reproduce_known_values():
    table = {(1, 1): 0, (1, 2): 0.5, (1, 5): 0.771, (1, 100): 0.987, (4, 2): 0.8, (4, 10): 1.723, (4, 100): 1.971}
    for (s, steps), value in table.items():
        assert abs(theory.euler_gain(s, steps) - value) < 6e-4


def test_the_laws_reproduce_known_values():
    plain, current, first = (tensor(4.0) for _ in range(3))
    found = {}
    for number in range(1, 31):
        plain = theory.plain_law(plain, 0.1)
        current = theory.current_reversal_law(current, tensor(4.0), 0.1, 0.5)
        first = theory.first_reversal_law(first, tensor(4.0), 0.1, 0.5)
        found[number] = (float(plain), float(current))
    for number, values in {1: (3.727, 3.727), 5: (2.863, 2.920), 10: (2.157, 2.309), 30: (1.172, 1.401)}.items():
        assert found[number] == pytest.approx(values, abs=6e-4)
    assert float(theory.first_reversal_limit(tensor(4.0), 0.1, 0.5)) == pytest.approx(3.5)
    assert float(first) == pytest.approx(3.5, abs=1e-3)


@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_the_regressed_flow_generates_the_covariance_of_the_law(ridge):
    real = covariance((4.0, 0.3))
    pairs = independent_moments(real)
    found = linear_map(ridge_velocity(pairs, ridge), 2)
    identity = torch.eye(2, dtype=DOUBLE)
    expected = torch.linalg.solve((1 + ridge) * identity, real + ridge * identity)
    torch.testing.assert_close(found @ found.T, expected, rtol=1e-4, atol=1e-5)


def test_moments_are_those_of_samples():
    generator = make_generator(0, "test")
    x0, other = (torch.randn(200_000, 2, generator=generator, dtype=DOUBLE) for _ in range(2))
    x1 = x0 @ tensor(1.0, 0.5, -0.3, 2.0).reshape(2, 2).T + 0.5 * other
    pairs = PairMoments(*((a.T @ b) / len(a) for a, b in ((x0, x0), (x1, x0), (x1, x1))))
    for t in (0.0, 0.3, 1.0):
        x_t = (1 - t) * x0 + t * x1
        torch.testing.assert_close(pairs.at(t), x_t.T @ x_t / len(x0))
        torch.testing.assert_close(pairs.velocity_cross(t), (x1 - x0).T @ x_t / len(x0))
        torch.testing.assert_close(pairs.data_cross(t), x1.T @ x_t / len(x0))


def test_both_parametrisations_agree_without_a_ridge():
    real = covariance((4.0, 0.3))
    x, t = torch.randn(5, 2, generator=make_generator(1, "test"), dtype=DOUBLE), torch.full((5,), 0.4, dtype=DOUBLE)
    pairs = independent_moments(real)
    torch.testing.assert_close(ridge_velocity(pairs, 0.0)(x, t), ridge_denoiser_velocity(pairs, 0.0)(x, t))
    assert not torch.allclose(ridge_velocity(pairs, 0.1)(x, t), ridge_denoiser_velocity(pairs, 0.1)(x, t))


def test_real_data_reversed_by_a_flow_that_fits_them_come_from_standard_noise():
    real = covariance((4.0, 0.3))
    flow = linear_map(ridge_velocity(independent_moments(real), 0.0), 2)
    back = reversed_moments(flow, real)
    torch.testing.assert_close(back.noise, torch.eye(2, dtype=DOUBLE), rtol=0, atol=1e-4)
    mixed = generated_moments(flow).mix(back, 0.25)
    torch.testing.assert_close(mixed.data, 0.75 * flow @ flow.T + 0.25 * real)


def test_errors_name_the_argument():
    x, generator = torch.ones(1, 1, 10, dtype=DOUBLE), make_generator(0, "test")
    with pytest.raises(ValueError, match="ratio"):
        next(self_consume(x, 1.0, 1.0, 2, generator, ratio=1.5))
    with pytest.raises(ValueError, match="rounds"):
        next(self_consume(x, 1.0, 1.0, 0, generator))

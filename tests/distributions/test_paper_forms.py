"""Lemma 1 as printed: where it is exact, and how wrong it is elsewhere."""

import pytest
import torch

from distributions.exact_laws import generator, noisy, randn
from lowdim.distributions import MoLRG
from lowdim.distributions.paper_forms import lemma1_denoiser, lemma1_jacobian, lemma1_weights

SCHEDULES = [(1.0, 0.5), (0.9, 0.7), (0.6, 0.8), (0.2, 2.0)]


@pytest.mark.parametrize(("s", "gamma"), SCHEDULES)
@pytest.mark.parametrize("orthogonal", [True, False])
def test_exact_for_equal_ranks_and_weights(s, gamma, orthogonal):
    law = MoLRG.random(12, (3, 3, 3), generator(1), orthogonal=orthogonal)
    x = s * law.sample(20, generator(2)) + gamma * randn(20, 12, seed=3)
    torch.testing.assert_close(lemma1_denoiser(law.bases, x, s, gamma), law.denoise(x / s, gamma / s))
    torch.testing.assert_close(lemma1_weights(law.bases, x, s, gamma), law.component_weights(x / s, gamma / s))
    # d/dx_t of D(x_t / s): the chain rule brings 1 / s.
    torch.testing.assert_close(lemma1_jacobian(law.bases, x, s, gamma), law.denoiser_jacobian(x / s, gamma / s) / s)


@pytest.mark.parametrize(("s", "gamma"), SCHEDULES)
def test_jacobian_is_the_derivative_of_the_printed_denoiser_for_any_ranks(s, gamma):
    bases = MoLRG.random(9, (2, 5), generator(1), orthogonal=False).bases
    x = randn(4, 9, seed=3)
    derivative = torch.func.jacrev(lambda z: lemma1_denoiser(bases, z, s, gamma).sum(0))(x).transpose(0, 1)
    torch.testing.assert_close(lemma1_jacobian(bases, x, s, gamma), derivative)


def relative_error(law: MoLRG, sigma: float) -> float:
    x = noisy(law, sigma, count=4000)
    exact = law.denoise(x, sigma)
    return float((lemma1_denoiser(law.bases, x, 1.0, sigma) - exact).norm() / exact.norm())


def test_unequal_ranks_make_it_wrong_by_tens_of_percent():
    law = MoLRG.random(20, (2, 8), generator(1))
    errors = {sigma: relative_error(law, sigma) for sigma in (0.3, 0.6, 1.0, 2.0)}
    assert 0.2 < errors[1.0] < 0.6
    assert all(error > 0.1 for error in errors.values())
    assert max(errors, key=errors.__getitem__) == 1.0


def test_unequal_weights_make_it_wrong():
    law = MoLRG.random(20, (4, 4), generator(1), weights=[0.05, 0.95])
    assert relative_error(law, 1.0) > 0.1


def test_omitting_the_determinant_favours_the_larger_rank():
    law = MoLRG.random(20, (2, 8), generator(1))
    x = noisy(law, 1.0, count=500)
    printed, exact = lemma1_weights(law.bases, x, 1.0, 1.0), law.component_weights(x, 1.0)
    assert (printed[:, 1] > exact[:, 1]).all()
    # The missing factor of the odds is (1 + s^2 / gamma^2)^((8 - 2) / 2) = 8.
    odds = (printed[:, 1] / printed[:, 0]) / (exact[:, 1] / exact[:, 0])
    torch.testing.assert_close(odds, torch.full((500,), 8.0, dtype=torch.float64))


@pytest.mark.parametrize("form", [lemma1_weights, lemma1_denoiser, lemma1_jacobian])
def test_bad_arguments_are_refused(form):
    bases, x = MoLRG.random(6, (2, 2), generator(1)).bases, randn(3, 6, seed=1)
    with pytest.raises(ValueError, match=r"x: shape \(3, 5\) is not allowed"):
        form(bases, x[:, :5], 1.0, 1.0)
    with pytest.raises(ValueError, match=r"s, gamma: \(1.0, 0.0\) is not allowed; both must be > 0"):
        form(bases, x, 1.0, 0.0)
    with pytest.raises(ValueError, match=r"s, gamma: \(0.0, 1.0\) is not allowed"):
        form(bases, x, 0.0, 1.0)
    with pytest.raises(ValueError, match="columns are not orthonormal"):
        form([2 * bases[0]], x, 1.0, 1.0)

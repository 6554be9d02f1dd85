"""The low-rank algebra against dense Bayes, its precision in float32, and its cost."""

import math

import pytest
import torch

from distributions.exact_laws import generator, noisy, randn, random_gaussian, random_molrg
from lowdim.distributions import Gaussian, MoLRG
from lowdim.distributions.mixture import polish
from lowdim.distributions.reference import (
    brute_force_denoise,
    brute_force_log_joint,
    brute_force_log_prob,
    dense_mixture,
)

MIXTURES = {
    "unequal": lambda: random_molrg(),
    "equal": lambda: MoLRG.random(20, (4, 4, 4), generator(1)),
    "wide": lambda: random_molrg((1, 12, 0, 7), (3, 4, 2), spread=3.0),
    "many": lambda: random_molrg((2,) * 25, (8,)),
    "one": lambda: random_molrg((5,)),
}


def dense(law: MoLRG):
    return dense_mixture(law.bases, law.eigenvalues, law.means, law.weights)


@pytest.mark.parametrize("sigma", [0.01, 0.1, 0.5, 1.0, 5.0, 1e3])
@pytest.mark.parametrize("name", MIXTURES)
def test_agrees_with_dense_bayes(name, sigma):
    law = MIXTURES[name]()
    x = noisy(law, sigma, count=20)
    flat = x.flatten(1)
    # 1e-9 covers the rounding of Cholesky factors with condition number max(lambda) / sigma^2 = 3e4.
    torch.testing.assert_close(
        law.denoise(x, sigma).flatten(1), brute_force_denoise(dense(law), flat, sigma), atol=1e-9, rtol=1e-9
    )
    torch.testing.assert_close(
        law.log_prob(x, sigma), brute_force_log_prob(dense(law), flat, sigma), atol=1e-9, rtol=1e-9
    )
    odds = brute_force_log_joint(dense(law), flat, sigma).softmax(1)
    torch.testing.assert_close(law.component_weights(x, sigma), odds, atol=1e-9, rtol=1e-7)


def test_points_far_from_every_component_stay_finite():
    law = random_molrg()
    x = 1e8 * randn(4, 12, seed=3)
    for sigma in (1e-3, 1.0, 1e3):
        assert torch.isfinite(law.denoise(x, sigma)).all()
        assert torch.isfinite(law.log_prob(x, sigma)).all()
        torch.testing.assert_close(law.component_weights(x, sigma).sum(1), torch.ones(4, dtype=torch.float64))


FLOAT32_LAWS = {
    "gaussian": random_gaussian,
    "unequal": random_molrg,
    "paper": lambda: MoLRG.random(48, (6, 6), generator(1)),
    "image": lambda: random_molrg((20,) * 5, (3, 12, 12), spread=0.5),
}


def resolvable(law: Gaussian | MoLRG, x: torch.Tensor, sigma: float) -> torch.Tensor:
    """Rows whose component odds float32 can resolve.

    A rounding of 2^-24 in ``x`` moves the log odds by about ``2^-24 |x|^2 / sigma^2``, and the denoiser by a quarter of
    that times the distance of component means. Where the move exceeds 1e-4, the odds must be clear (beyond ``e^20``).
    """
    if isinstance(law, Gaussian):
        return torch.ones(x.shape[0], dtype=torch.bool)
    move = 2**-24 * x.flatten(1).square().sum(1) / sigma**2
    largest = law.component_weights(x, sigma).max(1).values
    return (move < 1e-4) | (1 - largest < math.exp(-20))


@pytest.mark.parametrize("sigma", [1e-3, 1e-2, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0, 1e3])
@pytest.mark.parametrize("name", FLOAT32_LAWS)
def test_float32_is_finite_and_close_to_float64(name, sigma):
    law = FLOAT32_LAWS[name]()
    narrow = law.to(torch.float32)
    x = noisy(narrow, sigma, count=100)
    v = torch.randn(x.shape, generator=generator(2))
    wide_x, keep = x.double(), resolvable(law, x.double(), sigma)
    assert keep.float().mean() >= 0.9
    denoised, product = narrow.denoise(x, sigma), narrow.denoiser_product(x, sigma, v)
    assert denoised.isfinite().all()
    assert product.isfinite().all()
    assert narrow.score(x, sigma).isfinite().all()
    torch.testing.assert_close(denoised[keep].double(), law.denoise(wide_x, sigma)[keep], atol=1e-4, rtol=1e-4)
    expected = law.denoiser_product(wide_x, sigma, v.double())[keep]
    torch.testing.assert_close(product[keep].double(), expected, atol=1e-4, rtol=1e-4)
    # A log density is a sum of n terms of order one, so its error is measured against n.
    gap = narrow.log_prob(x, sigma).double() - law.log_prob(wide_x, sigma)
    assert (gap.abs() < 1e-4 * (law.n + law.log_prob(wide_x, sigma).abs())).all()


def test_a_large_common_offset_costs_no_digits_of_the_odds():
    law = random_molrg()
    moved = MoLRG(law.bases, law.eigenvalues, law.means + 1e6, law.weights)
    x = noisy(law, 0.5)
    torch.testing.assert_close(moved.component_weights(x + 1e6, 0.5), law.component_weights(x, 0.5), atol=1e-7, rtol=0)


def test_twins_share_their_weight():
    law = random_molrg((3,))
    twins = MoLRG(law.bases * 2, law.eigenvalues * 2, law.means.expand(2, -1), [0.25, 0.75])
    x = noisy(law, 0.3)
    torch.testing.assert_close(twins.component_weights(x, 0.3), torch.tensor([[0.25, 0.75]]).double().expand(6, 2))
    torch.testing.assert_close(twins.denoise(x, 0.3), law.denoise(x, 0.3))


def test_nothing_of_size_n_by_n_is_made():
    n = 150_000  # an n x n matrix would take 180 GB
    law = MoLRG.random(n, (3, 2), generator(4))
    x = noisy(law, 0.5, count=2)
    assert law.denoise(x, 0.5).shape == (2, n)
    assert law.denoiser_product(x, 0.5, x).shape == (2, n)
    assert law.log_prob(x, 0.5).isfinite().all()
    seen = torch.zeros(4, n, dtype=torch.float64)
    seen[range(4), range(0, 4 * 30_000, 30_000)] = 1.0
    assert law.posterior(seen @ x[0], seen, 0.1).mean().shape == (n,)
    assert law.gaussian().rank == 5


def test_widening_makes_float32_bases_orthonormal_to_float64():
    wide = random_molrg().to(torch.float32).to(torch.float64)
    for u in wide.bases:
        torch.testing.assert_close(u.T @ u, torch.eye(u.shape[1], dtype=torch.float64), atol=1e-13, rtol=0)


def test_polish_restores_orthonormality_and_the_span():
    exact = torch.linalg.qr(randn(30, 4, seed=1)).Q
    polished = polish(exact.float().double())
    torch.testing.assert_close(polished.T @ polished, torch.eye(4, dtype=torch.float64), atol=1e-14, rtol=0)
    torch.testing.assert_close(polished, exact, atol=1e-6, rtol=0)

"""The contract that every distribution keeps, on one law of every kind."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from distributions.exact_laws import LAWS, N, generator, noisy, randn
from lowdim.distributions import MoLRG, numerics

SIGMAS = (0.05, 0.5, 2.0, 30.0)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_tweedie_score_is_the_gradient_of_the_log_density(law, sigma):
    x = noisy(law, sigma).requires_grad_()
    (gradient,) = torch.autograd.grad(law.log_prob(x, sigma).sum(), x)
    # The score is up to sqrt(n) / sigma large; 1e-8 is far above rounding and far below any wrong factor.
    torch.testing.assert_close(law.score(x, sigma) * sigma, gradient * sigma, atol=1e-8, rtol=0)


def test_score_matches_central_differences(law):
    x, sigma, h = noisy(law, 0.7), 0.7, 1e-5
    v = randn(*x.shape, seed=4)
    slope = (law.log_prob(x + h * v, sigma) - law.log_prob(x - h * v, sigma)) / (2 * h)
    # The error of central differences is h^2 times third derivatives, about 1e-9 here.
    torch.testing.assert_close(slope, (law.score(x, sigma) * v).flatten(1).sum(1), atol=1e-7, rtol=1e-7)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_jacobian_is_the_derivative_of_the_denoiser(law, sigma):
    x = noisy(law, sigma, count=3)
    jacobian = law.denoiser_jacobian(x, sigma)
    columns = torch.func.jacrev(lambda z: law.denoise(z, sigma).flatten(1).sum(0))(x).flatten(2).transpose(0, 1)
    torch.testing.assert_close(jacobian, columns, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(jacobian, jacobian.mT, atol=1e-9, rtol=1e-9)
    # A covariance: no negative eigenvalues.
    assert torch.linalg.eigvalsh(jacobian).min() > -1e-9


def test_products_with_one_and_with_many_directions_equal_the_jacobian(law):
    x, sigma = noisy(law, 0.6), torch.linspace(0.2, 2.0, 6, dtype=torch.float64)
    jacobian, many = law.denoiser_jacobian(x, sigma), randn(6, 4, *law.event_shape, seed=8)
    expected = (many.flatten(2) @ jacobian).reshape(many.shape)
    torch.testing.assert_close(law.denoiser_product(x, sigma, many), expected, atol=1e-12, rtol=1e-10)
    torch.testing.assert_close(law.denoiser_product(x, sigma, many[:, 1]), expected[:, 1], atol=1e-12, rtol=1e-10)


def test_products_agree_with_forward_mode_under_vmap(law):
    x, directions = noisy(law, 0.6), randn(3, 6, *law.event_shape, seed=8)
    push = torch.func.vmap(lambda v: torch.func.jvp(lambda z: law(z, 0.6), (x,), (v,))[1])(directions)
    torch.testing.assert_close(push, law.denoiser_product(x, 0.6, directions.transpose(0, 1)).transpose(0, 1))


def test_a_batch_of_noise_levels_equals_a_loop(law):
    sigma = torch.tensor([0.01, 0.1, 0.5, 1.0, 10.0, 500.0], dtype=torch.float64)
    x, v = noisy(law, sigma), randn(6, *law.event_shape, seed=9)
    for k, s in enumerate(sigma.tolist()):
        one = x[k : k + 1]
        torch.testing.assert_close(law.denoise(x, sigma)[k], law.denoise(one, s)[0])
        torch.testing.assert_close(law.score(x, sigma)[k], law.score(one, s)[0])
        torch.testing.assert_close(law.log_prob(x, sigma)[k], law.log_prob(one, s)[0])
        torch.testing.assert_close(law.denoiser_product(x, sigma, v)[k], law.denoiser_product(one, s, v[k : k + 1])[0])


def test_calling_is_denoising(law):
    x = noisy(law, 1.0)
    assert torch.equal(law(x, 1.0), law.denoise(x, 1.0))


def test_shapes(law):
    x, shape = noisy(law, 1.0), law.event_shape
    assert law.n == shape.numel() == N
    assert law.sample(5, generator()).shape == (5, *shape)
    assert law.sample(0, generator()).shape == (0, *shape)
    assert law.log_prob(x, 1.0).shape == (6,)
    assert law.denoise(x, 1.0).shape == law.score(x, 1.0).shape == x.shape
    assert law.denoiser_jacobian(x, 1.0).shape == (6, N, N)
    assert law.mean().shape == shape
    assert law.covariance().shape == (N, N)
    assert law.denoise(x[:0], 1.0).shape == (0, *shape)
    assert law.log_prob(x[:0], 1.0).shape == (0,)


def test_denoiser_is_the_posterior_mean_and_its_jacobian_the_posterior_covariance(law):
    x, sigma = noisy(law, 0.8, count=2), 0.8
    for k in range(2):
        posterior = law.posterior(x[k], torch.eye(N, dtype=torch.float64), sigma)
        torch.testing.assert_close(posterior.mean(), law.denoise(x, sigma)[k], atol=1e-10, rtol=1e-9)
        covariance = sigma**2 * law.denoiser_jacobian(x, sigma)[k]
        torch.testing.assert_close(posterior.covariance(), covariance, atol=1e-10, rtol=1e-9)


def test_samples_have_the_mean_and_the_covariance(law):
    draws = law.sample(40_000, generator(3)).flatten(1)
    # Five standard errors: a mean is off by sqrt(var / N), a covariance by about 2 var / sqrt(N) for these laws.
    scale = float(law.covariance().diagonal().max())
    assert (draws.mean(0) - law.mean().flatten()).abs().max() < 5 * math.sqrt(scale / 40_000)
    assert (draws.T.cov(correction=0) - law.covariance()).abs().max() < 10 * scale / math.sqrt(40_000)


def test_sampling_is_reproducible_and_depends_on_the_generator(law):
    assert torch.equal(law.sample(7, generator(1)), law.sample(7, generator(1)))
    assert not torch.equal(law.sample(7, generator(1)), law.sample(7, generator(2)))


def test_gaussian_of_equal_moments(law):
    matched = law.gaussian()
    torch.testing.assert_close(matched.mean(), law.mean())
    torch.testing.assert_close(matched.covariance(), law.covariance(), atol=1e-12, rtol=1e-10)
    assert law.gaussian(rank=2).rank == 2
    with pytest.raises(ValueError, match=r"rank: 99 is not allowed; give a whole number from 0 to"):
        law.gaussian(rank=99)


def test_at_huge_noise_the_denoiser_is_the_mean_and_at_tiny_noise_a_projection_onto_the_data(law):
    x0 = law.sample(6, generator(2))
    torch.testing.assert_close(law.denoise(x0, 1e6), law.mean().expand_as(x0), atol=1e-4, rtol=0)
    torch.testing.assert_close(law.denoise(x0, 1e-6), x0, atol=1e-4, rtol=0)


def test_chunks_bound_the_rows_treated_at_once(law, monkeypatch):
    monkeypatch.setattr(numerics, "CHUNK_NUMBERS", 60)
    law, rows = law.to(), []
    for name in ("_denoise", "_log_prob", "_denoiser_product"):
        inner = getattr(law, name)
        monkeypatch.setattr(law, name, lambda *parts, inner=inner: (rows.append(parts[0].shape[0]), inner(*parts))[1])
    x = noisy(law, 0.5, count=50)
    law.denoise(x, 0.5)
    law.log_prob(x, 0.5)
    assert max(rows) <= 15
    rows.clear()
    law.denoiser_jacobian(x, 0.5)
    assert max(rows) <= 1


def test_chunks_change_nothing(law, monkeypatch):
    x, v = noisy(law, 0.5), randn(6, 3, *law.event_shape, seed=8)
    whole = law.denoise(x, 0.5), law.log_prob(x, 0.5), law.denoiser_product(x, 0.5, v), law.denoiser_jacobian(x, 0.5)
    monkeypatch.setattr(numerics, "CHUNK_NUMBERS", 40)
    law = law.to()  # an empirical law decides the size of its blocks of points when it is made
    parts = law.denoise(x, 0.5), law.log_prob(x, 0.5), law.denoiser_product(x, 0.5, v), law.denoiser_jacobian(x, 0.5)
    torch.testing.assert_close(parts, whole, atol=1e-12, rtol=1e-12)


def test_conversion_keeps_the_law_and_the_kind(law):
    narrow = law.to(torch.float32)
    assert type(narrow) is type(law)
    assert isinstance(law.to(device="cpu"), type(law))
    assert narrow.dtype == torch.float32
    assert narrow.event_shape == law.event_shape
    assert narrow.sample(3, generator()).dtype == torch.float32
    x = noisy(law, 0.7)
    back = narrow.to(torch.float64)
    torch.testing.assert_close(back.denoise(x, 0.7), law.denoise(x, 0.7), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(back.log_prob(x, 0.7), law.log_prob(x, 0.7), atol=1e-5, rtol=1e-5)


def test_results_come_in_the_dtype_of_the_input_at_the_precision_of_the_law(law):
    x = noisy(law, 0.7)
    for method in (law.denoise, law.score, law.log_prob, law.denoiser_jacobian):
        low = method(x.float(), 0.7)
        assert low.dtype == torch.float32
        torch.testing.assert_close(low, method(x.float().double(), 0.7).float(), rtol=2e-7, atol=0)


def test_noise_levels_carry_gradients(law):
    x, sigma, h = noisy(law, 0.7), torch.full((6,), 0.7, dtype=torch.float64, requires_grad=True), 1e-5
    (gradient,) = torch.autograd.grad(law.log_prob(x, sigma).sum(), sigma)
    slope = (law.log_prob(x, 0.7 + h) - law.log_prob(x, 0.7 - h)) / (2 * h)
    torch.testing.assert_close(gradient, slope, atol=1e-6, rtol=1e-6)


BAD_X = {
    "shape": (torch.zeros(3, N + 1, dtype=torch.float64), r"x: shape \(3, 13\) is not allowed; give \(B, 12\)"),
    "no batch": (torch.zeros(N, dtype=torch.float64), r"x: shape \(12,\) is not allowed"),
    "nan": (torch.full((3, N), math.nan), r"x: 36 of 36 entries are NaN or infinite"),
    "infinite": (torch.full((3, N), math.inf), r"x: 36 of 36 entries are NaN or infinite"),
    "integer": (torch.zeros(3, N, dtype=torch.long), r"x: got a Tensor of torch.int64; give a floating-point"),
    "list": ([[0.0] * N], r"x: got a list; give a floating-point torch.Tensor"),
}


@pytest.mark.parametrize("method", ["denoise", "score", "log_prob", "denoiser_jacobian", "__call__"])
@pytest.mark.parametrize(("x", "message"), BAD_X.values(), ids=BAD_X)
def test_bad_points_are_refused(method, x, message):
    with pytest.raises(ValueError, match=message):
        getattr(LAWS["molrg"](), method)(x, 1.0)


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan, math.inf, torch.tensor([1.0, 0.0]), torch.ones(3)])
@pytest.mark.parametrize("method", ["denoise", "score", "log_prob", "denoiser_jacobian"])
def test_bad_noise_levels_are_refused(method, sigma):
    with pytest.raises(ValueError, match="sigma: .* is not allowed"):
        getattr(LAWS["empirical"](), method)(torch.zeros(2, N, dtype=torch.float64), sigma)


@pytest.mark.parametrize("shape", [(5, N), (3, 2, N), (6, 2, N + 1), (6, N, 2, 2), (6,)])
def test_directions_of_another_shape_are_refused(law, shape):
    with pytest.raises(ValueError, match=r"v: shape .* is not allowed; give \(6, .*\) or \(6, m, "):
        law.denoiser_product(noisy(law, 1.0), 1.0, torch.zeros(shape, dtype=torch.float64))


def test_points_on_another_device_are_refused():
    law = LAWS["molrg"]()
    x = noisy(law, 1.0)
    law.device = torch.device("cuda")
    with pytest.raises(ValueError, match=r"x: on cpu, but the distribution is on cuda; move one with .to"):
        law.denoise(x, 1.0)


@pytest.mark.parametrize("count", [-1, 2.0, True, None])
def test_bad_counts_are_refused(law, count):
    with pytest.raises(ValueError, match="n: .* is not allowed; give a whole number of at least 0"):
        law.sample(count, generator())


def test_a_generator_is_asked_for(law):
    with pytest.raises(ValueError, match=r"generator: got a int; give a torch.Generator"):
        law.sample(2, 0)


def test_half_precision_is_refused():
    with pytest.raises(ValueError, match=r"dtype: torch.float16 is not allowed; choose torch.float32 or torch.float64"):
        LAWS["gaussian"]().to(torch.float16)


@settings(deadline=None, max_examples=40)
@given(
    n=st.integers(1, 9),
    ranks=st.lists(st.integers(0, 9), min_size=1, max_size=4),
    log_sigma=st.floats(-6.0, 6.0),
    seed=st.integers(0, 2**31 - 1),
)
def test_any_shape_rank_and_noise_level_gives_a_denoiser_inside_the_law(n, ranks, log_sigma, seed):
    draw, sigma = generator(seed), math.exp(log_sigma)
    law = MoLRG.random(n, [min(r, n) for r in ranks], draw, orthogonal=False)
    x = noisy(law, sigma, count=3, seed=seed)
    assert torch.isfinite(law.log_prob(x, sigma)).all()
    denoised, jacobian = law.denoise(x, sigma), law.denoiser_jacobian(x, sigma)
    # Shrinkage: means are zero, so each component's estimate is a contraction of x by at most 1 / (1 + sigma^2).
    assert (denoised.norm(dim=1) <= x.norm(dim=1) / (1 + sigma**2) * (1 + 1e-9) + 1e-12).all()
    assert (torch.linalg.matrix_rank(jacobian, tol=1e-9 * float(jacobian.abs().max() + 1e-30)) <= sum(law.ranks)).all()
    weights = law.component_weights(x, sigma)
    torch.testing.assert_close(weights.sum(1), torch.ones(3, dtype=torch.float64))

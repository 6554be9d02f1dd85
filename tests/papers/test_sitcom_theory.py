"""Closed forms of chapter 07 against quadratic programming, conditioning and simulation; its signals and priors."""

import itertools

import pytest
import torch

from lowdim.denoising.grids import vp_sigmas
from lowdim.distributions import Gaussian
from lowdim.papers.sitcom.coordinates import posterior_closeness
from lowdim.papers.sitcom.laws import ambiguous_prior
from lowdim.papers.sitcom.signals import (
    TASKS,
    draw_case,
    shapes_prior,
    signal_psnr,
    smooth_prior,
    subspaces_prior,
    task_matrix,
)
from lowdim.papers.sitcom.theory import conditional_gain, input_gain, output_gain, run_law, shrinkage

N, M = 7, 3


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def setting():
    g = generator()
    root = torch.randn(N, N, generator=g, dtype=torch.float64)
    return root @ root.T / N, torch.randn(M, N, generator=g, dtype=torch.float64), g


def test_shrinkage_is_the_jacobian_of_the_denoiser():
    covariance, _, g = setting()
    law = Gaussian.from_covariance(torch.zeros(N).double(), covariance)
    jacobian = law.denoiser_jacobian(torch.randn(1, N, generator=g, dtype=torch.float64), 0.6)[0]
    torch.testing.assert_close(shrinkage(covariance, 0.6), jacobian)


@pytest.mark.parametrize("rho", [0.5, 1e-3])
def test_the_gain_solves_the_normal_equations_of_the_input(rho):
    covariance, a, g = setting()
    w = shrinkage(covariance, 0.7)
    x, y = torch.randn(N, generator=g, dtype=torch.float64), torch.randn(M, generator=g, dtype=torch.float64)
    b = a @ w
    move = torch.linalg.solve(b.T @ b + rho * torch.eye(N).double(), b.T @ (y - a @ x))
    torch.testing.assert_close(input_gain(w, a, rho) @ (y - a @ x), w @ move)


def test_without_closeness_it_is_the_projection_in_the_metric_of_the_inverse_square():
    covariance, a, g = setting()
    w = shrinkage(covariance, 0.7)
    x, y = torch.randn(N, generator=g, dtype=torch.float64), torch.randn(M, generator=g, dtype=torch.float64)
    metric = torch.linalg.inv(w @ w)
    # Lagrange: metric (x' - x) + A^T mu = 0 and A x' = y.
    system = torch.cat([torch.cat([metric, a.T], 1), torch.cat([a, torch.zeros(M, M).double()], 1)])
    solved = torch.linalg.solve(system, torch.cat([metric @ x, y]))[:N]
    torch.testing.assert_close(x + input_gain(w, a, 0.0) @ (y - a @ x), solved)
    torch.testing.assert_close(input_gain(w, a, 0.0), input_gain(w, a, 1e-10), rtol=0, atol=1e-6)


def test_output_repair_is_the_plain_projection():
    _, a, g = setting()
    x, y = torch.randn(N, generator=g, dtype=torch.float64), torch.randn(M, generator=g, dtype=torch.float64)
    moved = x + output_gain(a) @ (y - a @ x)
    torch.testing.assert_close(a @ moved, y)
    null = torch.linalg.svd(a).Vh[M:]
    torch.testing.assert_close(null @ moved, null @ x)


def test_the_conditional_gain_is_that_of_conditioning_on_both():
    """``z`` and ``y`` together are one linear measurement of ``x0``."""
    covariance, a, g = setting()
    sigma, noise = 0.7, 0.3
    z, y = torch.randn(N, generator=g, dtype=torch.float64), torch.randn(M, generator=g, dtype=torch.float64)
    whole = torch.cat([torch.eye(N).double() / sigma, a / noise])
    seen = torch.cat([z / sigma, y / noise])
    precision = torch.linalg.inv(covariance) + whole.T @ whole
    expected = torch.linalg.solve(precision, whole.T @ seen)
    w = shrinkage(covariance, sigma)
    x = w @ z
    found = x + conditional_gain(w, a, (noise / sigma) ** 2) @ (y - a @ x)
    torch.testing.assert_close(found, expected)


def test_input_and_conditional_gain_agree_where_the_jacobian_is_a_projection():
    _, a, g = setting()
    basis, _ = torch.linalg.qr(torch.randn(N, 2, generator=g, dtype=torch.float64))
    w = basis @ basis.T
    torch.testing.assert_close(input_gain(w, a, 0.2), conditional_gain(w, a, 0.2))
    schedule = posterior_closeness(0.3)
    # lambda_VE = lambda / (1 + sigma^2) is the ratio in the gain.
    assert schedule(0.7) / (1 + 0.7**2) == pytest.approx((0.3 / 0.7) ** 2)


def test_the_law_of_a_run_is_that_of_simulated_runs():
    covariance, a, g = setting()
    law = Gaussian.from_covariance(torch.ones(N).double(), covariance)
    y = torch.randn(M, generator=g, dtype=torch.float64)
    sigmas = vp_sigmas(6).tolist()
    mean, spread = run_law(law.mean(), covariance, a, y, sigmas, lambda w, sigma: input_gain(w, a, 0.1))
    z = (1 + sigmas[0] ** 2) ** 0.5 * torch.randn(40_000, N, generator=g, dtype=torch.float64)
    for sigma, following in itertools.pairwise(sigmas):
        x = law.denoise(z, sigma)
        x = x + (y - x @ a.T) @ input_gain(shrinkage(covariance, sigma), a, 0.1).T
        z = x + following * torch.randn(z.shape, generator=g, dtype=torch.float64)
    size = float(spread.diagonal().max().sqrt())
    assert float((z.mean(0) - mean).abs().max()) < 0.03 * size
    assert float((torch.cov(z.T) - spread).abs().max()) < 0.04 * size**2


def test_exact_conditional_means_keep_the_mean_and_lose_spread():
    covariance, a, g = setting()
    law = Gaussian.from_covariance(torch.zeros(N).double(), covariance)
    y = torch.randn(M, generator=g, dtype=torch.float64)
    exact = law.posterior(y, a, 0.2)
    mean, spread = run_law(
        law.mean(), covariance, a, y, vp_sigmas(20).tolist(), lambda w, s: conditional_gain(w, a, (0.2 / s) ** 2)
    )
    torch.testing.assert_close(mean, exact.mean(), rtol=0, atol=1e-4)
    assert 0.3 < float((spread.trace() / exact.covariance().trace()).sqrt()) < 0.95


def test_matrices_of_the_tasks():
    g = generator()
    shapes = {task: task_matrix(task, g) for task in TASKS}
    assert {task: len(matrix) for task, matrix in shapes.items()} == {
        "box": 48,
        "random": 20,
        "pooling": 16,
        "blur": 64,
    }
    for task, matrix in shapes.items():
        assert torch.allclose(matrix.sum(1), torch.ones(len(matrix)).double()), task
    with pytest.raises(ValueError, match="task: 'fog'"):
        task_matrix("fog", g)


def test_priors_are_what_they_say():
    x = smooth_prior().sample(4000, generator())
    assert float(x.var()) == pytest.approx(0.25, abs=0.01)
    shapes = subspaces_prior()
    assert shapes.ranks == (5,) * 6
    drawn = shapes.sample(2000, generator())
    first = torch.cos(torch.pi * (torch.arange(64) + 0.5) / 64).double()
    coefficients = (drawn[:, None] - shapes.means) @ first / 32
    assert float(coefficients.gather(1, torch.cdist(drawn, shapes.means).argmin(1, keepdim=True)).std()) > 0.1
    torch.testing.assert_close(ambiguous_prior().weights, torch.tensor([0.5, 0.2, 0.3]).double())


def test_a_floor_under_a_mixture_is_one_of_full_rank():
    law = shapes_prior()
    x = law.sample(5, generator()) + 0.3 * torch.randn(5, 64, generator=generator(1), dtype=torch.float64)
    for sigma in (0.01, 0.3, 5.0):
        torch.testing.assert_close(law(x, sigma), law.full(x, sigma), rtol=0, atol=1e-9)
    assert float(law.sample(3000, generator()).var(0).mean()) == pytest.approx(
        float(law.full.covariance().diagonal().mean()), rel=0.1
    )


def test_a_case_pairs_tasks_and_pads_their_rows():
    case = draw_case(smooth_prior(), TASKS, 0.1, 3, 0, "test")
    assert case.matrix.shape == (4, 64, 64)
    torch.testing.assert_close(case.x[:3], case.x[9:])
    for row in (0, 4, 7, 11):
        clean = case.matrix[row // 3] @ case.x[row]
        seen = (case.matrix[row // 3] != 0).any(1)
        assert float((case.y[row] - clean)[~seen].abs().sum()) == 0
        assert 0.03 < float((case.y[row] - clean)[seen].std()) < 0.2
    mean = case.posterior_mean()
    one = case.prior.posterior(case.y[3, :20], case.matrix[1, :20], 0.1).mean()
    torch.testing.assert_close(mean[3], one)
    twice = case.repeat(2)
    torch.testing.assert_close(twice.physics.A(twice.x)[12:], case.physics.A(case.x))
    torch.testing.assert_close(twice.half().y, case.y)


def test_psnr_of_signals():
    x = torch.zeros(2, 64)
    assert signal_psnr(x + 0.2, x).tolist() == pytest.approx([20.0, 20.0], abs=1e-4)

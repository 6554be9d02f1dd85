"""Closed forms of chapter 01 against Monte Carlo, finite differences, the library's exact models and constructions."""

import math

import pytest
import torch

from lowdim.distributions import MoLRG
from lowdim.metrics.subspaces import recovery_error
from lowdim.papers.subspace_clustering.exact import hard_max_loss
from lowdim.papers.subspace_clustering.ksubspaces import top_subspace
from lowdim.papers.subspace_clustering.model import subspace_denoise
from lowdim.papers.subspace_clustering.synthetic import crossing, draw_problem, orthogonal_bases
from lowdim.papers.subspace_clustering.theory import (
    clustered_mmse,
    clustering_objective,
    expected_loss,
    gain,
    linear_mmse,
    mean_squared_error,
    odds_rate,
    recovery_bound,
    switch_sigma,
    worst_error,
)
from lowdim.seeding import make_generator


@pytest.fixture
def generator():
    return make_generator(0, "test", "theory")


def noise_like(x, generator):
    return torch.randn(x.shape, generator=generator, dtype=x.dtype)


@pytest.mark.parametrize("ranks", [(3,), (2, 2), (1, 4)])
@pytest.mark.parametrize(("s", "gamma"), [(1.0, 0.5), (0.6, 0.8), (0.3, 2.0)])
def test_expected_loss_is_the_mean_over_noise(ranks, s, gamma, generator):
    bases = list(orthogonal_bases(1, 1, 9, sum(ranks), generator)[0, 0].split(ranks, dim=-1))
    x = 2 * torch.randn(3, 9, generator=generator, dtype=torch.float64)
    measured = hard_max_loss(x, bases, s, gamma, 40_000, generator)
    assert measured == pytest.approx(float(expected_loss(x, bases, s, gamma).mean()), rel=0.01)


def test_expected_loss_charges_each_sample_for_its_own_block():
    """One sample in a block of rank 1, one in a block of rank 4: the noise let through differs by three dimensions."""
    e = torch.eye(6, dtype=torch.float64)
    x = torch.stack([e[0], e[3]])
    loss = expected_loss(x, [e[:, :1], e[:, 1:5]], 1.0, 1.0)
    torch.testing.assert_close(loss, torch.tensor([0.25 + 0.25, 0.25 + 4 * 0.25], dtype=torch.float64))


def test_expected_loss_orders_subspaces_as_pca_does_for_every_schedule(generator):
    """Theorem 1: the loss is a falling affine function of the captured energy, whatever s and gamma."""
    x = torch.randn(12, 9, generator=generator, dtype=torch.float64)
    rivals = orthogonal_bases(30, 1, 9, 3, generator)
    energy = clustering_objective(x.expand(30, -1, -1), rivals)
    for s, gamma in ((1.0, 0.1), (1.0, 4.0), (0.4, 0.9)):
        loss = torch.stack([expected_loss(x, basis, s, gamma).mean() for basis in rivals])
        assert torch.equal(loss.argsort(descending=True), energy.argsort())


def test_gain_and_odds_rate_are_those_of_the_exact_mixture(generator):
    """Against MoLRG: the denoiser inside one subspace, and the log-odds of two, on an arbitrary schedule (s, gamma)."""
    s, gamma = 0.7, 0.4
    model = MoLRG.random(8, (2, 2), generator)
    x = torch.randn(5, 8, generator=generator, dtype=torch.float64)
    weights = model.component_weights(x / s, gamma / s)
    energies = torch.stack([(x @ u).square().sum(1) for u in model.bases], 1)
    odds = odds_rate(s, gamma) * (energies[:, 0] - energies[:, 1])
    torch.testing.assert_close(weights[:, 0].log() - weights[:, 1].log(), odds)
    alone = MoLRG([model.bases[0]]).denoise(x / s, gamma / s)
    torch.testing.assert_close(alone, gain(s, gamma) * x @ model.bases[0] @ model.bases[0].T)


def test_recovery_bound_holds_and_is_not_vacuous(generator):
    problem = draw_problem(orthogonal_bases(300, 1, 20, 3, generator), 6, generator, noise=0.03)
    error = recovery_error(top_subspace(problem.x, 3, generator), problem.bases[:, 0])
    ratio = error / recovery_bound(problem.noise, problem.coefficients)
    assert ratio.max() < 1
    assert ratio.median() > 0.05


def test_recovery_bound_needs_enough_samples():
    with pytest.raises(ValueError, match="N >= d"):
        recovery_bound(torch.zeros(2, 5), torch.zeros(2, 3))


@pytest.mark.parametrize(("rank", "samples", "n"), [(6, 3, 48), (4, 1, 10), (8, 7, 12)])
def test_mean_squared_error_of_a_random_completion(rank, samples, n, generator):
    problem = draw_problem(orthogonal_bases(2000, 1, n, rank, generator), samples, generator)
    squares = recovery_error(top_subspace(problem.x, rank, generator), problem.bases[:, 0]).square()
    width = 4 * float(squares.std()) / math.sqrt(2000)
    assert float(squares.mean()) == pytest.approx(mean_squared_error(rank, samples, n), abs=width)
    assert float(squares.max().sqrt()) <= worst_error(rank, samples, n) + 1e-9


def test_errors_vanish_from_n_equal_d():
    assert mean_squared_error(4, 4, 48) == mean_squared_error(4, 9, 48) == 0
    assert worst_error(4, 4, 48) == 0
    assert worst_error(5, 1, 6) == pytest.approx(math.sqrt(2))  # only n - d = 1 direction lies outside the truth


def test_switch_sigma_solves_its_equation():
    for rank in (0.5, 6, 40):
        for odds in (0.5, 1.0, 3.0):
            sigma = switch_sigma(rank, odds)
            assert rank / (2 * sigma**2 * (1 + sigma**2)) == pytest.approx(odds)


def test_expected_log_odds_are_those_of_the_formula(generator):
    """E[log w_true - log w_other] = d / (2 sigma^2 (1 + sigma^2)), orthogonal subspaces: the noise adds the same to
    both.
    """
    sigma, model = 1.3, MoLRG.random(20, (5, 5), generator)
    x0, labels = model.sample_labelled(40_000, generator)
    logs = model.component_weights(x0 + sigma * noise_like(x0, generator), sigma).log()
    true, other = logs.gather(1, labels[:, None]), logs.gather(1, 1 - labels[:, None])
    assert float((true - other).mean()) == pytest.approx(5 / (2 * sigma**2 * (1 + sigma**2)), rel=0.03)


@pytest.mark.parametrize("sigma", [0.3, 1.5])
def test_affine_and_clustered_errors(sigma, generator):
    model = MoLRG.random(24, (4, 4, 4), generator)
    x0, labels = model.sample_labelled(40_000, generator)
    x = x0 + sigma * noise_like(x0, generator)
    level = torch.tensor(sigma, dtype=torch.float64)
    linear = (model.gaussian().denoise(x, sigma) - x0).square().sum(1).mean()
    assert float(linear) == pytest.approx(float(linear_mmse(4, 3, level)), rel=0.02)
    told = subspace_denoise(
        torch.stack(model.bases), x, level.expand(len(x)), torch.nn.functional.one_hot(labels).to(x)
    )
    assert float((told - x0).square().sum(1).mean()) == pytest.approx(float(clustered_mmse(4, level)), rel=0.02)


def test_crossing_interpolates_and_says_when_there_is_none():
    x = torch.tensor([1.0, 2.0, 4.0])
    assert crossing(x, torch.tensor([0.0, 0.0, 1.0]), 0.25) == pytest.approx(2.5)
    assert crossing(x, torch.tensor([1.0, 0.0, 0.0]), 0.5) == pytest.approx(1.5)
    assert math.isnan(crossing(x, torch.tensor([0.0, 0.1, 0.2]), 0.5))
    assert crossing(x, torch.tensor([0.9, 0.95, 1.0]), 0.5) != crossing(x, torch.tensor([0.0, 0.95, 1.0]), 0.5)


def test_orthogonal_bases_and_problems(generator):
    bases = orthogonal_bases(3, 2, 9, 4, generator)
    joined = torch.cat(bases.unbind(1), -1)
    torch.testing.assert_close(joined.mT @ joined, torch.eye(8, dtype=torch.float64).expand(3, -1, -1))
    problem = draw_problem(bases, 5, generator, noise=0.1)
    assert problem.labels[0].tolist() == [0, 1] * 5
    for i in range(10):
        clean = bases[1, problem.labels[1, i]] @ problem.coefficients[1, i]
        torch.testing.assert_close(problem.x[1, i], clean + problem.noise[1, i])
    with pytest.raises(ValueError, match="orthogonal"):
        orthogonal_bases(1, 3, 8, 3, generator)

import pytest
import torch

from lowdim.metrics.subspaces import match_subspaces, recovery_error
from lowdim.papers.subspace_clustering.ksubspaces import (
    assign,
    bases_from_labels,
    best_of,
    graph_labels,
    joint_k_subspaces,
    k_subspaces,
    random_bases,
    top_subspace,
)
from lowdim.papers.subspace_clustering.synthetic import draw_problem, orthogonal_bases
from lowdim.papers.subspace_clustering.theory import clustering_objective
from lowdim.seeding import make_generator


@pytest.fixture
def generator():
    return make_generator(0, "test", "k-subspaces")


def assert_orthonormal(bases):
    identity = torch.eye(bases.shape[-1], dtype=bases.dtype)
    torch.testing.assert_close(bases.mT @ bases, identity.expand(*bases.shape[:-2], -1, -1))


@pytest.mark.parametrize("samples", [2, 5, 40])
def test_top_subspace_maximises_captured_energy(samples, generator):
    """Eckart and Young: the captured energy is the sum of the largest eigenvalues of the scatter; few and many
    samples.
    """
    x = torch.randn(4, samples, 12, generator=generator, dtype=torch.float64)
    basis = top_subspace(x, 3, generator)
    assert_orthonormal(basis)
    best = torch.linalg.eigvalsh(x.mT @ x)[:, -3:].sum(-1)
    torch.testing.assert_close((x @ basis).square().sum((-2, -1)), best)


@pytest.mark.parametrize("rows", [1, 3])
def test_completion_is_uniform_in_the_complement(rows, generator):
    """One sample in R^5, rank 2: the second direction is uniform in the four-dimensional complement, mean square 1/4.

    Rows of zeros, as points of other clusters leave them, change nothing.
    """
    x = torch.zeros(4000, rows, 5, dtype=torch.float64)
    x[:, 0, 0] = 2.0
    basis = top_subspace(x, 2, generator)
    assert basis[:, 0, 0].abs().min() > 1 - 1e-12
    torch.testing.assert_close(
        basis[:, 1:, 1].square().mean(0), torch.full((4,), 0.25, dtype=torch.float64), atol=0.015, rtol=0
    )


def test_each_step_captures_more(generator):
    problem = draw_problem(orthogonal_bases(20, 2, 15, 3, generator), 8, generator, noise=0.2)
    bases, captured = random_bases(20, 2, 15, 3, generator, problem.x), []
    for _ in range(8):
        fit = k_subspaces(problem.x, bases, generator, iterations=1)
        captured.append(fit.captured)
        bases = fit.bases
    steps = torch.stack(captured).diff(dim=0)
    assert steps.min() > -1e-12
    assert steps.max() > 1e-3


def test_a_batch_is_a_loop(generator):
    problem = draw_problem(orthogonal_bases(6, 2, 15, 3, generator), 8, generator, noise=0.1)
    start = random_bases(6, 2, 15, 3, generator, problem.x)
    together = k_subspaces(problem.x, start, generator)
    for i in range(6):
        alone = k_subspaces(problem.x[i : i + 1], start[i : i + 1], generator)
        torch.testing.assert_close(alone.captured[0], together.captured[i])
        assert torch.equal(alone.labels[0], together.labels[i])


def test_captured_is_the_objective_of_the_theorem(generator):
    problem = draw_problem(orthogonal_bases(3, 2, 15, 3, generator), 8, generator, noise=0.1)
    fit = assign(problem.x, problem.bases)
    total = problem.x.square().sum((-2, -1)) / problem.x.shape[1]
    torch.testing.assert_close(fit.captured * total, clustering_objective(problem.x, problem.bases))
    assert (fit.labels == problem.labels).all()


def test_bases_from_labels_keep_clusters_apart(generator):
    problem = draw_problem(orthogonal_bases(3, 2, 15, 3, generator), 5, generator)
    found = bases_from_labels(problem.x, problem.labels, 2, 3, generator)
    assert recovery_error(found, problem.bases).max() < 1e-10


def test_more_restarts_never_make_it_worse(generator):
    """Noisy problems, so that no run stops early; the first group of starts is the same each time."""
    problem = draw_problem(orthogonal_bases(12, 2, 20, 4, generator), 9, generator, noise=0.1)
    captured = [best_of(problem.x, 2, 4, n, make_generator(1, "starts"), group=4).captured for n in (4, 8, 40)]
    assert (captured[1] >= captured[0]).all()
    assert (captured[2] >= captured[1]).all()
    assert (captured[2] > captured[0] + 1e-6).any()


def test_best_of_stops_when_all_is_captured(generator):
    problem = draw_problem(orthogonal_bases(5, 2, 20, 3, generator), 9, generator)
    found = best_of(problem.x, 2, 3, 40, make_generator(1, "starts"))
    assert match_subspaces(found.bases, problem.bases).errors.max() < 1e-6
    assert (found.captured - 1).abs().max() < 1e-12


def test_points_without_directions_or_runs_are_refused(generator):
    x = torch.randn(2, 6, 5, generator=generator, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"x: shape \(6, 5\) is not allowed; give \(R, N, n\)"):
        best_of(x[0], 2, 1, 3, generator)
    with pytest.raises(ValueError, match="x: a run of zeros alone"):
        best_of(x * torch.tensor([1.0, 0.0])[:, None, None], 2, 1, 3, generator)
    holed = x.clone()
    holed[0, :2] = 0
    assert best_of(holed, 2, 1, 3, generator).captured.isfinite().all()
    with pytest.raises(ValueError, match="x: 2 of 12 points are zero and have no direction; remove them"):
        graph_labels(holed)
    with pytest.raises(ValueError, match=r"x: shape \(6, 5\)"):
        graph_labels(x[0])


def test_joint_iteration_keeps_blocks_orthogonal_and_finds_the_truth(generator):
    problem = draw_problem(orthogonal_bases(12, 2, 20, 2, generator), 8, generator)
    fit = joint_k_subspaces(problem.x, random_bases(12, 2, 20, 2, generator, problem.x), generator)
    assert_orthonormal(torch.cat(fit.bases.unbind(1), -1))
    solved = match_subspaces(fit.bases, problem.bases).errors.amax(-1) < 1e-4
    assert solved.double().mean() > 0.3
    torch.testing.assert_close(solved, fit.captured > 1 - 1e-7)


def test_joint_iteration_stays_at_the_truth(generator):
    """The polar step is a fixed point at the true bases, signs included; a sign slip of the QR inside would leave
    it.
    """
    problem = draw_problem(orthogonal_bases(4, 2, 20, 3, generator), 10, generator)
    fit = joint_k_subspaces(problem.x, problem.bases, generator, iterations=60)
    assert match_subspaces(fit.bases, problem.bases).errors.max() < 1e-6


@pytest.mark.parametrize("blocks", [2, 3])
def test_graph_finds_the_clusters_and_numbers_them_by_first_member(blocks, generator):
    problem = draw_problem(orthogonal_bases(4, blocks, 20, 3, generator), 6, generator)
    assert torch.equal(graph_labels(problem.x), problem.labels)


def test_graph_components_may_be_chains():
    """Only neighbours are linked: labels have to travel the whole chain."""
    steps = torch.arange(5, dtype=torch.float64) * 0.6
    chain = torch.stack([steps.cos(), steps.sin(), torch.zeros(5, dtype=torch.float64)], 1)
    apart = torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64)
    assert graph_labels(torch.cat([chain[:2], apart, chain[2:]])[None], threshold=0.8).tolist() == [[0, 0, 1, 0, 0, 0]]


def test_refusals(generator):
    x = torch.randn(1, 4, 5, generator=generator, dtype=torch.float64)
    with pytest.raises(ValueError, match="restarts"):
        best_of(x, 2, 1, 0, generator)
    with pytest.raises(ValueError, match="cannot be orthogonal"):
        joint_k_subspaces(x, random_bases(1, 2, 5, 3, generator, x), generator)

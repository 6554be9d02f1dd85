"""BLAST factors, special cases, product and solvers against closed forms and independent code."""

import itertools

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from lowdim.papers.blast import special, starts, targets
from lowdim.papers.blast.budget import components_for_budget, largest_rank, parameter_count, rank_for_budget
from lowdim.papers.blast.colouring import edge_colouring
from lowdim.papers.blast.factorize import SOLVERS, factorize, rank_for_error
from lowdim.papers.blast.factors import Factors
from lowdim.papers.blast.product import CHUNK, FEW, product, reference_product
from lowdim.papers.blast.reference import published_sweeps
from lowdim.papers.blast.structure import Largest, members
from lowdim.papers.blast.sweeps import Progress, Target, sweeps
from lowdim.papers.blast.theory import damped_decrease
from lowdim.papers.blast.updates import Rule, couplings, side, solve


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def drawn(generator, b1=3, b2=5, p=4, q=6, r=7, dtype=torch.float64):
    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=dtype)

    return Factors(normal(b1, p, r), normal(b1, b2, r), normal(b2, q, r))


def by_loops(factors):
    """The definition, entry by entry of the block grid, in NumPy."""
    U, s, V = (factor.numpy() for factor in factors)
    return np.block([[U[i] @ np.diag(s[i, j]) @ V[j].T for j in range(len(V))] for i in range(len(U))])


def test_dense_is_the_definition(generator):
    factors = drawn(generator)
    np.testing.assert_allclose(factors.dense(), by_loops(factors), atol=1e-12)
    assert factors.shape == (12, 30)
    assert factors.stored == sum(factor.numel() for factor in factors) == parameter_count((12, 30), 7, (3, 5))


def test_dense_of_a_stack(generator):
    pair = [drawn(generator), drawn(generator)]
    stack = Factors(*(torch.stack(both) for both in zip(*pair, strict=True)))
    np.testing.assert_allclose(stack.dense()[1], by_loops(pair[1]), atol=1e-12)


def test_normalised_is_the_same_matrix_with_unit_columns(generator):
    factors = drawn(generator)
    factors.U[0, :, 2] = 0
    fixed = factors.normalised()
    np.testing.assert_allclose(fixed.dense(), by_loops(factors), atol=1e-12)
    lengths = fixed.V.norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths))
    assert torch.isfinite(fixed.U).all()


def test_rank_bound(generator):
    for factors, matrix in members(generator).values():
        assert torch.linalg.matrix_rank(matrix) <= factors.rank_bound()
    left, right = torch.randn(2, 12, 3, generator=generator, dtype=torch.float64)
    assert special.from_low_rank(left, right, 4).rank_bound() == 3


def test_special_cases_are_exact(generator):
    for name, (factors, matrix) in members(generator).items():
        assert (factors.dense() - matrix).abs().max() < 1e-12, name


def test_full_diagonal_blocks(generator):
    blocks = torch.randn(3, 4, 5, generator=generator, dtype=torch.float64)
    factors = special.from_block_diagonal(blocks, torch.eye(5, dtype=torch.float64).repeat(3, 1, 1))
    assert torch.equal(factors.dense(), torch.block_diag(*blocks))


@pytest.mark.parametrize("seed", range(10))
def test_colouring_is_proper_and_needs_no_more_colours_than_the_busiest_line(seed):
    table = torch.randint(0, 6, (5, 7), generator=torch.Generator().manual_seed(seed))
    colours = edge_colouring(table)
    busiest = max(int(table.sum(0).max()), int(table.sum(1).max()))
    for i, j in itertools.product(range(5), range(7)):
        assert len(colours[i][j]) == table[i, j]
    lines = [[c for cell in row for c in cell] for row in colours]
    lines += [[c for row in colours for c in row[j]] for j in range(7)]
    for line in lines:
        assert len(set(line)) == len(line)
        assert set(line) <= set(range(busiest))


def test_colouring_refuses_what_is_no_table():
    for bad in ([[1.5]], [[-1]], [1, 2]):
        with pytest.raises(ValueError, match="counts"):
            edge_colouring(bad)


def test_split_blocks_is_the_best_fit(generator):
    matrix = torch.randn(12, 20, generator=generator, dtype=torch.float64)
    left, right = special.split_blocks(matrix, (3, 4), 2)
    error = (matrix[4:8, 5:10] - left[1, 1] @ right[1, 1].T).square().sum()
    values = torch.linalg.svdvals(matrix[4:8, 5:10])
    torch.testing.assert_close(error, values[2:].square().sum())
    with pytest.raises(ValueError, match="rank: 5"):
        special.split_blocks(matrix, (3, 4), 5)


@pytest.mark.parametrize("tokens", [1, FEW, FEW + 1, CHUNK + 3])
@pytest.mark.parametrize("grad", [False, True])
def test_product_is_that_of_the_dense_matrix(generator, tokens, grad):
    factors = drawn(generator)
    x = torch.randn(tokens, 30, generator=generator, dtype=torch.float64)
    with torch.set_grad_enabled(grad):
        for call in (product, reference_product):
            np.testing.assert_allclose(call(x, factors), x.numpy() @ by_loops(factors).T, atol=1e-12)


@pytest.mark.parametrize("tokens", [2, FEW + 4])
def test_gradients_of_the_product(generator, tokens):
    factors = tuple(factor.requires_grad_() for factor in drawn(generator, 2, 3, 2, 2, 3))
    x = torch.randn(tokens, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, *parts: product(x, Factors(*parts)), (x, *factors))


def test_product_multiplies_as_often_as_it_stores(generator):
    factors, x = drawn(generator, dtype=torch.float32), torch.randn(20, 30, generator=generator)
    with FlopCounterMode(display=False) as counter:
        product(x, factors)
    assert counter.get_total_flops() == 2 * 20 * factors.stored


@pytest.mark.parametrize("tokens", [FEW, 64])
def test_product_never_holds_the_large_tensor(generator, tokens):
    factors, x = drawn(generator, 8, 8, 4, 4, 16, torch.float32), torch.randn(tokens, 32, generator=generator)
    with torch.no_grad(), Largest() as watch:
        product(x, factors)
    assert watch.numbers == 8 * tokens * 16
    with torch.no_grad(), Largest() as watch:
        reference_product(x, factors)
    assert watch.numbers == 8 * 8 * tokens * 16


def test_what_the_backward_pass_keeps(generator):
    factors = Factors(*(f.requires_grad_() for f in drawn(generator, 8, 8, 4, 4, 16, torch.float32)))
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        product(torch.randn(64, 32, generator=generator), factors)
    assert max(kept) == 8 * 64 * 16


def test_short_floats_are_summed_in_float32(generator):
    factors = drawn(generator, 2, 16, 4, 4, 64)
    x = torch.randn(2, 64, generator=generator, dtype=torch.float64)
    exact = product(x, factors)
    found = product(x.bfloat16(), factors.to(torch.bfloat16))
    assert found.dtype == torch.bfloat16
    assert (found.double() - exact).norm() / exact.norm() < 0.02


def numeric_gradient(target, factors, which, step=1e-6):
    value = factors[which]
    found = torch.zeros_like(value)
    for index in itertools.product(*map(range, value.shape)):
        ends = []
        for sign in (1, -1):
            moved = value.clone()
            moved[index] += sign * step
            ends.append(target.loss(factors._replace(**{"UsV"[which]: moved})).sum())
        found[index] = (ends[0] - ends[1]) / (2 * step)
    return found


def test_gradients_and_hessians_of_the_three_groups(generator):
    matrices = torch.randn(2, 6, 8, generator=generator, dtype=torch.float64)
    U, s, V = Factors(
        *(torch.stack(both) for both in zip(*(drawn(generator, 2, 2, 3, 4, 3) for _ in "ab"), strict=True))
    )
    target, factors = Target(matrices, (2, 2)), Factors(U, s, V)
    linear, hessian = side(target.rows, s, V)
    torch.testing.assert_close(U @ hessian - linear, numeric_gradient(target, factors, 0), atol=1e-6, rtol=1e-6)
    stacked = (V[:, None] * s[..., None, :]).flatten(2, 3)
    torch.testing.assert_close(hessian, stacked.mT @ stacked)
    linear, hessian = side(target.columns, s.transpose(1, 2), U)
    torch.testing.assert_close(V @ hessian - linear, numeric_gradient(target, factors, 2), atol=1e-6, rtol=1e-6)
    linear, rows, columns = couplings(target.rows, U, V)
    hessian = rows[:, :, None] * columns[:, None]
    gradient = (hessian @ s[..., None])[..., 0] - linear
    torch.testing.assert_close(gradient, numeric_gradient(target, factors, 1), atol=1e-6, rtol=1e-6)
    expanded = target.expanded_loss(s, gradient, linear, factors, exact=False)
    torch.testing.assert_close(expanded, target.loss(factors))


def test_grouping_changes_nothing(generator, monkeypatch):
    matrix = torch.randn(24, 30, generator=generator, dtype=torch.float64)
    whole = factorize(matrix, 5, (4, 5), steps=4).factors.dense()
    monkeypatch.setattr("lowdim.papers.blast.updates.GROUP", 1)
    torch.testing.assert_close(factorize(matrix, 5, (4, 5), steps=4).factors.dense(), whole)


def test_solve_survives_a_singular_matrix(generator):
    thin = torch.randn(5, 2, generator=generator, dtype=torch.float64)
    hessian = (thin @ thin.T)[None]
    gradient = (torch.randn(3, 5, generator=generator, dtype=torch.float64) @ hessian[0])[None]
    found = solve(hessian, gradient, torch.zeros(1, dtype=torch.float64))
    torch.testing.assert_close(found @ hessian, gradient, atol=1e-6, rtol=1e-6)


def test_one_exact_step_minimises(generator):
    matrix = torch.randn(1, 12, 12, generator=generator, dtype=torch.float64)
    U, s, V = starts.random(matrix, 3, (3, 3), generator)
    target = Target(matrix, (3, 3))
    linear, hessian = side(target.rows, s, V)
    moved = Rule(delta0=0.0).move(U, U @ hessian - linear, hessian, 1.0, torch.ones(1))
    for i in range(3):
        stacked = (V[0] * s[0, i, :, None]).flatten(0, 1)
        best = torch.linalg.lstsq(stacked, matrix[0, 4 * i : 4 * i + 4].T).solution.T
        torch.testing.assert_close(moved[0, i], best, atol=1e-8, rtol=1e-8)


@pytest.mark.parametrize("eta", [0.5, 1.3, 2.2])
def test_damped_decrease(generator, eta):
    root = torch.randn(4, 4, generator=generator, dtype=torch.float64)
    hessian, x = root @ root.T + torch.eye(4), torch.randn(2, 4, generator=generator, dtype=torch.float64)
    delta = torch.tensor(0.7, dtype=torch.float64)
    gradient = x @ hessian
    moved = x - eta * gradient @ torch.linalg.inv(hessian + delta * torch.eye(4))
    fall = (x @ hessian * x).sum() / 2 - (moved @ hessian * moved).sum() / 2
    torch.testing.assert_close(damped_decrease(gradient, hessian, eta, delta), fall)


def test_our_published_rule_is_the_published_iteration(generator):
    matrix = torch.randn(24, 36, generator=generator, dtype=torch.float64)
    begin = starts.published(matrix[None], 6, (4, 6), generator)
    *_, ours = sweeps(matrix[None], Progress.start(begin), SOLVERS["published"], 12)
    *_, theirs = published_sweeps(matrix, Factors(*(factor[0] for factor in begin)), 12)
    torch.testing.assert_close(ours.factors.dense()[0], theirs.dense(), atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_finds_an_easy_matrix(generator, solver):
    matrix = targets.low_rank(generator, 24, 2)
    found = factorize(matrix, 2, 3, steps=100, solver=solver, start="random")
    assert found.error < 0.05
    torch.testing.assert_close(
        found.error, (found.factors.dense() - matrix).norm() / matrix.norm(), atol=1e-9, rtol=1e-6
    )


def test_accelerated_never_rises(generator):
    matrix = targets.blast(generator, 32, 3, 4)  # on which plain momentum overshoots several times
    errors = factorize(matrix, 3, 4, steps=60, start="random").errors
    assert (errors[1:] <= errors[:-1]).all()
    surplus = [
        factorize(matrix, 5, 4, steps=60, start="random", solver=name) for name in ("accelerated", "preconditioned")
    ]
    assert surplus[0].error < surplus[1].error


def test_momentum_does_not_slow_what_is_fast(generator):
    """At the right rank, where the scales that the factors can exchange would drift with momentum."""
    matrix = targets.low_rank(generator, 96, 4)
    for solver in ("accelerated", "preconditioned"):
        assert factorize(matrix, 4, 8, steps=40, start="small", solver=solver).error < 1e-13, solver


def test_a_stack_is_its_matrices(generator):
    matrices = (
        torch.randn(3, 16, 24, generator=generator, dtype=torch.float64) * torch.tensor([1, 10, 1e-3])[:, None, None]
    )
    stack = factorize(matrices, 5, (2, 4), steps=15)
    assert stack.errors.shape == (15, 3)
    residual = (stack.factors.dense() - matrices).norm(dim=(1, 2)) / matrices.norm(dim=(1, 2))
    torch.testing.assert_close(residual, stack.error, atol=1e-9, rtol=1e-6)


@pytest.mark.parametrize("solver", ["accelerated", "gradient", "published"])
def test_going_on_is_not_stopping(generator, solver):
    matrix = torch.randn(16, 24, generator=generator, dtype=torch.float64)
    whole = factorize(matrix, 4, 4, steps=9, solver=SOLVERS[solver])
    if solver != "published":  # whose step size depends on the number of sweeps
        half = factorize(matrix, 4, 4, steps=4, solver=solver)
        again = factorize(matrix, 4, 4, steps=9, solver=solver, resume=half)
        assert torch.equal(again.errors, whole.errors)
        assert torch.equal(again.factors.dense(), whole.factors.dense())
    with pytest.raises(ValueError, match="resume"):
        factorize(matrix, 5, 4, steps=9, resume=whole)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_dtypes_are_kept(generator, dtype):
    matrix = (1e3 * torch.randn(16, 24, generator=generator)).to(dtype)
    found = factorize(matrix, 6, 2, steps=20)
    assert {factor.dtype for factor in found.factors} == {dtype}
    error = (found.factors.to(torch.float32).dense() - matrix.float()).norm() / matrix.float().norm()
    assert abs(error - found.error) < 0.01


def test_spectral_start_is_no_worse_than_the_svd(generator):
    matrix = targets.power_law(generator, 48)
    values = torch.linalg.svdvals(matrix)
    best = (values[8:].square().sum() / values.square().sum()).sqrt()
    assert factorize(matrix, 8, 4, steps=20).error <= best
    wide = starts.spectral(torch.randn(1, 4, 6, generator=generator), 9, (2, 2), generator)
    assert wide.rank == 9


def test_rank_for_error(generator):
    matrix = targets.low_rank(generator, 32, 4)
    found = rank_for_error(matrix, 0.01)
    assert found.factors.rank == 4
    assert found.error <= 0.01
    with pytest.raises(ValueError, match="error: 1e-06 is not reached"):
        rank_for_error(targets.gaussian(generator, 16), 1e-6, steps=3)
    with pytest.raises(ValueError, match=r"error: 1.5"):
        rank_for_error(matrix, 1.5)


def test_budgets():
    assert rank_for_budget((256, 256), 0.5, 8) == 56
    assert rank_for_budget((4096, 4096), 0.52, 16, multiple=64) == 1024  # of 1032
    assert parameter_count((256, 256), 56, (8, 8)) <= 128 * 256 < parameter_count((256, 256), 57, (8, 8))
    assert largest_rank((64, 64), (4, 4)) == 28
    with pytest.raises(ValueError, match="give at least 0.03516"):
        rank_for_budget((64, 64), 0.01, 4)
    with pytest.raises(ValueError, match="use fewer blocks"):
        components_for_budget((4, 4), 0.5, 100)
    with pytest.raises(ValueError, match=r"ratio: 1.5"):
        rank_for_budget((64, 64), 1.5, 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_blocks": 5}, "5 blocks do not divide 12 rows; choose one of 1, 2, 3, 4, 6, 12"),
        ({"num_blocks": (4, 5)}, "5 blocks do not divide 18 columns"),
        ({"num_blocks": 0}, "num_blocks: 0"),
        ({"rank": 100}, "largest is"),
        ({"rank": None}, "give one of the two"),
        ({"ratio": 0.5}, "give one of the two"),
        ({"solver": "newton"}, "choose one of accelerated"),
        ({"start": "zero"}, "choose one of spectral"),
        ({"steps": 0}, "steps: 0"),
    ],
)
def test_factorize_refuses(generator, change, message):
    settings = {"rank": 2, "num_blocks": 3} | change
    with pytest.raises(ValueError, match=message):
        factorize(torch.randn(12, 18, generator=generator), **settings)


def test_factorize_refuses_matrices_without_sense():
    for matrix, message in (
        (torch.zeros(4, 4), "all zero"),
        (torch.full((4, 4), torch.nan), "NaN"),
        (torch.ones(4), "shape"),
    ):
        with pytest.raises(ValueError, match=message):
            factorize(matrix, 1, 1)
    with pytest.raises(ValueError, match="eta"):
        Rule(eta=-1.0)
    with pytest.raises(ValueError, match="relax"):
        Rule(relax=-1.0)


def test_longer_steps_are_taken_where_the_blocks_are_slow():
    """Fewer sweeps to what the plain steps end at; nothing lost where the plain steps are fast."""
    generator = torch.Generator().manual_seed(0)
    plain, relaxed = Rule(delta0=0.01, momentum=True), SOLVERS["accelerated"]
    slow, fast = targets.gaussian(generator, 64), targets.low_rank(generator, 96, 4)
    end = factorize(slow, 12, 4, steps=60, solver=plain)
    assert len(factorize(slow, 12, 4, steps=60, solver=relaxed, until=float(end.error)).errors) <= 50
    for rule in (plain, relaxed):
        assert len(factorize(fast, 4, 8, steps=40, solver=rule, start="small", until=1e-13).errors) <= 26

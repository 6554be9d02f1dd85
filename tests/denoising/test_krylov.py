"""Block Golub-Kahan iteration on matrices of given singular values, against their known vectors."""

import math

import pytest
import torch

from lowdim.denoising.krylov import angle_bound, leading_triplets

ROUNDING = {torch.float32: 2e-4, torch.float64: 1e-9}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def matrix(values, m, n, dtype=torch.float64, seed=1):
    """``A = U diag(values) V^T`` with random orthonormal columns, and V as rows."""
    gen = generator(seed)
    U, V = (torch.linalg.qr(torch.randn(d, len(values), dtype=torch.float64, generator=gen)).Q for d in (m, n))
    return (U * values @ V.T).to(dtype), V.T.to(dtype)


class Products:
    def __init__(self, A):
        self.A, self.rows = A, 0

    def apply(self, v):
        self.rows += len(v)
        return v @ self.A.T

    def transpose(self, u):
        self.rows += len(u)
        return u @ self.A


def solve(A, k, b, tol=1e-3, max_iter=200, seed=2):
    products = Products(A)
    start = torch.randn(b, A.shape[1], dtype=A.dtype, generator=generator(seed))
    return leading_triplets(products.apply, products.transpose, start, k, tol=tol, max_iter=max_iter), products.rows


def angle_to(V, basis):
    """The largest angle from the span of the rows ``V`` to that of the rows ``basis``."""
    missed = V - V @ basis.T @ basis
    return math.asin(min(1.0, float(torch.linalg.matrix_norm(missed, ord=2))))


def assert_triplets(found, A, dtype):
    eye = torch.eye(len(found.S), dtype=dtype)
    for rows in (found.U, found.V):
        torch.testing.assert_close(rows @ rows.T, eye, rtol=0, atol=ROUNDING[dtype])
    torch.testing.assert_close(found.U @ A, found.S[:, None] * found.V, rtol=0, atol=ROUNDING[dtype])


i = torch.arange(60, dtype=torch.float64)
SPECTRA = {
    "fast": 0.5**i,
    "slow": 1 / (1 + i),
    "nearly flat": 1 - i / 100,
    "a step": torch.where(i < 4, 1.0, 0.9) - 1e-3 * i,
    "one giant": torch.where(i < 1, 30.0, 1 - i / 80),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(80, 70), (60, 200)])
@pytest.mark.parametrize("name", SPECTRA)
def test_the_angle_is_bounded_at_every_step_and_falls_to_the_tolerance(name, shape, dtype):
    values = SPECTRA[name]
    A, V = matrix(values, *shape, dtype)
    for seed in range(5):
        found, _ = solve(A, 4, 6, seed=seed)
        assert found.angle <= 1e-3
        assert angle_to(found.V, V[:4]) <= found.angle + ROUNDING[dtype]
        torch.testing.assert_close(found.S, values[:4].to(dtype), rtol=2e-6, atol=0)
        assert_triplets(found, A, dtype)
        for steps in range(1, found.iterations):
            early = solve(A, 4, 6, max_iter=steps, seed=seed)[0]
            assert early.iterations == steps
            assert angle_to(early.V, V[:4]) <= early.angle + ROUNDING[dtype]


@pytest.mark.parametrize("name", ["nearly flat", "a step"])
def test_half_the_steps_of_subspace_iteration_suffice(name):
    values = SPECTRA[name]
    A, _ = matrix(values, 400, 300)
    found, rows = solve(A, 4, 6)
    # The error of subspace iteration falls by (s_7 / s_4)^2 a step, from a right angle.
    steps = math.log(1e-3) / math.log(float(values[6] / values[3]) ** 2)
    assert found.iterations < steps / 2
    assert rows == 2 * 6 * found.iterations


@pytest.mark.parametrize("rank", [0, 1, 3, 6, 8])
def test_a_low_rank_ends_the_iteration(rank):
    values = torch.linspace(2, 1, 8, dtype=torch.float64) * (torch.arange(8) < rank)
    A, V = matrix(values, 40, 30)
    found, rows = solve(A, 5, 7, tol=1e-15)
    assert found.angle <= 1e-15
    assert found.iterations <= 3
    assert rows <= 2 * 7 + 2 * 8
    assert int((found.S > 1e-9).sum()) == min(rank, 5)
    assert angle_to(found.V[: min(rank, 5)], V[:5]) < 1e-9
    assert_triplets(found, A, torch.float64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("equal", [2, 3, 10])
def test_equal_values_around_k_count_as_one(equal, dtype):
    values = torch.cat([torch.tensor([3.0, 2.0]), torch.ones(equal), 0.8 - i[:30] / 50])
    A, V = matrix(values, 60, 50, dtype)
    found, _ = solve(A, 3, 5)
    assert found.angle <= 1e-3
    assert angle_to(found.V[:2], V[:2]) <= 1e-3
    assert angle_to(found.V, V[: 2 + equal]) <= 1e-3 + ROUNDING[dtype]


def test_a_multiple_of_an_isometry_is_exact_at_once():
    found, rows = solve(3 * torch.eye(40, dtype=torch.float64), 2, 4)
    assert (found.iterations, found.angle, rows) == (1, 0.0, 8)
    torch.testing.assert_close(found.S, torch.full((2,), 3.0, dtype=torch.float64))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("m", "n"), [(9, 9), (9, 20), (20, 9), (3, 20), (9, 1)])
def test_the_whole_space_is_exact(m, n, dtype):
    k = min(m, n)
    A, V = matrix(1 + torch.arange(k, 0, -1).double() / 10, m, n, dtype)
    for b in {k, min(k + 2, n)}:
        found, _ = solve(A, k, b, tol=1e-15)
        assert found.angle == 0
        assert angle_to(found.V, V) < ROUNDING[dtype] ** 0.5
        torch.testing.assert_close(found.S, torch.linalg.svdvals(A), rtol=1e-5, atol=0)
        assert_triplets(found, A, dtype)


def test_more_steps_than_the_space_holds():
    A, V = matrix(1 - torch.arange(20).double() / 1e6, 20, 20)
    found, rows = solve(A, 2, 3, tol=1e-15, max_iter=500)
    assert rows <= 2 * 20
    assert found.angle == 0
    assert angle_to(found.V, V[:2]) < 1e-7  # rounding over a gap of 1e-6


def test_the_bound_says_nothing_without_a_gap():
    S = torch.tensor([1.0, 0.9, 0.9, 0.5], dtype=torch.float64)
    near, far = torch.full((4, 1), 1e-3, dtype=torch.float64), torch.full((4, 1), 0.9, dtype=torch.float64)
    assert (
        angle_bound(S, far, 2, 1e-9) == math.pi / 2
    )  # the next value may still grow to 0.78 and its square past the gap
    assert angle_bound(S[:3], near, 2, 1e-9) == math.pi / 2  # nothing is known below the equal values
    assert angle_bound(S, near, 1, 1e-9) < 0.01
    assert angle_bound(torch.zeros(3), near[:3], 2, 1e-9) == 0

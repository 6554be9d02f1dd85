"""The numerical helpers."""

import pytest
import torch

from distributions.exact_laws import generator, randn
from lowdim.distributions import numerics
from lowdim.distributions.numerics import draw_indices, in_chunks, principal_axes, segment_sum, wide_dtype


def test_segment_sum_with_an_empty_segment():
    values = torch.tensor([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]])
    owner = torch.tensor([0, 0, 2])
    assert segment_sum(values, owner, 4).tolist() == [[3.0, 0.0, 4.0, 0.0], [24.0, 0.0, 32.0, 0.0]]


def test_scalars_are_wide_where_the_device_can():
    assert wide_dtype(torch.device("cpu")) == torch.float64
    assert wide_dtype(torch.device("mps")) == torch.float32


@pytest.mark.parametrize(("width", "calls"), [(1, 1), (4, 1), (10, 3), (1000, 10)])
def test_chunks_hold_the_bound_and_keep_the_order(width, calls, monkeypatch):
    monkeypatch.setattr(numerics, "CHUNK_NUMBERS", 40)
    sizes = []

    def double(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        sizes.append(x.shape[0])
        return x + y

    x = torch.arange(10.0)
    assert torch.equal(in_chunks(double, width, x, x), 2 * x)
    assert len(sizes) == calls
    assert max(sizes) * width <= 40 or max(sizes) == 1


def test_principal_axes_reconstruct_and_drop_null_directions():
    factor = randn(8, 3, seed=1) @ randn(3, 5, seed=2)
    basis, eigenvalues = principal_axes(factor)
    assert eigenvalues.shape == (3,)
    assert (eigenvalues.diff() <= 0).all()
    torch.testing.assert_close(basis @ torch.diag(eigenvalues) @ basis.T, factor @ factor.T)
    assert principal_axes(factor, 5)[1].shape == (5,)
    assert principal_axes(torch.zeros(4, 0))[0].shape == (4, 0)
    with pytest.raises(ValueError, match=r"rank: 6 is not allowed; give a whole number from 0 to 5"):
        principal_axes(factor, 6)


def test_draws_never_return_an_impossible_index():
    log_weights = torch.tensor([-float("inf"), 0.0, -float("inf")], dtype=torch.float64)
    assert set(draw_indices(log_weights, 1000, generator(1)).tolist()) == {1}


def test_the_ends_of_the_unit_interval_give_valid_draws(monkeypatch):
    first_is_impossible = torch.tensor([0.0, 0.5, 0.5], dtype=torch.float64).log()
    monkeypatch.setattr(torch, "rand", lambda n, **options: torch.zeros(n, dtype=torch.float64))
    assert draw_indices(first_is_impossible, 1, generator()).tolist() == [1]
    short = torch.full((3,), 1 / 3 - 1e-9, dtype=torch.float64).log()
    monkeypatch.setattr(torch, "rand", lambda n, **options: torch.full((n,), 1 - 2**-53, dtype=torch.float64))
    assert draw_indices(short, 1, generator()).tolist() == [2]

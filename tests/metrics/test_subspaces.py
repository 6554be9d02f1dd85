import math

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles

from lowdim.metrics.subspaces import (
    block_energies,
    match_subspaces,
    max_subspace_energy,
    principal_angles,
    recovery_error,
    union_energy,
)
from lowdim.seeding import make_generator


def random_bases(*shape, seed=0):
    noise = torch.randn(*shape, generator=make_generator(seed, "bases"), dtype=torch.float64)
    return torch.linalg.qr(noise).Q


@pytest.mark.parametrize("ranks", [(3, 3), (2, 4), (4, 1)])
def test_recovery_error_is_the_distance_of_projectors(ranks):
    u, v = random_bases(5, 8, ranks[0]), random_bases(5, 8, ranks[1], seed=1)
    direct = torch.linalg.matrix_norm(u @ u.mT - v @ v.mT)
    torch.testing.assert_close(recovery_error(u, v), direct)


def test_recovery_error_keeps_its_digits_near_zero():
    u = random_bases(20, 4)
    tilt = 1e-12
    v = u.clone()
    v[:, 0] = math.cos(tilt) * u[:, 0] + math.sin(tilt) * random_bases(20, 20)[:, 19]
    normal = v[:, 0] - u @ (u.mT @ v[:, 0])
    assert recovery_error(u, v) == pytest.approx(math.sqrt(2) * normal.norm().item(), rel=1e-3)


def test_recovery_error_ends_of_the_range():
    whole = random_bases(10, 10)
    assert recovery_error(whole[:, :3], whole[:, :3] @ random_bases(3, 3)) < 1e-14
    assert recovery_error(whole[:, :3], whole[:, 3:6]) == pytest.approx(math.sqrt(6))


def test_principal_angles_agree_with_scipy_and_with_a_construction():
    u, v = random_bases(9, 3), random_bases(9, 2, seed=1)
    np.testing.assert_allclose(principal_angles(u, v), subspace_angles(u.numpy(), v.numpy())[::-1], atol=1e-12)
    whole, angles = random_bases(8, 8), torch.tensor([1e-9, 0.3, 1.2], dtype=torch.float64)
    tilted = whole[:, :3] * angles.cos() + whole[:, 3:6] * angles.sin()
    torch.testing.assert_close(principal_angles(whole[:, :3], tilted), angles, rtol=1e-6, atol=0)


def test_matching_undoes_any_order_in_every_batch():
    truth = random_bases(4, 3, 12, 2)
    shuffles = torch.stack([torch.randperm(3, generator=make_generator(i, "order")) for i in range(4)])
    shuffled = torch.stack([bases[p] for bases, p in zip(truth, shuffles, strict=True)])
    match = match_subspaces(shuffled, truth)
    assert match.errors.max() < 1e-7
    assert torch.equal(match.order.gather(1, shuffles), torch.arange(3).expand(4, 3))
    assert torch.equal(match_subspaces(shuffled[1], truth[1]).order, match.order[1])


def test_matching_maximises_the_total_not_the_first_choice():
    # estimate 0 fits truth 0 best of all, but taking it leaves nothing for truth 1
    e = torch.eye(6, dtype=torch.float64)
    truth = torch.stack([e[:, [0]], e[:, [1]]])
    estimated = torch.stack([(0.8 * e[:, [0]] + 0.6 * e[:, [1]]), 0.7 * e[:, [0]] + math.sqrt(0.51) * e[:, [2]]])
    assert match_subspaces(estimated, truth).order.tolist() == [1, 0]


def test_energies():
    bases = random_bases(1, 8, 6).reshape(8, 3, 2).permute(1, 0, 2)  # three orthogonal planes in R^8
    x = (bases[1] @ torch.tensor([3.0, 4.0], dtype=torch.float64))[None]
    torch.testing.assert_close(block_energies(x, bases), torch.tensor([[0.0, 25.0, 0.0]], dtype=torch.float64))
    assert max_subspace_energy(x, bases).item() == pytest.approx(1)
    mixed = x + bases[0] @ torch.tensor([5.0, 0.0], dtype=torch.float64)
    assert max_subspace_energy(mixed, bases).item() == pytest.approx(0.5)
    assert union_energy(mixed, bases).item() == pytest.approx(1)
    assert union_energy(torch.randn(4000, 8, generator=make_generator(0, "x"), dtype=torch.float64), bases).mean() < 0.8


def test_max_subspace_energy_of_a_union_gaussian():
    # K = 2, d = 4: the share in the first block is Beta(2, 2), and E max(beta, 1 - beta) = 11/16
    bases = torch.eye(8, dtype=torch.float64).reshape(8, 2, 4).permute(1, 0, 2)
    x = torch.randn(40_000, 8, generator=make_generator(0, "union"), dtype=torch.float64)
    assert max_subspace_energy(x, bases).mean().item() == pytest.approx(11 / 16, abs=4 * 0.13 / 200)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: recovery_error(torch.ones(2, 3), torch.ones(2, 3)), "u: shape"),
        (lambda: recovery_error(torch.ones(3, 1), torch.ones(4, 1)), "same n"),
        (lambda: principal_angles(torch.ones(3, 1), torch.ones(3, 1).long()), "v: shape"),
        (lambda: match_subspaces(torch.ones(2, 3, 1), torch.ones(3, 3, 1)), "estimated, truth"),
    ],
)
def test_refusals(call, match):
    with pytest.raises(ValueError, match=match):
        call()

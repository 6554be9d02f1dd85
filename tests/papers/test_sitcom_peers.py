"""deepinv's solvers in the book's units, on a prior whose answer is known."""

import pytest
import torch

from lowdim.compat import import_deepinv
from lowdim.distributions import Gaussian
from lowdim.measurement.tasks import make_task
from lowdim.papers.sitcom.peers import (
    DeepinvSolver,
    UnitRangeDenoiser,
    ddrm,
    deepinv_dps,
    diffpir,
    to_unit_range_problem,
)
from lowdim.papers.sitcom.problem import pose

deepinv = import_deepinv()
SHAPE = (1, 16, 16)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def law():
    """Smooth pictures in [-1, 1]: waves of low frequency."""
    line = torch.pi * (torch.arange(16) + 0.5) / 16
    waves = torch.stack([torch.cos(k * line)[:, None] * torch.cos(m * line) for k in range(3) for m in range(3)])
    basis, _ = torch.linalg.qr(waves.reshape(9, -1).T)
    return Gaussian(torch.zeros(SHAPE), basis, torch.full((9,), 3.0))


@pytest.fixture(scope="module")
def problem(law):
    physics = make_task("random-inpainting", SHAPE, 0.1, generator())
    x = law.sample(2, generator(1))
    y = physics(x)
    best = torch.stack([law.posterior(one, physics, 0.1).mean() for one in y])
    return x, y, physics, best


def test_the_problem_in_the_unit_range_is_the_same_problem(law, problem):
    x, y, physics, _ = problem
    y01, physics01 = to_unit_range_problem(pose(y, physics, law))
    torch.testing.assert_close(physics01.A((x + 1) / 2) - y01, (physics.A(x) - y) / 2)
    assert float(physics01.noise_model.sigma) == pytest.approx(0.05)
    assert float(physics.noise_model.sigma) == pytest.approx(0.1)


def test_the_denoiser_is_called_in_the_unit_range_and_counted(law):
    denoiser = UnitRangeDenoiser(law)
    x = torch.rand(2, *SHAPE)
    torch.testing.assert_close(denoiser(x, 0.2), (law(2 * x - 1, 0.4) + 1) / 2)
    denoiser(x.requires_grad_(), 0.2)
    assert (denoiser.forwards, denoiser.backwards) == (2, 1)


@pytest.mark.parametrize(
    ("make", "forward", "backward"),
    [(diffpir(20), 20, 0), (ddrm(20), 20, 0), (deepinv_dps(60, 20.0), None, None)],
    ids=["DiffPIR", "DDRM", "DPS"],
)
def test_solvers_of_deepinv_come_near_the_posterior_mean(law, problem, make, forward, backward):
    _, y, physics, best = problem
    solver = DeepinvSolver(law, make)
    before = torch.random.get_rng_state()
    solution = solver.solve(y, physics, generator())
    assert torch.equal(before, torch.random.get_rng_state())
    assert float((solution.estimate - best).square().mean().sqrt()) < 0.25
    assert float(best.square().mean().sqrt()) > 0.25
    if forward is not None:
        assert (solution.forward.tolist(), solution.backward.tolist()) == ([forward] * 2, [backward] * 2)
    else:
        assert bool((solution.backward > 50).all())
    assert torch.equal(solver(y, physics, generator()), solution.estimate)


def test_an_operator_that_is_not_linear_is_refused(law):
    physics = make_task("dynamic-range", SHAPE, 0.1, generator())
    with pytest.raises(ValueError, match="physics: HighDynamicRange is not linear"):
        DeepinvSolver(law, diffpir(5)).solve(torch.zeros(1, *SHAPE), physics)

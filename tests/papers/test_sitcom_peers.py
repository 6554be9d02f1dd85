"""deepinv's solvers in the book's units, on a prior whose answer is known."""

import math

import pytest
import torch

from lowdim.compat import import_deepinv
from lowdim.distributions import Gaussian
from lowdim.measurement.level_solver import Diverged, pose
from lowdim.measurement.tasks import make_task
from lowdim.papers.sitcom.peers import (
    DeepinvSolver,
    UnitRangeDenoiser,
    ddrm,
    deepinv_dps,
    diffpir,
    to_unit_range_problem,
)

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


MAKERS = pytest.mark.parametrize("make", [diffpir(4), ddrm(4), deepinv_dps(4, 20.0)], ids=["DiffPIR", "DDRM", "DPS"])


@MAKERS
def test_a_denoiser_that_fails_is_blamed(problem, make):
    _, y, physics, _ = problem
    with pytest.raises(Diverged, match="evaluation 1: the denoiser returned NaN or infinity"):
        DeepinvSolver(lambda x, sigma: x * math.nan, make).solve(y, physics, generator())


@MAKERS
def test_a_denoiser_that_fails_later_is_blamed_too(law, problem, make):
    _, y, physics, _ = problem
    asked = []

    def late(x, sigma):
        asked.append(sigma)
        return law(x, sigma) * (1.0 if len(asked) < 3 else math.inf)

    with pytest.raises(Diverged, match="evaluation 3: the denoiser returned NaN or infinity"):
        DeepinvSolver(late, make).solve(y, physics, generator())


@MAKERS
def test_a_result_that_only_broadcasts_is_refused(problem, make):
    _, y, physics, _ = problem
    with pytest.raises(ValueError, match=r"denoiser: it returned shape \(2, 1, 1, 16\) for \(2, 1, 16, 16\)"):
        DeepinvSolver(lambda x, sigma: x.mean(2, keepdim=True), make).solve(y, physics, generator())


def test_a_solver_that_diverges_by_itself_is_not_the_denoisers_fault(law, problem):
    _, y, physics, _ = problem
    solution = DeepinvSolver(law, lambda denoiser, device: lambda y, physics: denoiser(y, 0.1) * math.nan).solve(
        y, physics, generator()
    )
    assert bool(solution.estimate.isnan().all())


def test_what_deepinv_fails_at_is_said(law, problem):
    x, y, physics, _ = problem
    coarse = make_task("super-resolution", SHAPE, 0.1, generator())
    with pytest.raises(ValueError, match="physics: a DownsamplingMatlab is not allowed; DDRM needs"):
        DeepinvSolver(law, ddrm(4)).solve(coarse(x), coarse, generator())
    with pytest.raises(ValueError, match=r"y: torch.float64 is not allowed with a physics in torch.float32; move"):
        DeepinvSolver(law, ddrm(4)).solve(y.double(), physics, generator())
    uneven = make_task("random-inpainting", SHAPE, 0.1, generator())
    uneven.set_noise_model(deepinv.physics.GaussianNoise(torch.tensor([0.1, 0.2])))
    for make, name in ((ddrm(4), "DDRM"), (diffpir(4), "DiffPIR")):
        with pytest.raises(ValueError, match=rf"physics: noise levels \[0.05.* {name} of deepinv takes one"):
            DeepinvSolver(law, make).solve(y, uneven, generator())
    with pytest.raises(ValueError, match="denoiser: a MedianFilter is for pixels in"):
        DeepinvSolver(deepinv.models.MedianFilter(), ddrm(4)).solve(y, physics, generator())
    with pytest.raises(ValueError, match=r"make: it returned shape \(2, 1, 16\) for \(2, 1, 16, 16\)"):
        DeepinvSolver(law, lambda denoiser, device: lambda y, physics: y[..., 0]).solve(y, physics, generator())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: diffpir(0), "steps: 0 .* at least 2"),
        (lambda: diffpir(1), "steps: 1 "),
        (lambda: diffpir(2.5), "steps: 2.5"),
        (lambda: diffpir(closeness=-1), "closeness: -1 "),
        (lambda: diffpir(closeness=math.nan), "closeness: nan"),
        (lambda: diffpir(zeta=1.5), "zeta: 1.5 .* from 0 to 1"),
        (lambda: ddrm(0), "steps: 0 .* at least 1"),
        (lambda: ddrm(4, eta=2.0), "eta: 2.0 .* from 0 to 1"),
        (lambda: deepinv_dps(1, 20.0), "steps: 1 .* at least 2"),
        (lambda: deepinv_dps(4, -1.0), "weight: -1.0"),
        (lambda: deepinv_dps(4, math.inf), "weight: inf"),
    ],
)
def test_bad_settings_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()

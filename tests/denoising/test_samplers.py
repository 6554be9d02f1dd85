import math
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from lowdim.denoising import (
    Denoiser,
    Step,
    ancestral,
    edm_sigmas,
    euler,
    heun,
    initial_noise,
    invert,
    last,
    log_sigmas,
    vp_sigmas,
)
from lowdim.denoising.flows import gaussian_flow
from lowdim.distributions import Gaussian, MoLRG


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def gaussian() -> Gaussian:
    """Three directions of very different variance in six dimensions, and a mean."""
    basis = torch.linalg.qr(torch.randn(6, 3, generator=seeded(0), dtype=torch.float64)).Q
    mean = torch.randn(6, generator=seeded(1), dtype=torch.float64)
    return Gaussian(mean, basis, torch.tensor([4.0, 1.0, 0.05], dtype=torch.float64))


class Counted:
    """A denoiser that notes the dtype and level of every call."""

    def __init__(self, denoiser: Denoiser) -> None:
        self.denoiser = denoiser
        self.levels: list[float] = []
        self.dtypes: set[torch.dtype] = set()

    def __call__(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        self.levels.append(float(sigma))
        self.dtypes.add(x.dtype)
        return self.denoiser(x, sigma)


Sampler = Callable[[Denoiser, Tensor, Tensor], Iterator[Step]]
SAMPLERS: dict[str, Sampler] = {
    "euler": euler,
    "heun": heun,
    "ancestral": lambda d, x, s: ancestral(d, x, s, seeded(3)),
    "invert current": lambda d, x, s: invert(d, x, s, label="current"),
    "invert next": lambda d, x, s: invert(d, x, s, label="next"),
}


def slope(steps: list[int], errors: list[float]) -> float:
    """Of log error against log step size, by least squares."""
    h = torch.tensor([1 / n for n in steps], dtype=torch.float64).log()
    e = torch.tensor(errors, dtype=torch.float64).log()
    return float(((h - h.mean()) * (e - e.mean())).sum() / ((h - h.mean()) ** 2).sum())


# Against the closed form


@pytest.mark.parametrize(("sampler", "order"), [(euler, 1), (heun, 2)])
def test_order_of_accuracy(gaussian: Gaussian, sampler: Sampler, order: int) -> None:
    x = initial_noise((8, 6), 10.0, seeded(2), dtype=torch.float64)
    exact = gaussian_flow(gaussian, x, 10.0, 0.1)
    steps = [64, 128, 256, 512]
    # The grid stops at 0.1: the step to 0 has a fixed size and hides the order.
    errors = [float((last(sampler(gaussian, x, log_sigmas(n, 0.1, 10.0)[:-1])) - exact).abs().max()) for n in steps]
    # The neighbouring term of the expansion moves the slope by about the step size, here at most 0.07.
    assert slope(steps, errors) == pytest.approx(order, abs=0.1)


@pytest.mark.parametrize("label", ["current", "next"])
def test_inversion_is_first_order(gaussian: Gaussian, label: str) -> None:
    x0 = gaussian.sample(8, seeded(2))
    noisy = x0 + initial_noise(x0.shape, 0.1, seeded(3), dtype=torch.float64)
    exact = gaussian_flow(gaussian, noisy, 0.1, 10.0)
    steps = [64, 128, 256, 512]
    errors = [
        float((last(invert(gaussian, noisy, log_sigmas(n, 0.1, 10.0)[:-1], label)) - exact).abs().max()) for n in steps
    ]
    assert slope(steps, errors) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("label", ["current", "next"])
def test_inversion_round_trip_error_falls_with_the_steps(gaussian: Gaussian, label: str) -> None:
    x0 = gaussian.sample(8, seeded(2))
    errors = []
    for steps in (25, 50, 100, 200):
        grid = vp_sigmas(steps, last=700)
        errors.append(float((last(euler(gaussian, last(invert(gaussian, x0, grid, label)), grid)) - x0).norm()))
    assert all(late < 0.65 * early for early, late in pairwise(errors))
    assert errors[-1] < 0.02 * float(x0.norm())


@pytest.mark.parametrize("label", ["current", "next"])
def test_corrections_make_the_inversion_exact(gaussian: Gaussian, label: str) -> None:
    x0, grid = gaussian.sample(8, seeded(2)), log_sigmas(12, 0.05, 20.0)
    plain, corrected = (last(invert(gaussian, x0, grid, label, corrections=c)) for c in (0, 60))
    back = last(euler(gaussian, corrected, grid))
    torch.testing.assert_close(back, x0, rtol=0, atol=1e-8)
    assert float((last(euler(gaussian, plain, grid)) - x0).abs().max()) > 1e-2


def test_inversion_with_the_current_label_does_not_leave_zero_noise(gaussian: Gaussian) -> None:
    x0 = gaussian.sample(4, seeded(2))
    states = list(invert(gaussian, x0, [2.0, 0.5, 0.0]))
    assert [s.sigma for s in states] == [0.0, 0.5, 2.0]
    assert torch.equal(states[1].x, x0)
    assert torch.equal(states[0].denoised, x0)


def test_ancestral_without_noise_is_euler(gaussian: Gaussian) -> None:
    x = initial_noise((4, 6), 20.0, seeded(2), dtype=torch.float64)
    grid = edm_sigmas(20, 0.01, 20.0)
    assert torch.equal(last(ancestral(gaussian, x, grid, seeded(3), eta=0.0)), last(euler(gaussian, x, grid)))


@pytest.mark.parametrize("eta", [0.5, 1.0])
def test_ancestral_samples_have_the_moments_of_the_data(gaussian: Gaussian, eta: float) -> None:
    count = 4000
    x = initial_noise((count, 6), 100.0, seeded(4), dtype=torch.float64)
    end = last(ancestral(gaussian, x, log_sigmas(300, 0.005, 100.0), seeded(5), eta))
    scale = gaussian.eigenvalues.sqrt()
    white = (end - gaussian.mean()) @ gaussian.basis / scale
    # Five standard errors of a mean, of variances and of correlations; 300 steps add a bias of about 2 %.
    width = 5 / math.sqrt(count)
    assert float(white.mean(0).abs().max()) < width
    torch.testing.assert_close(
        white.T @ white / count, torch.eye(3, dtype=torch.float64), rtol=0, atol=1.5 * width + 0.03
    )
    # No variance off the support, and eta = 1 forgets the start while the deterministic flow keeps it.
    off = (end - gaussian.mean()) - (end - gaussian.mean()) @ gaussian.basis @ gaussian.basis.T
    assert float(off.std()) < 0.01
    start = x @ gaussian.basis / x.std()
    correlation = float((white * start).mean(0).abs().max())
    assert correlation < width if eta == 1.0 else correlation > 2 * width


def test_heun_samples_of_a_mixture_lie_on_its_subspaces() -> None:
    molrg = MoLRG.random(12, [2, 3], seeded(0))
    end = last(heun(molrg, initial_noise((50, 12), 50.0, seeded(1), dtype=torch.float64), edm_sigmas(30, 0.002, 50.0)))
    energy = torch.stack([(end @ basis).norm(dim=1) / end.norm(dim=1) for basis in molrg.bases])
    # The orthogonal part shrinks with sigma; only points between the subspaces at the last levels keep a trace.
    assert float(energy.max(0).values.min()) > 0.99
    assert len(set(energy.argmax(0).tolist())) == 2


# The walk


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("grid", [[3.0, 1.0, 0.3, 0.0], [3.0, 1.0, 0.3]])
def test_every_level_is_yielded_with_its_estimate(gaussian: Gaussian, name: str, grid: list[float]) -> None:
    x = initial_noise((2, 6), 3.0, seeded(2), dtype=torch.float64)
    states = list(SAMPLERS[name](gaussian, x, grid))
    assert [s.index for s in states] == list(range(len(grid)))
    assert [s.sigma for s in states] == (grid[::-1] if name.startswith("invert") else grid)
    assert torch.equal(states[0].x, x)
    # A walk that labels its points with the next level shows them to the model there, until the end.
    estimated = states if name != "invert next" else states[-1:]
    for state in estimated:
        want = gaussian(state.x, state.sigma) if state.sigma > 0 else state.x
        torch.testing.assert_close(state.denoised, want)


@pytest.mark.parametrize(
    ("name", "to_zero", "above"),
    [("euler", 3, 3), ("ancestral", 3, 3), ("heun", 5, 5), ("invert current", 3, 3), ("invert next", 4, 3)],
)
def test_evaluations_are_those_documented(gaussian: Gaussian, name: str, to_zero: int, above: int) -> None:
    x = initial_noise((2, 6), 3.0, seeded(2), dtype=torch.float64)
    for grid, want in (([3.0, 1.0, 0.3, 0.0], to_zero), ([3.0, 1.0, 0.3], above)):
        counted = Counted(gaussian)
        last(SAMPLERS[name](counted, x, grid))
        assert len(counted.levels) == want
        assert min(counted.levels) > 0


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_model_sees_the_dtype_of_the_input_and_no_gradient_is_kept(gaussian: Gaussian, name: str) -> None:
    single, weight = gaussian.to(dtype=torch.float32), torch.ones((), requires_grad=True)
    x = initial_noise((2, 6), 3.0, seeded(2)).requires_grad_()
    before = x.detach().clone()
    counted = Counted(lambda x, sigma: weight * single(x, sigma))
    end = list(SAMPLERS[name](counted, x, [3.0, 1.0, 0.3]))[-1]
    assert counted.dtypes == {torch.float32}
    assert end.x.dtype == end.denoised.dtype == torch.float32
    assert not end.x.requires_grad
    assert not end.denoised.requires_grad
    assert torch.equal(x.detach(), before)
    assert torch.is_grad_enabled()


def test_the_state_is_kept_in_float64() -> None:
    # With D = 0 the exact answer is x sigma_end / sigma_start; float32 states drift by about 1e-6 in 3000 steps.
    x = 1 + torch.rand(100, 1, generator=seeded(0))
    grid = log_sigmas(3000, 0.1, 10.0)[:-1]
    end = last(euler(lambda x, sigma: torch.zeros_like(x), x, grid))
    torch.testing.assert_close(end.double(), x.double() * 0.01, rtol=1.2e-7, atol=0)


def test_the_caller_may_stop_early(gaussian: Gaussian) -> None:
    counted = Counted(gaussian)
    for step in euler(counted, torch.zeros(1, 6, dtype=torch.float64), edm_sigmas(50)):
        if step.index == 3:
            break
    assert len(counted.levels) == 4


def test_initial_noise_has_its_level_and_is_reproducible() -> None:
    noise = initial_noise((4000, 3), 7.0, seeded(0))
    # Five standard errors of a standard deviation from 12 000 draws.
    assert float(noise.std()) == pytest.approx(7.0, rel=5 / math.sqrt(2 * 12000))
    assert torch.equal(noise, initial_noise((4000, 3), 7.0, seeded(0)))
    assert initial_noise((2,), 1.0, seeded(0), dtype=torch.float64).dtype == torch.float64


# Refusals come at the call, before any step


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("grid", [[0.3, 1.0], [1.0], [1.0, 1.0], [1.0, float("nan")], [1.0, -1.0]])
def test_bad_grids_are_refused(gaussian: Gaussian, name: str, grid: list[float]) -> None:
    with pytest.raises(ValueError, match="sigmas"):
        SAMPLERS[name](gaussian, torch.zeros(1, 6), grid)


@pytest.mark.parametrize("name", SAMPLERS)
def test_bad_points_are_refused(gaussian: Gaussian, name: str) -> None:
    with pytest.raises(ValueError, match="x0?: "):
        SAMPLERS[name](gaussian, torch.full((1, 6), float("nan")), [1.0, 0.0])


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_denoiser_that_only_broadcasts_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"denoiser: it returned shape \(1, 6\) for \(3, 6\)"):
        last(SAMPLERS[name](lambda x, sigma: x[:1], torch.ones(3, 6), [1.0, 0.5, 0.0]))


@pytest.mark.parametrize("name", SAMPLERS)
def test_an_end_that_is_not_finite_is_refused(name: str) -> None:
    def ill(x: Tensor, sigma: float | Tensor) -> Tensor:
        return torch.cat([x[:1], x[1:] * float("nan")])

    steps = SAMPLERS[name](ill, torch.ones(2, 6), [1.0, 0.5, 0.1])
    seen = [next(steps), next(steps)]
    assert len(seen) == 2  # the steps before the end are there to look at
    with pytest.raises(ValueError, match=r"denoiser: 6 of 12 entries .* at level (0\.1|1), are NaN or infinite"):
        next(steps)


def test_other_bad_arguments_are_refused(gaussian: Gaussian) -> None:
    x = torch.zeros(1, 6)
    for eta in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="eta"):
            ancestral(gaussian, x, [1.0, 0.0], seeded(0), eta)
    with pytest.raises(ValueError, match="current, next"):
        invert(gaussian, x, [1.0, 0.0], label="previous")
    with pytest.raises(ValueError, match="corrections"):
        invert(gaussian, x, [1.0, 0.0], corrections=-1)
    for sigma in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="sigma"):
            initial_noise((1,), sigma, seeded(0))
    steps = euler(gaussian, x.double(), [1.0, 0.0])
    last(steps)
    with pytest.raises(ValueError, match="run only once"):
        last(steps)

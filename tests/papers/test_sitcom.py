"""SITCOM's algorithm: an independent implementation of the released code, the three conditions, stopping, resuming."""

import io
import itertools
import math
import sys
from dataclasses import replace
from functools import partial

import pytest
import torch

from lowdim.compat import import_deepinv
from lowdim.denoising.adapters import from_diffusers
from lowdim.denoising.conversions import alpha_bar_to_sigma, from_unit_range, linear_beta_alpha_bars, to_unit_range
from lowdim.denoising.grids import vp_sigmas
from lowdim.denoising.views import (
    denoiser_from_unit_range,
    denoiser_from_velocity,
    denoiser_from_vp_noise,
    flow_view,
    unit_range_view,
    vp_view,
)
from lowdim.distributions import Empirical, Gaussian, MoLRG
from lowdim.measurement.dps import DPS
from lowdim.measurement.level_solver import Diverged, State, pose
from lowdim.measurement.matrices import MatrixPhysics
from lowdim.measurement.problem import NotConverged
from lowdim.papers.sitcom.coordinates import VE, VP
from lowdim.papers.sitcom.daps import DAPS
from lowdim.papers.sitcom.descent import Adam, GradientDescent, descend
from lowdim.papers.sitcom.sitcom import SITCOM, OutputRepair, ddim
from lowdim.papers.sitcom.stopping import Deviations, Fixed, Margin

deepinv = import_deepinv()
N = 10


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def prior():
    g = generator(1)
    bases = [torch.linalg.qr(torch.randn(N, 3, generator=g, dtype=torch.float64))[0] for _ in range(2)]
    means = 0.5 * torch.randn(2, N, generator=g, dtype=torch.float64)
    return MoLRG(bases, [torch.tensor([0.4, 0.2, 0.1], dtype=torch.float64)] * 2, means)


def problem(noise=0.05, signals=3, rows=6):
    g = generator(2)
    matrix = torch.randn(rows, N, generator=g, dtype=torch.float64) / 3
    x = prior().sample(signals, g)
    physics = MatrixPhysics(matrix, noise_model=deepinv.physics.GaussianNoise(noise, rng=g))
    return x, physics(x), physics


def solver(**options):
    options = {"learning_rate": 0.05, "pixel_range": None, "inner_steps": 6} | options
    return SITCOM(prior(), options.pop("sigmas", vp_sigmas(8)), **options)


def released_code(denoiser, y, matrix, delta2, *, levels, inner, rate, weight, seed):
    """The loop of the released script in variance-preserving points with torch's Adam, one image at a time but with
    the noise of the whole batch.
    """
    bars = linear_beta_alpha_bars()
    times = [k * (1000 // levels) for k in range(levels)][::-1]
    g = generator(seed)
    v = torch.randn(len(y), N, generator=g, dtype=torch.float64)
    for j, t in enumerate(times):
        estimates = []
        for image, measured in zip(v, y, strict=True):
            leaf = image.clone()[None].requires_grad_()
            optimiser = torch.optim.Adam([leaf], lr=rate)
            for _ in range(inner):
                noise = vp_view(denoiser).noise(leaf, float(bars[t]))
                estimate = (leaf - (1 - bars[t]).sqrt() * noise) / bars[t].sqrt()
                loss = (estimate[0] @ matrix.T - measured).square().sum()
                if float(loss.detach()) < delta2:
                    break
                optimiser.zero_grad()
                (loss + weight * (leaf - image).square().sum()).backward()
                optimiser.step()
            estimates.append(estimate.detach()[0])
        x = torch.stack(estimates)
        bar = bars[times[j + 1]] if j + 1 < len(times) else torch.tensor(1.0).double()
        v = bar.sqrt() * x + (1 - bar).sqrt() * torch.randn(v.shape, generator=g, dtype=torch.float64)
    return x


@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_it_is_the_released_algorithm(weight):
    _, y, physics = problem()
    expected = released_code(
        prior(), y, physics.matrix[0], (0.05 + 0.001) ** 2 * 6, levels=8, inner=6, rate=0.05, weight=weight, seed=5
    )
    found = solver(closeness=weight)(y, physics, generator(5))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


def test_variance_exploding_steps_map():
    _, y, physics = problem()
    first, second = (solver(coordinates=form, closeness=0.2)(y, physics, generator()) for form in (VP(), VE()))
    torch.testing.assert_close(first, second, rtol=0, atol=1e-10)
    port = solver(coordinates=VE(mapped=False), closeness=0.2)(y, physics, generator())
    assert float((port - first).abs().max()) > 1e-3


def test_a_prior_of_one_point_returns_it_at_every_level():
    atom = torch.linspace(-1, 1, N, dtype=torch.float64)[None]
    y, physics = problem()[1:]
    for level in SITCOM(Empirical(atom), vp_sigmas(8), pixel_range=None).levels(y, physics, generator()):
        torch.testing.assert_close(level.visit.estimate, atom.expand(3, -1))


def test_every_parametrisation_of_the_denoiser_gives_the_same_run():
    law = prior()
    _, y, physics = problem()
    others = {
        "noise": denoiser_from_vp_noise(vp_view(law).noise),
        "velocity": denoiser_from_velocity(flow_view(law).velocity),
        "score": lambda x, sigma: x + sigma**2 * law.score(x, sigma),
        "unit range": denoiser_from_unit_range(unit_range_view(law)),
    }
    expected = solver()(y, physics, generator())
    for name, denoiser in others.items():
        found = SITCOM(denoiser, vp_sigmas(8), learning_rate=0.05, pixel_range=None, inner_steps=6)(
            y, physics, generator()
        )
        assert float((found - expected).abs().max()) < 1e-5, name


def test_noise_predicted_by_a_diffusers_network_gives_the_same_run():
    diffusers = pytest.importorskip("diffusers")
    network = diffusers.UNet2DModel(
        sample_size=8, in_channels=1, out_channels=1, block_out_channels=(8, 8), layers_per_block=1, norm_num_groups=4,
        down_block_types=("DownBlock2D",) * 2, up_block_types=("UpBlock2D",) * 2,
    ).eval().requires_grad_(False)  # fmt: skip
    denoiser = from_diffusers(network, diffusers.DDPMScheduler(clip_sample=False))
    physics = deepinv.physics.Inpainting((1, 8, 8), mask=0.5, noise_model=deepinv.physics.GaussianNoise(0.1))
    y = physics(torch.zeros(2, 1, 8, 8))
    found = SITCOM(denoiser, vp_sigmas(3), inner_steps=3)(y, physics, generator())
    assert found.shape == (2, 1, 8, 8)
    assert float(found.abs().max()) <= 1


def test_one_plain_step_is_the_direction_of_dps():
    law = prior()
    _, y, physics = problem()
    sigma = 0.8
    z = law.sample(3, generator(3)) + sigma
    run = solver(inner_steps=2, learning_rate=1e-3, coordinates=VE(mapped=False), optimiser=GradientDescent, stop=None)
    posed = pose(y, physics, law)
    run.prepare(posed)
    moved = run.repair(posed, z, sigma).v - z
    leaf = z.clone().requires_grad_()
    norm = (law.denoise(leaf, sigma) @ physics.matrix[0].T - y).norm(dim=1)
    (direction,) = torch.autograd.grad(norm.sum(), leaf)
    torch.testing.assert_close(moved, -1e-3 * 2 * norm.detach()[:, None] * direction, rtol=0, atol=1e-12)


def test_infinite_closeness_predicts_and_noises_again():
    # Adam moves by its step whatever the weight, so plain descent with a stable step is used.
    law = prior()
    _, y, physics = problem()
    weight = 1e9
    run = solver(closeness=weight, learning_rate=0.4 / weight, optimiser=GradientDescent, stop=None)
    for level in run.levels(y, physics, generator()):
        torch.testing.assert_close(level.visit.estimate, level.visit.denoised, rtol=0, atol=1e-6)
    g = generator()
    sigmas = vp_sigmas(8).tolist()
    z = math.sqrt(1 + sigmas[0] ** 2) * torch.randn(3, N, generator=g, dtype=torch.float64)
    for sigma, following in itertools.pairwise(sigmas):
        z = law.denoise(z, sigma) + following * torch.randn(3, N, generator=g, dtype=torch.float64)
    torch.testing.assert_close(run(y, physics, generator()), z, rtol=0, atol=1e-5)


def test_with_nothing_measured_it_samples_the_prior():
    matrix = torch.zeros(2, N, dtype=torch.float64)
    physics = MatrixPhysics(matrix)
    y = torch.zeros(400, 2, dtype=torch.float64)
    law = Gaussian(torch.full((N,), 0.3).double(), torch.eye(N)[:, :2].double(), torch.tensor([0.5, 0.2]).double())
    solution = SITCOM(law, vp_sigmas(40), pixel_range=None, stop=None, inner_steps=3).solve(y, physics, generator())
    assert float((solution.estimate.mean(0) - 0.3).abs().max()) < 0.1
    assert float(solution.estimate[:, 2:].std()) < 1e-6
    assert 0.5 < float(solution.estimate[:, 0].std() / 0.5**0.5) < 1.05  # noising afresh loses spread


def test_without_noise_everything_measured_is_returned():
    x = prior().sample(3, generator())
    physics = MatrixPhysics(torch.eye(N, dtype=torch.float64))
    run = solver(stop=None, inner_steps=60, learning_rate=0.02, sigmas=vp_sigmas(10))
    assert float((run(x, physics, generator()) - x).abs().max()) < 1e-2


def test_samples_stop_one_by_one_and_rest():
    _, y, physics = problem(signals=4)
    levels = torch.tensor([10.0, 0.0, 10.0, 0.02], dtype=torch.float64)

    def threshold(noise_std, entries):
        return levels**2 * entries

    run = solver(stop=threshold, inner_steps=30)
    first = next(iter(run.levels(y, physics, generator()))).visit
    assert first.forward.tolist()[0] == first.forward.tolist()[2] == 1
    assert first.backward.tolist()[0] == 0
    assert float(first.shift[0]) == 0
    assert first.forward[1] == 30
    assert first.backward[1] == 29
    assert first.met.tolist() == [True, False, True, bool(first.misfit[3] < 0.02**2 * 6)]
    alone = solver(stop=lambda noise_std, entries: levels[1:2] ** 2 * entries, inner_steps=30)
    g = generator()
    start = torch.randn(4, N, generator=g, dtype=torch.float64)
    posed = pose(y[1:2], physics, prior())
    alone.prepare(posed)
    sigma = run.sigmas[0]
    single = alone.repair(posed, math.sqrt(1 + sigma**2) * start[1:2], sigma)
    torch.testing.assert_close(single.estimate, first.estimate[1:2], rtol=0, atol=1e-9)


def test_a_sample_below_its_threshold_is_one_whose_residual_is():
    _, y, physics = problem()
    run = solver(inner_steps=40)
    for level in run.levels(y, physics, generator()):
        met = level.visit.met
        limit = torch.full((3,), (0.05 + 0.001) ** 2 * 6, dtype=torch.float64)
        assert bool((level.visit.misfit[met] < limit[met]).all())
        torch.testing.assert_close(level.visit.misfit, (physics.A(level.visit.estimate) - y).square().sum(1))


def test_adam_is_that_of_torch():
    g = generator()
    leaf = torch.randn(2, 5, generator=g, dtype=torch.float64).requires_grad_()
    ours, optimiser = leaf.detach().clone(), torch.optim.Adam([leaf], lr=0.03)
    adam, rows = Adam(ours, 0.03), torch.arange(2)
    for _ in range(5):
        leaf.grad = torch.randn(2, 5, generator=g, dtype=torch.float64)
        ours += adam(rows, leaf.grad)
        optimiser.step()
    torch.testing.assert_close(ours, leaf.detach(), rtol=0, atol=1e-12)


def test_complex_measurements_have_real_residuals_and_gradients():
    class Fourier(deepinv.physics.Physics):
        img_size = (N,)

        def A(self, x, **kwargs):
            return torch.fft.fft(x, norm="ortho")[:, :4]

    x = prior().sample(2, generator())
    physics = Fourier(noise_model=deepinv.physics.GaussianNoise(0.01))
    y = physics.A(x)
    run = solver(inner_steps=30, sigmas=vp_sigmas(20))
    solution = run.solve(y, physics, generator())
    assert solution.estimate.dtype == torch.float64
    torch.testing.assert_close(solution.misfit, (physics.A(solution.estimate) - y).abs().square().sum(1))
    assert float(solution.misfit.max()) < 0.1


def test_one_mask_for_each_image_of_a_batch():
    law = Gaussian.from_samples(torch.randn(30, 1, 4, 4, generator=generator(), dtype=torch.float64))
    mask = (torch.rand(3, 1, 4, 4, generator=generator(1)) > 0.5).double()
    physics = deepinv.physics.Inpainting((1, 4, 4), mask=mask, noise_model=deepinv.physics.GaussianNoise(0.01)).double()
    x = law.sample(3, generator(2))
    y = physics(x)
    run = SITCOM(law, vp_sigmas(10), pixel_range=None, learning_rate=0.02, stop=Deviations(1.0))
    whole = run.solve(y, physics, generator())
    seen = mask.bool()
    assert float((whole.estimate - x)[seen].abs().max()) < 0.3 * float((whole.estimate - x)[~seen].abs().max())


def in_the_unit_range(noise):
    """The prior and the measurement for data in [0, 1], with noise of its own level there."""
    law = prior()
    _, y, physics = problem()
    law01 = MoLRG(law.bases, [values / 4 for values in law.eigenvalues], [(mean + 1) / 2 for mean in law.means])
    y01 = (y + physics.A(torch.ones(3, N).double())) / 2  # A((x + 1) / 2)
    return law01, y01, MatrixPhysics(physics.matrix, noise_model=deepinv.physics.GaussianNoise(noise))


@pytest.mark.parametrize("kind", [SITCOM, OutputRepair])
def test_both_ranges_give_the_same_estimate_with_half_the_noise(kind):
    """A run in [0, 1] with half of every level, step and margin; and one in [-1, 1] with that run's prior adapted."""
    x, y, physics = problem()
    sigmas, start = vp_sigmas(8)[3:], torch.zeros_like(x)

    def run(law, scale):
        return kind(law, scale * sigmas, learning_rate=0.3 * scale, closeness=0.1, stop=Margin(0.01 * scale),
                    pixel_range=None, inner_steps=6, coordinates=VE(mapped=False))  # fmt: skip

    here = run(prior(), 1.0)(y, physics, generator(), x_init=start)
    law01, y01, physics01 = in_the_unit_range(0.025)
    adapted = run(denoiser_from_unit_range(law01), 1.0)(y, physics, generator(), x_init=start)
    torch.testing.assert_close(adapted, here, rtol=0, atol=1e-9)
    there = run(law01, 0.5)(y01, physics01, generator(), x_init=to_unit_range(start))
    torch.testing.assert_close(from_unit_range(there), here, rtol=0, atol=1e-5)  # Adam's eps is not halved
    same_noise = run(law01, 0.5)(y01, in_the_unit_range(0.05)[2], generator(), x_init=to_unit_range(start))
    assert float((from_unit_range(same_noise) - here).abs().max()) > 1e-2


def solvers():
    """One of each, with a setting that it fixes when it sees the problem."""
    return {
        "SITCOM": solver(),
        "output repair": OutputRepair(prior(), vp_sigmas(8), learning_rate=0.05, pixel_range=None),
        "DPS": DPS(prior(), vp_sigmas(8), guidance=0.3, pixel_range=None),
        "DAPS": DAPS(prior(), vp_sigmas(8), langevin_steps=3, ode_steps=2),
    }


@pytest.mark.parametrize("name", ["SITCOM", "output repair", "DPS", "DAPS"])
def test_two_runs_of_one_solver_leave_each_other_alone(name):
    run = solvers()[name]
    cases = [problem()[1:], problem(noise=0.8, signals=5)[1:]]
    alone = [[level.visit.estimate for level in run.levels(*case, generator(k))] for k, case in enumerate(cases)]
    first, second = (run.levels(*case, generator(k)) for k, case in enumerate(cases))
    for each in zip(first, second, *alone, strict=True):
        assert torch.equal(each[0].visit.estimate, each[2])
        assert torch.equal(each[1].visit.estimate, each[3])


class Terminal(io.StringIO):
    """A terminal to write to."""

    def isatty(self):
        return True


@pytest.mark.parametrize("name", ["SITCOM", "output repair", "DPS", "DAPS"])
def test_a_run_shows_its_levels_in_a_terminal_when_asked(name, monkeypatch):
    _, y, physics = problem()
    run = solvers()[name]
    seen = {}
    for progress, stream in ((True, Terminal()), (False, Terminal()), (True, io.StringIO())):
        monkeypatch.setattr(sys, "stderr", stream)
        run.progress = progress
        run.solve(y, physics, generator())
        seen[progress, stream.isatty()] = stream.getvalue()
    assert "0/8" in seen[True, True]
    assert "8/8" in seen[True, True]
    assert "level" in seen[True, True]
    assert seen[False, True] == seen[True, False] == ""


def test_seeded_runs_agree_bit_for_bit_and_a_resumed_run_too():
    _, y, physics = problem()
    first, second = (solver()(y, physics, generator()) for _ in range(2))
    assert torch.equal(first, second)
    levels = solver().levels(y, physics, generator())
    states = [next(levels).after for _ in range(3)]
    rest = list(solver().levels(y, physics, generator(99), resume=states[-1]))
    assert [level.index for level in rest] == [3, 4, 5, 6, 7]
    assert torch.equal(rest[-1].visit.point, first)


def test_states_of_other_runs_are_refused():
    _, y, physics = problem()
    state = next(solver(sigmas=vp_sigmas(6)).levels(y, physics, generator())).after
    with pytest.raises(ValueError, match=r"resume: a state of a run over 6 levels from .* in one over 12 from"):
        solver(sigmas=vp_sigmas(12)).levels(y, physics, generator(), resume=state)
    with pytest.raises(ValueError, match="resume: a state of a run over 6 levels from"):
        solver(sigmas=2 * vp_sigmas(6)).levels(y, physics, generator(), resume=state)
    with pytest.raises(ValueError, match=r"resume: a point of shape \(3, 10\) is not allowed; .* images \(2, 10\)"):
        solver(sigmas=vp_sigmas(6)).levels(y[:2], physics, generator(), resume=state)
    with pytest.raises(ValueError, match="resume: level 7 is not in a grid of 6 levels"):
        solver(sigmas=vp_sigmas(6)).levels(y, physics, generator(), resume=replace(state, index=7))


def test_a_state_stored_without_its_grid_is_taken():
    _, y, physics = problem()
    states = [level.after for level in solver().levels(y, physics, generator())]
    old = State(states[2].index, states[2].point, states[2].random)
    rest = list(solver().levels(y, physics, generator(99), resume=old))
    assert torch.equal(rest[-1].after.point, states[-1].point)


def test_the_last_estimate_is_returned_and_everything_is_counted():
    _, y, physics = problem()
    visits = [level.visit for level in solver().levels(y, physics, generator())]
    solution = solver().solve(y, physics, generator())
    assert torch.equal(solution.estimate, visits[-1].estimate)
    assert torch.equal(solution.forward, torch.stack([visit.forward for visit in visits]).sum(0))
    calls = []
    law = prior()

    def counting(x, sigma):
        calls.append(len(x))
        return law(x, sigma)

    counted = SITCOM(counting, vp_sigmas(8), learning_rate=0.05, pixel_range=None, inner_steps=6).solve(
        y, physics, generator()
    )
    assert sum(calls) == int(counted.forward.sum())
    assert bool((counted.forward <= 8 * 6).all())
    assert bool((counted.backward < counted.forward).all())


def test_output_repair_leaves_the_input_alone_and_asks_once_a_level():
    _, y, physics = problem()
    run = OutputRepair(prior(), vp_sigmas(8), learning_rate=0.05, pixel_range=None)
    for level in run.levels(y, physics, generator()):
        assert level.visit.forward.tolist() == [1, 1, 1]
        assert level.visit.backward.tolist() == [0, 0, 0]
        assert float(level.visit.shift.max()) == 0
    assert run.solve(y, physics, generator()).forward.tolist() == [8, 8, 8]


def test_estimates_of_sitcom_are_outputs_of_the_denoiser_and_those_of_output_repair_are_not():
    law = Gaussian(torch.zeros(N).double(), torch.eye(N)[:, :2].double(), torch.tensor([1.0, 0.5]).double())
    physics = MatrixPhysics(torch.eye(N, dtype=torch.float64), noise_model=deepinv.physics.GaussianNoise(0.1))
    y = torch.ones(2, N, dtype=torch.float64)
    outside = [
        float(kind(law, vp_sigmas(8), pixel_range=None)(y, physics, generator())[:, 2:].abs().max())
        for kind in (SITCOM, OutputRepair)
    ]
    assert outside[0] < 1e-12
    assert outside[1] > 0.05


def test_keeping_the_noise_gives_another_run():
    _, y, physics = problem()
    assert not torch.equal(solver(renoise=ddim)(y, physics, generator()), solver()(y, physics, generator()))


def test_a_start_is_taken():
    x, y, physics = problem()
    near = solver(sigmas=[0.05, 0.0], stop=None, inner_steps=1)(y, physics, generator(), x_init=x)
    assert float((near - x).abs().max()) < 0.3


def test_it_works_within_no_grad_as_deepinv_calls_it():
    _, y, physics = problem()
    with torch.no_grad():
        found = solver()(y, physics, generator())
    assert torch.equal(found, solver()(y, physics, generator()))


def test_thresholds():
    noise, entries = torch.tensor([0.1, 0.2], dtype=torch.float64), torch.tensor([50, 200])
    assert Margin(0.01)(noise, entries).tolist() == pytest.approx([0.11**2 * 50, 0.21**2 * 200])
    assert Deviations(2.0)(noise, entries).tolist() == pytest.approx([0.01 * 70, 0.04 * 240])
    assert Fixed(0.3)(noise, entries).tolist() == pytest.approx([0.09 * 50, 0.09 * 200])


def test_far_from_converged_is_said_when_asked():
    _, y, physics = problem()
    with pytest.raises(NotConverged, match="3 of 3 samples end with residuals"):
        solver(inner_steps=1).solve(y + 100, physics, generator(), worst=2.0)
    solver(inner_steps=40, sigmas=vp_sigmas(20)).solve(y, physics, generator(), worst=2.0)


@pytest.mark.parametrize("worst", [math.nan, math.inf, 0.0, -1.0])
def test_a_bound_of_the_residuals_that_cannot_be_meant_is_refused_before_the_run(worst):
    _, y, physics = problem()
    run = solver(inner_steps=1)
    run.levels = lambda *arguments, **options: pytest.fail("the run has begun")
    with pytest.raises(ValueError, match=f"worst: {worst} is not allowed; give a finite number > 0"):
        run.solve(y, physics, generator(), worst=worst)


def test_divergence_is_said():
    _, y, physics = problem()
    with pytest.raises(Diverged, match="not finite"):
        solver(optimiser=GradientDescent, learning_rate=1e200, stop=None).solve(y, physics, generator())


def test_a_denoiser_that_fails_is_blamed_and_not_the_steps():
    _, y, physics = problem()
    for kind in (SITCOM, OutputRepair):
        nan = kind(lambda x, sigma: x * math.nan, vp_sigmas(4), pixel_range=None)
        with pytest.raises(Diverged, match="before the first inner step: the denoiser returned NaN"):
            nan(y, physics, x_init=torch.zeros(3, N).double())
    unseen = MatrixPhysics(physics.matrix, noise_model=physics.noise_model)
    start = pose(y, unseen, prior())
    start.physics.A = lambda x: y * math.inf
    with pytest.raises(Diverged, match="the operator returned NaN"):
        descend(start, y.new_zeros(3, N), lambda v: v, Adam(y.new_zeros(3, N), 0.1), steps=2, weight=0.0,
                threshold=y.new_zeros(3))  # fmt: skip


@pytest.mark.parametrize("kind", [SITCOM, OutputRepair, partial(DPS, guidance=0.3)])
def test_a_result_that_only_broadcasts_is_refused(kind):
    _, y, physics = problem()
    run = kind(lambda x, sigma: x.mean(1, keepdim=True), vp_sigmas(4), pixel_range=None)
    with pytest.raises(ValueError, match=r"denoiser: it returned shape \(3, 1\) for \(3, 10\)"):
        run(y, physics, x_init=torch.zeros(3, N).double())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inner_steps": 0}, "inner_steps: 0"),
        ({"learning_rate": -1.0}, "learning_rate: -1.0"),
        ({"closeness": -1.0}, "closeness: -1.0"),
        ({"pixel_range": (1, -1)}, "pixel_range: "),
        ({"sigmas": [2.0, 1.0]}, "sigmas: the last level 1"),
        ({"sigmas": [1.0, 2.0, 0.0]}, "sigmas: "),
    ],
)
def test_bad_settings_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        solver(**change)


@pytest.mark.parametrize("weight", [math.nan, -0.1, math.inf])
@pytest.mark.parametrize("kind", [SITCOM, OutputRepair])
def test_a_closeness_that_returns_no_weight_is_named(kind, weight):
    _, y, physics = problem()
    run = kind(prior(), vp_sigmas(4), closeness=lambda sigma: weight, pixel_range=None)
    with pytest.raises(ValueError, match=f"closeness: it returned {weight} at sigma = .* finite number >= 0"):
        run(y, physics, generator())


@pytest.mark.parametrize("kind", [partial(SITCOM, stop=None), partial(DPS, guidance=0.3), DAPS])
@pytest.mark.parametrize("noise", [0.0, torch.tensor([0.1, 0.1])])
def test_noise_of_no_level_is_named_by_solvers_that_do_not_read_it_too(kind, noise):
    _, y, physics = problem()
    wrong = MatrixPhysics(physics.matrix, noise_model=deepinv.physics.GaussianNoise(noise))
    with pytest.raises(ValueError, match="physics: noise level .* is not allowed; give one number > 0, or one for"):
        kind(prior(), vp_sigmas(4))(y, wrong, generator())


def test_bad_problems_are_named():
    _, y, physics = problem()
    run = solver()
    broken = y.clone()
    broken[1, 2] = float("nan")
    with pytest.raises(ValueError, match="y: 1 of 18 entries are NaN"):
        run(broken, physics)
    with pytest.raises(ValueError, match="y: shape .3, 5. is not allowed; the operator maps"):
        run(y[:, :5], physics)
    with pytest.raises(ValueError, match="noise model ZeroNoise"):
        run(y, MatrixPhysics(physics.matrix))
    with pytest.raises(ValueError, match="noise level .0.0. is not allowed"):
        run(y, MatrixPhysics(physics.matrix, noise_model=deepinv.physics.GaussianNoise(0.0)))
    with pytest.raises(ValueError, match="y: on cpu, but physics is on meta"):
        run(y, MatrixPhysics(physics.matrix).to("meta"))
    with pytest.raises(ValueError, match="pixels in .0, 1."):
        SITCOM(unit_range_view(prior()), vp_sigmas(4))(y, physics)
    with pytest.raises(ValueError, match="denoiser: a MedianFilter is for pixels in .0, 1."):
        SITCOM(deepinv.models.MedianFilter(), vp_sigmas(4))(y, physics)
    detached = SITCOM(lambda x, sigma: prior()(x.detach(), sigma), vp_sigmas(4), pixel_range=None)
    with pytest.raises(ValueError, match="carries no gradient"):
        detached(y, physics)
    with pytest.raises(ValueError, match="x_init: 2 images for 3"):
        run(y, physics, x_init=torch.zeros(2, N).double())


def test_levels_of_the_released_grid():
    times = torch.arange(0, 1000, 50).flip(0)
    expected = alpha_bar_to_sigma(linear_beta_alpha_bars()[times])
    torch.testing.assert_close(torch.tensor(SITCOM(prior()).sigmas[:-1]).double(), expected)

"""DPS and DAPS: an independent implementation, limits with known answers, costs, bad input."""

import itertools

import pytest
import torch

from lowdim.compat import import_deepinv
from lowdim.denoising.conversions import linear_beta_alpha_bars
from lowdim.denoising.grids import edm_sigmas, vp_sigmas
from lowdim.denoising.samplers import ancestral, last
from lowdim.denoising.views import vp_view
from lowdim.distributions import Gaussian
from lowdim.measurement.dps import DPS
from lowdim.measurement.matrices import MatrixPhysics
from lowdim.papers.sitcom.daps import DAPS

deepinv = import_deepinv()
N = 8


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def law():
    basis, _ = torch.linalg.qr(torch.randn(N, N, generator=generator(1), dtype=torch.float64))
    return Gaussian(torch.full((N,), 0.2).double(), basis, torch.linspace(0.02, 0.5, N).double())


def problem(noise=0.1, signals=3):
    g = generator(2)
    matrix = torch.randn(4, N, generator=g, dtype=torch.float64) / 2
    x = law().sample(signals, g)
    physics = MatrixPhysics(matrix, noise_model=deepinv.physics.GaussianNoise(noise, rng=g))
    return x, physics(x), physics


def textbook_dps(y, matrix, zeta, steps, seed):
    """Algorithm 1 of the paper in variance-preserving points, with the posterior of DDPM on a grid of 1000 / steps."""
    bars = torch.cat([linear_beta_alpha_bars()[torch.arange(steps) * (1000 // steps)].flip(0), torch.ones(1).double()])
    g = generator(seed)
    x = torch.randn(len(y), N, generator=g, dtype=torch.float64)
    for bar, bar_next in itertools.pairwise(bars):
        x = x.requires_grad_()
        x0 = vp_view(law()).x0(x, float(bar))
        norm = (y - x0 @ matrix.T).norm(dim=1)
        (gradient,) = torch.autograd.grad(norm.sum(), x)
        alpha, x0 = bar / bar_next, x0.detach()
        mean = (alpha.sqrt() * (1 - bar_next) * x.detach() + bar_next.sqrt() * (1 - alpha) * x0) / (1 - bar)
        variance = (1 - bar_next) / (1 - bar) * (1 - alpha)
        noise = torch.randn(x.shape, generator=g, dtype=torch.float64)
        x = mean + variance.sqrt() * noise - zeta * gradient
    return x.detach()


def test_dps_is_its_textbook():
    _, y, physics = problem()
    expected = textbook_dps(y, physics.matrix[0], 0.3, 25, 4)
    found = DPS(law(), vp_sigmas(25), guidance=0.3, pixel_range=None)(y, physics, generator(4))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


def test_dps_without_guidance_is_ancestral_sampling():
    _, y, physics = problem()
    run = DPS(law(), vp_sigmas(12), guidance=0.0, pixel_range=None)
    g = generator()
    sigmas = vp_sigmas(12)
    start = (1 + float(sigmas[0]) ** 2) ** 0.5 * torch.randn(3, N, generator=g, dtype=torch.float64)
    torch.testing.assert_close(run(y, physics, generator()), last(ancestral(law(), start, sigmas, g)))


def test_each_sample_may_have_its_own_guidance():
    _, y, physics = problem()
    each = DPS(law(), vp_sigmas(12), guidance=torch.tensor([0.0, 0.3, 1.0]), pixel_range=None)(y, physics, generator())
    for row, guidance in enumerate((0.0, 0.3, 1.0)):
        alone = DPS(law(), vp_sigmas(12), guidance=guidance, pixel_range=None)(y, physics, generator())
        torch.testing.assert_close(each[row], alone[row])


def test_dps_survives_a_residual_of_zero():
    physics = MatrixPhysics(torch.zeros(2, N, dtype=torch.float64))
    found = DPS(law(), vp_sigmas(5), guidance=1.0, pixel_range=None)(torch.zeros(3, 2).double(), physics, generator())
    assert bool(torch.isfinite(found).all())


def test_langevin_steps_draw_from_the_local_posterior():
    """At one level the draws are N(m, C) with ``C^-1 = A^T A / sigma_y^2 + I / r^2``."""
    _, y, physics = problem(signals=1)
    sigma, spread, count = 0.5, 0.8, 2000
    run = DAPS(law(), [sigma, 0.0], spread=spread, ode_steps=1, langevin_steps=600, step=0.1, gain=3.0)
    centre = law().sample(1, generator(5))
    visits = [
        level.visit for level in run.levels(y.repeat(count, 1), physics, generator(6), x_init=centre.repeat(count, 1))
    ]
    draws, clean = visits[0].estimate, visits[0].denoised
    a, r = physics.matrix[0], spread * sigma
    precision = a.T @ a / 0.1**2 + torch.eye(N).double() / r**2
    covariance = torch.linalg.inv(precision)
    mean = clean @ (covariance / r**2).T + y @ a @ covariance.T / 0.1**2
    torch.testing.assert_close((draws - mean).T @ (draws - mean) / count, covariance, rtol=0, atol=0.03)
    assert float((draws - mean).mean(0).abs().max()) < 0.05


def test_daps_explains_the_measurement_at_the_cost_of_its_flow_alone():
    x, y, physics = problem(noise=0.02)
    solution = DAPS(law(), edm_sigmas(10, 0.02, 80.0), spread=0.5, ode_steps=3, gain=3.0).solve(y, physics, generator())
    assert solution.forward.tolist() == [30, 30, 30]
    assert solution.backward.tolist() == [0, 0, 0]
    assert float((solution.misfit / (0.02**2 * 4)).max()) < 20
    assert float((solution.estimate - x).abs().max()) < 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: DPS(law(), vp_sigmas(4), guidance=-1.0), "guidance: -1.0"),
        (lambda: DAPS(law(), vp_sigmas(4), ode_steps=0), "ode_steps: 0"),
        (lambda: DAPS(law(), vp_sigmas(4), langevin_steps=0), "langevin_steps: 0"),
        (lambda: DAPS(law(), vp_sigmas(4), step=2.0), "step: 2.0"),
        (lambda: DAPS(law(), vp_sigmas(4), spread=0.0), "spread: 0.0"),
        (lambda: DPS(law(), vp_sigmas(4), guidance=torch.ones(2))(*problem()[1:]), "guidance: shape .2,."),
    ],
)
def test_bad_settings_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()

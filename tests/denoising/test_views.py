from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from lowdim.denoising import Denoiser, euler, last
from lowdim.denoising.conversions import flow_time_to_sigma
from lowdim.denoising.views import (
    denoiser_from_unit_range,
    denoiser_from_velocity,
    denoiser_from_vp_noise,
    flow_view,
    unit_range_view,
    vp_view,
)
from lowdim.distributions import Gaussian


@pytest.fixture(scope="module")
def gaussian() -> Gaussian:
    generator = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(4, 2, generator=generator, dtype=torch.float64)).Q
    mean = torch.randn(4, generator=generator, dtype=torch.float64)
    return Gaussian(mean, basis, torch.tensor([2.0, 0.3], dtype=torch.float64))


@pytest.fixture
def points() -> Tensor:
    return torch.randn(5, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def regression(gaussian: Gaussian, target: tuple[float, float], seen: tuple[float, float], x: Tensor) -> Tensor:
    """``E[a x0 + b n | c x0 + d n = x]`` for jointly Gaussian ``x0`` and ``n``, by the normal equations."""
    (a, b), (c, d) = target, seen
    covariance, eye = gaussian.covariance(), torch.eye(gaussian.n, dtype=torch.float64)
    cross = a * c * covariance + b * d * eye
    gain = cross @ torch.linalg.inv(c**2 * covariance + d**2 * eye)
    return a * gaussian.mean() + (x - c * gaussian.mean()) @ gain.T


@pytest.mark.parametrize("alpha_bar", [0.01, 0.5, 0.99])
def test_vp_view_is_the_regression_on_the_vp_point(gaussian: Gaussian, points: Tensor, alpha_bar: float) -> None:
    view, signal, noise = vp_view(gaussian), alpha_bar**0.5, (1 - alpha_bar) ** 0.5
    for method, target in ((view.x0, (1.0, 0.0)), (view.noise, (0.0, 1.0)), (view.v, (-noise, signal))):
        want = regression(gaussian, target, (signal, noise), points)
        torch.testing.assert_close(method(points, alpha_bar), want, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("alpha_bar", [0.01, 0.5, 0.99])
def test_vp_score_is_the_gradient_of_the_vp_density(gaussian: Gaussian, points: Tensor, alpha_bar: float) -> None:
    covariance = alpha_bar * gaussian.covariance() + (1 - alpha_bar) * torch.eye(4, dtype=torch.float64)
    density = torch.distributions.MultivariateNormal(alpha_bar**0.5 * gaussian.mean(), covariance)
    x_t = points.clone().requires_grad_()
    (want,) = torch.autograd.grad(density.log_prob(x_t).sum(), x_t)
    torch.testing.assert_close(vp_view(gaussian).score(points, alpha_bar), want, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("t", [0.01, 0.5, 0.99])
def test_flow_view_is_the_regression_on_the_flow_point(gaussian: Gaussian, points: Tensor, t: float) -> None:
    view = flow_view(gaussian)
    want = regression(gaussian, (1.0, -1.0), (t, 1 - t), points)
    torch.testing.assert_close(view.velocity(points, t), want, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(
        view.x0(points, t), regression(gaussian, (1.0, 0.0), (t, 1 - t), points), rtol=1e-10, atol=1e-10
    )


def test_flow_view_starts_at_the_mean(gaussian: Gaussian, points: Tensor) -> None:
    view = flow_view(gaussian, gaussian.mean())
    times = torch.tensor([0.0, 0.0, 0.3, 0.5, 0.9], dtype=torch.float64)
    got = view.velocity(points, times)
    torch.testing.assert_close(got[:2], gaussian.mean() - points[:2])
    torch.testing.assert_close(got[2:], flow_view(gaussian).velocity(points[2:], times[2:]))
    torch.testing.assert_close(view.velocity(points, 0.0), gaussian.mean() - points)
    with pytest.raises(ValueError, match="t: "):
        flow_view(gaussian).velocity(points, 0.0)


def test_unit_range_view_is_the_denoiser_of_the_rescaled_data(gaussian: Gaussian, points: Tensor) -> None:
    rescaled = Gaussian((gaussian.mean() + 1) / 2, gaussian.basis, gaussian.eigenvalues / 4)
    view = unit_range_view(gaussian)
    want = rescaled(points, 0.2)
    torch.testing.assert_close(view(points, 0.2), want)
    torch.testing.assert_close(view(points, torch.full((5, 1, 1, 1), 0.2)), want, rtol=1e-6, atol=1e-6)


ROUND_TRIPS: dict[str, Callable[[Denoiser], Denoiser]] = {
    "noise": lambda d: denoiser_from_vp_noise(vp_view(d).noise),
    "velocity": lambda d: denoiser_from_velocity(flow_view(d).velocity),
    "unit range": lambda d: denoiser_from_unit_range(unit_range_view(d)),
}


@pytest.mark.parametrize("name", ROUND_TRIPS)
@pytest.mark.parametrize("sigma", [0.05, 1.0, 50.0, torch.tensor([0.1, 0.5, 1.0, 5.0, 20.0], dtype=torch.float64)])
def test_a_view_and_back_is_the_denoiser(gaussian: Gaussian, points: Tensor, name: str, sigma: float | Tensor) -> None:
    again = ROUND_TRIPS[name](gaussian)
    torch.testing.assert_close(again(points, sigma), gaussian(points, sigma), rtol=1e-11, atol=1e-11)


def test_euler_in_flow_time_is_euler_in_sigma(gaussian: Gaussian, points: Tensor) -> None:
    times = torch.linspace(0.05, 1.0, 20, dtype=torch.float64)
    view, x_t = flow_view(gaussian), points
    for t, t_next in zip(times[:-1].tolist(), times[1:].tolist(), strict=True):
        x_t = x_t + (t_next - t) * view.velocity(x_t, t)
    torch.testing.assert_close(last(euler(gaussian, points / times[0], flow_time_to_sigma(times))), x_t)

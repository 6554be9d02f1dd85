import pytest
import torch
from torch import Tensor

from lowdim.denoising.flows import gaussian_flow
from lowdim.distributions import Gaussian


def make(rank: int, *shape: int) -> Gaussian:
    generator = torch.Generator().manual_seed(rank)
    mean = torch.randn(*shape, generator=generator, dtype=torch.float64)
    basis = torch.linalg.qr(torch.randn(mean.numel(), rank, generator=generator, dtype=torch.float64)).Q
    return Gaussian(mean, basis, 0.1 + torch.rand(rank, generator=generator, dtype=torch.float64))


def points(*shape: int) -> Tensor:
    return torch.randn(3, *shape, generator=torch.Generator().manual_seed(9), dtype=torch.float64)


@pytest.mark.parametrize(("rank", "shape"), [(2, (4,)), (4, (4,)), (3, (2, 3))])
def test_the_flow_solves_the_ode(rank: int, shape: tuple[int, ...]) -> None:
    gaussian, x = make(rank, *shape), points(*shape)
    for sigma in (0.1, 1.0, 7.0):

        def path(s: Tensor) -> Tensor:
            return gaussian_flow(gaussian, x, 3.0, s)

        at, slope = torch.func.jvp(
            path, (torch.tensor(sigma, dtype=torch.float64),), (torch.ones((), dtype=torch.float64),)
        )
        torch.testing.assert_close(slope, (at - gaussian(at, sigma)) / sigma, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(gaussian_flow(gaussian, x, 3.0, 3.0), x)


def test_the_flow_composes_and_returns() -> None:
    gaussian, x = make(2, 4), points(4)
    half = gaussian_flow(gaussian, x, 5.0, 1.0)
    torch.testing.assert_close(gaussian_flow(gaussian, half, 1.0, 0.2), gaussian_flow(gaussian, x, 5.0, 0.2))
    torch.testing.assert_close(gaussian_flow(gaussian, half, 1.0, 5.0), x)


def test_the_flow_ends_on_the_support() -> None:
    gaussian = make(2, 4)
    ends = gaussian_flow(gaussian, points(4), 5.0, 0.0) - gaussian.mean()
    torch.testing.assert_close(ends @ gaussian.basis @ gaussian.basis.T, ends)


def test_a_full_gaussian_starts_from_zero_noise() -> None:
    gaussian, x = make(4, 4), points(4)
    torch.testing.assert_close(gaussian_flow(gaussian, gaussian_flow(gaussian, x, 0.0, 3.0), 3.0, 0.0), x)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="flat directions"):
        gaussian_flow(make(2, 4), points(4), 0.0, 1.0)
    with pytest.raises(ValueError, match="sigma_to"):
        gaussian_flow(make(2, 4), points(4), 1.0, -1.0)
    with pytest.raises(ValueError, match="sigma_from"):
        gaussian_flow(make(2, 4), points(4), float("inf"), 1.0)
    with pytest.raises(ValueError, match="x: "):
        gaussian_flow(make(2, 4), points(5), 1.0, 0.5)

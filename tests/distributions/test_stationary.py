"""The stationary Gaussian against the dense one with the same covariance."""

import pytest
import torch

from lowdim.distributions.stationary import StationaryGaussian, frequencies, mirror
from lowdim.seeding import make_generator

LAW = StationaryGaussian.power_law(6, channels=2)
DENSE = LAW.gaussian()


def points(n=3):
    return torch.randn(n, 2, 6, 6, generator=make_generator(0, "stationary"), dtype=torch.float64)


@pytest.mark.parametrize("sigma", [0.05, 1.0, torch.tensor([0.1, 0.7, 5.0]).double()])
def test_agrees_with_the_dense_gaussian(sigma):
    x, v = points(), points(12).reshape(3, 4, 2, 6, 6)
    for name in ("denoise", "score", "log_prob", "denoiser_jacobian"):
        torch.testing.assert_close(getattr(LAW, name)(x, sigma), getattr(DENSE, name)(x, sigma), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(LAW.denoiser_product(x, sigma, v), DENSE.denoiser_product(x, sigma, v))


def test_samples_have_its_variance_at_every_frequency():
    law = StationaryGaussian.power_law(8, variance=0.25)
    x = law.sample(20_000, make_generator(0, "draws"))
    assert float(x.var()) == pytest.approx(0.25, rel=0.02)
    energy = torch.fft.fft2(x, norm="ortho").abs().square().mean(0)
    torch.testing.assert_close(energy, law.spectrum, rtol=0.06, atol=0)


def test_gains_are_the_eigenvalues_of_its_jacobian():
    values = torch.linalg.eigvalsh(LAW.denoiser_jacobian(points(1), 0.7)[0])
    torch.testing.assert_close(values, LAW.gains(0.7).flatten().sort().values)


def test_posterior_and_mean():
    law = StationaryGaussian(LAW.spectrum, 0.5)
    assert float(law.mean().mean()) == 0.5
    A = torch.randn(2, law.n, generator=make_generator(0, "A"), dtype=torch.float64)
    y = torch.tensor([0.3, -1.0]).double()
    torch.testing.assert_close(law.posterior(y, A, 0.1).mean(), law.gaussian().posterior(y, A, 0.1).mean())
    assert law.to(dtype=torch.float32).denoise(points(2), 1.0).dtype == torch.float64


def test_frequencies_and_mirror():
    f = frequencies(4, 4)
    assert float(f.max()) == pytest.approx(0.5**0.5)
    assert torch.equal(mirror(f), f)
    spectrum = torch.arange(16.0).reshape(4, 4)
    assert torch.equal(mirror(spectrum)[1, 3], spectrum[3, 1])


def test_bad_spectra_are_refused():
    with pytest.raises(ValueError, match="k and -k"):
        StationaryGaussian(torch.arange(16.0).reshape(4, 4))
    with pytest.raises(ValueError, match="numbers >= 0"):
        StationaryGaussian(-torch.ones(4, 4))
    with pytest.raises(ValueError, match="size"):
        StationaryGaussian.power_law(1)

"""The loss against exact denoisers, whose expected loss is a formula."""

import math

import pytest
import torch

from lowdim.training.losses import edm_loss


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_value_for_the_exact_denoiser_of_gaussian_data():
    # For x0 ~ N(0, s^2) and the posterior mean, E|D - x0|^2 = sigma^2 s^2 / (sigma^2 + s^2): times the weight, exactly
    # 1 at every level, so the mean over N samples of chi-squared(1) values is 1 +- sqrt(2 / N).
    s, count = 0.7, 40_000
    x0 = s * torch.randn(count, 1, dtype=torch.float64, generator=generator(1))
    loss = edm_loss(lambda x, sigma: s**2 / (s**2 + sigma[:, None] ** 2) * x, x0, generator(), sigma_data=s)
    assert float(loss) == pytest.approx(1, abs=5 * math.sqrt(2 / count))


def test_noise_levels_are_log_normal_and_one_for_each_sample():
    seen = []

    def zero(x, sigma):
        seen.append(sigma)
        return torch.zeros_like(x)

    edm_loss(zero, torch.zeros(20_000, 2, dtype=torch.float64), generator(), P_mean=0.5, P_std=0.3, sigma_data=1.0)
    logs = seen[0].log()
    assert logs.shape == (20_000,)
    assert float(logs.mean()) == pytest.approx(0.5, abs=5 * 0.3 / math.sqrt(20_000))
    assert float(logs.std()) == pytest.approx(0.3, rel=5 / math.sqrt(40_000))


def test_same_generator_same_loss_and_the_denoiser_knows_its_sigma_data():
    class Known:
        sigma_data = 0.5

        def __call__(self, x, sigma, condition=None):
            return 0 * x if condition is None else condition

    x0 = torch.ones(8, 3)
    assert edm_loss(Known(), x0, generator()) == edm_loss(Known(), x0, generator(), sigma_data=0.5)
    assert edm_loss(Known(), x0, generator()) != edm_loss(Known(), x0, generator(1))
    assert edm_loss(Known(), x0, generator(), condition=x0) == 0
    with pytest.raises(ValueError, match="sigma_data: None"):
        edm_loss(lambda x, sigma: x, x0, generator())
    with pytest.raises(ValueError, match="x0: 24 of 24"):
        edm_loss(Known(), x0 / 0, generator())

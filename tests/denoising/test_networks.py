"""Preconditioning against diffusers and its defining properties; shapes, dtypes and errors of the small nets."""

import pytest
import torch
from torch import nn

from lowdim.compat import import_diffusers
from lowdim.denoising.denoiser import bind
from lowdim.denoising.networks import MLP, EDMDenoiser, small_unet


class Recorder(nn.Module):
    """A network that keeps what it was given and returns a fixed output."""

    def __init__(self, output):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, dtype=output.dtype))
        self.output = output

    def forward(self, x, c_noise, *condition):
        self.seen = x, c_noise, condition
        return self.output


def randomised(network, seed=0):
    with torch.no_grad():
        for p in network.parameters():
            p.add_(0.2 * torch.randn(p.shape, generator=torch.Generator().manual_seed(seed)))
    return network


@pytest.mark.parametrize("sigma", [0.002, 0.5, 80.0])
def test_preconditioning_agrees_with_the_scheduler_of_diffusers(sigma):
    scheduler = import_diffusers().EDMEulerScheduler(sigma_data=0.7)
    x, output = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    network = Recorder(output)
    denoised = EDMDenoiser(network, 0.7)(x, sigma)
    seen_x, seen_noise, _ = network.seen
    close = {"rtol": 1e-5, "atol": 1e-6}  # float32
    torch.testing.assert_close(seen_x, scheduler.precondition_inputs(x, sigma), **close)
    torch.testing.assert_close(seen_noise, scheduler.precondition_noise(sigma).expand(2), **close)
    torch.testing.assert_close(denoised, scheduler.precondition_outputs(x, output, sigma), **close)


@pytest.mark.parametrize("sigma", [1e-3, 0.6, 50.0])
def test_inputs_and_targets_have_unit_variance(sigma):
    # Table 1 is built so that, for data of standard deviation s, what the network sees and what it must return have
    # variance one. Two Gaussian "samples" that span the plane of (x0, n) make it exact: (s, 0) and (0, 1).
    s = 0.7
    x = torch.tensor([[s], [sigma]], dtype=torch.float64)
    x0 = torch.tensor([[s], [0.0]], dtype=torch.float64)
    network = Recorder(torch.zeros(2, 1, dtype=torch.float64))
    denoiser = EDMDenoiser(network, s)
    skip = denoiser(x, sigma)
    assert network.seen[0].square().sum().item() == pytest.approx(1)
    network.output = torch.ones(2, 1, dtype=torch.float64)
    c_out = denoiser(x, sigma) - skip
    assert ((x0 - skip) / c_out).square().sum().item() == pytest.approx(1)


def test_one_level_for_each_sample_and_the_dtype_of_x():
    denoiser = EDMDenoiser(randomised(MLP((1, 4, 4), width=16, depth=2)), 0.5)
    x, sigma = torch.randn(3, 1, 4, 4), torch.tensor([0.01, 0.7, 30.0])
    together = denoiser(x, sigma)
    alone = torch.cat([denoiser(x[i : i + 1], float(sigma[i])) for i in range(3)])
    torch.testing.assert_close(together, alone)
    assert denoiser(x.double(), sigma).dtype == torch.float64
    assert EDMDenoiser(MLP((1, 4, 4), width=16).double(), 0.5)(x, sigma).dtype == torch.float32
    torch.testing.assert_close(denoiser(x.double(), sigma.double()).float(), together, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("network", [MLP(16, width=16, depth=2), MLP((1, 4, 4), width=16)])
def test_untrained_mlp_is_the_gaussian_denoiser_and_the_noise_level_reaches_every_block(network):
    x = torch.randn(2, *network.shape)
    torch.testing.assert_close(EDMDenoiser(network, 0.5)(x, 2.0), x * 0.25 / 4.25)
    randomised(network)
    assert not torch.allclose(network(x, torch.tensor([0.1, 0.1])), network(x, torch.tensor([0.3, 0.3])))


def test_unet_without_attention_takes_the_noise_level_as_a_fraction():
    unet = randomised(small_unet(8, (8, 16), 1))
    assert not any("attention" in type(m).__name__.lower() for m in unet.modules())
    x = torch.randn(2, 1, 8, 8)
    denoiser = EDMDenoiser(unet, 0.5)
    assert denoiser(x, 0.5).shape == x.shape
    # 0.25 ln sigma moves from 0 to 0.1 only: a time step rounded to a whole number would not tell the two apart.
    assert not torch.allclose(unet(x, torch.tensor(0.0)).sample, unet(x, torch.tensor(0.1)).sample, atol=1e-4)


def test_condition_reaches_the_network():
    unet = randomised(small_unet(8, (8, 16), 1, classes=3))
    denoiser = EDMDenoiser(unet, 0.5)
    x = torch.randn(2, 1, 8, 8)
    first, second = (bind(denoiser, torch.tensor([label, label]))(x, 1.0) for label in (0, 2))
    assert not torch.allclose(first, second)
    assert torch.equal(denoiser(x, 1.0), second)  # told nothing: the last label
    assert torch.equal(denoiser(x, 1.0, 0), first)
    with pytest.raises(ValueError, match="condition: labels 0 to 3 are not allowed; give labels from 0 to 1, or 2"):
        denoiser(x, 1.0, torch.tensor([0, 3]))


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="sigma_data: 0"):
        EDMDenoiser(MLP(4), 0)
    with pytest.raises(ValueError, match="width: 0"):
        MLP(4, width=0)
    with pytest.raises(ValueError, match="shape: 0"):
        MLP((1, 0, 4))
    with pytest.raises(ValueError, match="size: 6"):
        small_unet(6, (8, 8, 8))
    with pytest.raises(ValueError, match="channels"):
        small_unet(8, (4, 8))
    with pytest.raises(ValueError, match="sigma"):
        EDMDenoiser(MLP(4), 1.0)(torch.ones(2, 4), 0.0)
    for sigma in (0.5, 2.0):
        with pytest.raises(ValueError, match=r"x: got a Tensor of torch.uint8; give a floating-point"):
            EDMDenoiser(MLP(4), 1.0)(torch.ones(2, 4, dtype=torch.uint8), sigma)

"""Purification of Gaussian data against its closed form."""

import pytest
import torch

from lowdim.denoising.grids import log_sigmas
from lowdim.denoising.purify import purify
from lowdim.denoising.samplers import heun
from lowdim.distributions import Gaussian
from lowdim.seeding import make_generator

LAW = Gaussian(torch.zeros(3).double(), torch.eye(3).double(), torch.tensor([1.0, 0.09, 0.0001]).double())


def test_a_perturbation_shrinks_by_the_gain_of_the_flow():
    """The flow of a Gaussian multiplies direction i by sqrt(s / (s + sigma^2)), once for each rinse."""
    grid = log_sigmas(400, 0.001, 0.3)
    x = LAW.sample(5, make_generator(0, "x"))
    for times in (1, 2):
        two = [purify(LAW, y, grid, make_generator(0, "n"), sampler=heun, times=times) for y in (x, x + 1.0)]
        gain = (LAW.eigenvalues / (LAW.eigenvalues + 0.09)).sqrt() ** times
        torch.testing.assert_close(two[1] - two[0], gain.expand(5, 3), rtol=0.02, atol=1e-4)


def test_pure_data_keep_their_law():
    x = LAW.sample(20_000, make_generator(0, "many"))
    back = purify(LAW, x, log_sigmas(40, 0.01, 0.5), make_generator(0, "noise"), sampler=heun)
    torch.testing.assert_close(back[:, :2].var(0), torch.tensor([1.0, 0.09]).double(), rtol=0.05, atol=0)
    assert float((back - x)[:, 1].std()) > 0.1  # and yet they are others


def test_bad_arguments_are_refused():
    x = LAW.sample(2, make_generator(0, "x"))
    with pytest.raises(ValueError, match="pictures"):
        purify(LAW, x / 0, [0.3, 0.0], make_generator(0, "n"))
    with pytest.raises(ValueError, match="sigmas"):
        purify(LAW, x, [0.0, 0.3], make_generator(0, "n"))
    with pytest.raises(ValueError, match="times"):
        purify(LAW, x, [0.3, 0.0], make_generator(0, "n"), times=0)

import math

import pytest
import torch

from lowdim.denoising.denoiser import Denoiser
from lowdim.distributions import MoLRG
from lowdim.metrics.subspaces import match_subspaces
from lowdim.papers.subspace_clustering.model import SIGMA_RANGE, SubspaceDenoiser, denoising_step, fit
from lowdim.papers.subspace_clustering.synthetic import draw_problem, orthogonal_bases
from lowdim.papers.subspace_clustering.theory import expected_loss
from lowdim.seeding import make_generator


@pytest.fixture
def generator():
    return make_generator(0, "test", "model")


def test_soft_form_is_the_exact_denoiser_of_its_bases(generator):
    network = SubspaceDenoiser(10, 3, 2, generator)
    assert isinstance(network, Denoiser)
    exact = MoLRG(list(network.bases.detach()))
    x = 2 * torch.randn(7, 10, generator=generator, dtype=torch.float64)
    for sigma in (0.05, 0.7, 5.0):
        torch.testing.assert_close(network(x, sigma).detach(), exact(x, sigma), rtol=1e-9, atol=1e-11)


def test_impossible_noise_levels_are_refused(generator):
    network = SubspaceDenoiser(10, 3, 2, generator)
    x = torch.randn(2, 10, generator=generator, dtype=torch.float64)
    for sigma in (-0.5, 0.0, math.nan):
        with pytest.raises(ValueError, match=rf"sigma: \[{sigma}\] is not allowed.*> 0"):
            network(x, sigma)
    with pytest.raises(ValueError, match=r"sigma: \[0.5, -0.5\] is not allowed"):
        network(x, torch.tensor([0.5, -0.5]))
    captured = network(x, 0.0, clean=x)  # the hard form projects, and has a limit
    torch.testing.assert_close(network(captured, 0.0, clean=x), captured)
    with pytest.raises(ValueError, match=r"sigma: \[-0.5\] is not allowed.*>= 0"):
        network(x, -0.5, clean=x)


def test_bases_are_jointly_orthonormal_whatever_the_weights(generator):
    network = SubspaceDenoiser(9, 2, 3, generator, runs=4)
    joined = torch.cat(network.bases.unbind(1), -1)
    torch.testing.assert_close(joined.mT @ joined, torch.eye(6, dtype=torch.float64).expand(4, -1, -1))


def test_runs_side_by_side_are_runs_alone(generator):
    """The same forward pass, and no gradient from one run into another."""
    network = SubspaceDenoiser(8, 2, 2, generator, runs=3)
    x = torch.randn(3, 5, 8, generator=generator, dtype=torch.float64)
    sigma = torch.rand(3, 5, generator=generator, dtype=torch.float64) + 0.1
    together = network(x, sigma)
    for i in range(3):
        alone = SubspaceDenoiser(8, 2, 2, generator)
        with torch.no_grad():
            alone.weight.copy_(network.weight[i])
        torch.testing.assert_close(alone(x[i], sigma[i]), together[i])
    together[1].square().sum().backward()
    assert network.weight.grad[1].abs().max() > 0
    assert network.weight.grad[[0, 2]].abs().max() == 0


def test_hard_form_reaches_the_loss_floor_of_theorem_3(generator):
    """At one noise level the mean loss of the trained hard-max network is the formula at its own bases."""
    problem = draw_problem(orthogonal_bases(1, 2, 12, 2, generator), 6, generator, noise=0.1)
    x = problem.x[0]
    network = SubspaceDenoiser(12, 2, 2, generator)
    for _ in fit(network, x, 300, generator, hard=True, batch=16):
        pass
    sigma, copies = 0.5, 4000
    clean = x.repeat(copies, 1)
    noisy = clean + sigma * torch.randn(clean.shape, generator=generator, dtype=x.dtype)
    with torch.no_grad():
        loss = (network(noisy, sigma, clean) - clean).square().sum(1).mean()
        floor = expected_loss(x, network.bases, 1.0, sigma).mean()
        truth = expected_loss(x, problem.bases[0], 1.0, sigma).mean()
    assert float(loss) == pytest.approx(float(floor), rel=0.01)
    assert float(floor) < 1.5 * float(truth)


def test_training_finds_one_subspace(generator):
    problem = draw_problem(orthogonal_bases(6, 1, 12, 2, generator), 6, generator)
    network = SubspaceDenoiser(12, 1, 2, generator, runs=6)
    losses = [step.loss for step in fit(network, problem.x, 400, generator)]
    assert match_subspaces(network.bases.detach(), problem.bases).errors.max() < 0.05
    assert sum(losses[-50:]) < sum(losses[:50])


def test_counts_hide_the_later_samples(generator):
    """With counts = 1 only the first sample is ever drawn: the loss of a network that fits it is the floor."""
    x = torch.zeros(1, 2, 3, dtype=torch.float64)
    x[0, 0, 0], x[0, 1, 1] = 1.0, 100.0
    network = SubspaceDenoiser(3, 1, 1, generator, runs=1)
    step = denoising_step(x, 64, counts=torch.tensor([1]))
    with torch.no_grad():
        largest = max(float(step(network, generator)) for _ in range(20))
    assert largest < 1e4  # the second sample costs about 100^2 / sigma^2


def test_noise_levels_fill_their_range(generator):
    seen = []

    class Spy(torch.nn.Module):
        def forward(self, x, sigma, clean):
            seen.append(sigma)
            return x

    denoising_step(torch.zeros(1, 1, 4), 4000)(Spy(), generator)
    logs = seen[0].log()
    low, high = map(math.log, SIGMA_RANGE)
    assert low <= float(logs.min()) < low + 0.05
    assert high - 0.05 < float(logs.max()) <= high
    assert float(logs.mean()) == pytest.approx((low + high) / 2, abs=0.15)


def test_too_many_blocks_are_refused(generator):
    with pytest.raises(ValueError, match="K d <= n"):
        SubspaceDenoiser(5, 2, 3, generator)

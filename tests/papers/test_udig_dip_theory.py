"""The closed forms against other ways to the same numbers, and the purifier's three kinds on laws one can solve."""

import math

import pytest
import torch

from lowdim.distributions import Empirical, Gaussian
from lowdim.papers.udig_dip.purifier import LEAST, Purifier
from lowdim.papers.udig_dip.signals import TASKS, guided, operator, sequential, signal_law
from lowdim.papers.udig_dip.theory import (
    contraction,
    descent_error,
    iterated_tikhonov,
    purified_fixed_point,
    resolvent,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


@pytest.fixture(scope="module")
def small():
    root = randn(6, 6, seed=1)
    return randn(6), root @ root.T / 6 + 0.1 * torch.eye(6).double(), randn(4, 6, seed=2), randn(3, 4, seed=3)


def test_descent_on_a_kernel_has_the_expected_error():
    eigenvalues, truth, noise_std, count = torch.tensor([1.0, 0.3, 0.01]).double(), randn(3), 0.5, 40_000
    y = truth + noise_std * randn(count, 3, seed=1)
    f = torch.zeros_like(y)
    for _ in range(7):
        f = f - eigenvalues * (f - y)
    measured = (f - truth).square().sum(1)
    formula = descent_error(eigenvalues, truth, noise_std, torch.tensor([7.0]))
    assert float((measured.mean() - formula).abs()) < 4 * float(measured.std()) / count**0.5


def test_the_error_ends_at_that_of_the_measurement():
    ended = descent_error(torch.tensor([1.0, 0.1]).double(), randn(2), 0.3, torch.tensor([1e4]).double())
    assert float(ended) == pytest.approx(2 * 0.09)


def test_the_resolvent_minimises(small):
    _, _, a, y = small
    z, lam = randn(3, 6, seed=4), 0.3
    x = ((y @ a + lam * z) @ resolvent(a, lam)).requires_grad_()
    loss = (x @ a.T - y).square().sum() + lam * (x - z).square().sum()
    (gradient,) = torch.autograd.grad(loss, x)
    assert float(gradient.abs().max()) < 1e-12


@pytest.mark.parametrize("rounds", [1, 3, 50])
@pytest.mark.parametrize("task", TASKS)
def test_rounds_are_iterated_tikhonov(task, rounds):
    a = operator(task, generator())
    y = randn(5, len(a), seed=5)
    found = sequential(a, y, 0.2, rounds)[-1]
    torch.testing.assert_close(found, iterated_tikhonov(a, y, 0.2, rounds), rtol=0, atol=1e-10)


def test_it_ends_at_the_pseudo_inverse(small):
    _, _, a, y = small
    torch.testing.assert_close(iterated_tikhonov(a, y, 0.5, 10**6), y @ torch.linalg.pinv(a).T)


def test_the_purified_rounds_end_at_bayes_rule(small):
    mean, covariance, a, y = small
    noise_std, tau = 0.5, 0.4
    law = Gaussian.from_covariance(mean, covariance)
    smoothed = Gaussian.from_covariance(mean, covariance + tau**2 * torch.eye(6).double())
    posterior = torch.stack([smoothed.posterior(row, a, noise_std).mean() for row in y])
    formula = purified_fixed_point(mean, covariance, a, y, (noise_std / tau) ** 2, tau)
    torch.testing.assert_close(formula, posterior)
    end = guided(a, y, noise_std, [tau] * 300, Purifier(law, by_channel=False), generator())[-1]
    torch.testing.assert_close(end, posterior)


def test_the_contraction_is_the_rate_of_the_rounds(small):
    mean, covariance, a, y = small
    noise_std, tau = 0.5, 0.4
    law = Gaussian.from_covariance(mean, covariance)
    run = guided(a, y, noise_std, [tau] * 60, Purifier(law, by_channel=False), generator())
    steps = torch.stack([(second - first).norm() for first, second in zip(run[-12:], run[-11:], strict=False)])
    assert float(steps[-1] / steps[-2]) == pytest.approx(
        contraction(covariance, a, (noise_std / tau) ** 2, tau), rel=1e-3
    )


def gaussian(seed=7):
    root = randn(5, 5, seed=seed)
    covariance, mean = root @ root.T / 5, randn(5)
    values, vectors = torch.linalg.eigh(covariance)
    return Gaussian.from_covariance(mean, covariance), mean, values, vectors


def test_one_evaluation_is_w():
    law, mean, values, vectors = gaussian()
    x, tau = mean + randn(4, 5, seed=8), 0.7
    matrix = vectors * (values / (values + tau**2)) @ vectors.T
    found = Purifier(law, by_channel=False)(x, tau, generator())
    torch.testing.assert_close(found, mean + (x - mean) @ matrix, rtol=0, atol=1e-10)


@pytest.mark.parametrize("steps", [25, 50, 100, 200, 400])
def test_many_levels_tend_to_the_root_of_w_at_the_rate_of_eulers_method(steps):
    """Along an eigenvector with eigenvalue ``l``, and with ``g(s) = s^2 / (l + s^2)``, a step of ``h`` in ``log s``
    falls short of the flow by ``h^2 g (1 - g) / 2``, all together by ``h (g(tau) - g(s_min)) / 4``; the step to 0
    gives ``1 - g(s_min)`` for its root, whatever the number of steps. So the root itself is met to 5e-3 at 200 levels,
    for h / 4 is 5e-3 there, and with both terms to 1e-7.
    """
    law, mean, values, vectors = gaussian()
    tau, h = 0.7, -math.log(LEAST) / (steps - 1)
    found = Purifier(law, "ddim", steps=steps, by_channel=False)(mean + vectors.T, tau, generator())
    ratio = ((found - mean) @ vectors).diagonal() / (values / (values + tau**2)).sqrt()
    top, least = (level**2 / (values + level**2) for level in (tau, LEAST * tau))
    first_order = (-h / 4 * (top - least)).exp() * (1 - least).sqrt()
    assert float((ratio - first_order).abs().max()) < 1e-3 * h**2
    assert float((ratio - 1).abs().max()) < 0.25 * h + float(least.max()) / 2


def test_noise_in_the_purifier_has_the_covariance_of_the_page():
    law, mean, values, vectors = gaussian()
    tau, count = 0.7, 40_000
    found = Purifier(law, noise=True, by_channel=False)(mean.expand(count, -1), tau, generator())
    w = values / (values + tau**2)
    measured = torch.cov(((found - mean) @ vectors).T)
    torch.testing.assert_close(measured, torch.diag(tau**2 * w**2), rtol=0, atol=0.02)


def test_an_atom_is_returned_from_anywhere():
    atom = randn(1, 1, 4, 4)
    law = Empirical(atom)
    x = randn(2, 1, 4, 4, seed=9)
    for kind, steps in (("tweedie", 1), ("ddim", 20), ("ancestral", 20)):
        found = Purifier(law, kind, steps=steps, noise=True)(x, 0.5, generator())
        torch.testing.assert_close(found, atom.expand(2, -1, -1, -1), rtol=0, atol=1e-6)


def test_channels_are_images_of_their_own():
    shapes = []

    def denoise(x, sigma):
        shapes.append(tuple(x.shape))
        return x

    x = randn(3, 2, 4, 4)
    assert torch.allclose(Purifier(denoise)(x, 0.1, generator()), x)
    Purifier(denoise, by_channel=False)(x, 0.1, generator())
    assert shapes == [(6, 1, 4, 4), (3, 2, 4, 4)]


def test_bad_levels_and_images_are_refused():
    purifier = Purifier(lambda x, sigma: x)
    with pytest.raises(ValueError, match="tau: 0"):
        purifier(randn(1, 1, 2, 2), 0, generator())
    with pytest.raises(ValueError, match="x: 1 of 4"):
        purifier(torch.tensor([[[[1.0, float("nan")], [0.0, 0.0]]]]), 0.1, generator())


def test_signals_and_their_operators():
    covariance, _ = signal_law()
    assert float(covariance[0, 0]) == pytest.approx(0.2501)
    assert float(covariance[3, 8]) == pytest.approx(0.25 * 2.718281828 ** (-0.5))
    sizes = {task: tuple(operator(task, generator()).shape) for task in TASKS}
    assert sizes == {"box": (48, 64), "random": (20, 64), "pooling": (16, 64), "blur": (64, 64)}
    ones = torch.ones(64, dtype=torch.float64)
    for task in TASKS:
        a = operator(task, generator())
        torch.testing.assert_close(a @ ones, torch.ones(len(a), dtype=torch.float64))
    with pytest.raises(ValueError, match="task: 'hole'"):
        operator("hole", generator())

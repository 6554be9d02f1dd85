"""Building a mixture of low-rank Gaussians, and what only a mixture offers."""

import math

import pytest
import torch

from distributions.exact_laws import N, generator, noisy, randn, random_molrg
from lowdim.distributions import MoLRG


def basis(r: int = 2, n: int = 6, seed: int = 0) -> torch.Tensor:
    return torch.linalg.qr(randn(n, r, seed=seed)).Q


def test_defaults_are_the_model_of_the_paper():
    law = MoLRG([basis(2), basis(3, seed=1)])
    assert law.ranks == (2, 3)
    assert all(
        torch.equal(values, torch.ones(r, dtype=torch.float64))
        for r, values in zip((2, 3), law.eigenvalues, strict=True)
    )
    assert torch.equal(law.means, torch.zeros(2, 6, dtype=torch.float64))
    torch.testing.assert_close(law.weights, torch.tensor([0.5, 0.5], dtype=torch.float64))
    assert law.event_shape == (6,)


def test_keeps_what_it_was_given():
    bases, weights = [basis(2), basis(1, seed=1)], torch.tensor([0.3, 0.7], dtype=torch.float64)
    eigenvalues, means = [torch.tensor([2.0, 0.0]), torch.tensor([0.5])], randn(2, 2, 3, seed=3)
    law = MoLRG(bases, eigenvalues, list(means), weights)
    assert law.event_shape == (2, 3)
    assert all(torch.equal(a, b) for a, b in zip(law.bases, bases, strict=True))
    assert all(torch.equal(a, b.double()) for a, b in zip(law.eigenvalues, eigenvalues, strict=True))
    assert torch.equal(law.means, means)
    torch.testing.assert_close(law.weights, weights)
    assert repr(law) == "MoLRG(event_shape=(2, 3), ranks=(2, 1), dtype=torch.float64)"


def test_event_shape_can_be_given_without_means():
    assert MoLRG([basis()], event_shape=(1, 2, 3)).sample(4, generator()).shape == (4, 1, 2, 3)


def test_mean_and_covariance_are_those_of_the_mixture():
    law = random_molrg()
    parts = zip(law.bases, law.eigenvalues, law.means, strict=True)
    blocks = [u @ torch.diag(v) @ u.T + torch.outer(m, m) for u, v, m in parts]
    mean = law.weights @ law.means
    torch.testing.assert_close(law.mean(), mean)
    expected = torch.einsum("k,kij->ij", law.weights, torch.stack(blocks)) - torch.outer(mean, mean)
    torch.testing.assert_close(law.covariance(), expected)


def test_component_denoisers_average_to_the_denoiser_and_are_those_of_single_components():
    law = random_molrg(shape=(3, 2, 2))
    x = noisy(law, 0.8)
    parts = law.component_denoisers(x, 0.8)
    assert parts.shape == (6, 3, 3, 2, 2)
    torch.testing.assert_close(
        torch.einsum("bk,bk...->b...", law.component_weights(x, 0.8), parts), law.denoise(x, 0.8)
    )
    for k in range(3):
        alone = MoLRG([law.bases[k]], [law.eigenvalues[k]], law.means[k : k + 1])
        torch.testing.assert_close(parts[:, k], alone.denoise(x, 0.8))


def test_labels_follow_the_weights_and_samples_lie_in_their_component():
    law = random_molrg()
    x, labels = law.sample_labelled(20_000, generator(7))
    counts = torch.bincount(labels, minlength=3) / 20_000
    # Five binomial standard errors.
    assert (counts - law.weights).abs().max() < 5 * math.sqrt(0.25 / 20_000)
    for k, u in enumerate(law.bases):
        centred = x[labels == k] - law.means[k]
        torch.testing.assert_close(centred @ u @ u.T, centred, atol=1e-12, rtol=0)
        spread = (centred @ u).square().mean(0)
        assert (
            (spread - law.eigenvalues[k]).abs() <= 5 * law.eigenvalues[k] * math.sqrt(2 / (labels == k).sum())
        ).all()
    assert torch.equal(x, law.sample(20_000, generator(7)))


def test_component_weights_go_from_certain_to_the_prior():
    law = MoLRG.random(48, (6, 6), generator(1), weights=[0.2, 0.8])
    x, labels = law.sample_labelled(200, generator(2))
    certain = law.component_weights(x + 0.01 * randn(200, 48, seed=3), 0.01)
    assert torch.equal(certain.argmax(1), labels)
    assert certain.max(1).values.min() > 1 - 1e-12
    torch.testing.assert_close(law.component_weights(x, 1e4), law.weights.expand(200, 2), atol=1e-6, rtol=0)


def test_random_subspaces_are_orthogonal_on_request():
    joint = torch.cat(MoLRG.random(20, (3, 4, 5), generator(1)).bases, 1)
    torch.testing.assert_close(joint.T @ joint, torch.eye(12, dtype=torch.float64), atol=1e-12, rtol=0)
    first, second = MoLRG.random(5, (4, 4), generator(1), orthogonal=False).bases
    assert (first.T @ second).abs().max() > 0.1
    assert MoLRG.random(5, [2], generator(1), dtype=torch.float32).dtype == torch.float32


def test_random_is_reproducible():
    first, second = (MoLRG.random(9, (2, 3), generator(4)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.bases, second.bases, strict=True))


def test_log_weights_survive_below_the_smallest_float():
    law = MoLRG([basis(1), basis(1, seed=1)], means=torch.stack([torch.zeros(6), torch.full((6,), 50.0)]).double())
    posterior = law.posterior(torch.zeros(6), torch.eye(6, dtype=torch.float64), 0.05)
    assert posterior.weights[1] == 0.0
    assert posterior.sample(10, generator()).isfinite().all()
    back = posterior.posterior(torch.full((6,), 50.0), torch.eye(6, dtype=torch.float64), 0.05)
    assert back.weights.isfinite().all()
    assert back.denoise(torch.zeros(1, 6).double(), 0.1).isfinite().all()


NAN = torch.full((6, 2), math.nan, dtype=torch.float64)
BAD = {
    "no bases": (lambda: MoLRG([]), r"bases: none given; give at least one matrix"),
    "vector": (lambda: MoLRG([torch.ones(6)]), r"bases\[0\]: shape \(6,\) is not allowed"),
    "too wide": (
        lambda: MoLRG([torch.eye(3, 4)]),
        r"bases\[0\]: shape \(3, 4\) is not allowed; give \(n, r\) with r <= n",
    ),
    "other n": (lambda: MoLRG([basis(), basis(n=5)]), r"bases\[1\]: shape \(5, 2\) .* the same n for all"),
    "other dtype": (
        lambda: MoLRG([basis(), basis().float()]),
        r"bases\[1\]: torch.float32 on cpu; all must be torch.float64",
    ),
    "not orthonormal": (
        lambda: MoLRG([basis(), 2 * basis()]),
        r"bases\[1\]: columns are not orthonormal, .*= 3.0e\+00",
    ),
    "barely off": (lambda: MoLRG([basis() * (1 + 1e-8)]), r"bases\[0\]: columns are not orthonormal.*torch.linalg.qr"),
    "nan": (lambda: MoLRG([NAN]), r"bases\[0\]: 12 of 12 entries are NaN"),
    "half": (lambda: MoLRG([torch.eye(6, 2).half()]), r"dtype: torch.float16 is not allowed"),
    "eigenvalue count": (lambda: MoLRG([basis()], []), r"eigenvalues: shapes \[\] are not allowed; give \[\(2,\)\]"),
    "eigenvalue shape": (lambda: MoLRG([basis()], [torch.ones(3)]), r"eigenvalues: shapes \[\(3,\)\] are not allowed"),
    "negative": (lambda: MoLRG([basis()], [torch.tensor([1.0, -1.0])]), r"eigenvalues: smallest -1 is not allowed"),
    "nan eigenvalue": (
        lambda: MoLRG([basis()], [torch.tensor([1.0, math.nan])]),
        r"eigenvalues: 1 of 2 entries are NaN",
    ),
    "mean count": (
        lambda: MoLRG([basis()], means=torch.zeros(2, 6)),
        r"means: shape \(2, 6\) is not allowed; give 1 means",
    ),
    "mean size": (lambda: MoLRG([basis()], means=torch.zeros(1, 5)), r"means: shape \(1, 5\) is not allowed"),
    "event shape": (
        lambda: MoLRG([basis()], event_shape=(2, 2)),
        r"event_shape: \(2, 2\) has 4 entries; the bases have 6",
    ),
    "weight count": (
        lambda: MoLRG([basis()], weights=[0.5, 0.5]),
        r"weights: shape \(2,\) is not allowed; give \(1,\)",
    ),
    "weight sum": (lambda: MoLRG([basis()], weights=[0.9]), r"weights: smallest 0.9, sum 0.9 is not allowed"),
    "zero weight": (lambda: MoLRG([basis()] * 2, weights=[0.0, 1.0]), r"weights: smallest 0, sum 1 is not allowed"),
    "nan weight": (lambda: MoLRG([basis()] * 2, weights=[math.nan, 1.0]), r"weights: 1 of 2 entries are NaN"),
    "rank": (lambda: MoLRG.random(5, [6], generator()), r"ranks: \(6,\) is not allowed; give numbers from 0 to n = 5"),
    "no ranks": (lambda: MoLRG.random(5, [], generator()), r"ranks: \(\) is not allowed"),
    "rank sum": (
        lambda: MoLRG.random(5, [3, 3], generator()),
        r"ranks: \(3, 3\) sum to 6; orthogonal subspaces need at most",
    ),
}


@pytest.mark.parametrize(("build", "message"), BAD.values(), ids=BAD)
def test_bad_arguments_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_bases_of_float32_factorisations_are_accepted():
    tall = torch.randn(3072, 50, generator=generator(), dtype=torch.float32)
    assert MoLRG([torch.linalg.qr(tall).Q, torch.linalg.svd(tall, full_matrices=False).U]).n == 3072


def test_labelled_sampling_checks_its_arguments():
    with pytest.raises(ValueError, match=r"n: -3 is not allowed"):
        random_molrg().sample_labelled(-3, generator())
    assert random_molrg().n == N

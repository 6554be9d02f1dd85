"""Chapter 01's experiments, figures and settings, all in the smoke profile."""

import math

import numpy as np
import pytest
import torch

from lowdim.companion.claims import load_claims
from lowdim.data.discs import disc_tangents, render_discs, sample_discs
from lowdim.distributions import Empirical
from lowdim.metrics.subspaces import principal_angles
from lowdim.papers.subspace_clustering import EXPERIMENTS, FIGURES, PROFILES, photographs
from lowdim.papers.subspace_clustering.clusters import tilted_pair
from lowdim.papers.subspace_clustering.exact import printed_form_error
from lowdim.papers.subspace_clustering.learning import largest_drop
from lowdim.papers.subspace_clustering.memorise import half_point
from lowdim.papers.subspace_clustering.pictures import alignment, posterior_jacobians
from lowdim.seeding import make_generator
from papers.contract import (
    check_figures,
    check_names_apart,
    check_profiles_grow,
    check_seed_decides,
    check_unknown_refused,
)

CLAIMS = load_claims("01")


@pytest.fixture(scope="module")
def records():
    return {name: experiment("smoke", 0, "cpu") for name, experiment in EXPERIMENTS.items()}


def test_every_experiment_measures_its_claims(records):
    """All claims but those that need other data than smoke has (CIFAR-10, decided in full)."""
    for name, record in records.items():
        wanted = {claim.id for claim in CLAIMS if claim.experiment == name and claim.profile != "full"}
        assert wanted <= record.claims.keys(), name
        assert all(CLAIMS[claim].experiment == name for claim in record.claims)


def test_no_two_experiments_measure_the_same(records):
    check_names_apart(records)


def test_every_figure_draws_and_is_small(records, tmp_path):
    check_figures(FIGURES, records, tmp_path)


@pytest.mark.parametrize("name", ["closed-form", "gap", "memorise", "discs"])
def test_the_seed_decides_everything(records, name):
    check_seed_decides(EXPERIMENTS[name], records[name])


def test_unknown_profile_and_device_are_refused():
    check_unknown_refused(EXPERIMENTS.values())


def test_profiles_grow():
    """Steps of networks included."""
    check_profiles_grow(PROFILES)


def test_exact_claims_hold_even_in_smoke(records):
    for name in (
        "01-C1",
        "01-C2e",
        "01-C4",
        "01-C4b",
        "01-C5b",
        "01-C6a",
        "01-C9a",
        "01-C9c",
        "01-C9e",
        "01-C10b",
        "01-C10c",
    ):
        claim = CLAIMS[name]
        low, high = (math.inf if bound is None else bound for bound in claim.holds)
        value = records[claim.experiment].claims[name]
        assert (-math.inf if claim.holds[0] is None else low) <= value <= high, name


def test_printed_form_is_exact_for_equal_ranks_and_weights():
    generator = make_generator(0, "test")
    assert printed_form_error((4, 4), (0.5, 0.5), generator) < 1e-10
    assert printed_form_error((2, 8), (0.5, 0.5), generator) > 0.2


def test_tilted_pairs_have_the_angle_asked_for():
    for theta in (0.2, math.pi / 2):
        pair = tilted_pair(3, 4, theta, make_generator(0, "test"))
        angles = principal_angles(pair[:, 0], pair[:, 1])
        torch.testing.assert_close(angles, torch.full_like(angles, theta))


def test_posterior_jacobians_are_those_of_the_exact_denoiser():
    generator = make_generator(0, "test")
    images = sample_discs(400, generator, size=6)[0].flatten(1)
    x = images[:3] + 0.4 * torch.randn(3, 36, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(
        posterior_jacobians(images, x, 0.4), Empirical(images).denoiser_jacobian(x, 0.4), rtol=1e-6, atol=1e-7
    )


def test_alignment_is_one_for_the_tangents_and_small_by_chance():
    generator = make_generator(0, "test")
    tangents = disc_tangents(sample_discs(5, generator, size=12).factors, size=12).flatten(2)
    mixed = tangents.mT @ torch.randn(4, 4, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(alignment(torch.linalg.qr(mixed).Q, tangents), torch.ones(4, dtype=torch.float64))
    random = torch.linalg.qr(torch.randn(200, 144, 4, generator=generator, dtype=torch.float64)).Q
    chance = alignment(random, tangents[:1].expand(200, -1, -1)).mean()
    assert float(chance) == pytest.approx(4 / 144, rel=0.1)


def test_largest_drop():
    excess = np.array([[-1, 0, 1], [0, 1, 2]])
    assert largest_drop(np.array([[0, 0.4, 0.8], [0.6, 0.8, 1.0]]), excess) == 0
    assert largest_drop(np.array([[0, 0.4, 0.8], [0.6, 0.8, 0.5]]), excess) == pytest.approx(0.3)


def test_half_point_is_on_the_logarithm():
    curve = torch.tensor([0.1, 0.1, 0.9])
    assert half_point((1.0, 10.0, 1000.0), curve) == pytest.approx(100, rel=1e-5)


def test_full_images_are_cifar10_and_its_source_is_named(monkeypatch, tmp_path):
    """The full settings on a stand-in for CIFAR-10: colour discs, two steps, the claims of the full profile
    measured.
    """
    from dataclasses import replace

    from lowdim.data.records import Images
    from lowdim.profile import Profiles

    def stand_in(split, limit, *, source=None):
        factors = sample_discs(12, make_generator(len(split), "test"), size=8).factors
        return Images(render_discs(factors, 8).float().repeat(1, 3, 1, 1), torch.zeros(12), "a stand-in")

    small = replace(PROFILES["smoke"], image_source="cifar10", image_sizes=(12, 12), image_points=1)
    monkeypatch.setattr(photographs, "load_cifar10", stand_in)
    monkeypatch.setattr(photographs, "PROFILES", Profiles(small, small, small, small))
    few, many = (EXPERIMENTS[name]("smoke", 0, "cpu") for name in ("images-few", "images-many"))
    assert few.claims.keys() == {"01-C11e"}
    assert many.claims.keys() == {"01-C11f", "01-C13d", "01-C13e"}
    assert str(many["source"]) == "a stand-in"

"""Chapter 02's experiments, figures, film and settings, all in the smoke profile."""

from dataclasses import replace

import pytest
import torch

from lowdim.companion.claims import load_claims
from lowdim.data.records import Images
from lowdim.papers import hidden_gaussian
from lowdim.papers.hidden_gaussian import EXPERIMENTS, FIGURES, FILMS, PROFILES, photographs
from lowdim.papers.hidden_gaussian.faces import LARGE_MODEL, NUMBERS, copies
from lowdim.papers.hidden_gaussian.pictures import gaussian_of
from lowdim.profile import Profiles
from lowdim.recipes.faces_by_number import RECIPES
from lowdim.seeding import make_generator
from papers.contract import (
    check_figures,
    check_names_apart,
    check_profiles_grow,
    check_seed_decides,
    check_unknown_refused,
)

CLAIMS = load_claims("02")
ON_SHIPPED = ("faces-size", "faces-noise", "jacobian")


@pytest.fixture(scope="module")
def records():
    return {name: experiment("smoke", 0, "cpu") for name, experiment in EXPERIMENTS.items()}


def test_every_experiment_measures_its_claims(records):
    """All claims but those of the full profile, which need CIFAR-10."""
    for name, record in records.items():
        wanted = {claim.id for claim in CLAIMS if claim.experiment == name and claim.profile != "full"}
        assert wanted <= record.claims.keys(), name
        assert all(CLAIMS[claim].experiment == name for claim in record.claims)


def test_no_two_experiments_measure_the_same(records):
    check_names_apart(records)


def test_every_figure_draws_and_is_small(records, tmp_path):
    check_figures(FIGURES, records, tmp_path)


def test_the_film_has_a_frame_for_each_number_of_faces(records):
    film = FILMS["faces-film"]
    frames = list(film.frames(records[film.experiment]))
    assert [label for label, _ in frames] == [f"N = {number}" for number in NUMBERS]
    assert len({tuple(figure.get_size_inches()) for _, figure in frames}) == 1


@pytest.mark.parametrize("name", ["best-linear", "distillation", "digit-nets"])
def test_the_seed_decides_everything(records, name):
    from lowdim.papers.hidden_gaussian.nets_on_digits import train_run

    train_run.cache_clear()  # else the networks would be the same objects
    check_seed_decides(EXPERIMENTS[name], records[name])


def test_unknown_profile_and_device_are_refused():
    check_unknown_refused(EXPERIMENTS.values())


def test_profiles_grow():
    check_profiles_grow(PROFILES)


def test_exact_claims_hold_even_in_smoke(records):
    for name in ("02-G1a", "02-G2a", "02-G2b", "02-G3a", "02-G3b", "02-G3c", "02-G3d", "02-G8c", "02-G16a", "02-G16b"):
        claim = CLAIMS[name]
        low, high = claim.holds
        value = records[claim.experiment].claims[name]
        assert low is None or value >= low, name
        assert high is None or value <= high, name


def test_weights_are_those_of_the_recipes():
    assert set(hidden_gaussian.WEIGHTS) == {*RECIPES, LARGE_MODEL}


def test_copies():
    training = torch.eye(4)
    near, between = training[:2] + 0.01, torch.tensor([[0.5, 0.5, 0.0, 0.0]])
    assert copies(torch.cat([near, between, between]), training) == 0.5


def test_gaussian_of_few_and_many_images_agree():
    images = torch.randn(30, 1, 2, 5, generator=make_generator(0, "test"))
    many = gaussian_of(images)
    few = gaussian_of(images[:8])
    assert (many.rank, few.rank) == (10, 7)
    flat = images.flatten(1).double()
    torch.testing.assert_close(many.covariance(), torch.cov(flat.T, correction=0))
    torch.testing.assert_close(few.covariance(), torch.cov(flat[:8].T, correction=0))


def test_full_images_are_cifar10_and_its_source_is_named(monkeypatch):
    """The settings of full on a stand-in for CIFAR-10: the claims of that profile are measured."""

    def stand_in(name, split, limit):
        images = torch.rand(limit, 3, 8, 8, generator=make_generator(len(split), "test")) * 2 - 1
        return Images(images, None, f"a stand-in for {name}")

    small = replace(PROFILES["smoke"], image_source="cifar10", image_pairs=200)
    monkeypatch.setattr(photographs, "load_images", stand_in)
    monkeypatch.setattr(photographs, "PROFILES", Profiles(small, small, small, small))
    names = ("photographs-few", "photographs-halves", "photographs-exact")
    found = [EXPERIMENTS[name]("smoke", 0, "cpu") for name in names]
    measured = set().union(*(record.claims for record in found))
    assert measured == {claim.id for claim in CLAIMS if claim.profile == "full"}
    assert all(str(record["source"]) == "a stand-in for cifar10" for record in found)

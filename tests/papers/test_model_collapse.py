"""Chapter 03's experiments, figures and settings, all in the smoke profile."""

import numpy as np
import pytest
import torch

from lowdim.companion.claims import load_claims
from lowdim.denoising.velocities import generate, straightness
from lowdim.metrics.frechet import frechet_distance
from lowdim.papers.model_collapse import EXPERIMENTS, FIGURES, FILMS, PROFILES, images
from lowdim.papers.model_collapse.features import accuracy, describe, train_classifier
from lowdim.papers.model_collapse.plane_data import balanced_sample, centres, eight_gaussians, in_mode, quasi_noise
from lowdim.papers.model_collapse.rounds import Judge
from lowdim.seeding import make_generator
from papers.contract import (
    check_figures,
    check_names_apart,
    check_profiles_grow,
    check_seed_decides,
    check_unknown_refused,
)

CLAIMS = load_claims("03")


@pytest.fixture(scope="module")
def records():
    return {name: experiment("smoke", 0, "cpu") for name, experiment in EXPERIMENTS.items()}


def test_every_experiment_measures_its_claims(records):
    """All claims but those that need other data than smoke has (CIFAR-10, decided in full)."""
    for name, record in records.items():
        wanted = {claim.id for claim in CLAIMS if claim.experiment == name and claim.profile != "full"}
        assert wanted <= record.claims.keys(), name
        assert all(CLAIMS[claim].experiment == name for claim in record.claims)
        assert all(np.isfinite(value) for value in record.claims.values()), name


def test_no_two_experiments_measure_the_same(records):
    check_names_apart(records)


def test_every_figure_draws_and_is_small(records, tmp_path):
    check_figures(FIGURES, records, tmp_path, largest=700_000, alt=30)


def test_the_film_has_a_frame_for_each_round(records):
    film = FILMS["plane-rounds"]
    labels = [label for label, _ in film.frames(records[film.experiment])]
    assert labels == ["first flow", "round 1", "round 2"]


@pytest.mark.parametrize("name", ["collapse", "real-data", "plane"])
def test_the_seed_decides_everything(records, name):
    check_seed_decides(EXPERIMENTS[name], records[name])


def test_unknown_profile_and_device_are_refused():
    check_unknown_refused(EXPERIMENTS.values())


def test_profiles_grow():
    check_profiles_grow(PROFILES)


def test_exact_claims_hold_even_in_smoke(records):
    for name in ("03-R1b", "03-R1c", "03-R6d", "03-R7a", "03-R8a", "03-R8b", "03-R8c", "03-M2c", "03-M2d"):
        claim = CLAIMS[name]
        low, high = claim.holds
        value = records[claim.experiment].claims[name]
        assert low is None or value >= low, name
        assert high is None or value <= high, name


def test_images_in_full_measure_the_claims_of_cifar10(monkeypatch):
    """CIFAR-10 itself is not here: coloured noise of its shape takes its place, in smoke sizes."""
    from dataclasses import replace

    def fake(source):
        generator = make_generator(0, "test")
        pictures = torch.rand(120, 3, 32, 32, generator=generator) * 2 - 1
        return pictures, torch.randint(10, (120,), generator=generator), source

    small = replace(PROFILES["smoke"], image_source="cifar10", image_channels=(8, 8, 8), image_features=(8, 8))
    small = replace(small, image_first_steps=2, image_steps=2, image_samples=20, image_pool=32)
    monkeypatch.setattr(images, "load_real", fake)
    monkeypatch.setattr(images, "PROFILES", {"full": small})
    for name, claim in (("images-plain", "03-R13g"), ("images-first", "03-R13i")):
        record = EXPERIMENTS[name]("full", 0, "cpu")
        assert set(record.claims) == {claim}
        assert record["samples"].shape == (2, 10, 3, 32, 32)


def test_eight_modes_and_what_lies_in_them():
    x = eight_gaussians().sample(20_000, make_generator(0, "test"))
    assert abs(float(in_mode(x).double().mean()) - 0.9889) < 0.003
    assert not bool(in_mode(torch.zeros(1, 2, dtype=torch.float64)))
    torch.testing.assert_close(centres().norm(dim=1), torch.full((8,), 2.0, dtype=torch.float64))


def test_references_are_even():
    generator = make_generator(0, "test")
    nearest = torch.cdist(balanced_sample(80, generator), centres()).argmin(1)
    assert torch.bincount(nearest).tolist() == [10] * 8
    noise = quasi_noise(1024, generator)
    assert noise.shape == (1024, 2)
    assert float(noise.mean(0).abs().max()) < 0.01  # random points would miss by 0.03
    torch.testing.assert_close(noise.T @ noise / 1024, torch.eye(2, dtype=torch.float64), rtol=0, atol=0.02)
    assert not torch.equal(noise, quasi_noise(1024, generator))


def test_a_flow_that_returns_the_data_is_judged_perfect():
    """The judge's noise is replaced by the data, so that the flow that stands still generates them."""
    data = torch.rand(60, 1, 8, 8, generator=make_generator(0, "test")) * 2 - 1
    classifier = train_classifier(data, torch.arange(60) % 10, (8, 16), 3)
    judge = Judge(data, classifier, 2, 60, make_generator(1, "test"))
    judge.noise = data
    still = torch.nn.Identity()
    still.forward = lambda x, t: torch.zeros_like(x)
    quality, samples = judge(still)
    assert torch.equal(samples, data)
    assert abs(quality.frechet) < 1e-5
    assert abs(quality.frechet_pixels) < 1e-6
    assert quality.recall == 1
    assert quality.straightness == 0
    assert quality.round_trip == 0
    assert abs(quality.reversed_noise - float(data.square().mean())) < 1e-6


def test_one_integration_tells_the_judge_what_separate_ones_would():
    data = torch.rand(60, 1, 8, 8, generator=make_generator(0, "test")) * 2 - 1
    judge = Judge(data, train_classifier(data, torch.arange(60) % 10, (8, 16), 3), 4, 60, make_generator(1, "test"))
    bent = torch.nn.Identity()
    bent.forward = lambda x, t: (1 + t[:, None, None, None]) * x - 0.3
    quality, samples = judge(bent)
    torch.testing.assert_close(samples, generate(bent, judge.noise, 4))
    one_step = describe(judge.classifier, generate(bent, judge.noise, 1))
    assert abs(quality.frechet_one_step - frechet_distance(judge.known, one_step)) < 1e-6
    assert abs(quality.straightness - straightness(bent, judge.noise, 4) / 64) < 1e-5
    assert quality.straightness > 0.01


def test_the_classifier_learns_and_is_the_same_every_time():
    labels = torch.arange(400) % 2
    pictures = torch.where(labels[:, None, None, None] == 0, -1.0, 1.0) * torch.ones(400, 1, 8, 8)
    one, two = (train_classifier(pictures, labels, (8, 8), 30) for _ in range(2))
    assert accuracy(one, pictures, labels) == 1.0
    assert torch.equal(describe(one, pictures), describe(two, pictures))

"""Chapter 07's experiments and settings, all in the smoke profile."""

from dataclasses import fields

import numpy as np
import pytest
import torch

from lowdim.papers.sitcom import EXPERIMENTS, PROFILES
from lowdim.papers.sitcom.noise import Either
from lowdim.papers.sitcom.phase import best_of, turned_psnr
from lowdim.papers.sitcom.stopping import Fixed


@pytest.fixture(scope="module")
def records():
    return {name: experiment("smoke", 0, "cpu") for name, experiment in EXPERIMENTS.items()}


def test_every_experiment_measures_something_finite(records):
    for name, record in records.items():
        assert record.claims, name
        assert all(np.isfinite(value) for value in record.claims.values()), name


def test_exact_claims_hold_even_in_smoke(records):
    assert records["closed-form"].claims["07-S1a"] < 1e-8
    assert records["closed-form"].claims["07-S1b"] < 1e-8
    assert records["coordinates"].claims["07-S2a"] < 1e-9
    assert records["consistency"].claims["07-S8c"] < 1e-6


def test_experiments_repeat_and_depend_on_the_seed():
    for name in ("consistency", "noise-levels"):
        again, other = EXPERIMENTS[name]("smoke", 0, "cpu"), EXPERIMENTS[name]("smoke", 1, "cpu")
        same = EXPERIMENTS[name]("smoke", 0, "cpu")
        assert same.claims == again.claims
        assert same.claims != other.claims


def test_an_unknown_device_is_refused():
    for experiment in EXPERIMENTS.values():
        with pytest.raises(ValueError, match="device: 'tpu'"):
            experiment("smoke", 0, "tpu")


def test_larger_profiles_are_larger():
    for field in fields(PROFILES["smoke"]):
        small, middle, large = (getattr(PROFILES[name], field.name) for name in ("smoke", "quick", "study"))
        assert np.all(np.max(small) <= np.max(middle)), field.name
        assert np.all(np.max(middle) <= np.max(large)), field.name


def test_two_rules_share_a_batch():
    rule = Either(Fixed(0.5), None)
    assert rule(torch.ones(4).double(), torch.full((4,), 8)).tolist() == [2, 2, -1, -1]


def test_the_best_of_a_group_is_chosen_by_residual_alone():
    scores = torch.tensor([[10.0], [30.0], [20.0], [5.0], [7.0], [1.0], [2.0], [3.0], [99.0]])
    residual = torch.tensor([[3.0], [2.0], [1.0], [4.0], [1.0], [2.0], [3.0], [4.0], [0.0]])
    assert best_of(scores, residual, 4)[:, 0].tolist() == [20, 7]


def test_a_reversed_signal_counts_as_found_up_to_reversal():
    x = torch.linspace(-1, 1, 64).reshape(1, 1, 64)
    assert float(turned_psnr(x.flip(2) + 0.02, x)) == pytest.approx(40, abs=1e-3)

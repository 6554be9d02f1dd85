"""Chapter 09's experiments, figures and settings, all in the smoke profile."""

import numpy as np
import pytest

from lowdim.companion.claims import load_claims
from lowdim.papers.blast import EXPERIMENTS, FIGURES, PROFILES
from lowdim.papers.blast.roofline import H200, blast_seconds, dense_seconds
from papers.contract import check_figures, check_names_apart, check_profiles_grow, check_seed_decides

CLAIMS = load_claims("09")


@pytest.fixture(scope="module")
def records():
    return {name: experiment("smoke", 0, "cpu") for name, experiment in EXPERIMENTS.items()}


def test_every_experiment_measures_its_claims(records):
    """All claims but those of a GPU."""
    for name, record in records.items():
        wanted = {claim.id for claim in CLAIMS if claim.experiment == name and claim.profile != "full"}
        assert wanted <= record.claims.keys(), name
        assert all(CLAIMS[claim].experiment == name for claim in record.claims)
        assert all(np.isfinite(value) for value in record.claims.values()), name
        assert all(isinstance(value, np.ndarray) for value in record.arrays.values()), name


def test_no_two_experiments_measure_the_same(records):
    check_names_apart(records)


def test_every_figure_draws_and_is_small(records, tmp_path):
    check_figures(FIGURES, records, tmp_path, largest=700_000, alt=30)


@pytest.mark.parametrize("name", ["families", "exact-rank", "compression"])
def test_the_seed_decides_everything(records, name):
    check_seed_decides(EXPERIMENTS[name], records[name])


def test_exact_claims_hold_at_any_size(records):
    claims = {key: value for record in records.values() for key, value in record.claims.items()}
    for key in ("09-B1a", "09-B1b", "09-B1c", "09-B2a", "09-B5c"):
        assert claims[key] < 1e-12, key
    assert claims["09-B1e"] == 1
    assert claims["09-B3b"] == 0
    assert claims["09-B4"] <= 1e-10
    assert claims["09-B5a"] < 0 < claims["09-B5b"]


def test_larger_profiles_are_no_smaller():
    check_profiles_grow(PROFILES)


def test_roofline():
    """Ratios of section 9 of the follow-up's model, 4096 x 4096."""
    shape = (4096, 4096)
    for blocks, rank, name, wanted in (
        (16, 1024, "fused", 1.94),
        (16, 1024, "two steps fused", 1.65),
        (16, 1024, "three products", 0.99),
        (16, 1024, "compiled", 0.55),
        (16, 1024, "reference", 0.12),
        (4, 1008, "compiled", 1.68),
        (4, 1008, "reference", 1.01),
    ):
        found = dense_seconds(H200, shape, 1024) / blast_seconds(H200, shape, rank, (blocks, blocks), 1024, name)
        assert found == pytest.approx(wanted, abs=0.02), (blocks, name)
    with pytest.raises(ValueError, match="implementation: 'magic'"):
        blast_seconds(H200, shape, 1024, (4, 4), 1, "magic")

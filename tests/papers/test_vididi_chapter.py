"""Chapter 10's experiments, figures and settings, all in the smoke profile."""

import numpy as np
import pytest

from lowdim.companion.claims import load_claims
from lowdim.papers.vididi import EXPERIMENTS, FIGURES, FILMS, PROFILES
from lowdim.papers.vididi.learned import ARMS, COLUMNS, MEASURES, column, gain, limits, rows, small_plan
from papers.contract import check_figures, check_names_apart, check_profiles_grow, check_seed_decides

CLAIMS = load_claims("10")


@pytest.fixture(scope="module")
def records():
    return {name: experiment("smoke", 0, "cpu") for name, experiment in EXPERIMENTS.items()}


def test_every_experiment_measures_its_claims(records):
    for name, record in records.items():
        wanted = {claim.id for claim in CLAIMS if claim.experiment == name}
        assert wanted == record.claims.keys(), name
        assert all(np.isfinite(value) for value in record.claims.values()), name
        assert all(isinstance(value, np.ndarray) for value in record.arrays.values()), name


def test_no_two_experiments_measure_the_same(records):
    check_names_apart(records)


def test_every_figure_draws_and_is_small(records, tmp_path):
    check_figures(FIGURES, records, tmp_path, largest=700_000, alt=30)


def test_films_have_plain_labels(records):
    for film in FILMS.values():
        labels = [label for label, _ in film.frames(records[film.experiment])]
        assert labels[0] == "frame 1 of 6"
        assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("name", ["backgrounds", "neighbours", "vicreg"])
def test_the_seed_decides_everything(records, name):
    check_seed_decides(EXPERIMENTS[name], records[name])


def test_exact_claims_hold_at_any_size(records):
    claims = {key: value for record in records.values() for key, value in record.claims.items()}
    for key in ("10-V1", "10-V2a", "10-V2d", "10-V3a", "10-V3c"):
        assert claims[key] < 1e-10, key
    for key in ("10-V2c", "10-V4b"):
        assert claims[key] == 0, key
    assert claims["10-V5b"] < 1e-7
    assert claims["10-V8b"] > 0.95


def test_limits_are_the_t_interval():
    gains = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    half = 2.776 * gains.std(ddof=1) / np.sqrt(5)
    assert limits(gains) == pytest.approx((3 - half, 3 + half), abs=1e-3)


def test_measures_are_read_from_their_columns(records):
    table = records["vicreg"]["table"]
    assert table.shape == (2, len(ARMS), len(MEASURES))
    assert column(table, "consistency")[0, 1] == table[0, 1, MEASURES.index("consistency")]
    assert gain(table, "motion probe")[0] == table[0, 1, 1] - table[0, 0, 1]


def test_tables_say_mean_interval_and_cost():
    plan = small_plan(PROFILES["smoke"], 4)
    table = np.zeros((3, 1, len(MEASURES)))
    table[:, 0, MEASURES.index("background retrieval")] = [1.0, 2.0, 6.0]
    (row,) = rows(plan, "byol", table, np.array([[2.0], [4.0], [6.0]]), ("base",))
    cells = dict(zip(COLUMNS, row, strict=True))
    assert cells["background, R@1 (%)"] == "3.0 ± 6.6"  # 4.303 standard errors of 1.528
    assert cells["motion, R@1 (%)"] == "0.0 ± 0.0"
    assert (cells["loss"], cells["schedule"], cells["trainings"]) == ("BYOL", "frames only", 3)
    assert cells["clips encoded"] == 2 * 4 * plan.videos
    assert cells["seconds a training"] == 4
    assert next(rows(plan, "byol", table[:1], np.ones((1, 1)), ("base",)))[5] == "1.0"


def test_larger_profiles_are_no_smaller():
    check_profiles_grow(PROFILES, ("quick", "study"))
    assert PROFILES["study"].starts == 5

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion import sample
from lowdim.companion import seeds
from lowdim.companion.catalogue import find
from lowdim.companion.results import ResultError


def run(seed: int, value: float | None, verdict: str = "holds", gap: float = 0.5) -> dict:
    claim = {"value": value, "holds": verdict == "holds", "weaker": None, "verdict": verdict, "reason": ""}
    numbers = {"gap": {"value": gap, "unit": "nats", "tolerance": 0.01}}
    return sample.result(seed=seed, claims={"01-C2": claim}, numbers=numbers)


def test_values_and_verdicts_stand_seed_by_seed():
    made = seeds.seeds_summary([run(0, 91.0), run(1, 95.0), run(2, 80.0, "holds weaker")])
    assert made["seeds"] == [0, 1, 2]
    assert made["wall_seconds"] == [12.5] * 3
    claim = made["claims"]["01-C2"]
    assert claim["values"] == [91.0, 95.0, 80.0]
    assert claim["verdicts"] == ["holds", "holds", "holds weaker"]
    assert made["numbers"]["gap"]["unit"] == "nats"


def test_the_interval_is_that_of_the_t_distribution():
    # Student's t with 4 degrees of freedom, 0.975 quantile 2.776445 (any table); s = sqrt(2.5)
    mean, interval = seeds.mean_and_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    half = 2.776445 * 2.5**0.5 / 5**0.5
    assert mean == 3.0
    assert interval == pytest.approx([3 - half, 3 + half], rel=1e-6)


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=8), st.floats(-10, 10))
def test_the_interval_moves_with_the_values_and_holds_their_mean(values, shift):
    mean, (low, high) = seeds.mean_and_interval(values)
    assert low <= mean <= high
    moved, (lower, upper) = seeds.mean_and_interval([v + shift for v in values])
    assert (moved, lower, upper) == pytest.approx((mean + shift, low + shift, high + shift), abs=1e-8)


def test_a_missing_value_is_not_averaged_away():
    made = seeds.seeds_summary([run(0, 91.0), run(1, None, "not reproduced")])
    assert made["claims"]["01-C2"] == {
        "values": [91.0, None],
        "verdicts": ["holds", "not reproduced"],
        "mean": None,
        "t_interval": None,
    }
    partial = seeds.seeds_summary([run(0, 91.0), sample.result(seed=1)])
    assert partial["claims"]["01-C2"]["verdicts"] == ["holds", "not measured"]
    assert partial["claims"]["01-C1"]["values"] == [None, 2.0e-12]


def test_one_seed_has_a_mean_and_no_interval():
    assert seeds.mean_and_interval([2.0]) == (2.0, None)
    assert seeds.mean_and_interval([]) == (None, None)


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([], "none given"),
        ([run(0, 1.0), run(0, 2.0)], "hold one twice"),
        ([run(0, 1.0), run(1, 2.0) | {"profile": "study"}], "differ in profile"),
        ([run(0, 1.0), run(1, 2.0) | {"hashes": {"code": "x"}}], "differ in hashes"),
        ([run(0, 1.0), run(1, 2.0) | {"device": "cuda"}], "differ in device"),
    ],
)
def test_runs_that_do_not_belong_together_are_refused(runs, message):
    with pytest.raises(ValueError, match=message):
        seeds.seeds_summary(runs)


def test_a_summary_is_sealed_like_a_result(tmp_path, monkeypatch):
    sample.checkout(tmp_path, monkeypatch)
    info = find(1)
    assert seeds.load_seeds(info, "quick") is None
    path = seeds.seeds_path(info, "quick")
    assert path == tmp_path / "book/results/seeds/quick/01-subspace-clustering.json"
    seeds.write_seeds(path, seeds.seeds_summary([run(0, 91.0), run(1, 92.0)]))
    assert seeds.load_seeds(info, "quick")["seeds"] == [0, 1]
    path.write_text(path.read_text(encoding="utf-8").replace("91.0", "99.0"), encoding="utf-8")
    with pytest.raises(ResultError, match="integrity"):
        seeds.load_seeds(info, "quick")

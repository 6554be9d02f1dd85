from __future__ import annotations

import pytest

from companion import sample
from lowdim.companion import run_chapter, seeds
from lowdim.companion.claims import COUNTED, VERDICTS
from lowdim.companion.results import ResultError, recorded_path, write_result
from lowdim.companion.shelf import is_stale, load_shelf, load_shelves, recorded_value, score, settled


@pytest.fixture
def root(tmp_path, monkeypatch):
    return sample.checkout(tmp_path, monkeypatch)


def record(profile: str = "quick", **changes) -> None:
    made = run_chapter(1, profile, draw=False)
    write_result(recorded_path(load_shelf(1).info, profile), made | changes)


def test_nothing_recorded_is_an_empty_shelf(root):
    found = load_shelf("subspace-clustering")
    assert (dict(found.results), dict(found.seeds)) == ({}, {})
    assert [entry.info.number for entry in load_shelves()] == ["01"]
    assert {settled(found, claim).verdict for claim in found.claims} == {"not measured", "out of reach here"}
    assert recorded_value(found, found.claims["01-C1"], "quick") is None
    assert not is_stale(found, "quick")


def test_verdicts_come_from_the_deciding_profile(root):
    record("quick")
    found = load_shelf(1)
    verdicts = {claim.id: settled(found, claim).verdict for claim in found.claims}
    assert verdicts == {
        "01-C1": "holds",
        "01-C2": "holds weaker",
        "01-S1": "not measured",
        "01-R1": "reported",
        "01-X1": "out of reach here",
    }
    assert recorded_value(found, found.claims["01-S1"], "quick") == 1.2
    record("study")
    found = load_shelf(1)
    assert settled(found, found.claims["01-S1"]).verdict == "holds"
    assert settled(found, found.claims["01-C2"]).verdict == "holds weaker"


def test_a_recorded_value_is_judged_by_the_bounds_on_the_page(root):
    record()
    path = root / "book/claims/01-subspace-clustering.yml"
    path.write_text(sample.CLAIMS.replace("holds: [90, null]", "holds: [60, null]"), encoding="utf-8")
    found = load_shelf(1)
    assert settled(found, found.claims["01-C2"]).verdict == "holds"


def test_a_value_that_was_no_number_keeps_its_verdict(root):
    made = run_chapter(1, draw=False)
    made["claims"]["01-C1"] |= {"value": None, "verdict": "not reproduced", "reason": "not a number", "holds": False}
    write_result(recorded_path(load_shelf(1).info, "quick"), made)
    found = load_shelf(1)
    assert settled(found, found.claims["01-C1"]).verdict == "not reproduced"


def test_a_result_is_stale_when_its_measuring_code_or_weights_changed_and_not_for_its_text(root):
    record("full")
    assert not is_stale(load_shelf(1), "full")
    path = root / "book/claims/01-subspace-clustering.yml"
    path.write_text(sample.CLAIMS.replace("The loss falls.", "The loss falls fast."), encoding="utf-8")
    assert not is_stale(load_shelf(1), "full")
    (root / "lib/lowdim/papers/subspace_clustering.py").open("a").write("CHANGED = 1\n")
    assert is_stale(load_shelf(1), "full")


def test_a_damaged_recorded_result_is_refused(root):
    record()
    path = recorded_path(load_shelf(1).info, "quick")
    path.write_text(path.read_text(encoding="utf-8").replace('"seed": 0', '"seed": 1'), encoding="utf-8")
    with pytest.raises(ResultError, match="01-subspace-clustering.json: damaged"):
        load_shelf(1)


def test_seeds_are_read_by_profile(root):
    runs = [run_chapter(1, seed=seed, draw=False) for seed in (0, 1)]
    found = load_shelf(1)
    seeds.write_seeds(seeds.seeds_path(found.info, "quick"), seeds.seeds_summary(runs))
    assert load_shelf(1).seeds["quick"]["claims"]["01-C2"]["values"] == [70.0, 71.0]


def test_scores_count_papers_and_ours_apart_and_leave_two_states_out(root):
    record("quick")
    counted = score(load_shelf(1))
    assert counted.papers == dict.fromkeys(VERDICTS, 0) | {
        "holds": 1,
        "holds weaker": 1,
        "reported": 1,
        "out of reach here": 1,
    }
    assert counted.ours == dict.fromkeys(VERDICTS, 0) | {"not measured": 1}
    assert counted.total(ours=False) == 3
    assert counted.total(ours=True) == 0
    assert sum(counted.papers.values()) + sum(counted.ours.values()) == 5
    assert len(COUNTED) == 4

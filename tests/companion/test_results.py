from __future__ import annotations

import json
import math
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion import sample
from lowdim.companion import results
from lowdim.companion.catalogue import find
from lowdim.companion.claims import Judgement
from lowdim.companion.results import ResultError, compare, read_result, write_result
from lowdim.record import Number


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "deep/01.json"
    write_result(path, sample.result())
    read = read_result(path)
    assert {**sample.result(), "integrity": read["integrity"]} == read
    assert read["integrity"] == results.integrity(sample.result())
    assert [p.name for p in path.parent.iterdir()] == ["01.json"]


def test_not_a_number_becomes_null_and_the_verdict_stays():
    section = results.claims_section({"01-C1": Judgement(math.nan, "not reproduced", "why", False)})
    assert section["01-C1"] == {
        "value": None,
        "verdict": "not reproduced",
        "reason": "why",
        "holds": False,
        "weaker": None,
    }
    assert results.numbers_section({"x": Number(math.inf, "", 0.1)})["x"]["value"] is None


def _flip(text: str) -> str:
    return text.replace('"value": 0.5', '"value": 0.4')


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_flip, "integrity does not match"),
        (lambda text: text[: len(text) // 2], "not readable as JSON"),
        (lambda text: "[]", "top level"),
        (lambda text: text.replace('"seed": 0', '"seed": "0"'), "seed: '0' is not of type"),
        (lambda text: text.replace('"seed": 0,', ""), "'seed' is a required property"),
        (lambda text: text.replace('"verdict": "holds"', '"verdict": "fine"'), "claims.01-C1.verdict: 'fine'"),
        (lambda text: text.replace("sha256:", "md5:"), "integrity: "),
    ],
)
def test_a_damaged_or_edited_result_is_refused_by_name(tmp_path, damage, message):
    path = tmp_path / "01-subspace-clustering.json"
    write_result(path, sample.result())
    text = path.read_text(encoding="utf-8")
    assert damage(text) != text
    path.write_text(damage(text), encoding="utf-8")
    with pytest.raises(ResultError, match=rf"^\S*01-subspace-clustering\.json: .*{message}"):
        read_result(path)


@given(st.data())
def test_any_change_of_a_leaf_is_noticed(data):
    result = sample.result()
    sealed = results.integrity(result)
    section = data.draw(st.sampled_from(["claims", "numbers"]))
    name = data.draw(st.sampled_from(sorted(result[section])))
    value = data.draw(st.floats(allow_nan=False, allow_infinity=False))
    old = result[section][name]["value"]
    result[section][name]["value"] = value
    assert (results.integrity(result) == sealed) == (json.dumps(value) == json.dumps(old))


def test_a_result_that_is_wrong_is_not_written(tmp_path):
    path = tmp_path / "01.json"
    for wrong in ({"seed": -1}, {"extra": 1}, {"claims": {"C1": {}}}):
        with pytest.raises(ResultError):
            write_result(path, sample.result() | wrong)
    with pytest.raises(ValueError, match="NaN|JSON"):
        write_result(path, sample.result(numbers={"x": {"value": math.nan, "unit": "", "tolerance": 0.1}}))
    assert not path.exists()


def test_a_killed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "01.json"
    write_result(path, sample.result())
    before = path.read_bytes()
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_result(path, sample.result(seed=1))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_recorded_results_lie_by_profile_and_a_missing_one_is_none(tmp_path, monkeypatch):
    root = sample.checkout(tmp_path, monkeypatch)
    info = find(1)
    assert results.recorded_path(info, "full") == root / "book/results/full/01-subspace-clustering.json"
    assert results.load_recorded(info, "full") is None
    write_result(results.recorded_path(info, "full"), sample.result(profile="full"))
    assert results.load_recorded(info, "full")["profile"] == "full"


def test_arrays_are_saved_beside_and_the_same_bytes_every_time(tmp_path):
    arrays = {"b.x": np.arange(4.0), "a.y": np.array(["one", "two"])}
    entry = results.write_arrays(tmp_path / "01.npz", arrays)
    write_result(tmp_path / "01.json", sample.result(arrays=entry))
    read = results.read_arrays(tmp_path / "01.json")
    assert sorted(read) == ["a.y", "b.x"]
    np.testing.assert_array_equal(read["b.x"], arrays["b.x"])
    assert results.write_arrays(tmp_path / "again.npz", dict(reversed(arrays.items())))["sha256"] == entry["sha256"]


def test_a_result_without_arrays_has_none(tmp_path):
    write_result(tmp_path / "01.json", sample.result())
    assert results.read_arrays(tmp_path / "01.json") == {}


def test_large_arrays_and_objects_are_refused_by_name(tmp_path):
    big = np.random.default_rng(0).random(results.MAX_ARRAY_BYTES // 6)
    with pytest.raises(ValueError, match=r"arrays: \d+ bytes .*largest is 'big'"):
        results.write_arrays(tmp_path / "01.npz", {"big": big, "small": np.ones(3)})
    with pytest.raises(ValueError, match="arrays: things hold Python objects"):
        results.write_arrays(tmp_path / "01.npz", {"things": np.array([{}, None])})
    assert not list(tmp_path.iterdir())


def test_damaged_arrays_are_refused(tmp_path):
    entry = results.write_arrays(tmp_path / "01.npz", {"x": np.ones(3)})
    write_result(tmp_path / "01.json", sample.result(arrays=entry))
    path = tmp_path / "01.npz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ResultError, match=r"01\.npz: missing or damaged"):
        results.read_arrays(tmp_path / "01.json")
    path.unlink()
    with pytest.raises(ResultError, match=r"01\.npz: missing or damaged"):
        results.read_arrays(tmp_path / "01.json")


def test_no_drift_between_equal_results_and_within_tolerance():
    assert compare(sample.result(), sample.result()) == []
    near = sample.result(numbers={"gap": {"value": 0.509, "unit": "nats", "tolerance": 0.0}})
    assert compare(sample.result(), near) == []


DRIFTS = {
    "value": ({"numbers": {"gap": {"value": 0.511, "unit": "nats", "tolerance": 1.0}}}, ["number"]),
    "null": ({"numbers": {"gap": {"value": None, "unit": "nats", "tolerance": 0.01}}}, ["number"]),
    "unit": ({"numbers": {"gap": {"value": 0.5, "unit": "bits", "tolerance": 0.01}}}, ["numbers"]),
    "gone and new": ({"numbers": {"other": {"value": 0.5, "unit": "", "tolerance": 0.01}}}, ["numbers", "numbers"]),
    "claims": ({"claims": {}}, ["claims"]),
}


@pytest.mark.parametrize("name", DRIFTS)
def test_every_kind_of_drift_is_found(name):
    change, kinds = DRIFTS[name]
    found = compare(sample.result(), sample.result(**change))
    assert [drift.kind for drift in found] == kinds
    assert all(drift.name in drift.message for drift in found)


def test_a_changed_verdict_is_drift_even_where_the_value_is_close():
    fresh = sample.result()
    fresh["claims"]["01-C1"] |= {"verdict": "holds weaker", "holds": False}
    (drift,) = compare(sample.result(), fresh)
    assert (drift.kind, drift.name, drift.recorded, drift.fresh) == ("verdict", "01-C1", "holds", "holds weaker")


@pytest.mark.parametrize("key", ["chapter", "profile", "seed"])
def test_results_of_different_runs_cannot_be_compared(key):
    other = {"chapter": "02", "profile": "full", "seed": 1}
    with pytest.raises(ValueError, match=f"^{key}: "):
        compare(sample.result(), sample.result(**{key: other[key]}))

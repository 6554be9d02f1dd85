from __future__ import annotations

import copy
import json
import math

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from companion import sample
from lowdim.companion import claims
from lowdim.companion.catalogue import find
from lowdim.companion.claims import ChapterClaims, Claim, ClaimsError, judge, parse_claims

INFO = find("01")
FILE = "01-subspace-clustering.yml"


def parse(text: str = sample.CLAIMS):
    return parse_claims(text, FILE, INFO)


def edited(change) -> str:
    data = yaml.safe_load(sample.CLAIMS)
    change(data, data["claims"][0])
    return yaml.safe_dump(data, allow_unicode=True)


def claim(**fields) -> Claim:
    base = {"id": "01-C9", "statement": "s", "source": "t", "origin": "paper", "seen": True, "kind": "number"}
    return Claim(**{**base, "measure": "m", "profile": "quick", "experiment": "e", **fields})


def test_a_value_is_rounded_to_the_resolution_before_it_is_judged():
    share = claim(holds=(None, 0.0), resolution=0.01)
    for value, shown in ((0.004, 0.0), (-0.004, 0.0), (0.006, 0.01), (-0.298, -0.3)):
        judgement = judge(share, value, "quick")
        assert judgement.value == shown
        assert judgement.holds is (shown <= 0)
    assert judge(share, math.nan, "quick").verdict == claims.FAILS
    assert judge(claim(holds=(None, 0.0)), 0.004, "quick").value == 0.004


def test_a_file_is_read_in_its_order():
    found = parse()
    assert [c.id for c in found] == ["01-C1", "01-C2", "01-S1", "01-R1", "01-X1"]
    assert len(found) == 5
    assert found["01-C1"].holds == (None, 1e-8)
    assert found["01-C1"].weaker == (None, 1e-6)
    assert found["01-R1"].holds is None
    assert found["01-X1"].paper_value == 3.2
    assert [c.id for c in found if c.ours] == ["01-S1"]
    assert found.slips[0].where == "Lemma 1"
    assert "01-C2" in found
    assert "01-C7" not in found
    with pytest.raises(KeyError, match="01-C7.*01-C1, 01-C2"):
        found["01-C7"]


BROKEN = {
    "unknown chapter": (lambda d, c: d.update(chapter="02"), r"chapter: '02' is not allowed; this file is for '01'"),
    "enum": (lambda d, c: c.update(profile="fast"), r"claim 01-C1: profile: 'fast'.*quick, study, full"),
    "origin": (lambda d, c: c.update(origin="blog"), r"claim 01-C1: origin: 'blog'.*paper, code, second-hand, ours"),
    "missing": (lambda d, c: c.pop("measure"), r"claim 01-C1: missing measure; required are id, "),
    "extra": (lambda d, c: c.update(bound=1), r"claim 01-C1: unknown bound; allowed are id, "),
    "extra at the top": (lambda d, c: d.update(notes="x"), r"unknown notes; allowed are chapter"),
    "text as number": (lambda d, c: c.update(holds=[None, "1e-8"]), r"01-C1: holds\.1: '1e-8'.*write 1\.0e-8"),
    "empty text": (lambda d, c: c.update(statement=" "), r"claim 01-C1: statement: empty"),
    "id": (lambda d, c: c.update(id="C1"), r"claim C1: id: 'C1' is not allowed; it must match"),
    "id of another chapter": (lambda d, c: c.update(id="02-C1"), r"claim 02-C1: id: must start with 01-"),
    "id twice": (lambda d, c: c.update(id="01-C2"), r"claim 01-C2: id: used twice"),
    "open bounds": (lambda d, c: c.update(holds=[None, None]), r"claim 01-C1: holds: both ends are open"),
    "empty bounds": (lambda d, c: c.update(holds=[2, 1]), r"claim 01-C1: holds: \[2, 1\] is empty"),
    "infinite": (lambda d, c: c.update(holds=[0, math.inf]), r"claim 01-C1: holds: .*finite"),
    "NaN": (lambda d, c: c.update(holds=[None, math.nan]), r"claim 01-C1: holds: .*finite"),
    "three bounds": (lambda d, c: c.update(holds=[0, 1, 2]), r"claim 01-C1: holds: "),
    "narrower": (lambda d, c: c.update(weaker=[0, 1e-9]), r"claim 01-C1: weaker: .*must contain holds"),
    "narrower above": (lambda d, c: c.update(weaker=[None, 1e-9]), r"claim 01-C1: weaker: .*must contain holds"),
    "narrower below": (lambda d, c: c.update(weaker=[0, None]), r"claim 01-C1: weaker: .*must contain holds"),
    "equal": (lambda d, c: c.update(weaker=[None, 1e-8]), r"claim 01-C1: weaker: .*be wider"),
    "weaker alone": (lambda d, c: c.pop("holds"), r"claim 01-C1: weaker: only allowed beside holds"),
    "no why": (lambda d, c: c.pop("why"), r"claim 01-C1: why: missing"),
    "no experiment": (lambda d, c: c.pop("experiment"), r"claim 01-C1: experiment: missing"),
    "both": (lambda d, c: c.update(out_of_reach="no"), r"claim 01-C1: out_of_reach: not allowed beside holds"),
    "unseen value": (lambda d, c: c.update(seen=False, paper_value=1), r"claim 01-C1: paper_value: only allowed where"),
    "seed count": (lambda d, c: c.update(calibration={"seeds": [1, 2], "values": [1]}), r"calibration: 2 seeds but 1"),
    "history": (lambda d, c: c.update(history=[{"date": "May"}]), r"claim 01-C1: history\.0: missing change, reason"),
    "slip": (lambda d, c: d["slips"][0].pop("evidence"), r"slip Lemma 1: missing evidence"),
    "number for text": (lambda d, c: d.update(chapter=1), r"chapter: 1 is not allowed; give a string; .*quotes"),
    "not a mapping": (lambda d, c: d["claims"].append("x"), r"claim number 6: 'x' is not allowed; give an object"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_wrong_file_is_refused_naming_file_claim_field_and_what_is_allowed(name):
    change, message = BROKEN[name]
    with pytest.raises(ClaimsError, match=rf"^01-subspace-clustering\.yml: ?.*{message}"):
        parse(edited(change))


def test_the_same_key_twice_is_refused():
    twice = sample.CLAIMS.replace("    profile: quick\n", "    profile: quick\n    profile: full\n", 1)
    with pytest.raises(ClaimsError, match=r"not readable as YAML.*'profile' twice"):
        parse(twice)


@pytest.mark.parametrize("text", ["", "[1, 2", "just words", "!!python/object:os.system {}"])
def test_other_yaml_is_refused(text):
    with pytest.raises(ClaimsError, match=FILE):
        parse(text)


def test_claims_are_loaded_from_the_checkout(tmp_path, monkeypatch):
    root = sample.checkout(tmp_path, monkeypatch)
    assert claims.load_claims(1).chapter == "01"
    assert list(claims.load_all()) == ["01"]
    with pytest.raises(FileNotFoundError, match="chapter 02 .*02-hidden-gaussian.yml"):
        claims.load_claims("02")
    (root / "book/claims/01-subspaces.yml").write_text("")
    with pytest.raises(ClaimsError, match="01-subspaces.yml: no chapter has this name"):
        claims.load_all()


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (0.9, "holds"),
        (1.1, "holds"),
        (1.0, "holds"),
        (0.5, "holds weaker"),
        (0.49, "not reproduced"),
        (7, "holds weaker"),
    ],
)
def test_bounds_are_closed_and_decide_the_verdict(value, verdict):
    made = judge(claim(holds=(0.9, 1.1), weaker=(0.5, None), why="w"), value, "quick")
    assert made.verdict == verdict
    assert bool(made.reason) == (verdict != "holds")
    assert made.holds == (verdict == "holds")
    assert made.weaker == (verdict != "not reproduced")


def test_reasons_are_those_of_the_claim_or_say_what_was_measured():
    bounded = claim(holds=(None, 0.2), why="w")
    assert judge(bounded, 0.31234, "quick").reason == "measured 0.312, asked for ≤ 0.2"
    assert judge(claim(holds=(None, 0.2), why="w", reason="nets are small"), 1, "quick").reason == "nets are small"


def test_a_numpy_number_is_judged_to_plain_python():
    made = judge(claim(holds=(0.9, 1.1), weaker=(0.5, None), why="w"), np.float64(0.7), "quick")
    assert json.loads(json.dumps([made.value, made.holds, made.weaker])) == [0.7, False, True]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_number_never_holds(value):
    for bounds in ((None, 1.0), (0.0, None)):
        made = judge(claim(holds=bounds, why="w"), value, "quick")
        assert (made.verdict, made.holds) == ("not reproduced", False)
        assert made.reason


def test_only_the_deciding_profile_decides():
    study = claim(holds=(0, 1), why="w", profile="study")
    assert judge(study, 0.5, "study").verdict == "holds"
    for profile in ("smoke", "quick", "full"):
        made = judge(study, 0.5, profile)
        assert (made.verdict, made.value, made.holds) == ("reported", 0.5, None)
        assert "study" in made.reason
    with pytest.raises(ValueError, match="profile"):
        judge(study, 0.5, "fast")


def test_an_experiment_is_left_to_the_profile_that_decides_its_claims():
    entries = [
        claim(id="01-A", experiment="both", profile="quick"),
        claim(id="01-B", experiment="both", profile="full"),
        claim(id="01-C", experiment="slow", profile="study"),
        claim(id="01-D", experiment="large", profile="full"),
        claim(id="01-E", experiment="", profile="full"),
    ]
    toy = ChapterClaims("01", "Toy", ("toy",), tuple(entries))
    left = {profile: toy.left_to_larger(profile) for profile in ("smoke", "quick", "study", "full")}
    assert left == {"smoke": set(), "quick": {"slow", "large"}, "study": {"large"}, "full": set()}


def test_states_outside_the_totals():
    assert judge(claim(), 0.5, "quick").verdict == "reported"
    assert judge(claim(holds=(0, 1), why="w"), None, "quick").verdict == "not measured"
    far = judge(claim(out_of_reach="no weights"), None, "quick")
    assert (far.verdict, far.reason) == ("out of reach here", "no weights")


ends = st.one_of(st.none(), st.floats(-10, 10))


@given(ends, ends, st.floats(-20, 20))
def test_a_value_holds_exactly_when_it_lies_between_the_ends(low, high, value):
    made = judge(claim(holds=(low, high), why="w"), value, "quick")
    inside = (-math.inf if low is None else low) <= value <= (math.inf if high is None else high)
    assert made.verdict == ("holds" if inside else "not reproduced")


def test_the_sample_is_not_changed_by_parsing():
    data = yaml.safe_load(sample.CLAIMS)
    before = copy.deepcopy(data)
    parse(yaml.safe_dump(data))
    assert data == before

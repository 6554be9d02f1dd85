import json

import pytest

from companion.test_runner import here  # noqa: F401  (a fixture)
from companion.toybook import INFO
from lowdim.companion import results
from lowdim.companion.chapter import run_chapter
from lowdim.companion.verify import report, verify

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def recorded(book, monkeypatch):
    """The toy book with a recorded quick result."""
    monkeypatch.setenv("LOWDIM_RUN_DIR", str(book / "book/results/quick"))
    run_chapter("01")
    monkeypatch.delenv("LOWDIM_RUN_DIR")
    return book


def change(book, **entries):
    path = book / f"book/results/quick/{INFO.stem}.json"
    results.write_result(path, json.loads(path.read_text()) | entries)


def quietly(book):
    return verify(INFO, book, say=lambda text: None)


def test_a_true_result_passes_and_nothing_stored_is_used(recorded, counts):
    for _ in range(2):
        found = quietly(recorded)
        assert found.passed, report(found)
    assert counts()["measure"] == 2
    assert report(found).startswith("pass  01-subspace-clustering: 2 claims and 1 numbers")
    assert not (recorded / "build").exists()


def test_a_number_beyond_its_tolerance_fails(recorded):
    change(recorded, numbers={"gap": {"value": 0.27, "unit": "", "tolerance": 0.01}})
    assert not quietly(recorded).passed
    change(recorded, numbers={"gap": {"value": 0.255, "unit": "", "tolerance": 0.01}})
    assert quietly(recorded).passed


def test_another_verdict_fails_and_a_new_number_is_a_note(recorded):
    claims = json.loads((recorded / f"book/results/quick/{INFO.stem}.json").read_text())["claims"]
    claims["01-C2"] |= {"verdict": "not reproduced", "holds": False}
    change(recorded, claims=claims, numbers={})
    found = quietly(recorded)
    assert [word in report(found) for word in ("FAIL", "01-C2", "note: gap")] == [True] * 3
    assert len(found.failures) == 1


def test_a_failing_run_fails(recorded, monkeypatch):
    monkeypatch.setenv("TOY_BREAK", "1")
    assert not quietly(recorded).passed


def test_nothing_recorded(book):
    with pytest.raises(ValueError, match="no recorded quick result"):
        quietly(book)

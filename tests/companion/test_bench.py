import json

import pytest

from lowdim.companion.bench import benchmark_files, load, run_benchmarks

GOOD = 'NAME = "Good"\nDESCRIPTION = "d"\ndef run():\n    return {"peer / ours": {"value": 2, "unit": "ratio"}}\n'


@pytest.fixture
def benchmarks(tmp_path):
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    (folder / "good.py").write_text(GOOD)
    (folder / "bad.py").write_text(GOOD.replace("return", "raise RuntimeError('broken')\n    return"))
    (folder / "_helper.py").write_text("")
    return tmp_path


def test_each_runs_and_a_failing_one_is_reported(benchmarks):
    said: list[str] = []
    found, failed = run_benchmarks(benchmarks, say=said.append)
    assert failed == ["bad"]
    assert found["good"]["result"] == {"peer / ours": {"value": 2.0, "unit": "ratio"}}
    assert any("peer / ours: 2 ratio" in line for line in said)
    assert any("broken" in line for line in said)
    written = json.loads((benchmarks / "build/runs/bench.json").read_text())
    assert list(written["benchmarks"]) == ["good"]


def test_a_measure_may_say_what_it_is_asked_to_be(benchmarks):
    (benchmarks / "benchmarks" / "good.py").write_text(GOOD.replace('"ratio"', '"ratio", "at_least": 3'))
    found, _ = run_benchmarks(benchmarks, ["good"], say=lambda line: None)
    assert found["good"]["result"] == {"peer / ours": {"value": 2.0, "unit": "ratio", "at_least": 3.0}}


@pytest.mark.parametrize(("old", "new"), [('"unit"', '"at_most": 1, "unit"'), (": 2,", ': float("nan"),')])
def test_a_measure_with_something_else_is_refused(benchmarks, old, new):
    (benchmarks / "benchmarks" / "good.py").write_text(GOOD.replace(old, new))
    said: list[str] = []
    assert run_benchmarks(benchmarks, ["good"], say=said.append)[1] == ["good"]
    assert any("not allowed" in line for line in said)


def test_files_are_found_and_named(benchmarks):
    assert [path.stem for path in benchmark_files(benchmarks)] == ["bad", "good"]
    with pytest.raises(ValueError, match="choose from bad, good"):
        benchmark_files(benchmarks, ["other"])


def test_a_file_that_is_no_benchmark_is_refused(tmp_path):
    (tmp_path / "x.py").write_text("NAME = 'x'")
    with pytest.raises(ValueError, match="DESCRIPTION, run"):
        load(tmp_path / "x.py")

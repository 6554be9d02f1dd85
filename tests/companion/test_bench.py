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


def test_files_are_found_and_named(benchmarks):
    assert [path.stem for path in benchmark_files(benchmarks)] == ["bad", "good"]
    with pytest.raises(ValueError, match="choose from bad, good"):
        benchmark_files(benchmarks, ["other"])


def test_a_file_that_is_no_benchmark_is_refused(tmp_path):
    (tmp_path / "x.py").write_text("NAME = 'x'")
    with pytest.raises(ValueError, match="DESCRIPTION, run"):
        load(tmp_path / "x.py")

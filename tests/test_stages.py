"""The driver of `make test`, with stages that end at once."""

import sys

import pytest

import stages

XML = '<testsuites><testsuite tests="5" skipped="{skipped}"/></testsuites>'


def stage(code="", skips="fine", name="toy"):
    return stages.Stage(name, "a toy", (sys.executable, "-c", code), skips)


@pytest.fixture
def reports(tmp_path, monkeypatch):
    monkeypatch.setattr(stages, "REPORTS", tmp_path)
    return tmp_path


def report(skipped):
    """A program that writes the report which pytest would write; its name is the last argument."""
    code = f"import sys; open(sys.argv[-1].partition('=')[2], 'w').write({XML.format(skipped=skipped)!r})"
    return code + "  # pytest"


@pytest.mark.parametrize(
    ("skipped", "skips", "problems"), [(0, "fail", 0), (2, "fail", 1), (2, "loud", 0), (2, "fine", 0)]
)
def test_skips_count_as_they_should(reports, skipped, skips, problems):
    made = stages.Stage("toy", "a toy", (sys.executable, "-c", report(skipped), "pytest"), skips)
    done = stages.perform(made)
    assert (done.tests, done.skipped, len(done.problems)) == (5, skipped, problems)
    assert ("SKIPPED" in stages.summary([done])) == (skips == "loud")


def test_all_stages_run_and_one_failure_fails(reports, monkeypatch, capfd):
    chosen = [stage("raise SystemExit(3)", name="first"), stage("print('second ran')", name="second")]
    monkeypatch.setattr(stages, "stages", lambda jobs: chosen)
    noted = []
    monkeypatch.setattr(stages, "note_command", lambda *values: noted.append(values[1]))
    assert stages.main([]) == 1
    out = capfd.readouterr().out
    assert "second ran" in out
    assert "FAILED  first" in out
    assert "passed  second" in out
    assert noted == ["test"]
    assert stages.main(["--only", "second"]) == 0
    assert noted == ["test"]


def test_unknown_stages_are_refused(reports):
    with pytest.raises(SystemExit):
        stages.main(["--only", "nothing"])


def test_a_browser_is_required_where_asked(monkeypatch):
    monkeypatch.delenv("REQUIRE_BROWSER", raising=False)
    assert stages.stages(1)[-1].skips == "loud"
    monkeypatch.setenv("REQUIRE_BROWSER", "1")
    assert stages.stages(1)[-1].skips == "fail"

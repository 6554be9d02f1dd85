import pytest

from companion.test_runner import here  # noqa: F401  (a fixture)
from companion.toybook import INFO
from lowdim.companion import cli, commands, execute
from lowdim.companion.cli import build_parser, main


def test_every_command_has_a_handler_and_help(capsys):
    parser = build_parser()
    action = next(action for action in parser._actions if action.dest == "command")
    expected = {
        "run",
        "book",
        "html",
        "carry",
        "redraw",
        "record",
        "verify",
        "claims",
        "study",
        "full",
        "sweep",
        "train",
        "doctor",
        "bench",
    }
    assert set(action.choices) == expected
    for name, sub in action.choices.items():
        assert callable(getattr(commands, sub.get_default("handler"))), name
        assert sub.description
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    assert "first steps" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["run", "01", "--profile", "huge"], "smoke"),
        (["run", "01", "--seed", "x"], "whole number"),
        (["run", "01", "--seed", "0-2"], "whole number"),
        (["run", "01", "--seeds", "3-1"], "write 1-3"),
        (["run", "01", "--seeds", "1,1"], "each seed once"),
        (["run", "01", "-j", "0"], "at least 1"),
        (["fly"], "verify"),
        (["run", "99"], "00 (denoisers)"),
        (["run", "02"], "choose from 01"),
        (["run", "01", "--device", "abacus", "--no-notebook"], "choose one of cpu"),
        (["run", "--experiment", "measure", "--all", "01", "00", "--no-notebook"], "name the one chapter"),
        (["run", "01", "--experiment", "nonsense"], "choose one of measure, second"),
        (["verify", "01"], "no recorded quick result"),
        (["sweep", "01", "--grid", "seed=0"], "choose one of measure, second"),
        (["sweep", "01", "--experiment", "measure", "--grid", "size=0"], "choose from profile"),
        (["bench", "nothing"], "unknown"),
    ],
)
def test_bad_arguments_are_named_with_the_choices(book, capsys, arguments, named):
    (book / "lib/lowdim/papers/denoisers.py").write_text("EXPERIMENTS = {}\n")
    try:
        status = main(arguments)
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    assert named in capsys.readouterr().err


def test_seeds():
    assert cli.seeds("0-4") == [0, 1, 2, 3, 4]
    assert cli.seeds("7,2-3") == [7, 2, 3]


def test_no_checkout(monkeypatch, capsys):
    monkeypatch.setattr(commands.catalogue, "find_root", lambda: None)
    assert main(["html"]) == 2
    assert "LOWDIM_ROOT" in capsys.readouterr().err


@pytest.fixture
def executed(monkeypatch):
    """What would be executed as notebooks: the jobs."""
    jobs: list[execute.Job] = []

    def run_chapters(wanted, root, **options):
        jobs.extend(wanted)
        return [execute.Outcome(job, "failed" if job.seed == 9 else "ran") for job in wanted]

    monkeypatch.setattr(execute, "run_chapters", run_chapters)
    return jobs


def test_run_makes_a_job_for_each_chapter_and_seed(book, executed, capsys):
    assert main(["run", "1", "subspace_clustering", "--seeds", "0-1"]) == 0
    assert [(job.info, job.seed, job.profile, job.device) for job in executed] == [
        (INFO, 0, "quick", "cpu"),
        (INFO, 1, "quick", "cpu"),
    ]
    assert "2 runs: 2 new" in capsys.readouterr().out


def test_run_alone_means_all_and_fails_where_one_fails(book, executed):
    assert main(["run", "--all", "--seed", "9"]) == 1
    assert [job.info for job in executed] == [INFO]


@pytest.mark.usefixtures("here")
def test_slow_profiles_and_experiments_run_without_the_notebook(book, executed, counts):
    assert main(["study", "01"]) == 0
    assert main(["run", "01", "--experiment", "measure"]) == 0
    assert executed == []
    assert counts() == {"measure": 2, "second": 1}
    assert (book / "build/runs/study" / f"{INFO.stem}.json").is_file()


@pytest.mark.usefixtures("here")
def test_full_without_a_gpu_is_refused_with_the_choices(book, capsys):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has one")
    assert main(["full", "01"]) == 2
    assert "choose one of cpu" in capsys.readouterr().err
    assert main(["full", "01", "--device", "cpu"]) == 0


def test_claims_are_printed_with_their_verdicts(book, capsys):
    assert main(["claims", "01"]) == 0
    out = capsys.readouterr().out
    assert "01 Subspace clustering" in out
    assert "01-C1: not measured" in out
    assert "    A toy. [Lemma 1]" in out


def test_an_interrupt_says_how_to_go_on(monkeypatch, capsys):
    def interrupted(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "doctor", interrupted)
    assert main(["doctor"]) == 130
    assert "same command" in capsys.readouterr().err


def test_training_is_handed_to_the_recipes(monkeypatch, tmp_path, capsys):
    from lowdim import recipes

    calls = []

    def train(*arguments, **options):
        calls.append((arguments, options))
        return tmp_path

    monkeypatch.setattr(recipes, "train", train)
    assert main(["train", "digits", "--profile", "smoke", "--seed", "3", "--restart"]) == 0
    assert calls == [(("digits", "smoke", 3, "cpu", None), {"resume": False})]
    assert str(tmp_path) in capsys.readouterr().out

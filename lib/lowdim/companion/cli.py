"""The command line: ``lowdim run``, ``lowdim book``, ``lowdim verify`` and the rest."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lowdim import __version__
from lowdim.profile import PROFILE_NAMES

DESCRIPTION = "Run the chapters of the book, check their claims, and build its pages."
EPILOG = """\
first steps
  lowdim doctor            what this machine has, and what each profile costs
  lowdim run 01            execute chapter 01 at the quick profile (CPU, at most 90 s)
  lowdim verify 01         recompute its claims here and compare with the recorded ones
  lowdim book              execute every chapter and build the pages

profiles
  smoke   seconds, for tests          quick   at most 90 s a chapter on one CPU thread; the stored outputs
  study   slow statistics on a CPU    full    real sizes on a GPU, unit by unit

A chapter is named by its number (5 or 05) or its name (loco-edit). `lowdim COMMAND --help` says more.
"""
RUN = """\
Execute chapters. Smoke and quick runs execute the notebook in a process of its own, several side by side; a chapter
whose code, text, claims, weights and versions are unchanged is taken from the store under build/cache. Study and full
runs, and runs with --no-notebook, call the chapter's experiments one by one and keep each as soon as it is finished,
so that an interrupted run goes on where it stopped. Results are put under build/runs; `lowdim record` promotes them.
"""
RUN_EXAMPLES = """\
examples
  lowdim run 01 05                              two chapters, quick
  lowdim run 05 --seeds 0-4 --no-notebook       five seeds and their summary
  lowdim run 05 --profile full --device cuda    one chapter on a GPU
  lowdim run 01 --experiment one-subspace       one experiment alone
"""
SWEEP = """\
Run one experiment of a chapter at every combination of parameter values. Finished points are kept under build/sweeps;
the same command again runs only what is missing. A grid may hold parameters of the experiment, and profile, seed and
device.
"""
SWEEP_EXAMPLES = """\
examples
  lowdim sweep 01 --experiment one-subspace --grid seed=0,1,2,3
  lowdim sweep 01 --experiment one-subspace --grid seed=0,1 --cluster slurm --slurm queue=gpu --slurm walltime=00:30:00
  lowdim sweep 01 --experiment one-subspace --grid seed=0,1 --cluster tcp://10.0.0.1:8786
"""

Commands = argparse._SubParsersAction


def seeds(text: str) -> list[int]:
    """``"0-4"``, ``"0,2,7"`` or a mixture as a list of seeds."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise argparse.ArgumentTypeError(f"{text!r} is not allowed; write seeds like 0-4 or 0,2,7")
        if int(last or first) < int(first):
            raise argparse.ArgumentTypeError(f"{text!r} is not allowed; write {last}-{first}")
        found += range(int(first), int(last or first) + 1)
    if len(set(found)) < len(found):
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; name each seed once, like 0-4 or 0,2,7")
    return found


def one_seed(text: str) -> list[int]:
    """One seed, as a list."""
    return [positive_or_zero(text)]


def positive_or_zero(text: str) -> int:
    """A whole number of at least 0."""
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; give a whole number of at least 0")
    return int(text)


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; give a whole number of at least 1")
    return int(text)


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; each names its ``handler``, a function of :mod:`lowdim.companion.commands`."""
    parser = argparse.ArgumentParser(
        prog="lowdim", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"lowdim {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_run(commands)
    _add_pages(commands)
    _add_claims(commands)
    _add_slow(commands)
    _add_sweep(commands)
    _add_tools(commands)
    return parser


def _command(commands: Commands, name: str, text: str, description: str = "", examples: str = "") -> Any:
    parser = commands.add_parser(
        name,
        help=text,
        description=description or f"{text[0].upper()}{text[1:]}.",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(handler=name)
    return parser


def _chapters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help="number or name; none means all there are")


def _jobs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-j", "--jobs", type=positive, metavar="N", help="chapters side by side (default: the cores here, at most 4)"
    )


def _add_run(commands: Commands) -> None:
    run = _command(commands, "run", "execute chapters", RUN, RUN_EXAMPLES)
    _chapters(run)
    run.add_argument("--all", action="store_true", help="every chapter there is (the same as naming none)")
    run.add_argument("--profile", default="quick", choices=PROFILE_NAMES, help="how large (default: quick)")
    which = run.add_mutually_exclusive_group()
    which.add_argument("--seed", type=one_seed, dest="seeds", default=[0], metavar="S", help="the seed (default: 0)")
    which.add_argument("--seeds", type=seeds, dest="seeds", metavar="A-B", help="several: 0-4 or 0,2,7")
    run.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1 or mps (default: cuda for full, else cpu)")
    run.add_argument("--no-notebook", action="store_true", help="call the experiments; needs no notebook tools")
    run.add_argument(
        "--experiment",
        action="append",
        default=[],
        metavar="NAME",
        help="only this one, without the notebook; repeatable",
    )
    run.add_argument("--force", action="store_true", help="run again even where nothing changed")
    _jobs(run)


def _add_pages(commands: Commands) -> None:
    book = _command(commands, "book", "execute every chapter (quick) and build the pages from what has just run")
    _jobs(book)
    _command(commands, "html", "build the pages from the committed outputs, in seconds")
    carry = _command(
        commands,
        "carry",
        "carry recorded studies and full runs over to changed code that computes the same, by small runs of both",
    )
    _chapters(carry)
    redraw = _command(commands, "redraw", "draw the figures of recorded studies and full runs again, measuring nothing")
    _chapters(redraw)
    _command(commands, "record", "promote the last runs to the recorded results and the notebooks' stored outputs")


def _add_claims(commands: Commands) -> None:
    verify = _command(commands, "verify", "recompute quick claims on this machine and compare with the recorded ones")
    verify.add_argument("chapters", nargs="+", metavar="CHAPTER", help="number or name")
    claims = _command(commands, "claims", "show what each paper claims, and the recorded verdicts")
    _chapters(claims)


def _add_slow(commands: Commands) -> None:
    for name, text in (
        ("study", "run the slow CPU studies, experiment by experiment; interrupted, they go on"),
        ("full", "run chapters at full size on a GPU, experiment by experiment; interrupted, they go on"),
    ):
        parser = _command(commands, name, text)
        _chapters(parser)
        parser.add_argument("--device", metavar="D", help="default: cuda for full, cpu for study")
        parser.add_argument("--force", action="store_true", help="run again what is finished")
        parser.set_defaults(
            handler="run", profile=name, seeds=[0], all=False, no_notebook=True, experiment=[], jobs=None
        )


def _add_sweep(commands: Commands) -> None:
    sweep = _command(commands, "sweep", "run an experiment over a grid of parameters, here or on a cluster", SWEEP)
    sweep.epilog = SWEEP_EXAMPLES
    sweep.add_argument("chapter", metavar="CHAPTER", help="number or name")
    sweep.add_argument("--experiment", metavar="NAME", help="which (not needed where the chapter has one)")
    sweep.add_argument("--grid", action="append", required=True, metavar="NAME=V,V", help="values to try; repeatable")
    sweep.add_argument("--profile", default="quick", choices=PROFILE_NAMES, help="default: quick")
    sweep.add_argument("--cluster", default="local", metavar="WHERE", help="local, slurm, or a scheduler's address")
    sweep.add_argument("--slurm", action="append", default=[], metavar="KEY=VALUE", help="option of SLURMCluster")
    sweep.add_argument("--job-script", action="store_true", help="only print the job that Slurm would be given")
    sweep.add_argument("--by", metavar="NAME", help="the claim or number to order by (default: the first)")
    sweep.add_argument("--largest", action="store_true", help="the largest value is best (default: the smallest)")
    _jobs(sweep)


def _add_tools(commands: Commands) -> None:
    train = _command(commands, "train", "train a shipped model again; interrupted, it goes on from its checkpoint")
    train.add_argument("name", metavar="NAME", help="the model's name under models/")
    train.add_argument("--profile", default="quick", choices=PROFILE_NAMES, help="default: quick")
    train.add_argument("--seed", type=positive_or_zero, default=0, metavar="S", help="default: 0")
    train.add_argument("--device", default="cpu", metavar="D", help="default: cpu")
    train.add_argument("--out", type=Path, metavar="FOLDER", help="default: build/models/<profile>/<name>")
    train.add_argument("--restart", action="store_true", help="begin anew instead of from the last checkpoint")
    _command(commands, "doctor", "show what this machine has, what is missing, and what each profile costs")
    bench = _command(commands, "bench", "time the library against its peers, as ratios")
    bench.add_argument("names", nargs="*", metavar="NAME", help="files under benchmarks/; none means all")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 fine, 1 something failed, 2 a bad argument."""
    arguments = build_parser().parse_args(argv)
    from lowdim.companion import commands
    from lowdim.companion.launch import Stopped

    # Ended by another program, end as on Ctrl-C: the processes we started are ended too.
    with suppress(ValueError):  # only the main thread may say so
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return int(getattr(commands, arguments.handler)(arguments))
    except (ValueError, FileNotFoundError) as error:
        print(f"lowdim {arguments.command}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `lowdim claims | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KeyboardInterrupt, Stopped):
        print("\ninterrupted; what is finished is kept, run the same command to go on", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())

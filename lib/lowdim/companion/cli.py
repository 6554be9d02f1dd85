"""The command line: ``lowdim run``, ``lowdim book``, ``lowdim verify`` and the rest."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from lowdim import __version__
from lowdim.profile import PROFILE_NAMES

DESCRIPTION = "Run the chapters of the book, check their claims, and build its pages."
EPILOG = """\
first steps
  lowdim doctor            what this machine has, and what each profile costs here
  lowdim run 01            execute chapter 01 at the quick profile (CPU, at most 90 s)
  lowdim verify 01         recompute its claims here and compare with the recorded ones
  lowdim book              execute every chapter and build the pages
"""


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; each names its ``handler``, a function of :mod:`lowdim.companion.commands`."""
    parser = argparse.ArgumentParser(
        prog="lowdim", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"lowdim {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_run(commands)
    return parser


def _add_run(commands: argparse._SubParsersAction) -> None:
    run = commands.add_parser("run", help="execute chapters")
    run.add_argument("chapters", nargs="*", metavar="CHAPTER", help="number or name; none means all")
    run.add_argument("--all", action="store_true", help="every chapter that has a notebook")
    run.add_argument("--profile", default="quick", choices=PROFILE_NAMES)
    run.add_argument("--seed", type=int, default=0)
    run.add_argument("--device", default="cpu")
    run.add_argument("-j", "--jobs", type=int, default=None)
    run.add_argument("--force", action="store_true")
    run.set_defaults(handler="run")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 fine, 1 something failed, 2 a bad argument."""
    arguments = build_parser().parse_args(argv)
    from lowdim.companion import commands

    try:
        return int(getattr(commands, arguments.handler)(arguments))
    except ValueError as error:
        print(f"lowdim {arguments.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted; what is finished is kept, run the same command to go on", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())

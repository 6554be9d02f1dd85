"""The chapters of this checkout, for the tests of its notebooks."""

from pathlib import Path

from lowdim.companion import catalogue

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "build" / "runs" / "quick"
CHAPTERS = catalogue.available(ROOT)


def stem(info):
    """The name of a chapter in a test's id."""
    return info.stem

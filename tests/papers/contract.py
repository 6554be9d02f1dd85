"""What the tests of every chapter ask of its experiments, figures and sizes, said once."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from lowdim.profile import Profiles
from lowdim.record import Plot, Record
from lowdim.style import use_style

Experiment = Callable[..., Record]


def check_seed_decides(experiment: Experiment, record: Record) -> None:
    """``record`` is that of smoke at seed 0: the same seed gives its bits again, another seed other numbers."""
    again, other = experiment("smoke", 0, "cpu"), experiment("smoke", 1, "cpu")
    changed = False
    for key, value in record.arrays.items():
        np.testing.assert_array_equal(value, again.arrays[key])
        comparable = value.shape == other.arrays[key].shape  # another number of rows is no proof
        changed |= comparable and not np.array_equal(value, other.arrays[key], equal_nan=value.dtype.kind == "f")
    assert changed, "seeds 0 and 1 give the same arrays"


def check_unknown_refused(experiments: Iterable[Experiment]) -> None:
    """An unknown profile and an unknown device are refused by name."""
    for experiment in experiments:
        with pytest.raises(ValueError, match="profile"):
            experiment("big", 0, "cpu")
        with pytest.raises(ValueError, match="device"):
            experiment("smoke", 0, "tpu")


def check_profiles_grow(profiles: Profiles, names: tuple[str, ...] = ("smoke", "quick", "study")) -> None:
    """No whole-numbered size of a profile exceeds the one of the next."""
    for field in fields(profiles["quick"]):
        sizes = [getattr(profiles[name], field.name) for name in names]
        if isinstance(getattr(profiles["quick"], field.name), int):
            assert sizes == sorted(sizes), f"{field.name}: {sizes}"


def check_names_apart(records: Mapping[str, Record]) -> None:
    """No claim and no number is measured by two experiments, so that one run may hold them all."""
    owners: dict[str, str] = {}
    for name, record in records.items():
        for measured in (*record.claims, *record.numbers):
            assert measured not in owners, f"{measured}: by {owners[measured]} and by {name}"
            owners[measured] = name


def check_figures(
    figures: Mapping[str, Plot],
    records: Mapping[str, Record],
    folder: Path,
    *,
    largest: int = 600_000,
    alt: int = 40,
    end: str | tuple[str, ...] = ".",
) -> None:
    """Every figure draws, is neither empty nor above ``largest`` bytes, and comes with words."""
    use_style()
    for id, plot in figures.items():
        path = folder / f"{id}.svg"
        plot.draw(records[plot.experiment]).savefig(path)
        assert 5_000 < path.stat().st_size < largest, f"{id}: {path.stat().st_size} bytes"
        assert len(plot.alt) > alt, id
        assert plot.caption.endswith(end), id

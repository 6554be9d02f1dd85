"""The leaves: profiles, seeds, devices, records and the checks at the public edge."""

import math
import re
from dataclasses import FrozenInstanceError, dataclass

import numpy as np
import pytest
import torch

from lowdim.checks import check_batch, check_count, check_finite, expand_sigma, like
from lowdim.profile import PROFILE_NAMES, Profiles, check_device, check_profile, check_seed
from lowdim.record import Number, Record
from lowdim.seeding import make_generator


@dataclass(frozen=True)
class Sizes:
    n: int


def test_profiles_give_the_named_instance_and_are_frozen():
    profiles = Profiles(smoke=Sizes(1), quick=Sizes(2), study=Sizes(3), full=Sizes(4))
    assert [profiles[name].n for name in PROFILE_NAMES] == [1, 2, 3, 4]
    assert list(profiles.as_mapping()) == list(PROFILE_NAMES)
    with pytest.raises(FrozenInstanceError):
        profiles.quick = Sizes(9)
    with pytest.raises(ValueError, match=r"profile: 'fast' is unknown; choose one of smoke, quick, study, full"):
        profiles["fast"]


def test_check_profile_returns_its_argument():
    assert check_profile("study") == "study"


@pytest.mark.parametrize("seed", [-1, 2**31, 1.0, "0", True, None])
def test_check_seed_refuses(seed):
    with pytest.raises(ValueError, match="seed: .* whole number"):
        check_seed(seed)


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "meta", 7.5])
def test_check_device_refuses_what_is_not_here(device):
    with pytest.raises(ValueError, match="device: .* choose one of cpu"):
        check_device(device)


def test_check_device_cpu():
    assert check_device("cpu") == torch.device("cpu")


def test_record_converts_and_names_what_it_has():
    record = Record(claims={"01-C1": torch.tensor(2.0)}, arrays={"b": torch.ones(2), "a": [1, 2]})
    assert record.claims == {"01-C1": 2.0}
    assert isinstance(record["b"], np.ndarray)
    assert record.number("rank", 3, "", tolerance=0) == 3.0
    assert record.numbers["rank"] == Number(3.0, "", 0.0)
    with pytest.raises(KeyError, match="it has a, b"):
        record["c"]


@pytest.mark.parametrize("tolerance", [-1.0, math.nan, math.inf])
def test_a_tolerance_that_cannot_fail_is_refused(tolerance):
    with pytest.raises(ValueError, match="tolerance"):
        Number(1.0, "", tolerance)


def test_expand_sigma_accepts_numbers_and_batches():
    x = torch.zeros(3, 2, dtype=torch.float64)
    assert torch.equal(expand_sigma(0.5, x), torch.full((3,), 0.5, dtype=torch.float64))
    assert expand_sigma(torch.tensor([1.0, 2.0, 3.0]), x).dtype == torch.float64
    assert torch.equal(expand_sigma(0.0, x, allow_zero=True), torch.zeros(3, dtype=torch.float64))


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan, math.inf, torch.ones(2), torch.ones(3, 1)])
def test_expand_sigma_refuses(sigma):
    with pytest.raises(ValueError, match="sigma"):
        expand_sigma(sigma, torch.zeros(3, 2))


def test_check_finite_and_batch_name_the_argument():
    with pytest.raises(ValueError, match="x: 1 of 2 entries are NaN"):
        check_finite("x", torch.tensor([0.0, math.nan]))
    with pytest.raises(ValueError, match="x: got a Tensor of torch.int64"):
        check_finite("x", torch.tensor([1]))
    with pytest.raises(ValueError, match="x: got a list"):
        check_finite("x", [1.0])
    with pytest.raises(ValueError, match=r"x: shape \(3,\) is not allowed; give \(B, 3\)"):
        check_batch("x", torch.zeros(3), (3,))


@pytest.mark.parametrize("value", [4, np.int64(4), np.uint8(4), torch.tensor(4)])
def test_check_count_returns_whole_numbers_as_int(value):
    for bounds in [(), (4,), (0, 4), (4, 4)]:
        found = check_count("n", value, *bounds)
        assert found == 4
        assert type(found) is int


@pytest.mark.parametrize("value", [True, False, np.True_, 2.0, np.float64(2.0), math.nan, math.inf, "2", None, [2]])
def test_check_count_refuses_what_is_no_whole_number(value):
    said = f"n: {value!r} is not allowed; give a whole number of at least 0"
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        check_count("n", value, 0)


@pytest.mark.parametrize(("value", "bounds", "allowed"), [
    (0, {}, "of at least 1"),
    (-1, {"least": 0}, "of at least 0"),
    (np.int64(1), {"least": 2}, "of at least 2"),
    (0, {"most": 5}, "from 1 to 5"),
    (6, {"most": 5}, "from 1 to 5"),
    (3, {"least": 0, "most": 2}, "from 0 to 2"),
    (0, {"most": 0}, "from 1 to 0"),
])  # fmt: skip
def test_check_count_refuses_what_is_out_of_range(value, bounds, allowed):
    with pytest.raises(
        ValueError, match=f"^n: {re.escape(repr(value))} is not allowed; give a whole number {allowed}$"
    ):
        check_count("n", value, **bounds)


def test_like_broadcasts_over_samples():
    assert like(torch.arange(2.0), torch.zeros(2, 1, 4, 4)).shape == (2, 1, 1, 1)


def test_generators_are_the_same_everywhere_and_differ_by_name():
    draw = [
        torch.rand(2, generator=make_generator(0, *names), dtype=torch.float64) for names in [("a",), ("a",), ("b",)]
    ]
    assert torch.equal(draw[0], draw[1])
    assert not torch.equal(draw[0], draw[2])
    # The stream's seed is fixed by SHA-256, so a change of the recipe shows here.
    assert make_generator(3, "phase", 1).initial_seed() == 0x518217D044FF7F94

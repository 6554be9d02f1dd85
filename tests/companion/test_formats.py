from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lowdim.companion import formats
from lowdim.companion.formats import format_interval, format_measured, format_number, format_toleranced

finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)
_PLAIN = str.maketrans("−⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "--0123456789")


def _read(text: str) -> float:
    """The number that a reader sees."""
    mantissa, power, exponent = text.partition("10⁻") if text.startswith("10⁻") else text.partition("×10")
    if text.startswith("10⁻"):
        mantissa, exponent = "1", "⁻" + exponent
    elif text.startswith("10") and any(c in text for c in "⁰¹²³⁴⁵⁶⁷⁸⁹"):
        mantissa, power, exponent = "1", "10", text[2:]
    elif text.startswith("−10") and any(c in text for c in "⁰¹²³⁴⁵⁶⁷⁸⁹"):
        mantissa, power, exponent = "-1", "10", text[3:]
    return float(mantissa.translate(_PLAIN)) * (10.0 ** int(exponent.translate(_PLAIN)) if power else 1.0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (7, "7"),
        (12345, "12345"),
        (0.12345, "0.123"),
        (-0.5001, "−0.5"),
        (99.96, "100"),
        (1234.5, "1230"),
        (0.0001234, "0.000123"),
        (1.5e-8, "1.5×10⁻⁸"),
        (1e-8, "10⁻⁸"),
        (2.5e7, "2.5×10⁷"),
        (math.nan, "not a number"),
        (math.inf, "∞"),
        (None, "—"),
    ],
)
def test_numbers_have_three_significant_digits_and_whole_ones_are_in_full(value, text):
    assert format_number(value) == text


@given(finite)
def test_the_printed_number_is_the_value_within_its_digits(value):
    assume(value == 0 or abs(value) > 1e-30)
    assert _read(format_number(value)) == pytest.approx(value, rel=5.1e-3, abs=0)


def test_rounding_error_is_printed_as_a_bound_that_every_machine_prints():
    printed = {format_measured(value, (None, 1e-8), (None, 1e-6)) for value in (0.0, 3e-17, 2.2e-12, 9e-9)}
    assert printed - {"0"} == {"≤ 10⁻⁸"}
    assert format_measured(5e-8, (None, 1e-8), (None, 1e-6)) == "≤ 10⁻⁶"
    assert format_measured(5.4e-7, (None, 1e-8)) == "5×10⁻⁷"


@given(st.floats(min_value=1e-300, max_value=1e-8), st.floats(min_value=1e-300, max_value=1e-8))
def test_two_values_below_a_tiny_bound_are_the_same_text(one, other):
    assert format_measured(one, (None, 1e-8)) == format_measured(other, (None, 1e-8))


def test_small_values_against_ordinary_bounds():
    assert format_measured(0.0, (None, 0.05)) == "0"
    assert format_measured(0.0, (0.0, 0.0)) == "0"
    assert format_measured(3e-9, (None, 0.05)) == "< 10⁻⁶"
    assert format_measured(-3e-9, (None, 0.05)) == "> −10⁻⁶"
    assert format_measured(3e-9) == "< 10⁻⁶"
    assert format_measured(2e-6, (None, 1e-8)) == "2×10⁻⁶"


def test_what_float32_leaves_over_is_told_by_its_order():
    assert {format_measured(value, (None, 0.01)) for value in (1.43e-5, 1.4e-5, 3.15e-5)} == {"< 0.0001"}
    assert format_measured(-2.2e-6, (-1e-3, 1e-3)) == "> −10⁻⁵"
    assert format_measured(2.2e-5, (None, 1e-4)) == "2.2×10⁻⁵", "near its bound the digits matter"
    assert format_measured(2.2e-5) == "2.2×10⁻⁵"
    assert format_measured(2.2e-4, (None, 0.1)) == format_number(2.2e-4)


@pytest.mark.parametrize(
    ("bounds", "text"),
    [((None, 0.2), "≤ 0.2"), ((0.9, None), "≥ 0.9"), ((0.9, 1.1), "0.9 to 1.1"), ((0, 0), "= 0"), (None, "—")],
)
def test_intervals_in_words(bounds, text):
    assert format_interval(bounds) == text


@pytest.mark.parametrize(
    ("value", "tolerance", "text"),
    [(0.25314, 0.01, "0.25"), (0.25314, 1e-9, "0.2531"), (12.0, 0, "12"), (0.001, 0.01, "< 0.01"), (None, 0.1, "—")],
)
def test_a_number_shows_the_digits_its_tolerance_vouches_for(value, tolerance, text):
    assert format_toleranced(value, tolerance) == text


@given(st.floats(min_value=0.01, max_value=1e4), st.floats(min_value=1e-6, max_value=1e3))
def test_no_digit_beyond_the_tolerance_is_shown(value, tolerance):
    text = format_toleranced(value, tolerance)
    decimals = 0 if text.startswith("<") else len(text.partition(".")[2])
    assert decimals == 0 or 10.0**-decimals > tolerance / 10.0000001


def test_durations_and_sizes():
    assert [formats.format_seconds(s) for s in (0.4, 12.3, 99, 200, 7200)] == [
        "0.4 s",
        "12 s",
        "99 s",
        "3.3 min",
        "2 h",
    ]
    assert formats.format_bytes(410 * 2**20) == "410 MiB"
    assert formats.format_bytes(1.3 * 2**30) == "1.3 GiB"

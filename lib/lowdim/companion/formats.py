"""How numbers are written on pages and in stored outputs: rounded, so that another CPU prints the same text."""

from __future__ import annotations

import math

# below this a value is rounding error, whose digits differ between machines
TINY = 1e-6
# and below this a value far inside its interval is what float32 leaves over: its order is told, not its digits
SMALL = 1e-4

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

Bounds = tuple[float | None, float | None]


def format_number(value: float | None, digits: int = 3) -> str:
    """``value`` with ``digits`` significant digits: ``0.125``, ``2310``, ``1.5×10⁻⁸``; whole numbers in full."""
    if value is None:
        return "—"
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    sign, size = ("−" if value < 0 else ""), abs(value)
    if size == int(size) and size < 1e6:
        return f"{sign}{int(size)}"
    mantissa, exponent = f"{size:.{digits - 1}e}".split("e")
    if -4 <= int(exponent) < 6:
        plain = f"{float(f'{mantissa}e{exponent}'):.{max(digits - 1 - int(exponent), 0)}f}"
        return sign + (plain.rstrip("0").rstrip(".") if "." in plain else plain)
    power = f"10{str(int(exponent)).translate(_SUPERSCRIPT)}"
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return sign + (power if mantissa == "1" else f"{mantissa}×{power}")


def format_measured(value: float | None, *bounds: Bounds | None) -> str:
    """A measured value for a claim with these allowed intervals.

    Below :data:`TINY` only a bound is printed: the upper end of the first interval that holds the value, when that end
    is itself tiny, else ``< 10⁻⁶``. An exact zero measured against an ordinary interval is printed as ``0``. Between
    it and :data:`SMALL` a value ten times inside its bounds is printed as the next power of ten: ``< 10⁻⁵``.
    """
    if value is None or not math.isfinite(value) or abs(value) >= SMALL:
        return format_number(value)
    if abs(value) >= TINY:
        ends = [abs(end) for interval in bounds if interval for end in interval if end]
        if not ends or abs(value) > min(ends) / 10:
            return format_number(value)
        order = 10.0 ** (math.floor(math.log10(abs(value))) + 1)
        return f"< {format_number(order)}" if value > 0 else f"> {format_number(-order)}"
    for interval in bounds:
        high = interval[1] if interval else None
        if high is not None and value <= high and 0 < high <= TINY:
            return f"≤ {format_number(high)}"
    if value == 0:
        return "0"
    tiny_bounds = [b[1] for b in bounds if b and b[1] is not None and b[1] <= TINY]
    if tiny_bounds:  # above every tiny bound: its size matters, one digit is enough
        return format_number(value, 1)
    return f"< {format_number(TINY)}" if value > 0 else f"> {format_number(-TINY)}"


def format_interval(bounds: Bounds | None) -> str:
    """An allowed interval: ``≤ 0.2``, ``≥ 0.9``, ``0.9 to 1.1``, ``= 0``; ``—`` when there is none."""
    if bounds is None or bounds == (None, None):
        return "—"
    low, high = bounds
    if low is None:
        return f"≤ {format_number(high)}"
    if high is None:
        return f"≥ {format_number(low)}"
    if low == high:
        return f"= {format_number(low)}"
    return f"{format_number(low)} to {format_number(high)}"


def format_toleranced(value: float | None, tolerance: float) -> str:
    """A value with the digits that its tolerance vouches for, at most four: 0.2531 within 0.01 is ``0.25``."""
    if value is None or not math.isfinite(value) or tolerance == 0:
        return format_number(value, 4)
    decimals = max(0, -math.floor(math.log10(tolerance)))
    rounded = round(value, decimals)
    if rounded == 0 and value != 0:
        return f"< {format_number(tolerance)}" if value > 0 else f"> {format_number(-tolerance)}"
    return format_number(rounded, 4)


def counted(count: int, noun: str) -> str:
    """``1 chapter`` or ``2 chapters``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def format_seconds(seconds: float) -> str:
    """A duration: ``12 s``, ``3.4 min``, ``1.2 h``."""
    if seconds < 99.5:
        return f"{format_number(seconds, 2)} s"
    minutes = seconds / 60
    return f"{format_number(minutes, 2)} min" if minutes < 99.5 else f"{format_number(minutes / 60, 2)} h"


def format_bytes(size: float) -> str:
    """A size in binary units: ``410 MiB``, ``1.3 GiB``."""
    mebibytes = size / 2**20
    return f"{mebibytes:.0f} MiB" if mebibytes < 1000 else f"{format_number(mebibytes / 1024, 2)} GiB"

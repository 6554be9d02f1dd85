"""Checks of a claims file: strict YAML, the schema, and the rules that a schema cannot say."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import yaml

from lowdim.companion.catalogue import ChapterInfo
from lowdim.companion.formats import Bounds
from lowdim.companion.schemas import complaint, schema

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError


class ClaimsError(ValueError):
    """A claims file is not what it should be; the message names the file, the claim, the field and what is allowed."""


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where it is there: ten times faster


class _StrictLoader(_Loader):
    """Safe YAML that refuses a repeated key; plain YAML would keep the last one without a word."""


def _mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    twice = {str(key) for key in keys if keys.count(key) > 1}
    if twice:
        where = f"in the entry at line {node.start_mark.line + 1}"
        raise yaml.constructor.ConstructorError(None, None, f"key {min(twice)!r} twice {where}")
    return _Loader.construct_mapping(loader, node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def checked(text: str, file: str, info: ChapterInfo) -> dict[str, Any]:
    """The data of a claims file when it passes every check, else :class:`ClaimsError`."""
    try:
        data = yaml.load(text, Loader=_StrictLoader)
    except yaml.YAMLError as broken:
        raise ClaimsError(f"{file}: not readable as YAML: {broken}") from broken
    error = complaint(data, schema("claims"))
    if error is not None:
        raise ClaimsError(_explain(error, data, file))
    if data["chapter"] != info.number:
        raise ClaimsError(f"{file}: chapter: {data['chapter']!r} is not allowed; this file is for {info.number!r}")
    seen: set[str] = set()
    for claim in data["claims"]:
        _check_claim(claim, f"{file}: claim {claim['id']}", info.number)
        if claim["id"] in seen:
            raise ClaimsError(f"{file}: claim {claim['id']}: id: used twice; every id is unique in the book")
        seen.add(claim["id"])
    return data


def _explain(error: ValidationError, data: Any, file: str) -> str:
    """The schema's complaint in words: file, claim, field, what it was, what is allowed."""
    path = list(error.absolute_path)
    where = file
    if path and path[0] in ("claims", "slips") and len(path) > 1:
        entry = data[path[0]][path[1]]
        named = entry.get("id" if path[0] == "claims" else "where") if isinstance(entry, dict) else None
        where += f": {path[0][:-1]} {named or f'number {path[1] + 1}'}"
        path = path[2:]
    spot = ".".join(str(part) for part in path)
    return f"{where}: {spot + ': ' if spot else ''}{_allowed(error)}"


def _allowed(error: ValidationError) -> str:
    rule, value = error.validator, error.instance
    if rule == "enum":
        return f"{value!r} is not allowed; choose one of {', '.join(map(str, error.validator_value))}"
    if rule == "required":
        missing = [key for key in error.validator_value if key not in value]
        return f"missing {', '.join(missing)}; required are {', '.join(error.validator_value)}"
    if rule == "additionalProperties":
        known = error.schema["properties"]
        extra = [key for key in value if key not in known]
        return f"unknown {', '.join(map(str, extra))}; allowed are {', '.join(known)}"
    if rule == "type":
        kinds = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
        hint = "; YAML reads 1e-8 as text, write 1.0e-8" if "number" in kinds and _is_number(value) else ""
        hint = '; put it in quotes, like "02"' if kinds == ["string"] and isinstance(value, int) else hint
        wanted = " or ".join(f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}" for kind in kinds)
        return f"{value!r} is not allowed; give {wanted}{hint}"
    if rule == "pattern" and error.validator_value == "\\S":
        return "empty; write something"
    if rule == "pattern":
        return f"{value!r} is not allowed; it must match {error.validator_value}"
    return error.message


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return isinstance(value, str)


def _check_claim(claim: dict[str, Any], where: str, number: str) -> None:
    """The rules between fields."""
    if not claim["id"].startswith(f"{number}-"):
        raise ClaimsError(f"{where}: id: must start with {number}-, the chapter's number")
    for key in ("holds", "weaker"):
        if key in claim:
            _check_bounds(claim[key], f"{where}: {key}")
    if "experiment" not in claim and "out_of_reach" not in claim:
        raise ClaimsError(f"{where}: experiment: missing; name the experiment that measures the claim")
    if "weaker" in claim and "holds" not in claim:
        raise ClaimsError(f"{where}: weaker: only allowed beside holds")
    if "weaker" in claim and not _contains(claim["weaker"], claim["holds"]):
        raise ClaimsError(f"{where}: weaker: {claim['weaker']} must contain holds, {claim['holds']}, and be wider")
    if "holds" in claim and "why" not in claim:
        raise ClaimsError(f"{where}: why: missing; say why the bound is what it is (rounding, Monte Carlo, seeds)")
    if "holds" in claim and "out_of_reach" in claim:
        raise ClaimsError(f"{where}: out_of_reach: not allowed beside holds; nothing here could decide it")
    if claim.get("paper_value") is not None and not claim["seen"]:
        raise ClaimsError(f"{where}: paper_value: only allowed where seen is true")
    calibration = claim.get("calibration")
    if calibration and len(calibration["seeds"]) != len(calibration["values"]):
        counts = f"{len(calibration['seeds'])} seeds but {len(calibration['values'])} values"
        raise ClaimsError(f"{where}: calibration: {counts}")


def _check_bounds(bounds: list[float | None], where: str) -> None:
    low, high = bounds
    if low is None and high is None:
        raise ClaimsError(f"{where}: both ends are open; leave the field out for a claim that is only reported")
    if any(end is not None and not math.isfinite(end) for end in bounds):
        raise ClaimsError(f"{where}: {bounds} is not allowed; ends are finite numbers, or null for an open end")
    if low is not None and high is not None and low > high:
        raise ClaimsError(f"{where}: {bounds} is empty; give [min, max]")


def _contains(outer: Bounds | list[float | None], inner: Bounds | list[float | None]) -> bool:
    low = outer[0] is None or (inner[0] is not None and outer[0] <= inner[0])
    high = outer[1] is None or (inner[1] is not None and outer[1] >= inner[1])
    return low and high and list(outer) != list(inner)

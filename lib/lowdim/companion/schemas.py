"""JSON schemas of the companion's files, and the first complaint of a document against one."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_IRI_GRAMMAR = "rfc3987_syntax"


@cache
def schema(name: str) -> dict[str, Any]:
    """The schema ``<name>.schema.json`` beside this module."""
    return json.loads(Path(__file__).with_name(f"{name}.schema.json").read_text(encoding="utf-8"))


def complaint(data: Any, against: Mapping[str, Any]) -> ValidationError | None:
    """The most telling violation of the schema ``against``, ``None`` when ``data`` meets it."""
    _load_jsonschema()
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    return best_match(Draft202012Validator(against).iter_errors(data))


def _load_jsonschema() -> None:
    """Import jsonschema without its optional grammar of internationalised addresses, where that is installed: it
    compiles for a second in every process, and our schemas have no addresses.
    """
    if "jsonschema" in sys.modules or _IRI_GRAMMAR in sys.modules:
        return
    sys.modules[_IRI_GRAMMAR] = None  # type: ignore[assignment]  # its import fails, which jsonschema takes for absent
    try:
        import jsonschema  # noqa: F401
    finally:
        del sys.modules[_IRI_GRAMMAR]

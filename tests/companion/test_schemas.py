from __future__ import annotations

import subprocess
import sys

from jsonschema import Draft202012Validator

from lowdim.companion.claims import VERDICTS
from lowdim.companion.schemas import complaint, schema
from lowdim.profile import PROFILE_NAMES


def test_schemas_are_valid_and_name_what_the_code_names():
    for name in ("claims", "result", "seeds"):
        Draft202012Validator.check_schema(schema(name))
    claims = schema("result")["properties"]["claims"]["additionalProperties"]["properties"]
    assert tuple(claims["verdict"]["enum"]) == VERDICTS
    for name in ("result", "seeds"):
        assert tuple(schema(name)["properties"]["profile"]["enum"]) == PROFILE_NAMES


def test_the_first_complaint():
    wanted = {"type": "object", "required": ["a"]}
    assert complaint({"a": 1}, wanted) is None
    assert complaint({}, wanted).message == "'a' is a required property"


def test_the_slow_grammar_is_not_compiled():
    code = """
import sys
from lowdim.companion.schemas import complaint
complaint(1, {"type": "integer"})
assert "jsonschema" in sys.modules
print([name for name in sys.modules if name.startswith(("rfc3987_syntax", "lark"))])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

from __future__ import annotations

import sys

import pytest
import refresh_shapes


@pytest.fixture(scope="module")
def shapes():
    return refresh_shapes.read_sdk()


def test_the_shapes_are_what_the_official_sdk_says(shapes):
    text = refresh_shapes.SHAPES.read_text(encoding="utf-8")
    assert refresh_shapes.render(shapes) == text, "run python scripts/refresh_shapes.py"


def test_there_is_one_for_every_json_body_and_every_tool(shapes):
    assert (len(shapes["bodies"]), len(shapes["responses"])) == (122, 54)


@pytest.mark.parametrize("drift, code", [("", 0), (" ", 1)])
def test_the_check_fails_on_drift_and_changes_nothing(shapes, monkeypatch, tmp_path, drift, code):
    file = tmp_path / "shapes.json"
    file.write_text(refresh_shapes.render(shapes) + drift, encoding="utf-8")
    monkeypatch.setattr(refresh_shapes, "SHAPES", file)
    monkeypatch.setattr(refresh_shapes, "read_sdk", lambda: shapes)
    monkeypatch.setattr(sys, "argv", ["refresh_shapes.py", "--check"])
    assert refresh_shapes.main() == code
    assert file.read_text(encoding="utf-8") == refresh_shapes.render(shapes) + drift


@pytest.mark.parametrize(
    "schema, shape",
    [
        ({"type": "string", "maxLength": 5}, "text ..5"),
        ({"type": "integer", "minimum": 1, "default": 3}, "integer 1.. = 3"),
        ({"type": "string", "enum": ["a", "b"], "default": "a"}, "a|b = a"),
        ({"type": "string", "format": "date"}, "date"),
        ({"type": "string", "pattern": "^a$"}, "text /^a$/"),
        ({"anyOf": [{"type": "number"}, {"type": "integer"}], "default": 0}, "number = 0"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "text"),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, "any"),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 1}, ["integer", "1.."]),
        ({"type": "object", "additionalProperties": {"type": "boolean"}}, {"*": "boolean"}),
        (
            {"properties": {"a": {"type": "string"}, "b": {"$ref": "#/x/B"}}, "required": ["a"]},
            {"a": "text", "b?": "boolean"},
        ),
    ],
)
def test_a_schema_in_the_short_form(schema, shape):
    assert refresh_shapes.shape_of(schema, {"B": {"type": "boolean"}}) == shape

"""Rewrite ``postboost_provider/sandbox/core/shapes.json`` from the official Python SDK.

One line per operation with a JSON body, and one per response of a free tool, in the short form that
``postboost_provider/sandbox/core/shapes.py`` explains.

    python scripts/refresh_shapes.py            # write the file
    python scripts/refresh_shapes.py --check    # exit 1 when the file is stale
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from generated_files import write_or_check
from sdk_schema import openapi

SHAPES = Path(__file__).parent.parent / "postboost_provider" / "sandbox" / "core" / "shapes.json"
_WORDS = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}


def read_sdk() -> dict[str, dict[str, Any]]:
    """Return the shapes of bodies and responses by operation."""
    document = openapi()
    models = document["components"]["schemas"]
    bodies, responses = {}, {}
    for path, methods in document["paths"].items():
        for operation in methods.values():
            name = operation["operationId"]
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                bodies[name] = shape_of(content["application/json"]["schema"], models)
            if path.startswith("/tools"):
                schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
                responses[name] = shape_of(schema, models)
    return {"bodies": dict(sorted(bodies.items())), "responses": dict(sorted(responses.items()))}


def shape_of(schema: dict[str, Any], models: dict[str, Any]) -> Any:
    """Return a JSON schema in the short form. Null is left out: it is the same as absent."""
    if "$ref" in schema:
        return shape_of({**models[schema["$ref"].rpartition("/")[2]], **_beside_ref(schema)}, models)
    choices = [each for each in schema.get("anyOf", schema.get("oneOf", [])) if each != {"type": "null"}]
    if choices:
        kinds = {each.get("type") for each in choices}
        if kinds == {"number", "integer"}:
            return shape_of({**choices[0], "type": "number", **_beside_ref(schema)}, models)
        return shape_of(choices[0], models) if len(choices) == 1 else "any"
    if "properties" in schema:
        required = schema.get("required", ())
        return {
            name if name in required else name + "?": shape_of(each, models)
            for name, each in schema["properties"].items()
        }
    if schema.get("type") == "array":
        limits = _range(schema, "minItems", "maxItems")
        return [shape_of(schema.get("items", {}), models), *([limits] if limits else [])]
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties")
        return {"*": shape_of(inner, models) if isinstance(inner, dict) else "any"}
    return _scalar(schema)


def _beside_ref(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key == "default"}


def _scalar(schema: dict[str, Any]) -> str:
    default = schema.get("default")
    default = (
        f" = {default if isinstance(default, str) else json.dumps(default)}" if default is not None else ""
    )
    if "enum" in schema:
        return "|".join(str(each) for each in schema["enum"] if each is not None) + default
    kind = schema.get("format", _WORDS.get(schema.get("type", ""), "any"))
    kind = kind if kind in ("date", "date-time") else _WORDS.get(schema.get("type", ""), "any")
    limits = _range(schema, "minLength", "maxLength") or _range(schema, "minimum", "maximum")
    pattern = f" /{schema['pattern']}/" if "pattern" in schema else ""
    return kind + (f" {limits}" if limits else "") + pattern + default


def _range(schema: dict[str, Any], least: str, most: str) -> str:
    if least not in schema and most not in schema:
        return ""
    return f"{schema.get(least, '')}..{schema.get(most, '')}"


def render(shapes: dict[str, dict[str, Any]]) -> str:
    """Write one operation per line, so that a diff shows which one changed."""
    parts = [
        f'"{kind}": {{\n'
        + ",\n".join(f'"{name}": {json.dumps(shape, ensure_ascii=False)}' for name, shape in rows.items())
        + "\n}"
        for kind, rows in shapes.items()
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> int:
    return write_or_check({SHAPES: render(read_sdk())}, Path(__file__).name)


if __name__ == "__main__":
    sys.exit(main())

"""Rebuild PostBoost's OpenAPI document from the official Python SDK.

The vendor does not publish the document, but the SDK was generated from it. Its models have the document's types and
limits, and their validators have its enums and patterns.
"""

from __future__ import annotations

import ast
import enum
import functools
import importlib
import inspect
import re
from typing import Any

from official_sdk import SdkOperation, import_sdk, is_optional, operations
from pydantic import BaseModel, TypeAdapter

_REF = "#/components/schemas/{model}"
# Models that the generator composed of others. They lack the information where null is allowed.
_COMPOSED = {
    "CompetitorDetail": "Competitor",
    "CreateApiKey201ResponseData": "ApiKey",
    "CreatePost201Response": "Post",
    "CreateWebhookSubscription201ResponseData": "WebhookSubscription",
}
_MESSAGE = {
    "type": "object",
    "required": ["message"],
    "properties": {
        "message": {"type": "string"},
        "errors": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
}


@functools.cache
def openapi() -> dict[str, Any]:
    """Return the document: every operation with its parameters, body and responses."""
    import_sdk()
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations():
        path = paths.setdefault(operation.sent["resource_path"], {})
        path[operation.sent["method"].lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "PostBoost API", "version": importlib.import_module("postboost").__version__},
        "paths": paths,
        "components": {
            "schemas": _models(),
            "securitySchemes": {"bearerAuth": {"type": "http", "scheme": "bearer"}},
        },
    }


def _models() -> dict[str, Any]:
    schemas = {
        name: schema_of(model)
        for name, model in inspect.getmembers(importlib.import_module("postboost.models"), inspect.isclass)
        if issubclass(model, BaseModel | enum.Enum)
    }
    for name, base in _COMPOSED.items():
        schemas[name]["properties"] |= schemas[base]["properties"]
    return schemas


def schema_of(model: Any) -> dict[str, Any]:
    """Return a model's JSON schema, completed with the rules that only its code has."""
    schema: dict[str, Any] = _plain_schema(model)
    if issubclass(model, enum.Enum):
        return schema
    fields = model.model_fields
    if choices := [name for name in fields if re.fullmatch(r"oneof_schema_\d+_validator", name)]:
        return {"oneOf": [_without_null(schema["properties"][name]) for name in choices]}
    properties = schema.get("properties", {})
    if "additional_properties" in properties:
        del properties["additional_properties"]
        schema["additionalProperties"] = True
    nullable = set(re.findall(r'"(\w+)" in self.model_fields_set', inspect.getsource(model.to_dict)))
    for name, field in fields.items():
        key = field.alias or name
        if key in properties and is_optional(field.annotation) and not field.is_required():
            properties[key] = _optional(properties[key], nullable=name in nullable)
    for checked, decorator in model.__pydantic_decorators__.field_validators.items():
        _narrow(properties, fields, decorator.info.fields, inspect.getsource(getattr(model, checked)))
    return schema


def _narrow(properties: dict[str, Any], fields: Any, names: tuple[str, ...], source: str) -> None:
    """Add the values or the pattern that a validator allows to the schema of its fields."""
    words = re.search(r"not in set\((\[.*?\])\)", source)
    pattern = re.search(r're\.match\(r"(.*)", value\)', source)
    for name in names:
        schema = properties[fields[name].alias or name]
        for each in schema.get("anyOf", [schema]):
            if each == {"type": "null"}:
                continue
            inner = each.get("items", each.get("additionalProperties", each))
            if words:
                inner["enum"] = ast.literal_eval(words.group(1)) + [None] * ("anyOf" in inner)
            if pattern and each.get("type") == "string":
                each["pattern"] = pattern.group(1)


def _optional(schema: dict[str, Any], *, nullable: bool) -> dict[str, Any]:
    """Remove the None that the SDK adds to optional fields, unless null is documented."""
    result = dict(schema) if nullable else _without_null(schema)
    if result.get("default", ...) is None:
        del result["default"]
    return result


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    schema = {key: value for key, value in schema.items() if (key, value) != ("default", None)}
    if "anyOf" not in schema:
        return schema
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "title")}
    choices = [each for each in schema["anyOf"] if each != {"type": "null"}]
    return {**rest, **(choices[0] if len(choices) == 1 else {"anyOf": choices})}


def _plain_schema(annotation: Any) -> dict[str, Any]:
    schema = TypeAdapter(annotation).json_schema(ref_template=_REF)
    schema.pop("$defs", None)
    return schema


def _operation(operation: SdkOperation) -> dict[str, Any]:
    sent, hints = operation.sent, operation.hints
    parameters = []
    for place, pairs in (
        ("path", list(sent["path_params"].items())),
        ("query", sent["query_params"]),
        ("header", [(k, v) for k, v in sent["header_params"].items() if k not in ("Accept", "Content-Type")]),
    ):
        for wire, value in pairs:
            schema = _without_null(_plain_schema(hints[value.name]))
            schema.pop("default", None)
            required = not is_optional(hints[value.name])
            parameters.append({"name": wire, "in": place, "required": required, "schema": schema})
    accepts = sent["header_params"].get("Accept", "application/json").split(",")
    found: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.api],
        "parameters": parameters,
        "security": [{name: []} for name in sent["auth_settings"]],
        "responses": {
            code: _response(code, response, accepts) for code, response in sorted(operation.responses.items())
        },
    }
    if (body := _body(operation)) is not None:
        found["requestBody"] = body
    return found


def _body(operation: SdkOperation) -> dict[str, Any] | None:
    sent, hints = operation.sent, operation.hints
    if sent["files"] or sent["post_params"]:
        parts = {**sent["files"], **dict(sent["post_params"])}
        properties = {
            wire: {"type": "string", "contentEncoding": "binary"}
            if wire in sent["files"]
            else _without_null(_plain_schema(hints[value.name]))
            for wire, value in parts.items()
        }
        required = [wire for wire, value in parts.items() if not is_optional(hints[value.name])]
        schema: dict[str, Any] = {"type": "object", "properties": properties, "required": required}
        return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    if sent["body"] is None:
        return None
    hint = hints[sent["body"].name]
    schema = _without_null(_plain_schema(hint))
    if "title" in schema:
        schema = {"$ref": _REF.format(model=schema["title"])}
    return {"required": not is_optional(hint), "content": {"application/json": {"schema": schema}}}


def _response(code: str, model: str | None, accepts: list[str]) -> dict[str, Any]:
    if model is None:
        return {"description": code}
    if model in ("bytearray", "bytes", "file"):
        files = [each for each in accepts if each != "application/json"]
        return {"description": code, "content": {each: {} for each in files}}
    models = importlib.import_module("postboost.models")
    if model == "object" or not hasattr(models, model):
        schema = _MESSAGE if int(code) >= 400 else {"type": "object"}
    else:
        schema = {"$ref": _REF.format(model=model)}
    return {"description": code, "content": {"application/json": {"schema": schema}}}

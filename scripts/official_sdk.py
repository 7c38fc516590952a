"""Read PostBoost's API from its official Python SDK.

The SDK (``postboost``, in the ``test`` extra) is generated from the vendor's own OpenAPI document. Nothing is sent: each
operation is called with a recorder in place of its transport, and described by what the recorder received.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
import types
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def import_sdk() -> None:
    """Import the SDK, with a stub for the module that its wheel lacks."""
    stub = types.ModuleType("postboost.models.object")
    stub.object = object  # type: ignore[attr-defined]
    sys.modules.setdefault("postboost.models.object", stub)
    importlib.import_module("postboost")


@dataclass(frozen=True, slots=True)
class SdkOperation:
    """One operation as the SDK sends it.

    :param api: the name of its class, such as ``PostsApi``.
    :param sent: the arguments of the SDK's ``param_serialize``; values are :class:`Argument`.
    :param hints: the types of its arguments by name.
    :param responses: the type of the response by status code; None if it has no body.
    """

    api: str
    name: str
    sent: dict[str, Any]
    hints: dict[str, Any]
    responses: dict[str, str | None]


class Argument:
    """A value that the SDK's serialization leaves unchanged, and that has the name of its argument."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def value(self) -> Argument:  # the SDK reads `.value` of enum parameters
        return self


class _Recorder:
    """Replaces the SDK's ``ApiClient``, and records what an operation would have sent."""

    def __init__(self) -> None:
        self.request: dict[str, Any] = {}
        self.responses: dict[str, str | None] = {}

    def select_header_accept(self, accepts: list[str]) -> str:
        return ",".join(accepts)

    def select_header_content_type(self, types_: list[str]) -> str:
        return types_[0]

    def param_serialize(self, **request: Any) -> tuple[()]:
        self.request = request
        return ()

    def call_api(self, *_args: Any, **_kwargs: Any) -> Any:
        return types.SimpleNamespace(read=lambda: None)

    def response_deserialize(self, response_data: Any, response_types_map: dict[str, str | None]) -> Any:
        self.responses = response_types_map
        return types.SimpleNamespace(data=None)


def operations() -> Iterator[SdkOperation]:
    """Yield every operation of the SDK."""
    import_sdk()
    package = importlib.import_module("postboost.api")
    for module in pkgutil.iter_modules(package.__path__):
        imported = importlib.import_module(f"postboost.api.{module.name}")
        for class_name, api_class in inspect.getmembers(imported, inspect.isclass):
            if not class_name.endswith("Api"):
                continue
            for name in vars(api_class):
                # An operation with two tags is generated twice, the second time with a name that ends in _0.
                if re.fullmatch(r"[a-z]\w*(?<!_0)", name) and hasattr(api_class, f"_{name}_serialize"):
                    yield _record(api_class, name)


def _record(api_class: Any, name: str) -> SdkOperation:
    recorder = _Recorder()
    method = getattr(api_class, name)
    raw = getattr(method, "raw_function", inspect.unwrap(method))
    arguments = [p.name for p in inspect.signature(raw).parameters.values() if p.name != "self"]
    api = api_class.__new__(api_class)
    api.api_client = recorder
    raw(api, **{each: Argument(each) for each in arguments if not each.startswith("_")})
    hints = typing.get_type_hints(raw, include_extras=True)
    return SdkOperation(api_class.__name__, name, recorder.request, hints, recorder.responses)


def is_optional(annotation: Any) -> bool:
    if typing.get_origin(annotation) is typing.Annotated:
        return is_optional(typing.get_args(annotation)[0])
    return typing.get_origin(annotation) in (typing.Union, types.UnionType) and type(None) in typing.get_args(
        annotation
    )


def model_of(annotation: Any) -> Any:
    """Return the pydantic model inside ``Annotated[...]`` and ``Optional[...]``, or None."""
    if hasattr(annotation, "model_fields"):
        return annotation
    found = (model_of(part) for part in typing.get_args(annotation))
    return next((model for model in found if model is not None), None)


def is_list(annotation: Any) -> bool:
    if typing.get_origin(annotation) is list:
        return True
    return any(is_list(part) for part in typing.get_args(annotation))

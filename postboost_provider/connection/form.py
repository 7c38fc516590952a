"""The fields of a PostBoost connection: ``FIELDS`` defines Airflow's forms and the validation.

Import-light: Airflow reads it whenever it discovers providers.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.expiry import parse_expiry
from postboost_provider.api.mode import MODES, read_mode
from postboost_provider.api.token_format import looks_like_token

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CONNECTION_TYPE = "postboost"
HOOK_NAME = "PostBoost"
HOOK_CLASS = "postboost_provider.hooks.postboost.PostBoostHook"
DEFAULT_CONN_ID = "postboost_default"
TOKEN_VARIABLE = "POSTBOOST_API_TOKEN"
WORKSPACE_VARIABLE = "POSTBOOST_WORKSPACE_UUID"
MODE_VARIABLE = "POSTBOOST_MODE"

HIDDEN_FIELDS = ["login", "schema", "port", "extra"]
RELABELING = {"host": "Base URL", "password": "Access token or scoped key"}
PLACEHOLDERS = {"host": "https://postboost.co/app/api", "password": "shown once, when PostBoost creates it"}


def _has_no_space(text: str) -> bool:
    return not any(c.isspace() or ord(c) < 32 for c in text)


def _is_label(text: str) -> bool:
    return len(text) <= 100 and text.isascii() and text.isprintable()


def _is_number_of_key(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) > 0


def _is_timeout(text: str) -> bool:
    try:
        return 0 < float(text) <= 600
    except ValueError:
        return False


def _is_proxy(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            _has_no_space(text)
            and parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
        )
    except ValueError:
        return False


def _checked(is_valid: Callable[[str], bool], requirement: str, kind: type = str) -> Callable[[Any], Any]:
    """Return a function that returns the value in its type, or raises a ``ValueError`` with what it must be."""

    def check(value: Any) -> Any:
        text = str(value).strip()
        if not is_valid(text):
            raise ValueError(requirement)
        return kind(text)

    return check


def _read_observed(value: Any) -> tuple[tuple[str, bool], ...]:
    """Return the assumptions that were proved, and whether they hold."""
    problem = "must be a JSON object of true and false"
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        raise ValueError(problem) from None
    if not isinstance(found, dict) or not all(isinstance(holds, bool) for holds in found.values()):
        raise ValueError(problem)
    return tuple(sorted(found.items()))


TEXT = {"type": ["string", "null"]}
# Out of people's way, in the forms that have sections.
WRITTEN = {**TEXT, "section": "Written by this package"}


class Field(NamedTuple):
    """An extra of the connection. ``check`` returns the value in its type, or raises a ``ValueError``."""

    name: str
    label: str
    description: str
    placeholder: str
    check: Callable[[Any], Any] = _checked(_has_no_space, "must not contain a space or a line break")
    schema: Mapping[str, Any] = TEXT


FIELDS = (
    Field(
        "workspace_uuid",
        "Workspace UUID",
        "The workspace of tasks that name none. The command airflow postboost workspaces lists the uuids.",
        "b0a7d2c4-...",
        _checked(
            lambda text: _has_no_space(text) and "/" not in text, "must be the workspace's uuid, not a URL"
        ),
    ),
    Field(
        "expires_on",
        "Expires on",
        "The token's expiry date, as YYYY-MM-DD, or never. Blank: unknown. "
        "The token expires at 00:00 UTC of that day.",
        "2027-01-31",
        parse_expiry,
        {**TEXT, "examples": ["never"]},
    ),
    Field(
        "scoped_key_id",
        "Scoped key id",
        "Only for a scoped key: its number in PostBoost, used to look up when it expires.",
        "42",
        _checked(
            _is_number_of_key,
            "must be the number that PostBoost shows for the key, a positive whole number",
            int,
        ),
        {"type": ["integer", "null"], "minimum": 1},
    ),
    Field(
        "mode",
        "Safety mode",
        "live, or a safer mode: draft publishes nothing (posts become drafts), check changes nothing (posts are only checked). "
        f"{MODE_VARIABLE} in the environment can make it stricter. Default live.",
        "live",
        read_mode,
        {**TEXT, "examples": list(MODES)},
    ),
    Field(
        "timeout_seconds",
        "Timeout in seconds",
        "For each attempt: to connect, to send, and between two parts of the response. Default 30.",
        "30",
        _checked(_is_timeout, "must be a number greater than 0 and at most 600", float),
        {"type": ["number", "null"], "minimum": 1, "maximum": 600},
    ),
    Field(
        "client_label",
        "Client label",
        "The name of this client in PostBoost's activity log, for writes that no task labels.",
        "airflow-provider-postboost",
        _checked(_is_label, "must be at most 100 printable ASCII characters"),
        {**TEXT, "maxLength": 100},
    ),
    Field(
        "proxy",
        "Proxy",
        "http://host:port. Proxies from the environment are ignored.",
        "http://proxy.example.com:3128",
        _checked(_is_proxy, "must be http://host:port or https://host:port, with a percent-encoded password"),
    ),
    Field(
        "ca_bundle",
        "CA bundle",
        "Path of a PEM file on the workers, for networks that inspect TLS.",
        "/etc/ssl/certs/company.pem",
        _checked(str.isprintable, "must not contain a line break or another control character"),
    ),
    Field(
        "rotation",
        "Rotation",
        "Written when a key is rotated: which key the password is, and since when. Do not edit it.",
        "42/0123456789ab/2027-01-17T04:00:00+00:00",
        schema=WRITTEN,
    ),
    Field(
        "observed",
        "Observed",
        "Written by postboost check --prove --store: which assumptions about PostBoost hold. Do not edit it.",
        '{"log_visible": true}',
        _read_observed,
        WRITTEN,
    ),
)


def read_extras(extras: Mapping[str, Any], where: str) -> tuple[dict[str, Any], list[str]]:
    """Return the extras that are set, each in its type, and the names of the unknown ones.

    :param where: the name of the connection, for messages.
    :raises PostBoostConfigError: a value is not valid; ``field`` names the extra.
    """
    values: dict[str, Any] = {}
    by_name = {field.name: field for field in FIELDS}
    for name, value in extras.items():
        if name not in by_name or is_unset(value):
            continue
        # A proxy's password may be anything.
        sent = str(value).rpartition("@")[2] if name == "proxy" else value
        if name in ("workspace_uuid", "client_label", "rotation", "proxy", "observed") and looks_like_token(
            sent
        ):
            # These are sent, logged or shown as they are.
            raise PostBoostConfigError(
                f"{where}: {name} contains what looks like a token. It belongs in the password.",
                code="token_in_extra",
                field=name,
            )
        try:
            values[name] = by_name[name].check(value)
        except PostBoostConfigError as error:
            raise PostBoostConfigError(f"{where}: {error}", code=error.code, field=name) from None
        except ValueError as error:
            # A proxy may contain a password, and a token may have been pasted anywhere.
            is_secret = name == "proxy" or looks_like_token(value)
            shown = "" if is_secret else f" is {value!r}; it"
            raise PostBoostConfigError(
                f"{where}: {name}{shown} {error}. {by_name[name].description}", field=name
            ) from None
    unknown = [name for name in extras if name not in by_name]
    for name in unknown:
        # The others are ignored. This one may have been written to keep tasks from publishing.
        if re.sub("[^a-z]", "", name.lower()).endswith("mode") and not is_unset(extras[name]):
            raise PostBoostConfigError(
                f"{where} has the unknown extra {name!r}. Call it mode if it is the safety mode, or remove it.",
                code="unknown_extra",
                field=name,
            )
    return values, sorted("(not shown)" if looks_like_token(name) else name for name in unknown)


def is_unset(value: Any) -> bool:
    """Return whether a saved form has this value for an empty field: ``null``, ``""``, ``[]`` or ``0``."""
    return value is None or value == 0 or (hasattr(value, "__len__") and not str(value).strip("[]{} "))


def conn_fields() -> dict[str, Any]:
    """Render the fields for provider info, which the form of Airflow 3.2 and newer reads."""
    return {
        field.name: {"label": field.label, "description": field.description, "schema": dict(field.schema)}
        for field in FIELDS
    }


def provider_ui_behaviour() -> dict[str, Any]:
    """Render how the form shows Airflow's standard fields, for provider info."""
    placeholders = {**PLACEHOLDERS, **{field.name: field.placeholder for field in FIELDS}}
    return {"hidden-fields": HIDDEN_FIELDS, "relabeling": RELABELING, "placeholders": placeholders}


def hook_ui_behaviour() -> dict[str, Any]:
    """Render the same for ``PostBoostHook.get_ui_field_behaviour``, which Airflow before 3.2 calls.

    Placeholders for fields that do not exist break the page of Airflow 2. Without widgets, the extras are entered as JSON.
    """
    found, widgets = provider_ui_behaviour(), form_widgets()
    shown = {"host", "password", *widgets}
    found["placeholders"] = {name: text for name, text in found["placeholders"].items() if name in shown}
    if not widgets:
        found["hidden-fields"] = [name for name in HIDDEN_FIELDS if name != "extra"]
    return {name.replace("-", "_"): value for name, value in found.items()}


@cache
def form_widgets() -> dict[str, Any]:
    """Render the fields for ``PostBoostHook.get_connection_form_widgets``, which Airflow before 3.2 calls.

    Empty where Airflow has no widgets: its old user interface or its stand-ins for that are not there. That form has no
    sections, and keeps the extras that it does not show.
    """
    try:
        from flask_appbuilder.fieldwidgets import BS3TextFieldWidget
        from wtforms import StringField
    except ImportError:
        return {}
    return {
        field.name: StringField(field.label, description=field.description, widget=BS3TextFieldWidget())
        for field in FIELDS
        if field.schema is not WRITTEN
    }

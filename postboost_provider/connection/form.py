"""The fields of a PostBoost connection: one definition, several renderings.

Airflow's form, its older form, the table in the docs and the validation come from ``FIELDS``. Import-light: Airflow
reads it whenever it discovers providers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.expiry import parse_expiry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CONNECTION_TYPE = "postboost"
HOOK_NAME = "PostBoost"
HOOK_CLASS = "postboost_provider.hooks.postboost.PostBoostHook"
DEFAULT_CONN_ID = "postboost_default"
TOKEN_VARIABLE = "POSTBOOST_API_TOKEN"
WORKSPACE_VARIABLE = "POSTBOOST_WORKSPACE_UUID"

HIDDEN_FIELDS = ["login", "schema", "port", "extra"]
RELABELING = {"host": "Base URL", "password": "Access token or scoped key"}
PLACEHOLDERS = {"host": "https://postboost.co/app/api", "password": "shown once, when PostBoost creates it"}


class Field(NamedTuple):
    """An extra of the connection. ``check`` returns the value in its type, or raises a ``ValueError`` that says why not."""

    name: str
    label: str
    description: str
    schema: Mapping[str, Any]
    placeholder: str
    check: Callable[[Any], Any]


def _text(value: Any) -> str:
    text = str(value).strip()
    if any(c.isspace() or ord(c) < 32 for c in text):
        raise ValueError("must not contain a space or a line break")
    return text


def _path(value: Any) -> str:
    text = str(value).strip()
    if not text.isprintable():
        raise ValueError("must not contain a line break or another control character")
    return text


def _label(value: Any) -> str:
    text = str(value).strip()
    if len(text) > 100 or not text.isascii() or not text.isprintable():
        raise ValueError("must be at most 100 printable ASCII characters")
    return text


def _workspace(value: Any) -> str:
    text = _text(value)
    if "/" in text:
        raise ValueError("must be the workspace's uuid, not a URL")
    return text


def _key_id(value: Any) -> int:
    text = str(value).strip()
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise ValueError("must be the number that PostBoost shows for the key, a positive whole number")
    return int(text)


def _timeout(value: Any) -> float:
    try:
        seconds = float(str(value))
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 600:
        raise ValueError("must be a number greater than 0 and at most 600")
    return seconds


def _proxy(value: Any) -> str:
    text = _text(value)
    try:
        parts = urlsplit(text)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        # The value may contain a password, so the message says what is expected, not what was seen.
        raise ValueError("must be http://host:port or https://host:port, with a percent-encoded password")
    return text


TEXT = {"type": ["string", "null"]}
FIELDS = (
    Field(
        "workspace_uuid",
        "Workspace UUID",
        "The workspace of tasks that name none. `airflow postboost workspaces` lists the uuids.",
        TEXT,
        "b0a7d2c4-...",
        _workspace,
    ),
    Field(
        "expires_on",
        "Expires on",
        "The token's expiry date as PostBoost shows it, or 'never'. Blank: unknown. "
        "The token expires at 00:00 UTC of that day.",
        {"type": ["string", "null"], "examples": ["never"]},
        "2027-01-31",
        parse_expiry,
    ),
    Field(
        "scoped_key_id",
        "Scoped key id",
        "Only for a scoped key: its number in PostBoost, used to look up when it expires.",
        {"type": ["integer", "null"], "minimum": 1},
        "42",
        _key_id,
    ),
    Field(
        "rotation",
        "Rotation",
        "Written when a key is rotated: which key the password is, and since when. Do not edit it.",
        TEXT,
        "42/0123456789ab/2027-01-17T04:00:00+00:00",
        _text,
    ),
    Field(
        "timeout_seconds",
        "Timeout in seconds",
        "For each attempt: to connect, to send, and between two parts of the response. Default 30.",
        {"type": ["number", "null"], "minimum": 1, "maximum": 600},
        "30",
        _timeout,
    ),
    Field(
        "client_label",
        "Client label",
        "The name of this client in PostBoost's activity log, for writes that no task labels.",
        {"type": ["string", "null"], "maxLength": 100},
        "airflow-provider-postboost",
        _label,
    ),
    Field(
        "proxy",
        "Proxy",
        "http://host:port. Proxies from the environment are ignored.",
        TEXT,
        "http://proxy.example.com:3128",
        _proxy,
    ),
    Field(
        "ca_bundle",
        "CA bundle",
        "Path of a PEM file on the workers, for networks that inspect TLS.",
        TEXT,
        "/etc/ssl/certs/company.pem",
        _path,
    ),
)


def read_extras(extras: Mapping[str, Any], where: str) -> tuple[dict[str, Any], list[str]]:
    """Return the extras that are set, each in its type, and the names of the unknown ones.

    A saved form has ``null``, ``""``, ``[]`` or ``0`` for an empty field. These count as not set.

    :param where: what messages call the connection.
    :raises PostBoostConfigError: a value is not valid; ``field`` names the extra.
    """
    values: dict[str, Any] = {}
    by_name = {field.name: field for field in FIELDS}
    for name, value in extras.items():
        if name not in by_name or is_unset(value):
            continue
        try:
            values[name] = by_name[name].check(value)
        except PostBoostConfigError as error:
            raise PostBoostConfigError(f"{where}: {error}", code=error.code, field=name) from None
        except ValueError as error:
            shown = "" if name == "proxy" else f" is {value!r}; it"
            raise PostBoostConfigError(
                f"{where}: {name}{shown} {error}. {by_name[name].description}", field=name
            ) from None
    return values, sorted(name for name in extras if name not in by_name)


def is_unset(value: Any) -> bool:
    """Return whether a saved form has this value for an empty field."""
    return (
        value is None
        or value is False
        or value == 0
        or (hasattr(value, "__len__") and not str(value).strip("[]{} "))
    )


def conn_fields() -> dict[str, Any]:
    """Render the fields for provider info, which the form of Airflow 3.2 and newer reads."""
    return {
        field.name: {"label": field.label, "description": field.description, "schema": dict(field.schema)}
        for field in FIELDS
    }


def placeholders() -> dict[str, str]:
    return {**PLACEHOLDERS, **{field.name: field.placeholder for field in FIELDS}}


def provider_ui_behaviour() -> dict[str, Any]:
    """Render how the form shows Airflow's standard fields, for provider info."""
    return {"hidden-fields": HIDDEN_FIELDS, "relabeling": RELABELING, "placeholders": placeholders()}


def hook_ui_behaviour() -> dict[str, Any]:
    """Render the same for ``PostBoostHook.get_ui_field_behaviour``, which Airflow before 3.2 calls."""
    return {name.replace("-", "_"): value for name, value in provider_ui_behaviour().items()}


def docs_table() -> str:
    """Render the table of the connection page in the docs."""
    rows = [
        ("Base URL (`host`)", "Blank: `https://postboost.co/app/api`.", PLACEHOLDERS["host"]),
        (
            "Access token or scoped key (`password`)",
            "The only place for the token: Airflow masks and encrypts it.",
            PLACEHOLDERS["password"],
        ),
        *((f"{field.label} (`{field.name}`)", field.description, field.placeholder) for field in FIELDS),
    ]
    lines = ["| field | meaning | example |", "| --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {name} | {meaning} | `{example}` |" for name, meaning, example in rows)])

"""Read the settings of a client from an Airflow connection in any of its forms, or from the environment."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, TypedDict

from postboost_provider.airflow_support.compat import mask_secret
from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.expiry import Expiry
from postboost_provider.api.mode import Mode, read_mode, strictest
from postboost_provider.api.requests import USER_AGENT
from postboost_provider.api.settings import (
    DEFAULT_BASE_URL,
    DEFAULT_TIMEOUT_SECONDS,
    ClientSettings,
    check_base_url,
    host_of,
    is_loopback,
    proxy_passwords,
    split_host,
)
from postboost_provider.api.token_format import looks_like_token
from postboost_provider.connection import form as connection_form

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection


class _ModeSettings(TypedDict):
    mode: Mode
    mode_source: str


def read_connection(
    connection: Connection, raw_extras: dict[str, Any] | None, name: str, *, needs_token: bool = True
) -> tuple[ClientSettings, list[str]]:
    """Return the settings in a connection, and the names of its unknown extras.

    :param raw_extras: its extras, if they were read already: an event loop can't read them here.
    :param name: its name for messages.
    :raises PostBoostConfigError: it has no token, or a value that is not valid.
    """
    if connection.conn_type and connection.conn_type != connection_form.CONNECTION_TYPE:
        raise PostBoostConfigError(
            f"{name} has the type {connection.conn_type!r}, so its password is not a PostBoost token. Correct "
            f"postboost_conn_id, or set its type to {connection_form.CONNECTION_TYPE!r}.",
            field="postboost_conn_id",
        )
    # Airflow takes extras that it can't read for none: the task would work in another workspace, or without its proxy.
    if not _is_object(connection.extra) or not isinstance(
        raw_extras := connection.extra_dejson if raw_extras is None else raw_extras, dict
    ):
        raise PostBoostConfigError(
            f"The extras of {name} are not a JSON object. Write them as {{...}}, with double quotes.",
            code="extra_not_json",
            field="extra",
        )
    extras, unknown = connection_form.read_extras(raw_extras, name)
    token = (connection.password or "").strip()
    if not token and needs_token:
        misplaced = [k for k in raw_extras if "token" in k.lower() or k.lower()[-3:] == "key"]
        hint = f" Move the value of its extra {misplaced[0]!r} to the password." if misplaced else ""
        if connection.login and not misplaced:
            hint = " If its login is the token, move it to the password."
        # The id that Airflow's form makes for a test is not in the name, and nobody knows it.
        known_id = connection.conn_id if repr(connection.conn_id) in name else None
        raise PostBoostConfigError(
            f"{name} has no token.{hint} {ways_to_set_a_token(known_id)}",
            code="missing_token",
            field="password",
        )
    for secret in proxy_passwords(extras.get("proxy")):
        mask_secret(secret)
    settings = ClientSettings(
        token=token,
        base_url=_base_url(connection, name),
        workspace_uuid=extras.get("workspace_uuid"),
        expiry=extras.get("expires_on") or Expiry("unknown"),
        scoped_key_id=extras.get("scoped_key_id"),
        timeout_seconds=extras.get("timeout_seconds") or DEFAULT_TIMEOUT_SECONDS,
        client_label=extras.get("client_label") or USER_AGENT,
        proxy=extras.get("proxy"),
        ca_bundle=extras.get("ca_bundle"),
        name=name,
        observed=extras.get("observed") or (),
        **_mode(extras.get("mode")),
    )
    return settings, unknown


def _is_object(extra: str | None) -> bool:
    try:
        return not (extra or "").strip() or isinstance(json.loads(extra or ""), dict)
    except (ValueError, RecursionError):
        return False


def remarks(connection: Connection) -> list[str]:
    """Return what is odd about a connection, but does no harm."""
    fields = {"host": connection.host, "password": connection.password, "schema": connection.schema}
    extras = connection.extra_dejson
    fields |= {n: v for n, v in extras.items() if isinstance(v, str)} if isinstance(extras, dict) else {}
    blank = [name for name, value in fields.items() if value and value != value.strip()]
    return (
        [f"Blanks around the value of {', '.join(blank)}, which are ignored. Remove them."] if blank else []
    )


def read_environment(conn_id: str, *, needs_token: bool = True) -> ClientSettings:
    """Return the settings in the environment, which serve if the default connection does not exist.

    :raises PostBoostConfigError: ``conn_id`` is another connection, or the environment has no token.
    """
    if (own := f"AIRFLOW_CONN_{conn_id.upper()}") in os.environ:
        raise PostBoostConfigError(
            f"{own} exists, but Airflow can't read it as a connection: it is neither JSON nor a URI. Check its quotes and "
            'braces: it is like \'{"conn_type": "postboost", "password": "..."}\'.',
            code="unreadable",
            field="postboost_conn_id",
        )
    variable = connection_form.TOKEN_VARIABLE
    token = os.environ.get(variable, "").strip()
    if conn_id != connection_form.DEFAULT_CONN_ID:
        raise PostBoostConfigError(
            f"Connection {conn_id!r} does not exist. Create it with type postboost, or correct postboost_conn_id.",
            code="unknown_connection",
            field="postboost_conn_id",
        )
    if not token and needs_token:
        raise PostBoostConfigError(
            f"Connection {conn_id!r} does not exist, and {variable} is not set. {ways_to_set_a_token(conn_id)}",
            code="missing_token",
            field="postboost_conn_id",
        )
    if token:
        mask_secret(token)
    return ClientSettings(
        token=token,
        workspace_uuid=os.environ.get(connection_form.WORKSPACE_VARIABLE, "").strip() or None,
        client_label=USER_AGENT,
        name=f"{variable} in the environment" if token else "no connection",
        **_mode(None),
    )


def _mode(own: Mode | None) -> _ModeSettings:
    """Return the stricter of the connection's mode and the environment's.

    :raises PostBoostConfigError: the environment's does not exist: it can't be known what it was to forbid.
    """
    variable = connection_form.MODE_VARIABLE
    text, own = os.environ.get(variable, "").strip(), own or "live"
    try:
        forced = read_mode(text) if text else "live"
    except ValueError as error:
        shown = "not shown" if looks_like_token(text) else repr(text)
        raise PostBoostConfigError(
            f"{variable} in the environment is {shown}; it {error}. Correct it, or remove it.",
            code="unknown_mode",
            field=variable,
        ) from None
    mode = strictest(own, forced)
    return {"mode": mode, "mode_source": "" if mode == own else f"{variable} in the environment"}


def ways_to_set_a_token(conn_id: str | None) -> str:
    """Return the ways to set a token, for a message; None for a connection whose id is not known."""
    conn_id = conn_id or "CONN_ID"
    is_default = conn_id == connection_form.DEFAULT_CONN_ID
    fallback = f"; or {connection_form.TOKEN_VARIABLE}, without such a connection" if is_default else ""
    return (
        "Set it as the password of the connection, in one of these ways: Admin > Connections in the Airflow UI; "
        f"airflow connections add {conn_id} --conn-type postboost --conn-password ...; a secrets backend; the environment "
        f'variable AIRFLOW_CONN_{conn_id.upper()}=\'{{"conn_type": "postboost", "password": "..."}}\'{fallback}.'
    )


def _base_url(connection: Connection, name: str) -> str:
    """Return the base URL of a connection, whose host is a whole URL or only the host part of a URI."""
    host = (connection.host or "").strip()
    if not host:
        return DEFAULT_BASE_URL
    scheme, authority, path = split_host(host, connection.port)
    own = authority.rpartition("]")[2].rpartition(":")[2] if ":" in authority.rpartition("]")[2] else ""
    if connection.port and own and own != str(connection.port):
        raise PostBoostConfigError(
            f"{name} has the port {own} in its host and {connection.port} in its port field. Empty the port field.",
            code="two_ports",
            field="port",
        )
    schema = (connection.schema or "").strip("/")
    if schema in ("http", "https"):
        # As in Airflow's own http connections.
        scheme, schema = scheme or schema, ""
    path = path or schema or "app/api"
    scheme = scheme or ("http" if is_loopback(host_of(authority)) else "https")
    host = f"{scheme}://{authority}/{path}"
    try:
        return check_base_url(host)
    except PostBoostConfigError as error:
        raise PostBoostConfigError(f"{name}: {error}", code=error.code, field=error.field) from None

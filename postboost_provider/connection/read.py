"""What a connection says, in any of its forms: an Airflow connection, or the environment -> a client's settings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from postboost_provider import __version__
from postboost_provider.airflow_support.compat import mask_secret
from postboost_provider.api.credentials import Expiry
from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.requests import (
    DEFAULT_BASE_URL,
    DEFAULT_TIMEOUT_SECONDS,
    ClientSettings,
    check_base_url,
    is_loopback,
)
from postboost_provider.connection import form as connection_form

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

USER_AGENT = f"airflow-provider-postboost/{__version__}"


def read_connection(
    connection: Connection, raw_extras: dict[str, Any], name: str, *, needs_token: bool = True
) -> tuple[ClientSettings, list[str]]:
    """Return what a connection says, and the names of its unknown extras.

    :param raw_extras: its extras, read in the way that fits where this runs.
    :param name: what messages call it.
    :param needs_token: False where what is called answers without one, too.
    :raises PostBoostConfigError: it lacks the token or holds something that can't be meant.
    """
    if connection.conn_type and connection.conn_type != connection_form.CONNECTION_TYPE:
        raise PostBoostConfigError(
            f"{name} is of type {connection.conn_type!r}, so that its password is no token of PostBoost's. Correct "
            f"postboost_conn_id, or set its type to {connection_form.CONNECTION_TYPE!r}."
        )
    if not isinstance(raw_extras, dict):
        raise PostBoostConfigError(f"The extras of {name} are no JSON object. Write them as {{...}}.")
    extras, unknown = connection_form.read_extras(raw_extras, name)
    token = (connection.password or "").strip()
    if not token and needs_token:
        misplaced = [k for k in raw_extras if "token" in k.lower() or k.lower()[-3:] == "key"]
        hint = f" It has an extra {misplaced[0]!r}: move its value to the password." if misplaced else ""
        if connection.login and not misplaced:
            hint = " It has a login: if that is the token, move it to the password."
        raise PostBoostConfigError(
            f"{name} has no token.{hint} {how_to_give_a_token(connection.conn_id or 'postboost_default')}"
        )
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
    )
    return settings, unknown


def read_environment(conn_id: str, *, needs_token: bool = True) -> ClientSettings:
    """Return what the environment says, for the default connection where that does not exist.

    :param needs_token: like that of :func:`read_connection`.
    :raises PostBoostConfigError: it is another connection that does not exist, or there is no token.
    """
    variable = connection_form.TOKEN_VARIABLE
    token = os.environ.get(variable, "").strip()
    if conn_id != connection_form.DEFAULT_CONN_ID:
        raise PostBoostConfigError(
            f"There is no connection {conn_id!r}. Create it with type postboost, or correct postboost_conn_id."
        )
    if not token and needs_token:
        raise PostBoostConfigError(
            f"There is no connection {conn_id!r} and no {variable} in the environment. "
            + how_to_give_a_token(conn_id)
        )
    if token:
        mask_secret(token)
    return ClientSettings(
        token=token,
        workspace_uuid=os.environ.get(connection_form.WORKSPACE_VARIABLE, "").strip() or None,
        client_label=USER_AGENT,
        name=f"{variable} in the environment" if token else "no connection",
    )


def how_to_give_a_token(conn_id: str) -> str:
    """Return the ways to give a token, for a message."""
    variable = f"AIRFLOW_CONN_{conn_id.upper()}"
    return (
        "Give the token in one of these ways: the password of the connection in the Airflow UI (Admin > Connections, "
        f"type PostBoost); airflow connections add {conn_id} --conn-type postboost --conn-password ...; "
        f'the environment variable {variable}=\'{{"conn_type": "postboost", "password": "..."}}\'; a secrets backend'
        + (
            f"; or, where there is no such connection, {connection_form.TOKEN_VARIABLE} in the environment."
            if conn_id == "postboost_default"
            else "."
        )
    )


def _base_url(connection: Connection, name: str) -> str:
    """Return the base URL of a connection in any of its forms: a whole URL as the host, or its parts as a URI has them."""
    host = (connection.host or "").strip()
    if not host:
        return DEFAULT_BASE_URL
    scheme, _, rest = host.rpartition("://")
    authority, _, path = rest.partition("/")
    schema = (connection.schema or "").strip("/")
    if schema in ("http", "https"):
        # As Airflow's own http connections have it.
        scheme, schema = scheme or schema, ""
    if connection.port and ":" not in authority.rpartition("]")[2]:
        authority = f"{authority}:{connection.port}"
    path = path.strip("/") or schema or "app/api"
    scheme = scheme or ("http" if is_loopback(authority.partition(":")[0]) else "https")
    host = f"{scheme}://{authority}/{path}"
    try:
        return check_base_url(host)
    except PostBoostConfigError as error:
        raise PostBoostConfigError(f"{name}: {error}") from None

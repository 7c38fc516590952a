"""The hook: an Airflow connection -> a client of the PostBoost API."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from postboost_provider import __version__, connection_form
from postboost_provider._compat import aget_connection, mask_secret
from postboost_provider.api.client import AsyncPostBoostClient, PostBoostClient
from postboost_provider.api.contract import (
    DEFAULT_BASE_URL,
    DEFAULT_TIMEOUT_SECONDS,
    ClientSettings,
    check_base_url,
    is_loopback,
)
from postboost_provider.api.credentials import Expiry
from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.hooks.check import check_connection

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

USER_AGENT = f"airflow-provider-postboost/{__version__}"


class PostBoostHook(BaseHook):
    """Talk to PostBoost with the token of an Airflow connection.

    ::

        with PostBoostHook("postboost_default").client() as api:
            api.call("create_tag", body={"name": "launch", "hex_color": "#0ea5e9"})
            for account in api.pages("list_accounts"):
                ...

    :param postboost_conn_id: the connection, of type ``postboost``: token in its password. When the default one does
        not exist, ``POSTBOOST_API_TOKEN`` and ``POSTBOOST_WORKSPACE_UUID`` of the environment serve instead. For any
        other id they do not: a mistyped one must never post to another client's workspace.
    """

    conn_name_attr = "postboost_conn_id"
    default_conn_name = connection_form.DEFAULT_CONN_ID
    conn_type = connection_form.CONNECTION_TYPE
    hook_name = connection_form.HOOK_NAME

    def __init__(self, postboost_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.postboost_conn_id = postboost_conn_id

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return how the connection form shows Airflow's standard fields."""
        return connection_form.hook_ui_behaviour()

    def get_conn(self) -> PostBoostClient:
        """Return a client; the caller closes it. :meth:`client` in a ``with`` block is the usual way."""
        return self.client()

    def client(self, **options: Any) -> PostBoostClient:
        """Return a client for the connection, to be used in a ``with`` block.

        :param options: ``deadline_seconds``, ``attempts`` and ``pace`` of
            :class:`~postboost_provider.api.client.PostBoostClient`.
        :raises PostBoostConfigError: the connection lacks the token or holds something that can't be meant.
        """
        return PostBoostClient(self.settings(), refresh=self.settings, **options)

    def settings(self) -> ClientSettings:
        """Read the connection, anew each time.

        :raises PostBoostConfigError: it does not exist, lacks the token or holds something that can't be meant.
        """
        return self._report(*self._read())

    def async_client(self, settings: ClientSettings, **options: Any) -> AsyncPostBoostClient:
        """Return a client for an event loop, to be used in an ``async with`` block.

        :param settings: what :meth:`asettings` gave.
        :param options: like those of :meth:`client`.
        """
        return AsyncPostBoostClient(settings, refresh=self.asettings, **options)

    async def asettings(self) -> ClientSettings:
        """Read the connection from within an event loop, anew each time: :meth:`settings`, awaited."""
        try:
            connection, extras = await aget_connection(self.postboost_conn_id)
        except AirflowNotFoundException:
            return await asyncio.to_thread(self._settings_from_environment)
        return self._report(*read_connection(connection, extras, self._name))

    @property
    def _name(self) -> str:
        return f"connection {self.postboost_conn_id!r}"

    def _report(self, settings: ClientSettings, unknown: list[str]) -> ClientSettings:
        if unknown:
            self.log.warning(
                "%s has unknown extras, which are not used: %s", settings.name, ", ".join(unknown)
            )
        return settings

    def test_connection(self) -> tuple[bool, str]:
        """Say whether tasks can work with the connection, and what it opens. At most 10 s, without repeats."""
        try:
            settings, unknown = self._read()
            return check_connection(settings, unknown)
        except PostBoostConfigError as error:
            return False, str(error)

    def _read(self) -> tuple[ClientSettings, list[str]]:
        try:
            connection = self.get_connection(self.postboost_conn_id)
        except AirflowNotFoundException:
            return self._settings_from_environment(), []
        return read_connection(connection, connection.extra_dejson, self._name)

    def _settings_from_environment(self) -> ClientSettings:
        variable = connection_form.TOKEN_VARIABLE
        token = os.environ.get(variable, "").strip()
        if self.postboost_conn_id != self.default_conn_name:
            raise PostBoostConfigError(
                f"There is no connection {self.postboost_conn_id!r}. Create it with type postboost, or correct "
                "postboost_conn_id."
            )
        if not token:
            raise PostBoostConfigError(
                f"There is no connection {self.postboost_conn_id!r} and no {variable} in the environment. "
                + how_to_give_a_token(self.postboost_conn_id)
            )
        mask_secret(token)
        return ClientSettings(
            token=token,
            workspace_uuid=os.environ.get(connection_form.WORKSPACE_VARIABLE, "").strip() or None,
            client_label=USER_AGENT,
            name=f"{variable} in the environment",
        )


def read_connection(
    connection: Connection, raw_extras: dict[str, Any], name: str
) -> tuple[ClientSettings, list[str]]:
    """Return what a connection says, and the names of its unknown extras.

    :param raw_extras: its extras, read in the way that fits where this runs.
    :param name: what messages call it.
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
    if not token:
        misplaced = [k for k in raw_extras if "token" in k.lower() or k.lower()[-3:] == "key"]
        hint = f" It has an extra {misplaced[0]!r}: move its value to the password." if misplaced else ""
        raise PostBoostConfigError(
            f"{name} has no token.{hint} {how_to_give_a_token(connection.conn_id or 'postboost_default')}"
        )
    settings = ClientSettings(
        token=token,
        base_url=_base_url(connection, name),
        workspace_uuid=extras.get("workspace_uuid"),
        expiry=extras.get("expires_on") or Expiry("unknown"),
        timeout_seconds=extras.get("timeout_seconds") or DEFAULT_TIMEOUT_SECONDS,
        client_label=extras.get("client_label") or USER_AGENT,
        proxy=extras.get("proxy"),
        ca_bundle=extras.get("ca_bundle"),
        name=name,
    )
    return settings, unknown


def how_to_give_a_token(conn_id: str) -> str:
    """Return the ways to give a token, for a message."""
    variable = f"AIRFLOW_CONN_{conn_id.upper()}"
    return (
        "Give the token in one of these ways: the password of the connection in the Airflow UI (Admin > Connections, "
        f"type PostBoost); airflow connections add {conn_id} --conn-type postboost --conn-password ...; "
        f'the environment variable {variable}=\'{{"conn_type": "postboost", "password": "..."}}\'; a secrets backend'
        + (
            f"; or {connection_form.TOKEN_VARIABLE} in the environment."
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
    if connection.port and ":" not in authority.rpartition("]")[2]:
        authority = f"{authority}:{connection.port}"
    path = path.strip("/") or (connection.schema or "").strip("/") or "app/api"
    scheme = scheme or ("http" if is_loopback(authority.partition(":")[0]) else "https")
    host = f"{scheme}://{authority}/{path}"
    try:
        return check_base_url(host)
    except PostBoostConfigError as error:
        raise PostBoostConfigError(f"{name}: {error}") from None

"""The hook, which turns an Airflow connection into a client of the PostBoost API."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from postboost_provider.airflow_support.compat import aget_connection
from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.connection import form as connection_form

# Each parse of each DAG file imports this module: functions import the client, which takes most of the time.
if TYPE_CHECKING:
    from postboost_provider.api.client import AsyncPostBoostClient, ClientOptions, PostBoostClient
    from postboost_provider.api.settings import ClientSettings

# The default of the token sensor's min_validity.
EXPIRES_SOON = timedelta(days=7)


class PostBoostHook(BaseHook):
    """Talk to PostBoost with the token of an Airflow connection.

    ::

        with PostBoostHook("postboost_default").client() as api:
            api.call("create_tag", body={"name": "launch", "hex_color": "#0ea5e9"})
            for account in api.pages("list_accounts"):
                ...

    :param postboost_conn_id: the connection, of type ``postboost``, with the token as its password. If the default
        connection does not exist, the environment variables ``POSTBOOST_API_TOKEN`` and ``POSTBOOST_WORKSPACE_UUID``
        serve instead. They never replace another id: a mistyped id must not post to another client's workspace.
    """

    conn_name_attr = "postboost_conn_id"
    default_conn_name = connection_form.DEFAULT_CONN_ID
    conn_type = connection_form.CONNECTION_TYPE
    hook_name = connection_form.HOOK_NAME

    def __init__(self, postboost_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.postboost_conn_id = postboost_conn_id

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the fields of the connection form, for Airflow before 3.2."""
        return connection_form.form_widgets()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return how the connection form shows Airflow's standard fields."""
        return connection_form.hook_ui_behaviour()

    def get_conn(self) -> PostBoostClient:
        """Return a client, which the caller closes. Usually :meth:`client` in a ``with`` block is simpler."""
        return self.client()

    def client(self, *, needs_token: bool = True, **options: Unpack[ClientOptions]) -> PostBoostClient:
        """Return a client for the connection, for a ``with`` block. Log a warning if the token expires soon.

        :param needs_token: False accepts a connection without a token, for the free tools that need none.
        :raises PostBoostConfigError: the connection has no token, or a value that is not valid.
        """
        from postboost_provider.api.client import PostBoostClient

        read = partial(self.settings, needs_token=needs_token)
        settings, now = read(), datetime.now(UTC)
        if settings.expiry.covers(now + EXPIRES_SOON) is False:
            self.log.warning(
                "According to expires_on, the token of %s %s.", settings.name, settings.expiry.describe(now)
            )
        return PostBoostClient(settings, refresh=read, **options)

    def settings(self, *, needs_token: bool = True) -> ClientSettings:
        """Read the connection. Each call reads it again.

        :param needs_token: like that of :meth:`client`.
        :raises PostBoostConfigError: it does not exist, has no token, or has a value that is not valid.
        """
        return self._report(*self.read(needs_token))

    def async_client(
        self, settings: ClientSettings, **options: Unpack[ClientOptions]
    ) -> AsyncPostBoostClient:
        """Return a client for an event loop, for an ``async with`` block.

        :param settings: the result of :meth:`asettings`.
        """
        from postboost_provider.api.client import AsyncPostBoostClient

        return AsyncPostBoostClient(settings, refresh=self.asettings, **options)

    async def asettings(self) -> ClientSettings:
        """Do what :meth:`settings` does, in an event loop."""
        from postboost_provider.connection.read import read_connection, read_environment

        try:
            connection, extras = await aget_connection(self.postboost_conn_id)
        except AirflowNotFoundException:
            return await asyncio.to_thread(read_environment, self.postboost_conn_id)
        return self._report(*read_connection(connection, extras, self._name))

    @property
    def _name(self) -> str:
        return f"connection {self.postboost_conn_id!r}"

    def _report(self, settings: ClientSettings, unknown: list[str]) -> ClientSettings:
        if unknown:
            self.log.warning(
                "%s has unknown extras, which are ignored: %s", settings.name, ", ".join(unknown)
            )
        return settings

    def test_connection(self) -> tuple[bool, str]:
        """Return whether tasks can work with the connection, and why. It takes at most 10 s, without retries."""
        from postboost_provider.connection.check import check_connection

        try:
            # In Airflow's form the connection has an id that nobody knows, made for the test.
            works, message = check_connection(*self.read(name="this connection"))
        except PostBoostConfigError as error:
            works, message = False, str(error)
        return works, message[:1].upper() + message[1:]

    def remarks(self) -> list[str]:
        """Return what is odd about the connection, but does no harm."""
        from postboost_provider.connection.read import remarks

        try:
            return remarks(self.get_connection(self.postboost_conn_id))
        except AirflowNotFoundException:
            return []

    def read(self, needs_token: bool = True, name: str | None = None) -> tuple[ClientSettings, list[str]]:
        """Read the connection like :meth:`settings`, and also return the names of its unknown extras.

        :param name: what messages call it, in place of its id.
        """
        from postboost_provider.connection.read import read_connection, read_environment

        try:
            connection = self.get_connection(self.postboost_conn_id)
        except AirflowNotFoundException:
            return read_environment(self.postboost_conn_id, needs_token=needs_token), []
        return read_connection(connection, None, name or self._name, needs_token=needs_token)

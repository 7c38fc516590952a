"""Airflow's own connections, through its public REST API (Airflow 3).

It sends requests to Airflow with Airflow's credentials, and shares no client, header or address with PostBoost's client.
"""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from postboost_provider.airflow_support.compat import mask_secret
from postboost_provider.api.errors import PostBoostConfigError, UnconfirmedError, UnreachableError
from postboost_provider.connection import form as connection_form
from postboost_provider.rotation.stores.base import not_in_airflow

if TYPE_CHECKING:
    import httpx
    from airflow.providers.common.compat.sdk import Connection

    from postboost_provider.rotation.stores.base import Edit

TIMEOUT_SECONDS = 30.0
# What Airflow's API shows of the extras with secrets in them, such as the proxy.
MASKED = "***"


class AirflowApiStore:
    """Write a connection with ``PATCH /api/v2/connections/{conn_id}``: only its password and extras.

    The user needs permission to edit connections. The new key is sent only to that host: redirects are not followed, the
    environment's proxies are ignored, and plain http is refused except for this machine, unless the connection's extras
    have ``"allow_http": true``.

    :param airflow_conn_id: a connection of type ``http`` to Airflow itself: host (``https://airflow.example.com``),
        login and password of an Airflow user, who gets a token at ``POST /auth/token`` (simple and FAB auth manager);
        without a login, the password is sent as the token. Extras: ``ca_bundle``, ``allow_http``.
    """

    def __init__(self, airflow_conn_id: str = "airflow_api") -> None:
        self.airflow_conn_id = airflow_conn_id

    def read(self, conn_id: str) -> dict[str, Any]:
        """Return the extras: see :class:`~postboost_provider.key_stores.KeyStore`."""
        extra = self._ask("GET", conn_id).json().get("extra")
        extras: dict[str, Any] = json.loads(extra) if extra else {}
        return extras

    def write(self, conn_id: str, token: str | None, edit: Edit) -> None:
        """Edit extras and, where one is given, set the token: see :class:`~postboost_provider.key_stores.KeyStore`."""
        # The API can't compare before it writes. What is written together stays together: if another rotation writes in
        # between, the connection does not end with the token of one and the extras of the other.
        seen = BaseHook.get_connection(conn_id)
        extras, known = dict(edit(self.read(conn_id))), seen.extra_dejson
        extras = {name: known.get(name) if value == MASKED else value for name, value in extras.items()}
        values = {"extra": json.dumps(extras), "password": seen.password if token is None else token}
        body = {"connection_id": conn_id, "conn_type": connection_form.CONNECTION_TYPE, **values}
        self._ask("PATCH", conn_id, params={"update_mask": list(values)}, json=body)

    def _ask(self, method: str, conn_id: str, **request: Any) -> httpx.Response:
        """Send a request about a connection to Airflow, and return the response unless Airflow refused."""
        import httpx

        connection = self._connection()
        with httpx.Client(
            base_url=self._base_url(connection),
            follow_redirects=False,
            trust_env=False,
            timeout=TIMEOUT_SECONDS,
            verify=_tls(connection),
        ) as http:
            headers = {"Authorization": f"Bearer {self._token(http, connection)}"}
            path = f"/api/v2/connections/{quote(conn_id, safe='')}"
            try:
                response = http.request(method, path, headers=headers, **request)
            except httpx.HTTPError as error:
                if method == "GET" or isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
                    raise _unreachable(self.airflow_conn_id, error) from error
                raise UnconfirmedError(
                    f"Airflow's API sent no response ({type(error).__name__}): connection {conn_id!r} may have been written.",
                    code="store_unknown",
                ) from error
        if response.status_code == 404:
            raise not_in_airflow(conn_id)
        if response.status_code >= 500 and method == "GET":
            raise UnreachableError(
                f"Airflow's API failed ({response.status_code}).", code="airflow_unreachable"
            )
        if response.status_code >= 500:
            raise UnconfirmedError(
                f"Airflow's API failed ({response.status_code}): connection {conn_id!r} may have been written.",
                code="store_unknown",
            )
        if response.status_code != 200:
            raise PostBoostConfigError(
                f"Airflow's API refused the request about connection {conn_id!r}: {_reason(response)}. Check that the user "
                f"of {self.airflow_conn_id!r} may read and edit connections.",
                code="refused",
                field="store",
            )
        return response

    def _connection(self) -> Connection:
        try:
            return BaseHook.get_connection(self.airflow_conn_id)
        except AirflowNotFoundException:
            raise PostBoostConfigError(
                f"Connection {self.airflow_conn_id!r} to Airflow's own API does not exist. Create it with type http, host "
                "(https://your-airflow), login and password of a user who may edit connections, or give another store.",
                code="no_connection",
                field="airflow_conn_id",
            ) from None

    def _base_url(self, connection: Connection) -> str:
        from postboost_provider.api.settings import host_of, is_loopback, split_host

        scheme, authority, path = split_host(connection.host or "", connection.port)
        scheme, name = scheme or connection.schema or "https", host_of(authority)
        if not name or "@" in authority or scheme not in ("http", "https"):
            raise PostBoostConfigError(
                f"Connection {self.airflow_conn_id!r} needs the address of Airflow as its host, such as "
                "https://airflow.example.com.",
                code="not_an_address",
                field="host",
            )
        allowed = connection.extra_dejson.get("allow_http") is True or is_loopback(name)
        if scheme == "http" and not allowed:
            raise PostBoostConfigError(
                f"Connection {self.airflow_conn_id!r} would send the new key unencrypted. Use https, or set the extra "
                '"allow_http": true if nobody else can read that network.',
                code="unencrypted",
                field="host",
            )
        return f"{scheme}://{authority}/{path}".rstrip("/")

    def _token(self, http: httpx.Client, connection: Connection) -> str:
        """Return a token for Airflow's API: the simple and the FAB auth manager issue it at the same path."""
        import httpx

        if not connection.password:
            raise PostBoostConfigError(
                f"Connection {self.airflow_conn_id!r} has no password. Give login and password of an Airflow user, or only a "
                "token for Airflow's API as the password.",
                code="no_password",
                field="password",
            )
        if not connection.login:
            return connection.password
        try:
            response = http.post(
                "/auth/token", json={"username": connection.login, "password": connection.password}
            )
        except httpx.HTTPError as error:
            raise _unreachable(self.airflow_conn_id, error) from error
        if response.status_code >= 500:
            raise UnreachableError(
                f"Airflow's API failed to issue a token ({response.status_code}).", code="airflow_unreachable"
            )
        if response.status_code not in (200, 201):
            raise PostBoostConfigError(
                f"Airflow issued no token to the user of {self.airflow_conn_id!r}: {_reason(response)}. Check its login and "
                "password. With another auth manager than simple or FAB, give only a token as the password.",
                code="no_token",
                field="password",
            )
        try:
            token = str(response.json()["access_token"])
        except (ValueError, KeyError, TypeError):
            raise PostBoostConfigError(
                f"The response ({response.status_code}) to {self.airflow_conn_id!r} has no token. Check that its host is "
                "Airflow's API, not a login page in front of it.",
                code="no_token",
                field="host",
            ) from None
        mask_secret(token)
        return token


def _tls(connection: Connection) -> ssl.SSLContext | bool:
    bundle = connection.extra_dejson.get("ca_bundle")
    if not bundle:
        return True
    try:
        return ssl.create_default_context(cafile=str(bundle))
    except OSError as error:
        raise PostBoostConfigError(
            f"The CA bundle {bundle!r} cannot be read: {error.strerror or error}. Correct ca_bundle.",
            code="unreadable",
            field="ca_bundle",
        ) from error


def _unreachable(conn_id: str, error: Exception) -> UnreachableError:
    return UnreachableError(
        f"Airflow's API does not respond ({type(error).__name__}). Check the host of connection {conn_id!r}.",
        code="airflow_unreachable",
    )


def _reason(response: httpx.Response) -> str:
    """Return the reason of a refusal. Airflow's validation errors echo what was sent, which is left out."""
    try:
        detail = response.json().get("detail")
    except (ValueError, AttributeError):
        detail = None
    if isinstance(detail, list):
        detail = "; ".join(str(each.get("msg")) for each in detail if isinstance(each, dict))
    return f"{response.status_code} {str(detail or '')[:300]}".strip()

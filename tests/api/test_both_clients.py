"""Two clients, one behaviour: each of these holds for the client that blocks and for the one that is awaited."""

from __future__ import annotations

import asyncio
import http.server
import inspect
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from postboost_provider.api.client import AsyncPostBoostClient, PostBoostClient
from postboost_provider.api.errors import (
    AuthenticationError,
    PostBoostConfigError,
    PostBoostRequestError,
    ServerError,
    UnconfirmedError,
    UnreachableError,
)
from postboost_provider.api.settings import ClientSettings
from postboost_provider.sandbox.server import Sandbox
from tests.clients import posts, settings

Act = Callable[..., Any]
POST = {"versions": [{"account_id": 0, "is_original": True, "content": [{"body": "Hello"}]}], "accounts": [1]}
TAG = {"name": "fresh", "hex_color": "#112233"}
GROUP = {"name": "New group"}


@pytest.fixture(params=["blocking", "awaited"])
def act(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Act:
    """Make one call with a client of either kind: ``act(settings, method, operation, refresh=..., **arguments)``."""
    monkeypatch.setattr("postboost_provider.api.retry.MAX_PAUSE_SECONDS", 0.01)

    def block(given: ClientSettings, method: str, *args: Any, refresh: Any = None, **rest: Any) -> Any:
        with PostBoostClient(given, refresh=refresh and (lambda: refresh), attempts=4) as api:
            result = getattr(api, method)(*args, **rest)
            return list(result) if method == "pages" else result

    async def awaited(
        given: ClientSettings, method: str, *args: Any, refresh: Any = None, **rest: Any
    ) -> Any:
        async def again() -> Any:
            return refresh

        async with AsyncPostBoostClient(given, refresh=refresh and again, attempts=4) as api:
            result = getattr(api, method)(*args, **rest)
            return [item async for item in result] if method == "pages" else await result

    if request.param == "blocking":
        return block
    return lambda *args, **rest: asyncio.run(awaited(*args, **rest))


def test_a_call_gives_the_body_and_pages_give_items(sandbox: Sandbox, act: Act) -> None:
    mine = settings(sandbox)
    assert {t["name"] for t in act(mine, "call", "list_tags")["data"]} == {"Launch", "Evergreen"}
    assert len(act(mine, "pages", "list_accounts")) == 12
    for n in range(60):
        body = {**POST, "versions": [{**POST["versions"][0], "content": [{"body": f"{n}"}]}]}  # type: ignore[dict-item]
        act(mine, "call", "create_post", body=body)
    assert len({p["uuid"] for p in act(mine, "pages", "list_posts")}) == 60


def test_both_clients_show_the_same_arguments_to_an_editor() -> None:
    for name in ("__init__", "call", "send", "pages"):
        one, other = (
            inspect.signature(getattr(kind, name)) for kind in (PostBoostClient, AsyncPostBoostClient)
        )
        shown = {key: each.annotation for key, each in other.parameters.items()}
        if name == "__init__":
            shown["refresh"] = str(shown["refresh"]).replace("Awaitable[ClientSettings]", "ClientSettings")
        assert {key: each.annotation for key, each in one.parameters.items()} == shown
        assert other.return_annotation in (one.return_annotation, f"Async{one.return_annotation}")


@pytest.mark.parametrize("method", ["call", "send"])
def test_an_unknown_argument_is_refused(sandbox: Sandbox, act: Act, method: str) -> None:
    with pytest.raises(TypeError, match="boddy"):
        act(settings(sandbox), method, "create_tag", boddy=TAG)
    with pytest.raises(TypeError, match="retries"):
        PostBoostClient(settings(sandbox), retries=3)  # type: ignore[call-arg]


def test_an_error_before_sending_sends_nothing(sandbox: Sandbox, act: Act) -> None:
    with pytest.raises(PostBoostConfigError, match="list_tags"):
        act(settings(sandbox), "call", "list_tag")
    assert sandbox.requests() == []


def test_a_lost_response_is_requested_again_with_the_same_key_and_bytes(sandbox: Sandbox, act: Act) -> None:
    sandbox.faults({"operation": "create_post", "kind": "drop_after", "count": 2})
    response = act(settings(sandbox), "send", "create_post", body=POST, idempotency_key="one")
    assert response.replayed
    assert len(posts(sandbox)) == 1


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_write_without_a_key_whose_response_is_lost_is_unconfirmed_and_not_sent_again(
    sandbox: Sandbox, act: Act, kind: str
) -> None:
    """Whatever the transport calls it: aiohttp's says of such a connection that it could not be made."""
    sandbox.faults({"operation": "create_account_group", "kind": kind, "count": 5})
    with pytest.raises(UnconfirmedError) as caught:
        act(settings(sandbox), "call", "create_account_group", body=GROUP)
    assert caught.value.code == "no_response"
    assert len([r for r in sandbox.requests() if r["operation"] == "create_account_group"]) == 1


def test_the_same_on_a_connection_that_was_used_before(sandbox: Sandbox, act: Act) -> None:
    async def twice() -> None:
        async with AsyncPostBoostClient(settings(sandbox), attempts=4) as api:
            await api.call("list_tags")
            sandbox.faults({"operation": "create_account_group", "kind": "drop_after", "count": 5})
            with pytest.raises(UnconfirmedError):
                await api.call("create_account_group", body=GROUP)

    asyncio.run(twice())
    assert len([r for r in sandbox.requests() if r["operation"] == "create_account_group"]) == 1


def test_reads_are_retried_and_then_unreachable(sandbox: Sandbox, act: Act) -> None:
    sandbox.faults({"operation": "list_tags", "kind": "drop_before", "count": 3})
    assert act(settings(sandbox), "call", "list_tags")["data"]
    sandbox.faults({"operation": "list_tags", "kind": "drop_before", "count": 99})
    with pytest.raises(UnreachableError) as caught:
        act(settings(sandbox), "call", "list_tags")
    assert caught.value.code == "no_response"


def test_a_server_that_does_not_exist_is_unreachable_for_a_write_as_well(act: Act) -> None:
    with Sandbox() as gone:
        mine = settings(gone)
    with pytest.raises(UnreachableError) as caught:
        act(mine, "call", "create_account_group", body=GROUP)
    assert caught.value.code == "not_sent"


def test_server_errors_are_retried_where_that_is_safe(sandbox: Sandbox, act: Act) -> None:
    sandbox.faults({"operation": "*", "kind": "server_error", "count": 2})
    assert act(settings(sandbox), "call", "create_tag", body=TAG, idempotency_key="tag")["name"] == "fresh"
    sandbox.faults({"operation": "*", "kind": "server_error", "count": 2})
    with pytest.raises(ServerError):
        act(settings(sandbox), "call", "create_account_group", body=GROUP)


def test_a_rotated_token_is_used_once_and_for_the_same_origin(sandbox: Sandbox, act: Act) -> None:
    expired, fresh = settings(sandbox, "expired"), settings(sandbox)
    assert act(expired, "call", "list_tags", refresh=fresh)["data"]
    for changes, said in (
        ({}, "same"),
        ({"token": "another"}, "rejected"),
        ({"token": "another", "base_url": "https://elsewhere.example/app/api"}, "host"),
    ):
        with pytest.raises(AuthenticationError, match=said) as caught:
            act(expired, "call", "list_tags", refresh=replace(expired, **changes))
        assert caught.value.request == f"list_tags in {expired.workspace_uuid}"
        assert caught.value.status == 401


class Redirect(http.server.BaseHTTPRequestHandler):
    seen: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers.get("Authorization")))
        self.send_response(302)
        self.send_header("Location", f"http://127.0.0.1:{self.server.server_address[1]}/elsewhere")
        self.end_headers()

    def do_CONNECT(self) -> None:
        self.seen.append((self.path, self.headers.get("Authorization")))
        self.send_error(502)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def redirecting() -> Iterator[str]:
    Redirect.seen.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Redirect) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/app/api"
        server.shutdown()


def test_a_redirect_is_not_followed(sandbox: Sandbox, redirecting: str, act: Act) -> None:
    with pytest.raises(PostBoostRequestError, match="redirects"):
        act(settings(sandbox, base_url=redirecting), "call", "list_tags")
    assert [path for path, _ in Redirect.seen] == [f"/app/api/{sandbox.workspaces[0]['uuid']}/tags"]


def test_proxies_of_the_environment_are_ignored_and_the_connections_own_is_used(
    sandbox: Sandbox, redirecting: str, act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = redirecting.removesuffix("/app/api")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy)
    assert act(settings(sandbox), "call", "list_tags")["data"]
    assert Redirect.seen == []
    with pytest.raises(UnreachableError):
        act(settings(sandbox, base_url="https://postboost.invalid/app/api", proxy=proxy), "call", "list_tags")
    assert {path for path, _ in Redirect.seen} == {"postboost.invalid:443"}
    assert {authorization for _, authorization in Redirect.seen} == {None}


def test_no_error_and_no_log_line_holds_the_token(
    sandbox: Sandbox, act: Act, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    sandbox.faults({"operation": "*", "kind": "drop_before", "count": 2})
    said = ""
    for name in ("member", "expired"):
        mine = settings(sandbox, name)
        try:
            act(mine, "call", "list_tags")
        except AuthenticationError as error:
            said += str(error)
        said += repr(mine)
    assert not any(secret in said + caplog.text for secret in sandbox.tokens.values())

"""The hook: every way to give a connection, and what test_connection says of it."""

from __future__ import annotations

import inspect
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk import Connection

from postboost_provider.api.errors import AuthenticationError, PostBoostConfigError
from postboost_provider.api.settings import DEFAULT_BASE_URL
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import use_connection


def give(monkeypatch: pytest.MonkeyPatch, value: Any, conn_id: str = "postboost_default") -> None:
    text = value if isinstance(value, str) else json.dumps({"conn_type": "postboost", **value})
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", text)


@pytest.mark.parametrize(
    ("form", "base_url"),
    [
        ({"password": "tok-en"}, DEFAULT_BASE_URL),
        ({"password": " tok-en \n", "host": ""}, DEFAULT_BASE_URL),
        (
            {"password": "tok-en", "host": "https://eu.postboost.example/app/api/"},
            "https://eu.postboost.example/app/api",
        ),
        (
            {"password": "tok-en", "host": "eu.postboost.example", "port": 0},
            "https://eu.postboost.example/app/api",
        ),
        (
            {"password": "tok-en", "host": "eu.postboost.example", "port": 8443},
            "https://eu.postboost.example:8443/app/api",
        ),
        ({"password": "tok-en", "host": "https://postboost.co"}, DEFAULT_BASE_URL),
        (
            {"password": "tok-en", "host": "127.0.0.1", "port": 8765, "schema": "http"},
            "http://127.0.0.1:8765/app/api",
        ),
        ("postboost://http://:tok-en@127.0.0.1:8765/app%2Fapi", "http://127.0.0.1:8765/app/api"),
        ({"password": "tok-en", "host": "localhost:8765"}, "http://localhost:8765/app/api"),
        ({"password": "tok-en", "host": "::1"}, "http://[::1]/app/api"),
        ({"password": "tok-en", "host": "[::1]"}, "http://[::1]/app/api"),
        ({"password": "tok-en", "host": "[::1]:8765"}, "http://[::1]:8765/app/api"),
        ({"password": "tok-en", "host": "::1", "port": 8765}, "http://[::1]:8765/app/api"),
        ({"password": "tok-en", "host": "::1", "port": 8765, "schema": "http"}, "http://[::1]:8765/app/api"),
        (
            {"password": "tok-en", "host": "[::1]", "port": 8765, "schema": "http"},
            "http://[::1]:8765/app/api",
        ),
        ({"password": "tok-en", "host": "http://[::1]:8765/app/api"}, "http://[::1]:8765/app/api"),
        ({"password": "tok-en", "host": "http://::1", "port": 8765}, "http://[::1]:8765/app/api"),
        ({"password": "tok-en", "host": "2001:db8::1"}, "https://[2001:db8::1]/app/api"),
        ("postboost://:tok-en@[::1]:8765", "http://[::1]:8765/app/api"),
        ("postboost://http://:tok-en@[::1]:8765/app%2Fapi", "http://[::1]:8765/app/api"),
        ("postboost://:tok-en@", DEFAULT_BASE_URL),
        ("postboost://:tok-en@eu.postboost.example", "https://eu.postboost.example/app/api"),
        ("postboost://:tok-en@127.0.0.1:8765/app%2Fapi", "http://127.0.0.1:8765/app/api"),
        ("postboost://:tok-en@http%3A%2F%2F127.0.0.1%3A8765%2Fapp%2Fapi", "http://127.0.0.1:8765/app/api"),
    ],
)
def test_every_form_of_a_connection_is_understood(
    monkeypatch: pytest.MonkeyPatch, form: Any, base_url: str
) -> None:
    give(monkeypatch, form)
    settings = PostBoostHook().settings()
    assert (settings.token, settings.base_url) == ("tok-en", base_url)


def test_extras_of_a_uri_are_texts_and_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    give(
        monkeypatch,
        "postboost://:tok-en@?workspace_uuid=w-1&expires_on=2027-01-31&timeout_seconds=12&scoped_key_id=7",
    )
    settings = PostBoostHook().settings()
    assert (settings.workspace_uuid, settings.timeout_seconds, settings.scoped_key_id) == ("w-1", 12, 7)
    assert str(settings.expiry.day) == "2027-01-31"


def test_a_saved_form_with_empty_fields_is_the_same_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = {
        "workspace_uuid": None,
        "expires_on": "",
        "timeout_seconds": 0,
        "client_label": [],
        "proxy": None,
    }
    give(monkeypatch, {"password": "tok-en", "extra": empty})
    settings = PostBoostHook().settings()
    assert (settings.workspace_uuid, settings.expiry.kind, settings.timeout_seconds) == (None, "unknown", 30)


def test_a_missing_token_names_the_ways_to_set_one(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, {"host": "https://postboost.co/app/api"})
    with pytest.raises(PostBoostConfigError) as caught:
        PostBoostHook().settings()
    for way in (
        "Admin > Connections",
        "airflow connections add",
        "AIRFLOW_CONN_POSTBOOST_DEFAULT",
        "secrets backend",
    ):
        assert way in str(caught.value)


def test_a_token_in_the_extras_is_told_to_move_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, {"extra": {"api_token": "hidden-value"}})
    with pytest.raises(PostBoostConfigError, match="'api_token'") as caught:
        PostBoostHook().settings()
    assert (caught.value.code, caught.value.field) == ("missing_token", "password")
    assert "hidden-value" not in str(caught.value)


def test_the_environment_serves_when_the_default_connection_does_not_exist(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_POSTBOOST_DEFAULT", raising=False)
    monkeypatch.setenv("POSTBOOST_API_TOKEN", "tok-env")
    monkeypatch.setenv("POSTBOOST_WORKSPACE_UUID", "w-env")
    settings = PostBoostHook().settings()
    assert (settings.token, settings.workspace_uuid, settings.base_url) == (
        "tok-env",
        "w-env",
        DEFAULT_BASE_URL,
    )


def test_the_environment_never_serves_for_another_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTBOOST_API_TOKEN", "tok-env")
    with pytest.raises(PostBoostConfigError, match="'client_b'") as caught:
        PostBoostHook("client_b").settings()
    assert (caught.value.code, caught.value.field) == ("unknown_connection", "postboost_conn_id")


def test_an_existing_default_connection_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, {"password": "tok-conn"})
    monkeypatch.setenv("POSTBOOST_API_TOKEN", "tok-env")
    assert PostBoostHook().settings().token == "tok-conn"


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"host": "http://postboost.co/app/api"}, "host"),
        ({"host": "http://[2001:db8::1]"}, "host"),
        ({"host": "[::1"}, "host"),
        ({"host": "https://user:pw@postboost.co/app/api"}, "host"),
        ({"extra": {"expires_on": "2027-01-31T00:00+01:00"}}, "expires_on"),
        ({"conn_type": "mysql"}, "postboost_conn_id"),
        ({"extra": "[1, 2]"}, "extra"),
        ({"extra": "{bad"}, "extra"),
        ({"extra": {"timeout_seconds": "soon"}}, "timeout_seconds"),
        ({"extra": {"workspace_uuid": "https://postboost.co/x"}}, "workspace_uuid"),
        ({"extra": {"ca_bundle": "/nowhere/ca.pem"}}, "ca_bundle"),
    ],
)
def test_a_value_that_is_not_valid_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, form: dict[str, Any], field: str
) -> None:
    give(monkeypatch, {"password": "tok-en", **form})
    with pytest.raises(PostBoostConfigError) as caught, PostBoostHook().client():
        pass
    assert caught.value.field == field
    assert PostBoostHook().test_connection()[0] is False


def test_unknown_extras_are_reported_by_name_and_never_sent(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    use_connection(monkeypatch, sandbox, workspace="typo-value", Authorization="other-value")
    with PostBoostHook().client() as api:
        api.call("list_tags")
    logged = capsys.readouterr().out
    assert "Authorization, workspace" in logged
    assert "typo-value" not in logged + json.dumps(sandbox.requests())
    assert "Authorization, workspace" in PostBoostHook().test_connection()[1]


@pytest.mark.parametrize(
    ("days", "said"), [(6, "expires"), (-1, "expired"), (9, None), (None, None)], ids=str
)
def test_a_task_logs_that_its_token_expires_soon(
    monkeypatch: pytest.MonkeyPatch,
    sandbox: Sandbox,
    capsys: pytest.CaptureFixture[str],
    days: int | None,
    said: str | None,
) -> None:
    day = None if days is None else f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"
    use_connection(monkeypatch, sandbox, expires_on=day)
    with PostBoostHook().client() as api:
        api.call("list_tags")
    logged = capsys.readouterr().out
    if said is None:
        assert "expires_on" not in logged
    else:
        assert f"'postboost_default' {said} {day} 00:00 UTC" in logged


def test_a_token_rotated_while_a_task_runs_is_picked_up(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox, token="expired")
    with PostBoostHook().client() as api:
        use_connection(monkeypatch, sandbox, token="member")
        assert api.call("list_tags")["data"]


def test_a_new_token_for_another_host_is_not_sent_there(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox, token="expired")
    with PostBoostHook().client() as api, Sandbox() as other:
        use_connection(monkeypatch, other, token="member")
        with pytest.raises(AuthenticationError):
            api.call("list_tags")
        assert other.requests() == []


def test_the_connection_test_says_what_the_token_can_use(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox, expires_on="2099-01-01")
    works, said = PostBoostHook().test_connection()
    assert works
    assert "2 workspaces: Northwind Coffee" in said
    assert "is among them" in said
    assert "platform admins" in said
    assert "expires 2099-01-01 00:00 UTC, in" in said


def test_an_admin_can_use_the_panel(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use_connection(monkeypatch, sandbox, token="admin")
    said = PostBoostHook().test_connection()[1]
    assert ("admin panel" in said, "platform admins" in said) == (True, False)


@pytest.mark.parametrize("status", [404, 403])
def test_an_unknown_workspace_does_not_mean_that_the_token_does_not_work(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, status: int
) -> None:
    sandbox.reset(unknown_workspace=status)
    use_connection(monkeypatch, sandbox, workspace_uuid="00000000-0000-0000-0000-000000000000")
    works, said = PostBoostHook().test_connection()
    assert not works
    assert "accepts the token" in said
    assert "Correct workspace_uuid" in said
    assert "Northwind Coffee" in said


def test_without_a_workspace_it_lists_them(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use_connection(monkeypatch, sandbox, workspace_uuid=None)
    works, said = PostBoostHook().test_connection()
    assert works
    assert "Set workspace_uuid to one of them" in said


@pytest.mark.parametrize(
    ("expires_on", "what"), [("2026-01-01", "expired 2026-01-01 00:00 UTC"), (None, "not accepted")]
)
def test_a_token_that_does_not_work_says_why_and_how_to_rotate_it(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, expires_on: str | None, what: str
) -> None:
    use_connection(monkeypatch, sandbox, token="expired", expires_on=expires_on)
    works, said = PostBoostHook().test_connection()
    assert not works
    assert what in said
    assert "create a new token in PostBoost" in said


def test_a_scoped_key_works_though_it_may_not_list_workspaces(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox, token="scoped")
    assert PostBoostHook().test_connection()[0]


def test_a_server_error_does_not_mean_that_the_token_does_not_work(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox)
    sandbox.faults({"operation": "*", "kind": "server_error", "status": 503, "count": 9})
    works, said = PostBoostHook().test_connection()
    assert not works
    assert "unexpected" in said
    assert len([r for r in sandbox.requests() if r["status"] == 503]) == 1


def test_the_message_holds_no_token_and_nobody(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    for token in sandbox.tokens:
        use_connection(monkeypatch, sandbox, token=token)
        said = PostBoostHook().test_connection()[1]
        assert not any(secret in said for secret in sandbox.tokens.values())
        assert "@" not in said


def test_a_server_that_does_not_respond_is_given_up_within_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox)
    sandbox.faults({"operation": "*", "kind": "delay", "seconds": 3, "count": 9})
    began = time.monotonic()
    works, said = PostBoostHook().test_connection()
    assert time.monotonic() - began < 10
    assert not works
    assert "no response" in said


def test_airflow_makes_the_hook_of_a_connection() -> None:
    hook = Connection(conn_id="x", conn_type="postboost", password="tok-en").get_hook()
    assert isinstance(hook, PostBoostHook)
    assert hook.postboost_conn_id == "x"


def test_the_password_of_a_proxy_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    masked: list[str] = []
    monkeypatch.setattr("postboost_provider.connection.read.mask_secret", masked.append)
    extra = {"proxy": "http://me:p%40ssword@proxy.example:3128"}
    give(monkeypatch, {"password": "tok-en", "extra": extra})
    PostBoostHook().settings()
    assert set(masked) == {"p%40ssword", "p@ssword"}


@pytest.mark.parametrize("name", ["client", "async_client"])
def test_the_options_of_a_client_are_shown_to_an_editor(name: str) -> None:
    options = inspect.signature(getattr(PostBoostHook, name)).parameters["options"]
    assert options.annotation == "Unpack[ClientOptions]"

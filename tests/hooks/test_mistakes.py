"""What newcomers mistake in a connection, and what the messages call it."""

from __future__ import annotations

from typing import Any

import pytest

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import use_connection
from tests.hooks.test_postboost import give


@pytest.mark.parametrize(
    ("form", "code", "field"),
    [
        ({"password": "Bearer tok-en"}, "bearer_prefix", "password"),
        (
            {"password": "tok-en", "host": "https://example.com:8443/app/api", "port": 443},
            "two_ports",
            "port",
        ),
        ({"password": "tok-en", "host": "[::1]:8765", "port": 8766}, "two_ports", "port"),
    ],
)
def test_what_newcomers_mistake_is_named(
    monkeypatch: pytest.MonkeyPatch, form: dict[str, Any], code: str, field: str
) -> None:
    give(monkeypatch, form)
    with pytest.raises(PostBoostConfigError) as caught:
        PostBoostHook().settings()
    assert (caught.value.code, caught.value.field) == (code, field)
    assert "tok-en" not in str(caught.value)


@pytest.mark.parametrize("conn_id", ["postboost_default", "mine"])
def test_a_variable_that_is_not_json_is_named(monkeypatch: pytest.MonkeyPatch, conn_id: str) -> None:
    """Airflow says that such a connection does not exist."""
    variable = f"AIRFLOW_CONN_{conn_id.upper()}"
    monkeypatch.setenv(variable, '{"conn_type": "postboost", "password": "tok-en"')
    monkeypatch.setenv("POSTBOOST_API_TOKEN", "another-token")
    with pytest.raises(PostBoostConfigError) as caught:
        PostBoostHook(conn_id).settings()
    assert caught.value.code == "unreadable"
    assert variable in str(caught.value)
    assert "tok-en" not in str(caught.value)


def test_the_connection_test_never_names_the_id_that_airflow_made_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    give(monkeypatch, {"login": "someone"}, "VS5OCVr5")
    works, said = PostBoostHook("VS5OCVr5").test_connection()
    assert not works
    assert "vs5ocvr5" not in said.lower()
    assert "This connection" in said
    assert "CONN_ID" in said


def test_a_rejected_token_is_that_of_this_connection(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    use_connection(monkeypatch, sandbox, "1|mistyped", conn_id="VS5OCVr5")
    works, said = PostBoostHook("VS5OCVr5").test_connection()
    assert (works, "of this connection" in said, "vs5ocvr5" in said.lower()) == (False, True, False)


def test_a_base_url_with_another_path_is_named_before_the_workspace(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    host = sandbox.base_url.removesuffix("/api")
    give(monkeypatch, {"host": host, "password": sandbox.tokens["member"], "extra": {"workspace_uuid": "w"}})
    works, said = PostBoostHook().test_connection()
    assert (works, host in said, "/app/api" in said, "accepts" in said) == (False, True, True, False)

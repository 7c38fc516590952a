"""The safety mode of a connection and of the environment, as tasks, triggers and checks read it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import jsonschema
import pytest

from postboost_provider.api.errors import ModeError, PostBoostConfigError
from postboost_provider.connection import diagnosis
from postboost_provider.connection.form import conn_fields, read_extras
from postboost_provider.connection.prove import prove
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import use_connection
from tests.clients import posts
from tests.failures import raises


def read(kind: str) -> Any:
    hook = PostBoostHook()
    return hook.settings() if kind == "worker" else asyncio.run(hook.asettings())


@pytest.mark.parametrize("kind", ["worker", "triggerer"])
@pytest.mark.parametrize(
    "own, forced, mode, source",
    [
        (None, None, "live", ""),
        ("live", "", "live", ""),
        ("draft", None, "draft", ""),
        (" Check ", "draft", "check", ""),
        ("draft", "live", "draft", ""),
        ("draft", "CHECK", "check", "POSTBOOST_MODE in the environment"),
        (None, " draft ", "draft", "POSTBOOST_MODE in the environment"),
    ],
)
def test_the_stricter_of_both_counts(
    monkeypatch: pytest.MonkeyPatch,
    sandbox: Sandbox,
    own: str | None,
    forced: str | None,
    mode: str,
    source: str,
    kind: str,
) -> None:
    use_connection(monkeypatch, sandbox, mode=own)
    if forced is not None:
        monkeypatch.setenv("POSTBOOST_MODE", forced)
    found = read(kind)
    assert (found.mode, found.mode_source) == (mode, source)


@pytest.mark.parametrize("kind", ["worker", "triggerer"])
def test_without_a_connection_the_environment_has_a_mode_too(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("POSTBOOST_API_TOKEN", "42|0123456789abcdef")
    monkeypatch.setenv("POSTBOOST_MODE", "check")
    found = read(kind)
    assert (found.mode, found.mode_source) == ("check", "POSTBOOST_MODE in the environment")


@pytest.mark.parametrize("kind", ["worker", "triggerer"])
def test_a_mode_that_does_not_exist_is_an_error(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, kind: str
) -> None:
    use_connection(monkeypatch, sandbox, mode="dry")
    with raises(PostBoostConfigError, field="mode"):
        read(kind)
    use_connection(monkeypatch, sandbox)
    monkeypatch.setenv("POSTBOOST_MODE", "42|0123456789abcdef0123456789abcdef01234567")
    with raises(PostBoostConfigError, code="unknown_mode") as caught:
        read(kind)
    assert "0123" not in str(caught.value)
    monkeypatch.setenv("POSTBOOST_MODE", "of")
    with raises(PostBoostConfigError, code="unknown_mode", field="POSTBOOST_MODE"):
        read(kind)


@pytest.mark.parametrize("name", ["Mode", "safety_mode", "extra__postboost__mode", "SafetyMode"])
def test_an_extra_that_may_be_meant_as_the_mode_is_not_ignored(name: str) -> None:
    with raises(PostBoostConfigError, code="unknown_extra", field=name):
        read_extras({name: "check"}, "connection 'mine'")
    assert read_extras({name: ""}, "connection 'mine'") == ({}, [name])


def test_the_form_offers_the_modes() -> None:
    schema = conn_fields()["mode"]["schema"]
    assert schema["examples"] == ["live", "draft", "check"]
    assert jsonschema.Draft7Validator(schema).is_valid("check")


@pytest.mark.parametrize("mode", ["draft", "check"])
def test_the_checks_report_it(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, mode: str) -> None:
    use_connection(monkeypatch, sandbox, expires_on="never")
    assert "mode" not in PostBoostHook().test_connection()[1]
    use_connection(monkeypatch, sandbox, expires_on="never", mode=mode)
    works, message = PostBoostHook().test_connection()
    assert works
    assert f"'{mode}'" in message
    found = {
        finding.topic: finding
        for finding in diagnosis.diagnose(PostBoostHook().read, timedelta(7), None, PostBoostHook().client)  # type: ignore[arg-type]
    }
    assert found["mode"].level == "warning"
    # One that was not asked about is unknown, and not there.
    missing = {"draft": ["publish"], "check": ["write", "publish", "ai"]}[mode]
    assert f"unknown: {', '.join(missing)}" in str(found["abilities"])
    sent = {r["operation"] for r in sandbox.requests() if r["method"] != "GET"}
    assert sent == {"draft": {"delete_tag", "image_alt_text"}, "check": set()}[mode]


def test_in_check_mode_nothing_is_proved(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    use_connection(monkeypatch, sandbox, mode="check")
    with PostBoostHook().client(attempts=1) as api, raises(ModeError):
        prove(api, "twitter:northwind")
    assert not [r for r in sandbox.requests() if r["method"] != "GET"]
    assert posts(sandbox) == []

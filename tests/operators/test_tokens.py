"""The rotation of an access token by a person: the form, the proof, the date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from postboost_provider.api.errors import ServerError
from postboost_provider.operators.tokens import PostBoostRotateTokenOperator
from postboost_provider.rotation.plan import reference
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import context
from tests.failures import fails
from tests.vault import Vault, use_vault

TODAY = datetime.now(UTC).date()
SOON = str(TODAY + timedelta(days=5))
LATER = str(TODAY + timedelta(days=90))
CONN = "postboost_default"


class Asked(Exception):
    """Airflow's signal that the task waits for a person."""


@pytest.fixture(autouse=True)
def forms(mocker: Any) -> list[dict[str, Any]]:
    """The forms that were shown."""
    shown: list[dict[str, Any]] = []
    mocker.patch(
        "airflow.providers.standard.operators.hitl.upsert_hitl_detail", lambda **form: shown.append(form)
    )
    mocker.patch("airflow.providers.standard.operators.hitl.TaskAwaitingInput", return_value=Asked())
    return shown


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> Vault:
    """A connection with a token that ends in five days."""
    found = use_vault(monkeypatch, sandbox)
    hold(sandbox, found, "expiring", SOON)
    return found


def hold(sandbox: Sandbox, vault: Vault, token: str, expires_on: str | None, **extras: Any) -> None:
    extras = {"workspace_uuid": sandbox.workspaces[0]["uuid"], "client_label": "blog", **extras}
    vault.put(CONN, sandbox.tokens.get(token, token), expires_on=expires_on, **extras)


def operator(vault: Vault, **options: Any) -> PostBoostRotateTokenOperator:
    return PostBoostRotateTokenOperator(task_id="ask", **{"store": vault.store, **options})


def ask(vault: Vault, **options: Any) -> Any:
    ctx = context()
    ctx["task_instance"] = SimpleNamespace(id="ti")
    return operator(vault, **options).execute(ctx)  # type: ignore[arg-type]


def respond(vault: Vault, option: str, expires_on: str = LATER, **options: Any) -> Any:
    """Respond in another process than the one that asked."""
    event = {
        "chosen_options": [option],
        "params_input": {"expires_on": expires_on},
        "responded_at": datetime.now(UTC),
        "responded_by_user": {"id": "1", "name": "Ada"},
    }
    return operator(vault, **options).execute_complete(context(), event)  # type: ignore[arg-type]


def test_the_form_lists_the_four_steps_and_takes_no_token(
    sandbox: Sandbox, vault: Vault, forms: list[dict[str, Any]]
) -> None:
    with pytest.raises(Asked):
        ask(vault)
    (form,) = forms
    assert f"The access token of connection 'postboost_default' expires {SOON} 00:00 UTC, in" in form["body"]
    for step in ("1. In PostBoost", "2. In Airflow", "3. Enter", "4. When the task has succeeded, delete"):
        assert step in form["body"]
    assert "**Do not enter it in this form**" in form["body"]
    assert list(form["params"]) == ["expires_on"]
    assert sandbox.tokens["expiring"] not in repr(form)


def test_the_new_token_is_proven_and_its_date_written(
    sandbox: Sandbox, vault: Vault, forms: list[dict[str, Any]]
) -> None:
    with pytest.raises(Asked):
        ask(vault)
    hold(sandbox, vault, "member", SOON)
    seen = len(sandbox.requests())
    assert respond(vault, forms[0]["options"][0]) == {"result": "rotated", "expires_on": LATER}
    assert [r["operation"] for r in sandbox.requests()[seen:]] == ["list_tags"]
    assert vault.token(CONN) == sandbox.tokens["member"]
    assert (vault.extras(CONN)["expires_on"], vault.extras(CONN)["client_label"]) == (LATER, "blog")


def test_a_date_that_the_person_has_written_needs_no_store(
    sandbox: Sandbox, vault: Vault, forms: list[dict[str, Any]]
) -> None:
    with pytest.raises(Asked):
        ask(vault)
    hold(sandbox, vault, "member", "never")
    assert respond(vault, forms[0]["options"][0], "never")["expires_on"] == "never"
    assert vault.writes == []


@pytest.mark.parametrize(
    ("expires_on", "options", "asked"),
    [
        (LATER, {}, False),
        ("never", {}, False),
        (LATER, {"rotate_when_less_than": None}, True),
        (LATER, {"rotate_when_less_than": timedelta(days=100)}, True),
        (SOON, {"rotate_when_less_than": timedelta(days=2)}, False),
        (None, {}, True),
    ],
)
def test_it_asks_when_the_token_ends_soon_or_nobody_knows(
    sandbox: Sandbox, vault: Vault, expires_on: str | None, options: dict[str, Any], asked: bool
) -> None:
    hold(sandbox, vault, "member", expires_on)
    if asked:
        with pytest.raises(Asked):
            ask(vault, **options)
    else:
        assert ask(vault, **options) == {"result": "unchanged", "expires_on": expires_on}


@pytest.mark.parametrize(
    ("token", "extras", "expires_on", "field"),
    [
        ("expiring", {}, LATER, "password"),
        ("mistyped", {}, LATER, "password"),
        ("scoped", {"workspace_uuid": "another"}, LATER, "password"),
        ("member", {}, str(TODAY), "expires_on"),
        ("member", {}, "2020-01-01", "expires_on"),
        ("member", {}, "", "expires_on"),
        ("member", {}, "2027-01-31T00:00+01:00", "expires_on"),
        ("member", {}, "Europe/Berlin", "expires_on"),
    ],
)
def test_what_does_not_do_is_one_clear_error_and_says_how_to_be_asked_again(
    sandbox: Sandbox,
    vault: Vault,
    forms: list[dict[str, Any]],
    token: str,
    extras: dict[str, Any],
    expires_on: str,
    field: str,
) -> None:
    with pytest.raises(Asked):
        ask(vault)
    hold(sandbox, vault, token, SOON, **extras)
    with fails(word="clear", field=field) as caught:
        respond(vault, forms[0]["options"][0], expires_on)
    assert vault.writes == []
    assert not any(secret in str(caught.value) for secret in sandbox.tokens.values())


def test_an_error_of_the_server_is_retryable(
    sandbox: Sandbox, vault: Vault, forms: list[dict[str, Any]], mocker: Any
) -> None:
    mocker.patch("postboost_provider.api.client.time.sleep")
    with pytest.raises(Asked):
        ask(vault)
    hold(sandbox, vault, "member", SOON)
    sandbox.faults({"kind": "server_error", "operation": "*", "count": 99})
    with pytest.raises(ServerError):
        respond(vault, forms[0]["options"][0])


def test_a_date_that_does_not_arrive_says_where_to_put_it(
    sandbox: Sandbox, vault: Vault, forms: list[dict[str, Any]]
) -> None:
    with pytest.raises(Asked):
        ask(vault)
    hold(sandbox, vault, "member", SOON)
    with fails(word=LATER, code="not_written", field="expires_on"):
        respond(vault, forms[0]["options"][0], store=lambda conn_id, token, extras: None)


def test_not_now_skips_what_comes_after(vault: Vault) -> None:
    with pytest.raises(AirflowSkipException, match="Ada"):
        respond(vault, "Not now")


def test_the_option_identifies_the_old_token_only_by_its_reference(
    sandbox: Sandbox, vault: Vault, forms: list[dict[str, Any]]
) -> None:
    with pytest.raises(Asked):
        ask(vault)
    assert forms[0]["options"] == [f"Done {reference(sandbox.tokens['expiring'])}", "Not now"]


def test_a_threshold_that_is_not_a_timedelta_is_refused(vault: Vault) -> None:
    with fails(field="rotate_when_less_than"):
        ask(vault, rotate_when_less_than=14)

"""A token that was pasted into the wrong field of a connection is shown by nobody, and goes nowhere."""

from __future__ import annotations

import json
import logging
import traceback
from typing import Any
from urllib.parse import quote

import pytest
from airflow.sdk import BaseHook, Connection

from postboost_provider.connection import form
from postboost_provider.hooks.postboost import PostBoostHook
from tests.security.tokens import find_token, make_token, shown

SECRET = make_token()
BARE = SECRET.partition("|")[2]
GOOD = make_token()
EXTRAS = [field.name for field in form.FIELDS]


def fields(token: str) -> dict[str, dict[str, Any]]:
    """Return connections with the token in a wrong field, once with another token as the password and once without."""
    wrong: dict[str, dict[str, Any]] = {
        "login": {"login": token},
        "schema": {"schema": token},
        "host": {"host": token},
        "host, with a scheme": {"host": f"https://{token}"},
        "host, as a user": {"host": f"https://{quote(token)}@postboost.invalid"},
        "host, as a query": {"host": f"https://postboost.invalid/?token={token}"},
        "host, as a path": {"host": f"https://postboost.invalid/{token}/app"},
        "unknown extra": {"extra": {"token": token, "api_key": token}},
        "name of an extra": {"extra": {token: "x"}},
        "extras that are no object": {"extra": [token]},
        "password, with a space": {"password": f"{token} {token}"},
        "password, in quotes": {"password": f'"{token}"'},
    }
    wrong |= {f"extra {name}": {"extra": {name: token}} for name in EXTRAS}
    wrong |= {
        "extra proxy, as a host": {"extra": {"proxy": f"http://{token}:3128"}},
        "extra proxy, as a user": {"extra": {"proxy": f"http://{quote(token)}:{quote(token)}@127.0.0.1:9"}},
    }
    return wrong


FORMS = {"whole": SECRET, "secret part": BARE}
CASES = [(form, name) for form, token in FORMS.items() for name in fields(token)]


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No name is looked up: the names that would have been."""
    names: list[str] = []

    def look_up(host: Any, *_: Any, **__: Any) -> Any:
        names.append(str(host))
        raise OSError("no name is looked up in this test")

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    return names


@pytest.mark.parametrize("has_password", [True, False])
@pytest.mark.parametrize(("written", "name"), CASES)
def test_a_token_in_a_wrong_field_is_not_shown(
    written: str,
    name: str,
    has_password: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    reached: list[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    token = FORMS[written]
    given = {
        "host": "https://postboost.invalid/app/api",
        "password": GOOD if has_password else None,
        "extra": {},
    }
    given |= fields(token)[name]
    connection = Connection(
        conn_id="wrong", conn_type="postboost", **{**given, "extra": json.dumps(given["extra"])}
    )
    monkeypatch.setattr(BaseHook, "get_connection", staticmethod(lambda conn_id: connection))
    hook = PostBoostHook("wrong")
    said = []
    try:
        said += [str(hook.test_connection()), repr(hook.read())]
        with hook.client(attempts=1) as api:
            api.call("list_tags")
    except Exception as error:  # noqa: BLE001
        said += [*shown(error), "".join(traceback.format_exception(error))]
        del error
    assert find_token(token, "\n".join([*said, caplog.text])) == []
    assert find_token(token, "\n".join(reached)) == []
    assert find_token(GOOD, "\n".join([*said, caplog.text])) == []

"""Words from outside in messages, log lines and tables: none of them controls a terminal, or looks like another line."""

from __future__ import annotations

import io
import json
import unicodedata
from datetime import UTC, datetime

import pytest

from postboost_provider.api import responses
from postboost_provider.api.clean_text import clean_text
from postboost_provider.api.errors import PostBoostConfigError, PostBoostRequestError, PublishError
from postboost_provider.api.transport import RawResponse
from postboost_provider.calendar.csv import number_rows, read_rows
from postboost_provider.calendar.report import Report, invalid
from postboost_provider.cli.parser import main
from postboost_provider.connection.check import check_connection
from postboost_provider.polling.outcome import conclude, read_post
from postboost_provider.sandbox.server import Sandbox
from postboost_provider.services.account_health import AccountsCanPublish
from postboost_provider.services.accounts import Accounts
from postboost_provider.services.media.upload import MediaFile, read_file, upload_media
from tests.airflow_stubs import use_connection
from tests.api.support import request, settings as api_settings
from tests.calendar.support import row, run
from tests.clients import client, settings
from tests.remote_files import PNG

HOSTILE = (
    "line\nforged",
    "return\r\nforged",
    "\x1b[2J\x1b[31mred",
    "\x1b]8;;https://evil.test\x07link",
    "c1 \x9b31m and next line\x85forged",
    "null \x00 and bell \x07 and delete \x7f",
    "bidi \u202egpj.exe \u2066x\u2069",
    "zero\u200bwidth \ufeff mark, soft\xadhyphen",
    "separators\u2028forged\u2029forged",
    "half \ud800 character",
)


def assert_harmless(text: str, lines: int = 1) -> None:
    bad = [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert not bad, ascii(text)
    assert len(text.splitlines()) == lines, text
    assert not any(line.startswith("forged") for line in text.splitlines())


@pytest.mark.parametrize("text", HOSTILE)
def test_clean_text_is_one_harmless_line(text: str) -> None:
    assert_harmless(clean_text(text))


def test_ordinary_text_is_kept_as_it_is() -> None:
    for text in ("Grüße aus Zürich", "ユーザー 👩🏽", "עברית and العربية", "a  b"):
        assert clean_text(text) == text


def test_characters_that_only_join_are_dropped_between_emoji_and_shown_elsewhere() -> None:
    assert clean_text("👩\u200d💻") == "👩💻"
    assert clean_text("to\u200dken") == r"to\u200dken"


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("status", [200, 302, 401, 403, 404, 408, 409, 410, 422, 429, 500])
def test_a_response_that_is_an_error(status: int, text: str) -> None:
    errors = {f"versions.0.{text}": [text]}
    body = {"success": False, "message": text, "code": text, "errors": errors, "existing_post_uuid": text}
    raw = RawResponse(status, {}, json.dumps(body).encode())
    with pytest.raises(PostBoostRequestError) as caught:
        responses.read(api_settings(), request("list_tags"), raw, datetime.now(UTC))
    assert_harmless(str(caught.value))
    assert_harmless(caught.value.code or "")
    for name, messages in getattr(caught.value, "errors", {}).items():
        assert_harmless(f"{name}: {messages[0]}")


@pytest.mark.parametrize("text", HOSTILE)
def test_why_a_post_failed(text: str) -> None:
    account = {
        "uuid": text,
        "provider": "twitter",
        "name": text,
        "username": text,
        "publish_status": "failed",
    }
    errors = [text, {"message": text, "code": text}]
    post = read_post({"uuid": text, "status": "failed", "accounts": [{**account, "errors": errors}]})
    with pytest.raises(PublishError) as caught:
        conclude([post], "fail")
    assert_harmless(str(caught.value), lines=3)


@pytest.mark.parametrize("text", HOSTILE)
def test_accounts_that_cannot_be_used(text: str) -> None:
    accounts = [{"id": 1, "provider": text, "name": text, "username": text}]
    with pytest.raises(PostBoostConfigError) as caught:
        Accounts(accounts, groups=lambda: [{"name": text, "account_ids": []}]).find(["nobody"])
    first, *listed = str(caught.value).split("\n")
    assert_harmless(first)
    # The list is wrapped, and its lines are indented: none of them looks like a line of the log.
    for line in listed:
        assert line.startswith("  ")
        assert_harmless(line)
    connection = {"status": text, "reconnect_reason": {"message": text, "code": text}, "reconnect_url": text}
    entry = {"id": 1, "uuid": text, "provider": text, "name": text, "authorized": False, "has_token": True}
    health = {
        "data": [
            {**entry, "connection": connection, "healthy": False, "daily_cap": {"used_today": 0, "limit": 9}}
        ]
    }
    finding = AccountsCanPublish((1,)).read([health], datetime(2026, 10, 16, tzinfo=UTC))
    assert_harmless(finding.pending, lines=2)


@pytest.mark.parametrize("text", HOSTILE)
def test_the_report_of_a_calendar(text: str) -> None:
    cells = {"key": text, "accounts": text, "text": text, "media": text, "publish_at": text, "timezone": text}
    (bad,) = read_rows(number_rows([cells]), None)
    assert_harmless(str(bad))
    report = Report("spring", [invalid(bad, bad.problems)])
    assert_harmless(report.describe_bad())


@pytest.mark.parametrize("text", HOSTILE[:-1])
def test_the_log_of_a_run(text: str, sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    rows = row(f"k {text}"), row(f"p {text}", publish_at="2020-01-01 09:00", timezone="UTC")
    with caplog.at_level("DEBUG", logger="postboost_provider"), client(sandbox) as api:
        report = run(api, *rows, on_past="skip")
    assert [done.result for done in report.rows] == ["created", "skipped"]
    assert "forged" not in text or "forged" in caplog.text
    for record in caplog.records:
        assert_harmless(record.getMessage())


@pytest.mark.parametrize("text", HOSTILE[:-1])
def test_the_name_of_a_file(text: str, sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    medium = read_file(MediaFile(f"{text}.png", lambda: io.BytesIO(PNG)))
    with caplog.at_level("DEBUG", logger="postboost_provider"), client(sandbox) as api:
        upload_media(api, medium)
    assert caplog.records
    for record in caplog.records:
        assert_harmless(record.getMessage())


def test_the_name_of_a_file_that_can_not_be_sent() -> None:
    with pytest.raises(PostBoostConfigError) as caught:
        read_file(MediaFile(f"{HOSTILE[-1]}.png", lambda: io.BytesIO(PNG)))
    assert caught.value.code == "bad_name"
    assert_harmless(str(caught.value))


@pytest.fixture
def hostile_names(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give every account and workspace of the sandbox the name of all attacks at once."""
    text = "".join(HOSTILE[:-1])
    use_connection(monkeypatch, sandbox, expires_on="never")

    def rename() -> None:
        for workspace in sandbox._service.store.workspaces.values():
            workspace.name = text
            for account in workspace.accounts.values():
                account.name = account.username = text

    sandbox._run_in_server(rename)
    return text


@pytest.mark.parametrize("command", ["accounts", "workspaces", "check"])
def test_the_commands(command: str, hostile_names: str, capsys: pytest.CaptureFixture[str]) -> None:
    main([command])
    out = capsys.readouterr().out
    assert "forged" in out
    assert_harmless(out, lines=len(out.split("\n")) - 1)


def test_json_of_a_command_has_the_values_as_they_are(
    hostile_names: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["accounts", "--json"])
    out = capsys.readouterr().out
    assert {account["name"] for account in json.loads(out)} == {hostile_names}
    assert_harmless(out, lines=len(out.split("\n")) - 1)


def test_the_connection_test(hostile_names: str, sandbox: Sandbox) -> None:
    _, message = check_connection(settings(sandbox), [hostile_names])
    assert "forged" in message
    assert_harmless(message)


def test_what_is_published_is_not_cleaned(sandbox: Sandbox) -> None:
    text = f"Hello 👩\u200d💻 {HOSTILE[6]}"
    with client(sandbox) as api:
        report = run(api, row(text=text))
        post = api.call("get_post", parameters={"post_uuid": report.rows[0].post_uuid})
    assert post["versions"][0]["content"][0]["body"] == text

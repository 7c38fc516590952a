"""Report exports: creation, expiry and branding."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from tests.remote_files import PNG
from tests.sandbox.bodies import post


@pytest.fixture
def two_posts(sandbox, member, accounts):
    sandbox.change(publish_seconds=0)
    for text in ("One", "Two"):
        body = post(text, accounts["northwind"], accounts["threads"], schedule_now=True)
        assert member.post("/posts", json=body).status_code == 201


def export(client, **body):
    response = client.post("/reports/exports", json={"format": "csv", "period": "this_month", **body})
    assert response.status_code == 201, response.text
    return response.json()["data"]


def download(client, made):
    return client.get(f"/reports/exports/{made['uuid']}/download")


def rows(response):
    return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))


def test_a_csv_is_ready_at_once_and_begins_with_a_byte_order_mark(member, two_posts):
    made = export(member)
    assert (made["status"], made["dataset"], made["error"]) == ("ready", "posts", None)
    response = download(member, made)
    assert response.content.startswith(b"\xef\xbb\xbf")
    assert made["bytes"] == len(response.content)
    assert response.headers["content-type"] == "text/csv; charset=UTF-8"
    found = rows(response)
    assert [(each["post"], each["network"]) for each in found] == [
        ("Two", "twitter"),
        ("Two", "threads"),
        ("One", "twitter"),
        ("One", "threads"),
    ]
    summary = member.get("/analytics", params={"period": "this_month"}).json()["data"]
    assert sum(int(each["views"]) for each in found) == summary["total_views"]["value"]


def test_a_row_for_each_account_of_those_that_are_asked_for(member, two_posts, accounts):
    ids = [accounts["northwind"]["id"], accounts["northwindvideo"]["id"]]
    made = export(member, dataset="accounts", account_ids=ids)
    assert made["account_ids"] == ids
    assert [each["posts"] for each in rows(download(member, made))] == ["2", "0"]


def test_a_pdf_carries_the_branding(member):
    member.put("/report-branding", json={"display_name": "Bean & Co (Ltd)"})
    made = export(member, format="pdf", dataset="accounts")
    assert made["dataset"] is None
    response = download(member, made)
    assert response.headers["content-type"] == "application/pdf"
    assert response.content.startswith(b"%PDF-1.4")
    assert b"Bean & Co \\(Ltd\\)" in response.content
    start = int(response.content.split(b"startxref\n")[1].split(b"\n")[0])
    assert response.content[start:].startswith(b"xref")


def test_at_most_500_posts_are_in_a_report(sandbox, member, accounts):
    sandbox.change(publish_seconds=0, daily_cap=10_000)
    for number in range(505):
        member.post("/posts", json=post(f"Number {number}", accounts["threads"], schedule_now=True))
    found = rows(download(member, export(member)))
    assert (len(found), found[0]["post"], found[-1]["post"]) == (500, "Number 504", "Number 5")


def test_the_default_is_last_month(member):
    first = datetime.now(UTC).date().replace(day=1)
    made = export(member, period=None)
    assert (made["period"], made["date_to"]) == ("last_month", str(first - timedelta(days=1)))
    own = export(member, date_from="2026-01-01", date_to="2026-01-31")
    assert (own["period"], own["date_from"], own["date_to"]) == (None, "2026-01-01", "2026-01-31")


def test_after_seven_days_the_file_expires_and_its_entry_stays(sandbox, member):
    made = export(member)
    sandbox.advance(7 * 86400 - 60)
    assert download(member, made).status_code == 200
    sandbox.advance(60)
    gone = download(member, made)
    assert gone.status_code == 410
    entry = member.get(f"/reports/exports/{made['uuid']}").json()["data"]
    assert (entry["status"], entry["download_url"]) == ("expired", None)


def test_a_report_that_fails_has_no_file(sandbox, member):
    sandbox.change(report_exports="failed")
    made = export(member)
    assert (made["status"], made["bytes"], made["download_url"]) == ("failed", None, None)
    assert made["error"]
    assert download(member, made).status_code == 410


def test_the_latest_fifty_are_listed_newest_first(sandbox, member):
    made = []
    for _ in range(3):
        made += [export(member)["uuid"] for _ in range(18)]
        sandbox.advance(60)
    listed = [each["uuid"] for each in member.get("/reports/exports").json()["data"]]
    assert listed == list(reversed(made))[:50]


def test_the_limit_is_twenty_a_minute(member):
    statuses = [member.post("/reports/exports", json={"format": "pdf"}).status_code for _ in range(21)]
    assert statuses == [201] * 20 + [429]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"format"}),
        ({"format": "xlsx"}, {"format"}),
        ({"format": "csv", "dataset": "tags"}, {"dataset"}),
        ({"format": "csv", "account_ids": [99]}, {"account_ids.0"}),
        ({"format": "csv", "date_from": "2026-10-01"}, {"date_to"}),
        ({"format": "csv", "date_from": "2026-10-02", "date_to": "2026-10-01"}, {"date_to"}),
    ],
)
def test_an_invalid_report_is_rejected(member, body, fields):
    response = member.post("/reports/exports", json=body)
    assert (response.status_code, set(response.json()["errors"])) == (422, fields)


def test_viewers_read_and_a_limited_key_names_its_accounts(connect, admin, member):
    made = export(member)
    viewer = connect("viewer")
    assert viewer.post("/reports/exports", json={"format": "csv"}).status_code == 403
    assert download(viewer, made).status_code == 200
    key = {"name": "k", "abilities": ["read", "write"], "account_ids": [1]}
    limited = connect(admin.post("/api-keys", json=key).json()["data"]["token"])
    assert limited.post("/reports/exports", json={"format": "csv"}).status_code == 403
    assert limited.post("/reports/exports", json={"format": "csv", "account_ids": [2]}).status_code == 403
    assert limited.post("/reports/exports", json={"format": "csv", "account_ids": [1]}).status_code == 201


def test_branding_is_merged_and_its_logo_is_checked(member):
    assert member.get("/report-branding").json()["data"]["has_logo"] is False
    member.put("/report-branding", json={"display_name": "Bean", "primary_color": "#aabbcc"})
    changed = member.put("/report-branding", json={"display_name": None}).json()["data"]
    assert (changed["display_name"], changed["primary_color"]) == (None, "#aabbcc")
    assert list(member.put("/report-branding", json={"primary_color": "red"}).json()["errors"]) == [
        "primary_color"
    ]

    def upload(content):
        return member.post("/report-branding/logo", files={"logo": ("logo.png", content)})

    assert upload(PNG).json()["data"]["has_logo"] is True
    assert upload(b"<svg/>").status_code == 422
    assert upload(PNG + b"x" * 1024 * 1024).status_code == 422
    assert member.post("/report-branding/logo").status_code == 422

"""What the columns of a row become: accounts, times, media, tags, comments and variants."""

from __future__ import annotations

from typing import Any

import pytest

from postboost_provider.api.client import PostBoostClient
from postboost_provider.sandbox.server import Sandbox
from tests.calendar.support import PNG, files, results, row, run
from tests.clients import posts


def test_a_time_in_a_zone_is_sent_as_that_instant(api: PostBoostClient) -> None:
    report = run(api, row(publish_at="2026-12-24 09:30", timezone="Asia/Tokyo"))
    assert report.rows[0].as_dict()["scheduled_at"] == "2026-12-24T00:30:00+00:00"


def test_an_ambiguous_account_is_an_error_that_lists_what_exists(api: PostBoostClient) -> None:
    why = run(api, row(accounts="@northwind")).rows[0].why
    assert "twitter:northwind (id 1), threads:northwind (id 2)" in why


@pytest.mark.parametrize(
    "written", ["1", "@northwind.berlin", "instagram:northwind.coffee", "instagram:*", "x:northwind", "1;2"]
)
def test_accounts_are_found_by_the_names_people_use(api: PostBoostClient, written: str) -> None:
    found = run(api, row(accounts=written, mode="draft")).rows[0].outcome
    assert found is not None
    assert len(found.accounts) == (2 if written in ("instagram:*", "1;2") else 1)


def test_media_is_uploaded_once_for_a_content_and_attached_in_order(
    sandbox: Sandbox, api: PostBoostClient
) -> None:
    both = files(one=PNG, **{"one.png": PNG, "two.png": PNG + b"\0"})
    rows = [row("a", media="one.png;two.png", accounts="instagram:*"), row("b", media="one.png")]
    assert results(run(api, *rows, media=both)) == ["created", "created"]
    library = list(api.pages("list_media"))
    assert len(library) == 2
    assert results(run(api, *rows, media=both)) == ["adopted", "adopted"]
    assert len(list(api.pages("list_media"))) == 2


def test_media_in_the_library_is_attached_by_uuid(api: PostBoostClient) -> None:
    run(api, row("a", media="one.png"), media=files(**{"one.png": PNG}))
    uuid = next(iter(api.pages("list_media")))["uuid"]
    assert results(run(api, row("b", media=uuid))) == ["created"]
    why = run(api, row("c", media="00000000-0000-0000-0000-000000000000")).rows[0].why
    assert why.startswith("media: ")
    assert "00000000-0000-0000-0000-000000000000" in why


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("notes.txt", b"text", "is not an image"),
        ("empty.png", b"", "is empty"),
    ],
)
def test_a_file_that_can_not_be_uploaded_names_why(
    api: PostBoostClient, name: str, content: bytes, why: str
) -> None:
    assert why in run(api, row(media=name), media=files(**{name: content})).rows[0].why


def test_a_changed_file_is_an_edit_and_a_lost_one_takes_nothing_back(
    sandbox: Sandbox, api: PostBoostClient
) -> None:
    one = row(media="one.png")
    run(api, one, media=files(**{"one.png": PNG}))
    assert results(run(api, one, media=files(**{"one.png": PNG + b"\0"}))) == ["updated"]
    assert results(run(api, one, media=files())) == ["adopted"]


def test_tags_are_made_when_missing_and_found_after(api: PostBoostClient) -> None:
    run(api, row("a", tags="launch;fresh"), row("b", tags="FRESH"))
    names = sorted(t["name"] for t in api.pages("list_tags"))
    assert names == ["Evergreen", "Launch", "fresh"]


def test_a_first_comment_is_published_where_it_can_be_and_refused_where_it_would_be_dropped(
    api: PostBoostClient,
) -> None:
    good = row("a", accounts="facebook_page:northwindcoffee;twitter:northwind", first_comment="The link")
    bad = row("b", accounts="twitter:northwind;youtube:northwindvideo", first_comment="The link")
    report = run(api, good, bad)
    assert results(report) == ["created", "invalid"]
    assert report.rows[1].why.startswith("first_comment: ")
    assert "youtube:northwindvideo" in report.rows[1].why
    content = api.call("get_post", parameters={"post_uuid": report.rows[0].post_uuid})["versions"][0][
        "content"
    ]
    assert [item["body"] for item in content] == ["Text a", "The link"]


def test_media_and_tags_that_were_deleted_since_are_made_again(
    sandbox: Sandbox, api: PostBoostClient
) -> None:
    media = files(**{"one.png": PNG})
    run(api, row("a", media="one.png", tags="fresh"), media=media)
    api.call("delete_media_bulk", body={"items": [m["uuid"] for m in api.pages("list_media")]})
    for tag in api.pages("list_tags"):
        api.call("delete_tag", parameters={"tag_uuid": tag["uuid"]})
    assert results(run(api, row("b", media="one.png", tags="fresh"), media=media)) == ["created"]


def test_how_a_text_is_stored_is_not_an_edit(api: PostBoostClient) -> None:
    run(api, row("caf\u00e9", text="One\nTwo", first_comment="A\nB"))
    assert results(run(api, row("cafe\u0301", text="One\r\nTwo", first_comment="A\r\nB"))) == ["adopted"]


def versions(api: PostBoostClient, uuid: str | None) -> dict[int, list[str]]:
    post = api.call("get_post", parameters={"post_uuid": uuid})
    return {v["account_id"]: [item["body"] for item in v["content"]] for v in post["versions"]}


def test_variant_columns_are_content_of_their_own(api: PostBoostClient) -> None:
    one = row(
        accounts="twitter:northwind;linkedin_page:northwind-coffee;facebook_page:northwindcoffee",
        **{"text:linkedin_page": "For colleagues", "first_comment:facebook_page:northwindcoffee": "The link"},
    )
    (report,) = run(api, one).rows
    assert report.result == "created", report.why
    assert versions(api, report.post_uuid) == {
        0: ["Text a"],
        6: ["For colleagues"],
        5: ["Text a", "The link"],
    }
    assert results(run(api, one)) == ["adopted"]
    assert results(run(api, {**one, "text:linkedin_page": "For all"})) == ["updated"]


def test_an_account_overrides_its_network(api: PostBoostClient) -> None:
    one = row(
        accounts="instagram:*",
        mode="draft",
        **{"text:instagram:northwind.berlin": "Hallo", "text:instagram": "Hi"},
    )
    (report,) = run(api, one).rows
    assert versions(api, report.post_uuid) == {0: ["Text a"], 3: ["Hi"], 4: ["Hallo"]}


def test_an_empty_variant_cell_is_not_a_variant_and_one_for_nobody_is_an_error(api: PostBoostClient) -> None:
    report = run(
        api, row("a", **{"text:linkedin_page": ""}), row("b", **{"text:linkedin_page": "For nobody"})
    )
    assert results(report) == ["created", "invalid"]
    assert report.rows[1].why.startswith("text:linkedin_page: 'linkedin_page'")


def test_accounts_may_be_a_group(api: PostBoostClient) -> None:
    (report,) = run(api, row(accounts="Short texts", mode="draft")).rows
    assert report.outcome is not None
    assert len(report.outcome.accounts) > 1
    assert run(api, row("b", accounts="Long texts")).rows[0].why.startswith("accounts: 'Long texts'")


@pytest.mark.parametrize("values", [{"text": {"text": "x"}}, {"text": ["x"]}, {"text:twitter": ["x"]}])
def test_what_is_not_text_is_not_published(sandbox: Sandbox, api: PostBoostClient, values: Any) -> None:
    (done,) = run(api, row(**values)).rows
    assert done.result == "invalid"
    assert done.why.startswith(f"{next(iter(values))}: ")
    assert posts(sandbox) == []

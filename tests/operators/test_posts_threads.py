"""The single-post operator: what each network gets of a thread, a first comment and the variants."""

from __future__ import annotations

from typing import Any

import pytest

from postboost_provider.api.client import PostBoostClient
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import use_connection
from tests.clients import client, creates, make_key
from tests.failures import fails
from tests.operators.posting import run, texts

pytestmark = pytest.mark.usefixtures("naps")


def test_threads_comments_variants_and_options_each_go_where_they_belong(sandbox: Sandbox) -> None:
    result = run(
        accounts=["twitter:northwind", "facebook_page:northwindcoffee", "linkedin_page:northwind-coffee"],
        thread=["Two", "Three"],
        first_comment="The link",
        variants={"linkedin_page": {"text": "For colleagues", "thread": [], "first_comment": ""}},
        tags=["launch", "new tag"],
    )
    assert texts(sandbox, result["uuid"]) == {
        0: ["Hello", "Two", "Three"],
        5: ["Hello", "The link"],
        6: ["For colleagues"],
    }


def test_the_text_of_a_list_or_a_mapping_is_what_it_says(sandbox: Sandbox, mocker: Any) -> None:
    sent = mocker.spy(PostBoostClient, "send")
    result = run(
        accounts="['twitter:northwind', 'linkedin_page:northwind-coffee']",
        thread="['Two', '[3/3] The end']",
        tags="['launch']",
        variants='{"linkedin_page": {"text": "For colleagues", "thread": [], "media": null}}',
        ai_generated="True",
    )
    assert run(ai_generated="None", text="Second", idempotency_salt="2")["result"] == "created"
    assert texts(sandbox, result["uuid"]) == {0: ["Hello", "Two", "[3/3] The end"], 6: ["For colleagues"]}
    assert [c.kwargs["body"].get("ai_generated") for c in sent.mock_calls if c.args[1] == "create_post"][
        :1
    ] == [True]
    with client(sandbox) as api:
        assert [
            t["name"] for t in api.call("get_post", parameters={"post_uuid": result["uuid"]})["tags"]
        ] == ["Launch"]


def test_a_key_that_can_not_tell_networks_sends_no_thread_with_a_comment(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_connection(monkeypatch, sandbox, make_key(sandbox, "write", "publish"))
    options: dict[str, Any] = {"accounts": 5, "thread": ["Two"]}
    with fails(word="'read'"):
        run(first_comment="The link", **options)
    assert texts(sandbox, run(**options)["uuid"]) == {0: ["Hello", "Two"]}


LINKEDIN, VIDEO = "linkedin_page:northwind-coffee", "youtube:northwindvideo"


@pytest.mark.parametrize("first_comment", [None, "The link"])
@pytest.mark.parametrize("target", ["linkedin_page", LINKEDIN])
def test_a_variant_that_leaves_out_the_first_comment_leaves_out_a_thread_too(
    sandbox: Sandbox, target: str, first_comment: str | None
) -> None:
    result = run(
        accounts=["twitter:northwind", LINKEDIN],
        thread=["Two"],
        first_comment=first_comment,
        variants={target: {"first_comment": ""}},
    )
    assert texts(sandbox, result["uuid"]) == {0: ["Hello", "Two"], 6: ["Hello"]}


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"accounts": LINKEDIN, "thread": ["Two"]}, "thread"),
        ({"accounts": VIDEO, "thread": ["Two"], "variants": {"youtube": {"first_comment": ""}}}, "thread"),
        (
            {"accounts": LINKEDIN, "variants": {"linkedin_page": {"thread": ["Two"], "first_comment": ""}}},
            "variants['linkedin_page']['thread']",
        ),
        (
            {
                "accounts": LINKEDIN,
                "variants": {"linkedin_page": {"first_comment": ""}, LINKEDIN: {"thread": ["2"]}},
            },
            f"variants[{LINKEDIN!r}]['thread']",
        ),
        (
            {"accounts": VIDEO, "variants": {"youtube": {"first_comment": "Hi"}}},
            "variants['youtube']['first_comment']",
        ),
    ],
    ids=str,
)
def test_a_part_that_a_network_lacks_is_refused_by_the_argument_that_gave_it(
    sandbox: Sandbox, options: dict[str, Any], field: str
) -> None:
    with fails(field=field, code="not_published"):
        run(**options)
    assert creates(sandbox) == []


def test_the_advice_of_that_refusal_works(sandbox: Sandbox) -> None:
    options: dict[str, Any] = {
        "accounts": ["twitter:northwind", "facebook_page:northwindcoffee"],
        "thread": ["Two"],
    }
    with fails(word="variants={'facebook_page': {'thread': []}}"):
        run(**options)
    result = run(**options, variants={"facebook_page": {"thread": []}})
    assert texts(sandbox, result["uuid"]) == {0: ["Hello", "Two"], 5: ["Hello"]}

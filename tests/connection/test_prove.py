"""The proof of the assumptions: which line flips with which switch of the sandbox, and what is left behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.errors import PostBoostConfigError, PostBoostError, UnexpectedResponseError
from postboost_provider.connection.assumptions import ASSUMPTIONS
from postboost_provider.connection.prove import Proof, prove
from postboost_provider.sandbox.core.settings import Settings
from postboost_provider.sandbox.server import Sandbox
from tests.clients import client, make_key
from tests.naps import pass_at_once

ACCOUNT = "twitter:northwind"
# Nothing to see without a slow server.
UNSEEN = {"key_in_flight", "times_utc"}


@pytest.fixture(autouse=True)
def pauses(mocker: Any) -> list[float]:
    return pass_at_once(mocker, lambda _: None)


def run(sandbox: Sandbox, token: str = "member", **options: Any) -> Proof:
    with client(sandbox, token, attempts=1) as api:
        return prove(api, ACCOUNT, patience=2, **options)


def broken(proof: Proof) -> set[str]:
    return {result.name for result in proof.results if result.holds is False}


def tags(sandbox: Sandbox) -> list[str]:
    with client(sandbox) as api:
        return [tag["name"] for tag in api.pages("list_tags")]


def drafts(sandbox: Sandbox) -> list[Any]:
    return [post["uuid"] for post in sandbox.state()["posts"]]


def test_all_hold_by_default_and_nothing_is_left(sandbox: Sandbox) -> None:
    before = (drafts(sandbox), tags(sandbox))
    proof = run(sandbox)
    assert [result.name for result in proof.results] == [each.name for each in ASSUMPTIONS]
    assert broken(proof) == set()
    assert {result.name for result in proof.results if result.holds is None} <= UNSEEN
    assert proof.left == []
    assert (drafts(sandbox), tags(sandbox)) == before
    assert proof.observed["log_visible"] is True
    # Nothing is ever scheduled or published.
    assert {"schedule_post", "approve_post", "add_post_to_queue"}.isdisjoint(
        request["operation"] for request in sandbox.requests()
    )


@pytest.mark.parametrize(
    ("switches", "names"),
    [
        ({"activity_log": "off"}, {"log_visible"}),
        ({"activity_delay": 3600.0}, {"log_visible"}),
        ({"activity_readers": "nobody"}, {"log_visible"}),
        ({"activity_readers": "admins"}, {"log_visible"}),
        ({"activity_readers": "nobody", "activity_refusal": 200}, {"log_visible"}),
        ({"activity_status": 404}, {"log_visible"}),
        ({"activity_status": 422}, {"log_visible"}),
        ({"activity_status": 500}, {"log_visible"}),
        ({"activity_label_length": 40}, {"log_label"}),
        ({"activity_label_length": 62}, {"log_label"}),
        ({"activity_prefix_length": 20}, {"log_filter"}),
        ({"activity_prefix_length": 20, "activity_long_prefix": "ignore"}, {"log_filter"}),
        ({"activity_post_uuid": False}, {"log_post_uuid"}),
        ({"text_processing": "trim"}, {"text_verbatim"}),
        ({"text_processing": "strip_tags"}, {"text_verbatim"}),
        ({"text_processing": "decode_entities"}, {"text_verbatim"}),
        ({"normalize_texts": True}, {"text_verbatim"}),
        ({"store_4xx": False}, {"refusal_stored"}),
        ({"reused_key_status": 409}, {"key_reuse"}),
        ({"reused_key_errors": True}, {"key_reuse"}),
        ({"conflict_code": True}, {"key_reuse"}),
        ({"conflict_code": True, "reused_key_code": "validation_failed"}, {"key_reuse"}),
        ({"unknown_workspace": 403}, {"unknown_workspace"}),
    ],
    ids=str,
)
def test_the_line_of_a_switch_flips_with_it(
    sandbox: Sandbox, switches: dict[str, Any], names: set[str]
) -> None:
    sandbox.change(**switches)
    proof = run(sandbox)
    assert broken(proof) == names
    assert proof.left == []
    for result in proof.results:
        assert result.otherwise
        assert result.seen


def test_a_log_that_is_late_is_read_again_until_it_has_the_writes(sandbox: Sandbox, mocker: Any) -> None:
    sandbox.change(activity_delay=30.0)
    pauses = pass_at_once(mocker, lambda _: sandbox.change(activity_delay=0.0))
    (seen,) = [result for result in run(sandbox).results if result.name == "log_visible"]
    assert (seen.holds, seen.seen, pauses) == (True, "after 1 s", [1.0])


def test_a_validation_is_seen_by_its_label_whatever_its_outcome(sandbox: Sandbox, mocker: Any) -> None:
    """Tasks look for the label, too."""
    pages = PostBoostClient.pages

    def renamed(api: PostBoostClient, operation: str, **rest: Any) -> Any:
        for row in pages(api, operation, **rest):
            yield {**row, "outcome": "ok"} if row.get("outcome") == "validated" else row

    mocker.patch.object(PostBoostClient, "pages", renamed)
    proof = run(sandbox)
    assert proof.observed["log_validated"] is True
    assert broken(proof) == set()


def test_a_log_that_stays_empty_is_read_for_as_long_as_given(sandbox: Sandbox, pauses: list[float]) -> None:
    sandbox.change(activity_log="off")
    run(sandbox)
    assert 1.5 < sum(pauses) <= 2.0


def test_every_switch_of_an_assumption_exists_and_is_tried_here() -> None:
    named = {switch for each in ASSUMPTIONS for switch in each.switches}
    assert named <= set(Settings.__dataclass_fields__)
    tried = Path(__file__).read_text(encoding="utf-8")
    assert [switch for switch in named if f'"{switch}"' not in tried] == []


@pytest.mark.parametrize(
    ("switches", "holds"), [({"in_flight_status": 409}, True), ({"in_flight_status": 422}, False)]
)
def test_a_key_in_flight_is_seen_on_a_slow_server(
    sandbox: Sandbox, switches: dict[str, int], holds: bool
) -> None:
    sandbox.change(**switches)
    # The refused tags come first.
    sandbox.faults({"kind": "delay", "operation": "create_tag", "seconds": 0.5, "after": 2})
    (seen,) = [result for result in run(sandbox).results if result.name == "key_in_flight"]
    assert seen.holds is holds
    assert str(switches["in_flight_status"]) in seen.seen


def test_an_unknown_account_ends_it_before_anything_is_created(sandbox: Sandbox) -> None:
    with client(sandbox, attempts=1) as api, pytest.raises(PostBoostConfigError) as caught:
        prove(api, "twitter:nobody")
    assert caught.value.code == "unknown_account"
    assert {"create_post", "create_tag"}.isdisjoint(r["operation"] for r in sandbox.requests())


def test_what_could_not_be_deleted_is_said(sandbox: Sandbox) -> None:
    sandbox.faults({"kind": "server_error", "operation": "delete_post", "count": 9})
    (left,) = run(sandbox).left
    assert left.startswith("draft ")
    assert "500" in left


def test_a_failure_on_the_way_deletes_what_there_is(sandbox: Sandbox) -> None:
    before = drafts(sandbox)
    sandbox.faults({"kind": "server_error", "operation": "get_post", "count": 1})
    with pytest.raises(PostBoostError):
        run(sandbox)
    assert drafts(sandbox) == before


def test_a_failure_on_the_way_says_what_it_could_not_delete(sandbox: Sandbox) -> None:
    sandbox.faults(
        {"kind": "server_error", "operation": "get_post", "count": 1},
        {"kind": "server_error", "operation": "delete_post", "count": 1},
    )
    with pytest.raises(PostBoostError) as caught:
        run(sandbox)
    (uuid,) = drafts(sandbox)
    assert uuid in str(caught.value)


def test_a_draft_whose_response_was_lost_is_found_by_its_key_and_deleted(sandbox: Sandbox) -> None:
    before = drafts(sandbox)
    sandbox.faults({"kind": "drop_after", "operation": "create_post", "count": 1})
    assert broken(run(sandbox)) == set()
    assert drafts(sandbox) == before


@pytest.mark.parametrize("junk", [{}, [], None, "x", {"uuid": 1}, {"uuid": "x"}], ids=repr)
@pytest.mark.parametrize(("operation", "nth"), [("create_post", 1), ("create_post", 2), ("get_post", 1)])
def test_junk_in_a_response_is_a_typed_error_and_leaves_no_draft(
    sandbox: Sandbox, mocker: Any, junk: Any, operation: str, nth: int
) -> None:
    before, calls, send = drafts(sandbox), [], PostBoostClient.send

    def junked(api: PostBoostClient, name: str, **rest: Any) -> Any:
        response = send(api, name, **rest)
        calls.append(name)
        is_it = name == operation and calls.count(name) == nth
        return replace(response, payload=junk) if is_it else response

    mocker.patch.object(PostBoostClient, "send", junked)
    if nth == 1:
        with pytest.raises(UnexpectedResponseError):
            run(sandbox)
    else:
        assert broken(run(sandbox)) == {"replay"}
    assert drafts(sandbox) == before


def test_a_draft_that_no_response_names_and_no_list_shows_is_said(sandbox: Sandbox) -> None:
    sandbox.faults(
        {"kind": "drop_after", "operation": "create_post", "count": 2},
        {"kind": "server_error", "operation": "list_posts", "count": 9},
    )
    with pytest.raises(PostBoostError) as caught:
        run(sandbox)
    (left,) = sandbox.state()["posts"]
    (name,) = (word for word in str(caught.value).split() if len(word) == 32)
    assert name in left["text"]


def test_a_key_that_may_not_read_can_not_prove_anything(sandbox: Sandbox) -> None:
    token = make_key(sandbox, "write")
    with pytest.raises(PostBoostError):
        run(sandbox, token)

from __future__ import annotations

import re

import pytest

from postboost_provider.api.operations import load_operations

ALL = load_operations()


def test_there_are_222_operations_with_names_and_places_of_their_own():
    assert len(ALL) == 222
    assert len({(op.method, re.sub(r"\{\w+\}", "{}", op.path)) for op in ALL.values()}) == 222


def test_postboost_declares_an_idempotency_key_for_these_and_no_others():
    assert {name for name, op in ALL.items() if op.idempotency_key} == {
        "add_post_to_queue",
        "approve_post",
        "create_media_folder",
        "create_mention",
        "create_post",
        "create_tag",
        "initiate_chunked_upload",
        "initiate_remote_upload",
        "repurpose_content",
        "retry_post_account",
        "schedule_post",
        "upload_media",
        "upload_media_base64",
    }


def test_nothing_that_takes_a_key_is_sent_again_without_one():
    assert not [name for name, op in ALL.items() if op.idempotency_key and op.retryable]


def test_every_read_is_retry_safe_but_the_one_whose_response_is_returned_once():
    assert [n for n, op in ALL.items() if op.is_read and not op.retryable] == ["get_remote_upload_status"]


@pytest.mark.parametrize(
    "name", ["create_api_key", "create_webhook_subscription", "recycle_post", "run_agent"]
)
def test_what_makes_something_new_without_a_key_is_not_retryable(name):
    assert not ALL[name].retryable


def test_what_shows_a_secret_once_says_where():
    assert {name: op.secret for name, op in ALL.items() if op.secret} == {
        "create_api_key": "data.token",
        "create_webhook_subscription": "data.secret",
    }


def test_43_of_the_54_free_tools_work_without_a_token_and_nothing_else_does():
    free = [op for op in ALL.values() if not op.needs_token]
    assert len(free) == 43
    assert {op.tier for op in free} == {"tools"}
    assert all(op.retryable and not op.idempotency_key for op in free)
    assert sum(op.tier == "tools" for op in ALL.values()) == 54


@pytest.mark.parametrize("op", ALL.values(), ids=lambda op: op.operation)
def test_an_operation_is_whole(op):
    in_path = re.findall(r"\{(\w+)\}", op.path)
    assert in_path == [p.name for p in op.parameters if p.place == "path"]
    assert all(p.required for p in op.parameters if p.place == "path")
    assert (op.tier == "workspace") == op.path.startswith("/{workspace_uuid}/")
    assert (op.tier == "panel") == op.path.startswith("/panel/")
    assert set(op.required_fields) <= set(op.fields)
    assert set(op.files) <= set(op.fields)
    assert bool(op.files) == (op.body == "multipart")
    assert 200 <= op.status < 300
    assert op.method in {"GET", "POST", "PUT", "PATCH", "DELETE"}
    assert not (op.is_read and (op.body != "none" or op.idempotency_key))

"""Attempts that edit one post at the same time: none is green while it knows that another one has written other words."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.errors import OvertakenError
from postboost_provider.publishing import update
from postboost_provider.sandbox.server import Sandbox
from tests.clients import client, posts
from tests.publishing.support import publish


def test_of_two_edits_at_once_at_most_one_is_green(sandbox: Sandbox) -> None:
    with client(sandbox) as api:
        publish(api)
    sandbox.faults({"operation": "update_post", "kind": "delay", "seconds": 0.3, "count": 9})
    ends: list[str | None] = []

    def go(text: str) -> None:
        with client(sandbox) as api:
            try:
                ends.append(publish(api, text).result)
            except OvertakenError as error:
                ends.append(error.code)

    threads = [threading.Thread(target=go, args=(text,)) for text in ("One", "Two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends.count("updated") <= 1
    assert "overtaken" in ends
    sandbox.faults()
    with client(sandbox) as api:
        publish(api, "Two")
    assert [p["text"] for p in posts(sandbox)] == ["Two"]


def test_an_edit_does_not_replace_words_that_were_written_after_it_looked(
    server: Sandbox, api: PostBoostClient, mocker: Any
) -> None:
    uuid = publish(api).post_uuid
    compare = update.compare

    def late(*args: Any) -> Any:
        found = compare(*args)
        mocker.stop(patch)
        publish(api, "Newer")
        return found

    patch = mocker.patch.object(update, "compare", late)
    with pytest.raises(OvertakenError) as caught:
        publish(api, "Older")
    assert caught.value.code == "overtaken"
    assert [(p["uuid"], p["text"]) for p in posts(server)] == [(uuid, "Newer")]


def test_an_edit_sees_what_is_written_while_it_reads_the_log_at_its_end(
    sandbox: Sandbox, mocker: Any
) -> None:
    with client(sandbox) as api, client(sandbox) as other:
        publish(api)
        send, pages, state = api.send, api.pages, {"is_sent": False}

        def note(operation: str, **rest: Any) -> Any:
            response = send(operation, **rest)
            state["is_sent"] |= operation == "update_post"
            return response

        def late(operation: str, **rest: Any) -> Any:
            found = list(pages(operation, **rest))
            if operation == "list_api_activity" and state["is_sent"]:
                mocker.stopall()
                publish(other, "Newer")
            return iter(found)

        mocker.patch.object(api, "send", note)
        mocker.patch.object(api, "pages", late)
        # Both requests of the log's last read are made; the other attempt comes between them.
        with pytest.raises(OvertakenError) as caught:
            publish(api, "Older")
    assert caught.value.code == "overtaken"
    assert [p["text"] for p in posts(sandbox)] == ["Newer"]

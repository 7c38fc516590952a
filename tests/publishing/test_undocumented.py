"""Whatever PostBoost does where its documents are silent: one post, or a typed failure that says why. Never two."""

from __future__ import annotations

from typing import Any

import pytest

from postboost_provider.api.errors import PostBoostError
from postboost_provider.sandbox.server import Sandbox
from tests.clients import client, creates, posts, variant_name
from tests.publishing.journeys import Journey, slow
from tests.publishing.support import publish

BLIND: list[dict[str, Any]] = [
    {"activity_log": "off"},
    {"activity_delay": 60.0},
    {"activity_delay": 3600.0},
    {"activity_readers": "nobody", "activity_refusal": 200},
]
UNREADABLE: list[dict[str, Any]] = [
    {"activity_readers": "nobody"},
    {"activity_readers": "admins"},
    {"activity_status": 404},
    {"activity_status": 422},
]
SEEING: list[dict[str, Any]] = [
    {},
    *({"activity_label_length": length} for length in (29, 50, 64, 100)),
    {"activity_post_uuid": False},
    *({"activity_prefix_length": length} for length in (8, 20)),
    {"activity_prefix_length": 8, "activity_long_prefix": "ignore"},
    {"reused_key_status": 409},
    {"reused_key_status": 409, "conflict_code": True},
    {"reused_key_errors": True},
    {"conflict_code": True, "reused_key_code": "validation_failed"},
    {"conflict_code": True, "reused_key_errors": True},
    {"in_flight_status": 422},
    {"in_flight_status": 422, "conflict_code": True},
    {"store_4xx": False},
    {"store_4xx": False, "in_flight_status": 422},
    {"idempotency_fingerprint": "parsed"},
    *({"text_processing": how} for how in ("trim", "strip_tags", "decode_entities")),
]
EVERY = [*SEEING, *BLIND, *UNREADABLE]
DONE = ("created", "replayed", "adopted", "updated")


@pytest.fixture
def journey(request: pytest.FixtureRequest, sandbox: Sandbox, mocker: Any) -> Journey:
    sandbox.reset(**request.param)
    return Journey(sandbox, mocker)


def under(settings: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("journey", settings, ids=variant_name, indirect=True)


TEXT = " <b>Tea</b> &amp; cake "


@under(SEEING)
def test_attempts_edits_and_a_day_are_one_post(journey: Journey) -> None:
    assert journey.publish(TEXT) == "created"
    assert journey.publish(TEXT, retry=True) in ("adopted", "updated")
    journey.later(hours=25)
    assert journey.publish(TEXT, retry=True) in ("adopted", "updated")
    assert journey.publish(f"{TEXT} today", retry=True) in ("updated", "UnconfirmedError uuid_unknown")
    assert len(posts(journey.sandbox)) == 1


@under([*BLIND, *UNREADABLE])
def test_where_the_log_tells_nothing_only_the_key_does_and_after_a_day_nothing_is_sent(
    journey: Journey,
) -> None:
    first = journey.publish(TEXT)
    assert first in ("created", "PostBoostConfigError log_unreadable")
    assert journey.publish(TEXT, retry=True) in ("replayed", "PostBoostConfigError log_unreadable")
    edited = journey.publish("Another", retry=True)
    assert edited in (
        "UnconfirmedError blind_log",
        "KeyInUseError key_in_use",
        "OvertakenError overtaken",
        "updated",
        "PostBoostConfigError log_unreadable",
    )
    journey.later(hours=25)
    assert journey.publish(TEXT, retry=True) in (
        "PostBoostConfigError blind_log",
        "PostBoostConfigError log_unreadable",
        "adopted",
        "updated",
    )
    assert len(posts(journey.sandbox)) == (first == "created")


@under(UNREADABLE)
def test_a_log_that_is_refused_can_be_done_without(journey: Journey) -> None:
    assert journey.publish(on_unknown="publish") == "created"
    assert journey.publish(retry=True, on_unknown="publish") == "replayed"
    assert journey.publish("Another", retry=True, on_unknown="publish") == "UnconfirmedError other_body"


@under(EVERY)
def test_a_lost_response_is_found(journey: Journey) -> None:
    journey.sandbox.faults({"operation": "create_post", "kind": "drop_after", "count": 3})
    journey.publish(attempts=3)
    journey.sandbox.faults()
    assert journey.publish(retry=True) in (*DONE, "PostBoostConfigError log_unreadable")


@under([*SEEING, *BLIND])
def test_a_corrected_post_goes_out(journey: Journey) -> None:
    for _ in range(2):
        assert journey.publish("x" * 300, retry=True).startswith("ValidationError")
    before = len(creates(journey.sandbox))
    end = journey.publish(retry=True)
    assert len(creates(journey.sandbox)) - before <= 20
    if journey.sandbox.state()["settings"]["activity_delay"] == 0 and end != "created":
        assert end in ("UnconfirmedError blind_log", "KeyInUseError key_in_use")
        settings = journey.sandbox.state()["settings"]
        assert (
            settings["activity_log"] == "off"
            or settings["activity_readers"] == "nobody"
            or (0 < settings["activity_label_length"] < 59)
        )
    journey.publish(retry=True)


@under([s for s in SEEING if s.get("activity_label_length", 64) >= 59])
def test_a_corrected_post_goes_out_without_a_wait(journey: Journey) -> None:
    for _ in range(12):
        assert journey.publish("x" * 300, retry=True).startswith("ValidationError")
    before = len(creates(journey.sandbox))
    assert journey.publish(retry=True) == "created"
    assert len(creates(journey.sandbox)) - before == 1
    assert journey.slept == []


@under(EVERY)
def test_the_same_words_at_once_are_one_post(journey: Journey) -> None:
    with slow(journey.sandbox):
        ends = journey.together("Hello", "Hello", "Hello")
    assert journey.publish(retry=True) in (*DONE, "PostBoostConfigError log_unreadable"), ends


@under(EVERY)
def test_of_two_texts_at_once_none_is_green_while_the_other_is_in_place(journey: Journey) -> None:
    with slow(journey.sandbox):
        ends = journey.together("One", "Two")
    green = [end for end in ends if end.partition(" ")[0] in DONE]
    assert len(green) <= 1
    for end in green:
        assert [p["text"] for p in posts(journey.sandbox)] == [end.partition(" ")[2]]


@under([*SEEING, *BLIND])
def test_two_corrections_at_once_are_one_post(journey: Journey) -> None:
    journey.publish("x" * 300)
    with slow(journey.sandbox, 0.3):
        journey.together("One", "Two", "One")
    assert len(posts(journey.sandbox)) <= 1


@pytest.mark.parametrize("settings", [{}, {"store_4xx": False}], ids=variant_name)
def test_a_plan_limit_blocks_nothing_once_it_is_lifted(
    sandbox: Sandbox, mocker: Any, settings: dict[str, Any]
) -> None:
    sandbox.reset(plan_posts=1, **settings)
    journey = Journey(sandbox, mocker)
    sandbox.seed(posts=1)
    before, posts_before = len(creates(sandbox)), len(posts(sandbox))
    end = _limited(journey)
    assert "Your plan has a limit" in end
    assert len(creates(sandbox)) - before <= 4
    assert sum(journey.slept) < 75
    assert len(posts(sandbox)) == posts_before
    sandbox.change(plan_posts=0)
    slept = len(journey.slept)
    assert _limited(journey) == "created"
    assert journey.slept[slept:] == []


def _limited(journey: Journey) -> str:
    with client(journey.sandbox) as api:
        try:
            return publish(api).result
        except PostBoostError as error:
            return str(error)

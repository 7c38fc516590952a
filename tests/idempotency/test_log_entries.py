"""The entries of the activity log: what their outcomes mean, and their order."""

from __future__ import annotations

import httpx
import pytest

from postboost_provider.api.errors import UnexpectedResponseError
from postboost_provider.idempotency.activity_log import LogEntry, read_log
from postboost_provider.idempotency.label import PostAct
from tests.api.support import WORKSPACE
from tests.idempotency.test_activity_log import MONDAY_ROW, SCOPE, activity

MONDAY = MONDAY_ROW.log_identity


@pytest.mark.parametrize(
    ("status", "outcome", "success", "refusal", "settled"),
    [
        (201, "created", True, False, False),
        (399, "created", True, False, False),
        (201, "replayed", False, False, False),
        (400, "failed", False, True, False),
        (400, "replayed", False, True, True),
        (428, "replayed", False, True, True),
        (429, "replayed", False, False, False),
        (500, "replayed", False, False, False),
        (500, "failed", False, False, False),
    ],
)
def test_what_the_outcome_of_an_entry_means(status, outcome, success, refusal, settled):
    entry = LogEntry(MONDAY_ROW.label(), outcome, status, None, None, None)
    assert (entry.is_success, entry.is_refusal, entry.is_settled_refusal) == (success, refusal, settled)


@pytest.mark.parametrize("latest", [False, True])
def test_entries_of_several_requests_are_in_the_order_of_their_times(connect, postboost, latest):
    at = {name: f"2026-10-16T07:30:0{second}Z" for name, second in (("a", 3), ("b", 2), ("c", 1), ("d", 0))}
    rows = {name: activity(f"airflow/{SCOPE}/{MONDAY} {name}", created_at=at[name]) for name in at}
    lists = [[rows["b"], rows["d"]], [rows["a"], rows["c"]]]
    route = postboost.get(f"/{WORKSPACE}/activity").mock(
        side_effect=[httpx.Response(200, json={"data": rows}) for rows in lists]
    )
    found = read_log(connect(), MONDAY_ROW.owner, since="2026-10-16", latest=latest)
    assert [entry.label.act for entry in found] == ["a", "b", "c", "d"]
    asked = [dict(call.request.url.params) for call in route.calls]
    starts = MONDAY_ROW.owner.starts
    assert [each["client"] for each in asked] == list(reversed(starts) if latest else starts)
    assert [each["since"] for each in asked] == ["2026-10-16"] * 2


def test_entries_without_a_time_stay_in_the_order_of_the_log(connect, postboost):
    rows = [
        activity(f"airflow/{SCOPE}/{MONDAY} {name}", created_at=at)
        for name, at in (("a", "2026-10-16T07:30:00Z"), ("b", None), ("c", "2026-10-16T07:30:09Z"))
    ]
    postboost.get(f"/{WORKSPACE}/activity").mock(
        side_effect=[httpx.Response(200, json={"data": found}) for found in (rows, [])]
    )
    assert [entry.label.act for entry in read_log(connect(), MONDAY_ROW.owner)] == ["a", "b", "c"]


def test_an_entry_may_lack_everything_but_its_label(connect, postboost):
    row = {"client": str(MONDAY_ROW.label("approve"))}
    postboost.get(f"/{WORKSPACE}/activity").mock(
        side_effect=[httpx.Response(200, json={"data": found}) for found in ([row, {}], [])]
    )
    assert read_log(connect(), MONDAY_ROW.owner) == [
        LogEntry(MONDAY_ROW.label("approve"), None, 0, None, None, None)
    ]


@pytest.mark.parametrize("row", ["x", {"client": f"airflow/{SCOPE}/{MONDAY}", "http_status": "x"}])
def test_an_entry_that_can_not_be_read_is_an_error_and_not_left_out(connect, postboost, row):
    postboost.get(f"/{WORKSPACE}/activity").mock(return_value=httpx.Response(200, json={"data": [row]}))
    with pytest.raises(UnexpectedResponseError, match="^list_api_activity") as caught:
        read_log(connect(), MONDAY_ROW.owner)
    assert caught.value.code == "unreadable_response"


def test_a_log_that_takes_only_the_shortest_filter_is_read_once(connect, postboost):
    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.params["client"] != "airflow/":
            return httpx.Response(422, json={"message": "No."})
        return httpx.Response(200, json={"data": [activity(f"airflow/{SCOPE}/{MONDAY} approve")]})

    route = postboost.get(f"/{WORKSPACE}/activity").mock(side_effect=respond)
    assert [entry.label.act for entry in read_log(connect(), MONDAY_ROW.owner)] == ["approve"]
    assert [call.request.url.params["client"] for call in route.calls] == [
        f"airflow/{SCOPE}/{MONDAY}",
        f"airflow/{SCOPE}/",
        "airflow/",
    ]


@pytest.mark.parametrize(
    ("act", "at"),
    [
        (f"{'a' * 16} draft", f"{'a' * 16} draft r0002"),
        (f"{'a' * 16} draft r0001", f"{'a' * 16} draft r0002"),
        (f"{'a' * 8} {'b' * 8}", f"{'a' * 8} {'b' * 8} r2"),
        # The note of another kind keeps its place.
        (f"{'a' * 8} {'b' * 8} abc:7.8", f"{'a' * 8} {'b' * 8} abc:7.8"),
        ("approve", "approve"),
        # The mode was cut: no revision makes it whole.
        ("a" * 16, "a" * 16),
    ],
)
def test_a_revision_is_part_of_the_labels_of_posts_and_operations(act, at):
    label = MONDAY_ROW.label(act)
    assert label.at(2) == MONDAY_ROW.label(at)
    assert label.at(0).act in (act, f"{act} r0000", act.replace("r0001", "r0000"))


def test_the_log_of_another_workspace_is_read_where_one_is_named(connect, postboost):
    route = postboost.get("/w-2/activity").mock(return_value=httpx.Response(200, json={"data": []}))
    assert read_log(connect(), MONDAY_ROW.owner, workspace_uuid="w-2") == []
    assert route.called


@pytest.mark.parametrize(
    ("length", "act"),
    [
        (8, PostAct(None, None)),
        (16, PostAct("a" * 16, None)),
        (20, PostAct("a" * 16, None)),
        (25, PostAct("a" * 16, "schedule")),
        (26, PostAct("a" * 16, "schedule")),
        (30, PostAct("a" * 16, "schedule")),
        (31, PostAct("a" * 16, "schedule", 12)),
    ],
)
def test_a_label_that_the_log_has_cut_tells_what_is_left_of_it(length, act):
    assert MONDAY_ROW.label(f"{'a' * 16} schedule r0012"[:length]).post == act

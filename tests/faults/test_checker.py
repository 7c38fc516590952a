"""The judge bites: a broken engine, a lost post and a green task that lies are each reported, and the network really fails."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.faults.checker import (
    DUPLICATE,
    FALSE_SUCCESS,
    LOSS,
    Rules,
    Seen,
    Wanted,
    check_once,
    check_strangers,
    check_true,
    posts_of,
)
from tests.faults.excuses import is_excused

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
AT = NOW + timedelta(days=2)
WANTED = Wanted("Offer7q", "schedule", {1: ("Offer7q today",), 2: ("Offer7q today",)}, AT)
RULES = Rules()


def seen(**changes: object) -> Seen:
    values = {
        "uuid": "0f8f2895-fff6",
        "status": "scheduled",
        "trashed": False,
        "approved": False,
        "texts": WANTED.texts,
        "media": {1: (), 2: ()},
        "states": {1: "pending", 2: "pending"},
        "tags": frozenset(),
        "scheduled_at": AT,
    }
    return Seen(**{**values, **changes})  # type: ignore[arg-type]


def kinds(*posts: Seen, wanted: Wanted = WANTED, rules: Rules = RULES) -> list[str]:
    found = [*check_true(wanted, posts, NOW, rules), *check_once(wanted.name, posts)]
    return [verdict.kind for verdict in found]


def test_what_is_true_is_not_reported() -> None:
    assert kinds(seen()) == []
    live = {"status": "published", "states": {1: "published", 2: "published"}}
    assert kinds(seen(**live)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"texts": {1: ("Offer7q yesterday",), 2: ("Offer7q today",)}},
        {"texts": {1: ("Offer7q today",)}},
        {"texts": {1: ("Offer7q today", "and more"), 2: ("Offer7q today",)}},
        {"status": "draft"},
        {"status": "failed"},
        {"states": {1: "published", 2: "failed"}},
        {"scheduled_at": AT - timedelta(minutes=1)},
        {"scheduled_at": AT + timedelta(hours=1)},
        {"media": {1: ("another file",), 2: ("another file",)}},
        {"tags": frozenset({"not asked for"})},
        {"status": "needs_approval"},
    ],
    ids=str,
)
def test_each_difference_of_a_green_task_is_a_false_success(changes: dict[str, object]) -> None:
    assert kinds(seen(**changes)) == [FALSE_SUCCESS]


def test_a_post_that_is_missing_or_in_the_trash_is_a_loss() -> None:
    assert kinds() == [LOSS]
    assert kinds(seen(trashed=True)) == [LOSS]
    assert kinds(seen(texts={1: ("Another offer",), 2: ("Another offer",)})) == [LOSS]


def test_two_posts_are_a_duplicate_whatever_their_words() -> None:
    assert kinds(seen(), seen(uuid="2")) == [DUPLICATE]
    assert kinds(seen(), seen(uuid="2", texts={1: ("Offer7q before the edit",)})) == [DUPLICATE]
    assert kinds(seen(), seen(uuid="2", trashed=True)) == []


def test_what_was_published_and_trashed_and_published_again_is_a_duplicate() -> None:
    live = {"status": "published", "states": {1: "published", 2: "published"}}
    assert kinds(seen(**live), seen(uuid="2", trashed=True, **live)) == [DUPLICATE]


def test_a_post_that_nobody_has_approved_is_a_false_success() -> None:
    rules = Rules(needs_approval=True)
    assert kinds(seen(), rules=rules) == [FALSE_SUCCESS]
    assert kinds(seen(approved=True), rules=rules) == []
    assert kinds(seen(status="needs_approval"), rules=rules) == []


def test_a_draft_that_is_scheduled_is_a_false_success() -> None:
    draft = replace(WANTED, mode="draft", at=None)
    assert kinds(seen(status="draft", scheduled_at=None), wanted=draft) == []
    assert kinds(seen(), wanted=draft) == [FALSE_SUCCESS]


def test_what_is_to_go_out_now_is_not_for_later() -> None:
    now = replace(WANTED, mode="now", at=None)
    assert kinds(seen(scheduled_at=NOW), wanted=now) == []
    assert kinds(seen(scheduled_at=NOW + timedelta(hours=1)), wanted=now) == [FALSE_SUCCESS]


def test_what_was_late_is_for_now_and_a_row_not_later_than_it_may_be() -> None:
    late = replace(WANTED, at=NOW - timedelta(hours=3))
    assert kinds(seen(scheduled_at=NOW), wanted=late) == []
    assert kinds(seen(scheduled_at=NOW + timedelta(hours=1)), wanted=late) == [FALSE_SUCCESS]
    assert kinds(seen(scheduled_at=NOW), wanted=replace(late, is_row=True)) == [FALSE_SUCCESS]


def test_the_media_are_compared_by_content_unless_postboost_encodes_them_again() -> None:
    wanted = replace(WANTED, media=("hash",))
    assert kinds(seen(media={1: ("hash",), 2: ("hash",)}), wanted=wanted) == []
    other = seen(media={1: ("hash",), 2: ("other",)})
    assert kinds(other, wanted=wanted) == [FALSE_SUCCESS]
    assert kinds(other, wanted=wanted, rules=Rules(reencodes=True)) == []


def test_what_a_person_has_ended_is_not_made_again() -> None:
    gone = seen(uuid="1")
    assert check_once("Offer7q", [], [gone]) == []
    assert check_once("Offer7q", [seen(uuid="1", trashed=True)], [gone]) == []
    for others in ([seen(uuid="2")], [seen(uuid="1", trashed=True), seen(uuid="2")]):
        assert [v.kind for v in check_once("Offer7q", others, [gone])] == [DUPLICATE]


def test_a_post_that_nobody_wanted_is_found() -> None:
    assert check_strangers(["Offer7q"], [seen()]) == []
    assert [v.kind for v in check_strangers(["Row8q"], [seen()])] == [DUPLICATE]


def test_a_failure_is_only_excused_by_what_was_drawn() -> None:
    assert is_excused("PostBoostConfigError/log_unreadable", {"activity_status": 404})
    assert is_excused("UnconfirmedError/uuid_unknown", {"activity_post_uuid": False})
    for code in ("PostBoostConfigError/log_unreadable", "ValidationError/", "PostBoostConfigError/too_late"):
        assert not is_excused(code, {"store_4xx": False})
    assert not is_excused("UnconfirmedError/uuid_unknown", {"activity_status": 404})


def test_altered_texts_are_only_excused_where_postboost_alters_them() -> None:
    wanted = Wanted("Offer7q", "draft", {1: ("<b>Offer7q</b> &amp; more",)})
    post = seen(
        status="draft",
        texts={1: ("Offer7q & more",)},
        media={1: ()},
        states={1: "pending"},
        scheduled_at=None,
    )
    assert kinds(post, wanted=wanted) == [FALSE_SUCCESS]
    assert kinds(post, wanted=wanted, rules=Rules(alters_texts=True)) == []


def test_each_post_tells_whose_it_is() -> None:
    posts = [seen(), seen(texts={1: ("Row8q",)})]
    assert len(posts_of("Offer7q", posts)) == 1


BROKEN = """
import json, sys, uuid
import tests.conftest
from tests.faults.sequence import Plan, Sequence
from tests.faults.world import World

def random_keys():
    from postboost_provider.idempotency.identity import Act
    Act.key = lambda self, revision: str(uuid.uuid4())

def forgotten_post():
    from postboost_provider.operators.posts import PostBoostCreatePostOperator as operator
    operator.execute = lambda self, context: {"uuid": "x", "result": "created"}

def unread_refusals():
    from postboost_provider.operators.post_actions import PostBoostDeletePostOperator as operator
    operator.execute = lambda self, context: [self.post_uuids]

def check(broken, family, count, race):
    with World() as world:
        broken()
        plan = Plan("broken", kill=0, race=float(race), person=0, gap=0, calm=0.5, families=(family,))
        results = [Sequence(world, seed, plan).run() for seed in range(count)]
        return sorted({v.kind for r in results if not r.switches for v in r.judgement.verdicts})

name, family, count, race = sys.argv[1:]
print(json.dumps(check(globals()[name], family, int(count), race)))
"""


@pytest.mark.parametrize(
    ("broken", "family", "count", "race", "kind"),
    [
        # The activity log makes up for a random key, but not where two attempts read it at the same moment.
        ("random_keys", "post: schedule", "12", "1", DUPLICATE),
        ("forgotten_post", "post: draft", "4", "0", LOSS),
        ("unread_refusals", "action: delete", "4", "0", FALSE_SUCCESS),
    ],
)
def test_a_broken_engine_is_found(broken: str, family: str, count: str, race: str, kind: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BROKEN, broken, family, count, race],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert kind in json.loads(done.stdout.splitlines()[-1])

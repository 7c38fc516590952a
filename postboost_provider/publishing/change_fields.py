"""Change fields of a post that is not published yet, and leave the rest as it is."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from postboost_provider.api.arguments import NOTHING
from postboost_provider.api.errors import PostBoostConfigError, UnexpectedResponseError
from postboost_provider.api.field_errors import map_fields
from postboost_provider.api.responses import reading_response
from postboost_provider.api.times import planned
from postboost_provider.idempotency.activity_log import read_log
from postboost_provider.idempotency.identity import intent_hash
from postboost_provider.polling.outcome import read_post
from postboost_provider.publishing.actions import check_changeable, fetch, overtaken
from postboost_provider.publishing.approval import check_unsettled, note_waiting, settle, unsettled_edits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.idempotency.activity_log import LogEntry
    from postboost_provider.idempotency.identity import Actor
    from postboost_provider.idempotency.label import Label
    from postboost_provider.polling.outcome import PostOutcome
    from postboost_provider.publishing.attempt_start import AttemptStart

log = logging.getLogger(__name__)


def change_fields(
    api: PostBoostClient,
    actor: Actor,
    post: Mapping[str, Any],
    changes: Mapping[str, Any],
    *,
    edit_waiting: bool = False,
    start: AttemptStart | None = None,
) -> PostOutcome:
    """Change fields of a post that is not published yet; PostBoost replaces a post as a whole (SDK 1.66.3).

    :param post: the post as :func:`fetch` returned it; it is changed, too.
    :param changes: fields of ``create_post``'s body, or ``text`` for the text of the original version.
    :param edit_waiting: also if it waits for approval.
    :param start: when this attempt began.
    :raises PostBoostConfigError: it is published already, and this task had not changed it before that, or it waits for approval.
    :raises OvertakenError: another attempt of the task has changed it since this one began; ``code`` is ``overtaken``.
    """
    outcome = read_post(post)
    label = actor.label(f"update {intent_hash({name: str(changes[name]) for name in changes})}")
    entries = read_log(api, actor.owner) or ()
    check_unsettled(api, actor, outcome, unsettled_edits(entries))
    latest = next(iter(_updates(entries, outcome)), None)
    is_other = latest is not None and not _may_be(latest, label)
    if latest and is_other and start and start.may_precede(api, latest.created_at, outcome.uuid):
        # This attempt may have waited before its first request, and its changes may be the older ones.
        raise overtaken(outcome)
    if not outcome.can_be_changed and any(
        entry.label == label and entry.outcome == "updated" and entry.post_uuid == outcome.uuid
        for entry in entries
    ):
        return outcome
    check_changeable(outcome)
    with reading_response("get_post"):
        body = {
            "versions": post["versions"],
            "accounts": [int(account["id"]) for account in post["accounts"]],
            "tags": [int(tag["id"]) for tag in post["tags"]],
        }
    if outcome.status != "draft" and outcome.scheduled_at is not None:
        body |= planned(outcome.scheduled_at)
    changed, before = {name: value for name, value in changes.items() if name != "text"}, _text(post)
    if "text" in changes:
        if not isinstance(changes["text"], str) or changes["text"].strip() in ("", *NOTHING):
            raise PostBoostConfigError(
                f"changes has the text {changes['text']!r}. Give the text to publish.",
                code="empty",
                field="changes",
            )
        original = next(v for v in post["versions"] if v["is_original"])
        original["content"][0]["body"] = changes["text"]
    with map_fields(lambda field: _name_of_field(field, changes)):
        where = {"post_uuid": outcome.uuid}
        note_waiting(api, actor, outcome, edit_waiting=edit_waiting)
        is_draft, sent = outcome.status == "draft", {**body, **changed}
        api.send("update_post", parameters=where, body=sent, client_label=str(label), of_draft=is_draft)
    fresh = fetch(api, outcome.uuid)
    since = [entry for entry in read_log(api, actor.owner) or () if entry not in entries]
    if any(not _may_be(entry, label) for entry in _updates(since, outcome)):
        raise overtaken(outcome)
    _check_updated(before, fresh, changes)
    settle(api, actor, outcome, done := read_post(fresh))
    return done


def _updates(entries: Iterable[LogEntry], outcome: PostOutcome) -> list[LogEntry]:
    """Return the successful updates of the post, in their order."""
    return [e for e in entries if e.outcome == "updated" and e.is_success and e.post_uuid == outcome.uuid]


def _may_be(entry: LogEntry, label: Label) -> bool:
    """Return whether an entry may have a label: where the log cuts labels, the start may be all there is."""
    return (label.act or "").startswith(entry.label.act or "")


def _text(post: Mapping[str, Any]) -> str:
    return str(next(v for v in post["versions"] if v["is_original"])["content"][0]["body"])


def _check_updated(before: str, fresh: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """Check what was read back after an update.

    :raises UnexpectedResponseError: PostBoost reported success, and it is as it was; ``code`` is ``not_changed``.
    """
    wanted = {name: sorted(map(int, changes[name])) for name in ("tags", "accounts") if name in changes}
    found = {name: sorted(int(item["id"]) for item in fresh[name]) for name in wanted}
    differing = [name for name in wanted if found[name] != wanted[name]]
    if "text" in changes and (now := _text(fresh)) != changes["text"]:
        if now == before and now.split() != changes["text"].split():
            differing.append("text")
        log.warning(
            "Post %s has the text %r, not %r: PostBoost changed it.", fresh["uuid"], now, changes["text"]
        )
    if differing:
        raise UnexpectedResponseError(
            f"update_post: PostBoost reported success, but {' and '.join(differing)} of post {fresh['uuid']} did not change. "
            "Check it in PostBoost.",
            code="not_changed",
            field=f"changes.{differing[0]}",
        )


def _name_of_field(field: str, changes: Mapping[str, Any]) -> str:
    """Return the name of a field of the body in ``changes``."""
    head = field.partition(".")[0]
    if head in changes:
        return field
    if head == "versions":
        is_text = field.startswith("versions.0.content.0.body")
        return "text" if "text" in changes and is_text else f"the post's text as it is ({field})"
    return f"the post's {'time' if head in ('date', 'time', 'timezone', 'schedule') else head} as it is"

"""One post that is written in a DAG, as a row: what a calendar can say, and what takes more than a cell."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from postboost_provider.api.arguments import NOTHING, read_text
from postboost_provider.api.error_mapping import with_mapped_fields
from postboost_provider.api.errors import (
    DuplicatePostError,
    PermissionDeniedError,
    PostBoostConfigError,
    ValidationError,
)
from postboost_provider.api.times import to_minute
from postboost_provider.idempotency.identity import intent_hash
from postboost_provider.publishing.create import create_post
from postboost_provider.publishing.duplicates import find_reused, reuse
from postboost_provider.publishing.intention import Intention, Published, find_posts
from postboost_provider.publishing.post import (
    COLUMNS,
    Problem,
    Row,
    Variant,
    as_text,
    as_time,
    as_words,
    is_no_text,
    no_text,
    read_row,
    row_intent,
)
from postboost_provider.publishing.resolve import Resolver, RowError
from postboost_provider.publishing.update import use_existing

if TYPE_CHECKING:
    from datetime import datetime

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.idempotency.identity import Actor
    from postboost_provider.services.media.upload import MediaFile

log = logging.getLogger(__name__)

# Lists and mappings, which a template makes text of.
RENDERED = ("accounts", "media", "tags", "thread", "variants", "account_times")
# Where "None" would be published.
WORDS = ("text", "first_comment", "thread", "tags")
NOTHING_SAID = "it says 'None', which is what a template makes of nothing. Write {{ ... or '' }} there."
VARIANT_KEYS = ("text", "media", "thread", "first_comment", "options")


def read_post_row(values: Mapping[str, Any], timezone: str | None) -> Row:
    """Return one post that is written in a DAG as a row, good or bad.

    :param values: the columns of a calendar, and ``thread``, ``variants`` (a mapping by network or account),
        ``account_times`` (likewise) and ``ai_generated``.
    """
    values = {name: read_text(value) if name in RENDERED else value for name, value in values.items()}
    problems = _check_words(values)
    plain = {name: value for name, value in values.items() if name in COLUMNS}
    row = read_row("post", plain, timezone, {as_text(values.get("key")): ["post"]})
    # What goes out at once, or at the next free slot, needs no time of its own here: nobody picks it by one.
    problems += [p for p in row.problems if row.mode == "schedule" or "needs it" not in p.message]
    variants, times = [], []
    for who, said in _mapping("variants", values, problems):
        if not isinstance(said, Mapping):
            wanted = f"it must be a mapping of {', '.join(VARIANT_KEYS)}."
            problems.append(
                Problem("variants", f"what is said for {who!r} is a {type(said).__name__}; {wanted}")
            )
            continue
        if unknown := [repr(key) for key in said if key not in VARIANT_KEYS]:
            message = f"{', '.join(unknown)} of {who!r} is unknown. A variant is a mapping of {', '.join(VARIANT_KEYS)}."
            problems.append(Problem("variants", message))
            continue
        problems += [Problem(f"variants[{who!r}][{p.column!r}]", p.message) for p in _check_words(said)]
        given = {name: value for name, value in said.items() if value is not None}
        read: dict[str, Callable[[Any], Any]] = {
            "text": as_words,
            "first_comment": as_words,
            "media": _listed,
            "thread": _listed,
        }
        made: dict[str, Any] = {name: read[name](value) for name, value in given.items() if name in read}
        variants.append(Variant(as_text(who), **made, options=given.get("options")))
    for who, at in _mapping("account_times", values, problems):
        try:
            times.append((as_text(who), to_minute(as_time(at), timezone)))
        except PostBoostConfigError as error:
            problems.append(Problem("account_times", f"{who}: {error}"))
    return replace(
        row,
        thread=_listed(values.get("thread")),
        variants=tuple(variants),
        # A post that is not planned has no times.
        account_times=tuple(times) if row.mode == "schedule" else (),
        ai_generated=_read_switch("ai_generated", values, problems),
        problems=tuple(problems),
    )


def _check_words(values: Mapping[str, Any]) -> list[Problem]:
    problems = []
    for name in WORDS:
        value = values.get(name)
        parts = [value] if name in ("text", "first_comment") else _parts(value)
        if any(is_no_text(part) for part in parts):
            problems.append(Problem(name, no_text(value)))
        elif any(as_text(part) in NOTHING for part in parts):
            problems.append(Problem(name, NOTHING_SAID))
    return problems


def _mapping(name: str, values: Mapping[str, Any], problems: list[Problem]) -> list[tuple[Any, Any]]:
    value = values.get(name) or {}
    if isinstance(value, Mapping):
        return list(value.items())
    problems.append(Problem(name, f"{value!r} is no mapping by network or account."))
    return []


def _read_switch(name: str, values: Mapping[str, Any], problems: list[Problem]) -> bool | None:
    found = {"true": True, "false": False, "": None, "none": None}
    text = as_text(values.get(name)).lower()
    if text not in found:
        problems.append(Problem(name, f"{values[name]!r} is none of True, False and None."))
    return found.get(text)


def publish_row(
    api: PostBoostClient,
    actor: Actor,
    row: Row,
    *,
    find_media: Callable[[str], MediaFile],
    on_duplicate: str,
    validate: bool,
    now: datetime,
) -> Published:
    """Publish a post that :func:`read_post_row` read, once for its actor.

    :param find_media: gives the file that a media path means.
    :param on_duplicate: ``fail``, ``reuse`` or ``allow``.
    :param validate: have PostBoost check the post first.
    :raises PostBoostConfigError: it can't be sent as it is.
    """
    resolver = Resolver(api, actor.scope, find_media, media_salt="\n".join(actor.identity))
    try:
        media = resolver.media(row)
        contents = {who: [content for content, _ in found] for who, found in media.items()}
        intent = intent_hash(row_intent(row, contents))
        allow = on_duplicate == "allow"
        intention = Intention(actor, intent, row.mode, allow)
        posts = find_posts(api, actor.scope, actor.log_identity)
        can_read_log = posts is not None
        if (known := (posts or {}).get(actor.log_identity)) is not None:
            # PostBoost keeps the times of accounts that an update does not name (SDK 1.66.3).
            return use_existing(
                api, intention, known, lambda: resolver.body(row, row.mode, media, all_times=True)
            )
        if row.mode == "schedule" and row.publish_at is not None and row.publish_at <= now:
            # Without the activity log the post may exist already: sent again, it could be a second one.
            blind = (
                ""
                if can_read_log
                else " If an earlier attempt of this task created the post, nothing is wrong: the key lacks the ability "
                "'read', without which that can't be seen."
            )
            raise PostBoostConfigError(
                f"publish_at {row.publish_at:%Y-%m-%d %H:%M} UTC has passed: PostBoost plans to the minute. Give a later "
                f"time, or publish='now'.{blind}"
            )
        body = resolver.body(row, row.mode, media)
        take = partial(
            reuse,
            api,
            resolver,
            body=body,
            is_draft=row.mode == "draft",
            at={"now": now, "schedule": row.publish_at}.get(row.mode),
        )
        if on_duplicate == "reuse" and can_read_log and (uuid := find_reused(api, intention, body)):
            return take(uuid)
        if validate:
            _check(api, resolver, {**body, "allow_duplicate": allow})
        try:
            return create_post(api, intention, lambda: body, can_read_log=can_read_log)
        except DuplicatePostError as error:
            if on_duplicate != "reuse" or not error.existing_post_uuid:
                raise
            return take(error.existing_post_uuid)
    except RowError as error:
        raise PostBoostConfigError(str(error)) from error
    except ValidationError as error:
        if error.is_mapped or not error.errors:
            raise
        raise with_mapped_fields(error, str(RowError(resolver.problems(error.errors)))) from error


def _check(api: PostBoostClient, resolver: Resolver, body: Mapping[str, Any]) -> None:
    """Have PostBoost check the post. What a guardrail finds is advice: the create decides."""
    try:
        answer = api.call("validate_post", body=body)
    except PermissionDeniedError as error:
        if error.code != "insufficient_scope":
            raise
        log.warning("The post is not checked before it is sent: the key lacks the ability 'read'.")
        return
    if problems := resolver.problems(answer.get("errors") or {}):
        raise PostBoostConfigError(f"PostBoost would refuse it: {RowError(problems)}")
    for issue in answer.get("issues") or ():
        log.warning("PostBoost's check says: %s", resolver.describe_issue(issue))


def _parts(value: Any) -> list[Any]:
    """Return one text or several; unlike a cell of a calendar, a text is not taken apart."""
    value = read_text(value)
    if isinstance(value, str) or not isinstance(value, Iterable):
        return [] if value is None else [value]
    return list(value)


def _listed(value: Any) -> tuple[str, ...]:
    return tuple(text for part in _parts(value) if (text := as_words(part)).strip())

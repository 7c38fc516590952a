"""Create a post once, whatever happened to earlier attempts.

Three things of PostBoost's prevent a second post: the idempotency key (24 hours), the activity log (90 days), and the guard
against duplicates (the same content within 24 hours).
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from postboost_provider.api.errors import DuplicatePostError, PostBoostRequestError, UnconfirmedError
from postboost_provider.idempotency.key import NextRevision, is_key_reuse
from postboost_provider.idempotency.perform import perform
from postboost_provider.polling.conditions import Finding
from postboost_provider.polling.outcome import read_post
from postboost_provider.polling.poller import wait_briefly
from postboost_provider.publishing.intention import KnownPost, Published, find_post, find_posts, read_warnings
from postboost_provider.publishing.update import Body, compare, use_existing

if TYPE_CHECKING:
    from collections.abc import Collection

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.api.responses import Response
    from postboost_provider.idempotency.label import Owner
    from postboost_provider.publishing.intention import Intention

log = logging.getLogger(__name__)

# How often to wait for an attempt that uses the key for different content. A 422 that names no field is taken for that, too.
MAX_WAITS = 10
# A request may take this long, or twice as long as a client waits for its response.
LONGEST_REQUEST_SECONDS = 60.0


class KeyInUseError(UnconfirmedError):
    """Another attempt uses this revision of the key with different content, and may still create a post."""

    def __init__(self, revision: int = 0) -> None:
        super().__init__(
            "Another attempt may still be publishing a different version of this post. Retry the task: it checks PostBoost "
            "first.",
            code="key_in_use",
        )
        self.revision = revision


def create_post(api: PostBoostClient, intention: Intention, body: Body, *, can_read_log: bool) -> Published:
    """Create the post, unless an earlier attempt has; wait for another attempt that is still sending it.

    :param body: returns the body for ``create_post``.
    :param can_read_log: whether the token may read the activity log.
    :raises PostBoostRequestError: PostBoost refused, and nothing was created.
    :raises UnconfirmedError: it may have been created or not; a retry of the task checks before it writes.
    """
    waited_for, identity = None, intention.actor.log_identity
    for _ in range(MAX_WAITS):
        try:
            return attempt_create(api, intention, body, can_read_log=can_read_log, waited_for=waited_for)
        except KeyInUseError as error:
            waited_for = error.revision
        found = wait_for_others(api, intention.actor.owner, [identity])
        if (known := found.get(identity)) is not None:
            return use_existing(api, intention, known, body)
    raise KeyInUseError


def attempt_create(
    api: PostBoostClient,
    intention: Intention,
    body: Body,
    *,
    can_read_log: bool,
    waited_for: int | None = None,
) -> Published:
    """Create the post, unless an earlier attempt has, as :func:`create_post` does, but without waiting.

    :param waited_for: a key revision that another attempt used: its request has ended, and the log has no post of it.
    :raises KeyInUseError: another attempt is using the key: see :func:`wait_for_others`.
    """
    content = body()

    def find_existing() -> Published | None:
        known = find_post(api, intention.actor) if can_read_log else None
        return use_existing(api, intention, known, lambda: content) if known is not None else None

    def read(response: Response) -> Published:
        post = response.payload
        if isinstance(post, dict) and post.get("uuid"):
            done = str(post["uuid"]), read_post(post), read_warnings(post)
            if response.replayed:
                replayed = Published("replayed", "an earlier attempt had created it", *done)
                return _read_back(api, intention, replayed) if can_read_log else replayed
            return Published("created", "", *done)
        if (existing := find_existing()) is not None:
            return existing
        raise UnconfirmedError(
            f"create_post: PostBoost's response ({response.status}) has no post, but may have created it. Retry the task: it "
            "checks PostBoost first.",
            code="no_uuid",
        )

    def on_error(error: PostBoostRequestError | UnconfirmedError, revision: int) -> Published:
        if not is_key_reuse(error):
            if isinstance(error, PostBoostRequestError) and error.is_stored_refusal:
                raise NextRevision
            # Whatever the error was, a post that the log has under this label is the author's.
            may_exist = isinstance(error, (DuplicatePostError, UnconfirmedError))
            if may_exist and (existing := find_existing()) is not None:
                return existing
            raise error
        if error.is_stored_refusal:
            if revision == waited_for:
                # A new response: it is about the values after all.
                raise error
            raise NextRevision
        if not can_read_log:
            raise UnconfirmedError(
                "An earlier attempt sent this post with different content, and the token may not read the activity log (ability "
                "'read') that has its outcome. Give it the ability, or publish the post under a new key.",
                code="other_body",
            ) from error
        if (existing := find_existing()) is not None:
            return existing
        if revision == waited_for:
            # The other content was refused, and PostBoost stores that response.
            raise NextRevision
        raise KeyInUseError(revision) from error

    return perform(
        api,
        intention.act,
        "create_post",
        read=read,
        on_error=on_error,
        first=waited_for or 0,
        body=content,
        allow_duplicate=intention.allow_duplicate,
    )


def _read_back(api: PostBoostClient, intention: Intention, replayed: Published) -> Published:
    """Return what became of the post since its stored response: it may have failed or been deleted."""
    found = compare(api, intention, KnownPost(replayed.post_uuid, intention.intent, intention.mode))
    if isinstance(found, Published) and found.result == "adopted":
        return replace(replayed, outcome=found.outcome)
    return found if isinstance(found, Published) else replayed


def wait_for_others(api: PostBoostClient, owner: Owner, wanted: Collection[str]) -> dict[str, KnownPost]:
    """Wait for as long as a request may take, and return the posts that the activity log has by then.

    :param wanted: log identities of what other attempts are sending. The wait ends once the log has all of them.
    """
    timeout = max(LONGEST_REQUEST_SECONDS, 2 * api.settings.timeout_seconds)
    log.info(
        "Other attempts sent %d posts with different content. Waiting up to %.0f s for them.",
        len(wanted),
        timeout,
    )

    def ask() -> Finding:
        found = find_posts(api, owner) or {}
        return Finding(all(identity in found for identity in wanted), found)

    return dict(wait_briefly(ask, timeout, None, known=Finding(False, {}), first=0.5, longest=15.0))

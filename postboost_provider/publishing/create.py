"""Create a post once, whatever happened to earlier attempts and whoever sends it at the same time.

Three things of PostBoost's prevent a second post: the idempotency key (24 hours), the activity log (90 days), and the guard
against duplicates (the same content within 24 hours).

The key of a post has revisions, because PostBoost stores refusals under a key, too. Every attempt reads the log first, and
begins at the first revision that is not *settled*. After a refusal the same bytes are sent once more. If the stored refusal
comes back, the revision is settled: PostBoost creates nothing under this key for 24 hours. The log shows it. Therefore a
corrected post is published at once, and two attempts at the same time use the same revision.

If PostBoost refuses the key itself, the revision is *held* by another body: a post that is not in the log yet, a request that
is still running, or a refusal that nobody confirmed. The attempt waits for as long as a request may take, and sends again. It
steps to the next revision only if nothing happened under this one meanwhile, which means that a stored refusal holds it, and
if the log is proven to show new writes. Otherwise it fails, and a retry of the task reads the log again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from postboost_provider.idempotency.label import Owner
from postboost_provider.idempotency.log_check import longest_request, prove_sight
from postboost_provider.polling.conditions import Finding
from postboost_provider.polling.poller import wait_briefly
from postboost_provider.publishing.create_attempt import CreateAttempt, KeyInUseError
from postboost_provider.publishing.post_history import (
    History,
    Published,
    read_histories,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from typing import Any

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.idempotency.identity import Actor
    from postboost_provider.publishing.post_history import Intention

log = logging.getLogger(__name__)

K = TypeVar("K")


def create_post(
    api: PostBoostClient, intention: Intention, body: Mapping[str, Any], history: History | None
) -> Published:
    """Create the post, unless an earlier attempt has; wait once for another attempt that is still sending it.

    :param body: for ``create_post``.
    :param history: what the activity log had of the post; None if the token may not read it.
    :raises PostBoostRequestError: PostBoost refused, and nothing was created.
    :raises UnconfirmedError: it may have been created or not; a retry of the task checks before it writes.
    """
    attempt = CreateAttempt(api, intention, history)
    ends: list[Published | KeyInUseError] = []

    def send(_: object) -> None:
        try:
            ends.append(attempt.send(body))
        except KeyInUseError as error:
            ends.append(error)

    send(None)
    if isinstance(ends[-1], KeyInUseError):
        send_held(api, intention.actor, {None: attempt}, send)
    if isinstance(ends[-1], KeyInUseError):
        raise ends[-1]
    return ends[-1]


def send_held(
    api: PostBoostClient, actor: Actor, attempts: Mapping[K, CreateAttempt], send: Callable[[K], None]
) -> None:
    """Send the posts whose keys other attempts hold, after one wait for all of them.

    :param actor: of the same task or calendar as all the posts.
    :param send: sends one again with its :class:`CreateAttempt`, which is still held afterwards if the key is in use.
    :raises PostBoostError: the activity log can't be read.
    """
    only = next(iter(attempts.values())).intention.actor.owner
    owner = only if len(attempts) == 1 else Owner(actor.scope)
    histories = _wait_for_others(api, owner, attempts.values())
    for key, attempt in attempts.items():
        attempt.learn(histories.get(attempt.identity, History()))
        send(key)
    if not (left := {key: attempt for key, attempt in attempts.items() if attempt.held is not None}):
        return
    is_seen = prove_sight(api, actor)
    histories = read_histories(api, owner) or {}
    for key, attempt in left.items():
        attempt.conclude(histories.get(attempt.identity, History()), is_seen=is_seen)
        send(key)


def _wait_for_others(
    api: PostBoostClient, owner: Owner, attempts: Collection[CreateAttempt]
) -> dict[str, History]:
    """Wait for as long as a request may take, or until the log has what became of the others; return what it has."""
    timeout = longest_request(api)
    log.info("Other attempts sent %d posts. Waiting up to %.0f s for them.", len(attempts), timeout)

    def ask() -> Finding:
        found = read_histories(api, owner) or {}
        own = [(each, found.get(each.identity, History())) for each in attempts]
        is_done = all(h.known is not None or h.first_revision > each.revision for each, h in own)
        return Finding(is_done, found)

    return dict(wait_briefly(ask, timeout, None, known=Finding(False, {}), first=0.5, longest=15.0))

"""A post that an author wants published once, and the post that the activity log has of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from postboost_provider.api.clean_text import clean_text
from postboost_provider.idempotency.activity_log import read_log
from postboost_provider.idempotency.label import PostAct

if TYPE_CHECKING:
    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.idempotency.identity import Act, Actor
    from postboost_provider.idempotency.label import Owner
    from postboost_provider.polling.outcome import PostOutcome

Result = Literal["created", "replayed", "adopted", "updated", "skipped"]


@dataclass(frozen=True, slots=True)
class Intention:
    """A post that an author wants published once.

    :param actor: the task or the row that publishes it.
    :param intent: hash of what the author wrote, or None where it can't be computed any more.
    :param mode: ``draft``, ``schedule``, ``queue`` or ``now``.
    :param allow_duplicate: send it even if the account got the same content within 24 hours.
    """

    actor: Actor
    intent: str | None
    mode: str
    allow_duplicate: bool = False

    @property
    def act(self) -> Act:
        return self.actor.act(PostAct(self.intent, self.mode))


@dataclass(frozen=True, slots=True)
class Published:
    """What was done for an intention. ``outcome`` is None for a post that was deleted since."""

    result: Result
    why: str
    post_uuid: str
    outcome: PostOutcome | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownPost:
    """A post in the activity log, with the intent and mode that were last written to it, where the label has them."""

    post_uuid: str
    intent: str | None
    mode: str | None


def find_post(api: PostBoostClient, actor: Actor) -> KnownPost | None:
    """Return the post that an earlier attempt created, if the activity log has it."""
    return (find_posts(api, actor.owner) or {}).get(actor.log_identity)


def find_posts(api: PostBoostClient, owner: Owner) -> dict[str, KnownPost] | None:
    """Return the posts of an owner by the log identity of their actors; None where the token may not read the log."""
    entries = read_log(api, owner)
    if entries is None:
        return None
    found: dict[str, KnownPost] = {}
    for entry in entries:
        # Actions on the post name it, too, but not what its author wrote.
        if (
            (act := entry.label.post)
            and entry.post_uuid
            and entry.outcome in ("created", "updated", "replayed")
        ):
            # Newest first: the first entry of an identity has its latest intent.
            found.setdefault(entry.label.identity, KnownPost(entry.post_uuid, act.intent, act.mode))
    return found


def read_warnings(response: Any) -> tuple[str, ...]:
    """Return the warnings that came with a post, as clean text."""
    found = response.get("warnings") if isinstance(response, dict) else None
    return tuple(
        clean_text((w.get("message") or w.get("code")) if isinstance(w, dict) else w) for w in found or ()
    )

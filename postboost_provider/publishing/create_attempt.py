"""The requests of one attempt to create one post: what PostBoost responds, and what that means."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from postboost_provider.api.errors import (
    LOST_RESPONSE,
    DuplicatePostError,
    NotFoundError,
    PostBoostError,
    PostBoostRequestError,
    UnconfirmedError,
)
from postboost_provider.idempotency.key import NextRevision, Refusal, send_again
from postboost_provider.idempotency.label import HeldAct
from postboost_provider.idempotency.log_check import send_probe
from postboost_provider.idempotency.perform import perform
from postboost_provider.publishing.approval import check_unsettled
from postboost_provider.publishing.differences import identify
from postboost_provider.publishing.post_history import (
    History,
    Published,
    read_history,
    read_warnings,
)
from postboost_provider.publishing.update import (
    check_not_overtaken,
    check_texts,
    fetch,
    has_words,
    outcome_of,
    use_existing,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Any, NoReturn

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.api.responses import Response
    from postboost_provider.idempotency.activity_log import LogEntry
    from postboost_provider.publishing.post_history import Intention, KnownPost


class KeyInUseError(UnconfirmedError):
    """Another attempt uses this revision of the key with different content, and may still create a post."""

    def __init__(self, error: Exception) -> None:
        super().__init__(
            "Another attempt may still be publishing a different version of this post. Retry the task: it checks PostBoost "
            f"first. PostBoost responded: {error}",
            code="key_in_use",
        )


@dataclass(frozen=True, slots=True)
class Held:
    """Another body holds a key revision.

    :param before: the log's entries under it before this attempt sent anything.
    :param seen: those after PostBoost's first response.
    :param error: that response.
    """

    before: tuple[LogEntry, ...]
    seen: tuple[LogEntry, ...]
    error: PostBoostRequestError


@dataclass
class CreateAttempt:
    """The requests of one attempt to create one post.

    :param history: what the activity log had of the post before; None if the token may not read it.
    """

    api: PostBoostClient
    intention: Intention
    history: History | None
    # The revision of the key that is sent next.
    revision: int = field(init=False)
    held: Held | None = field(default=None, init=False)
    _failure: PostBoostError | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.revision = self.history.first_revision if self.history else 0

    def send(self, body: Mapping[str, Any]) -> Published:
        """Create the post, or find the one of another attempt.

        :raises KeyInUseError: another body holds the key: see :func:`send_held`.
        """
        if self._failure is not None:
            raise self._failure
        if self.history is not None and self.history.known is not None:
            return self._use(self.history.known, body)
        try:
            return perform(
                self.api,
                self.intention.act,
                "create_post",
                read=lambda response: self._read(response, body),
                on_error=lambda error, _: self._read_error(error, body),
                first=self.revision,
                body=body,
                allow_duplicate=self.intention.allow_duplicate,
            )
        except KeyInUseError:
            raise
        except (DuplicatePostError, *LOST_RESPONSE):
            # Whatever the error was, a post that the log has under this label is the author's.
            if (known := self._look()) is None:
                raise
            return self._use(known, body)

    @property
    def identity(self) -> str:
        return self.intention.actor.log_identity

    def learn(self, history: History) -> None:
        """Take over what the log says by now."""
        self.history = history
        self.revision = max(self.revision, history.first_revision)

    def conclude(self, history: History, *, is_seen: bool) -> None:
        """Decide after the wait: use what the log has, step to the next revision, or fail.

        :param is_seen: the log is proven to show what was done until now.
        """
        held, revision = self.held, self.revision
        if held is None:
            return
        self.learn(history)
        if history.known is not None or self.revision > revision:
            return
        if is_seen and self._is_stored_refusal(held, history.at(revision), history.held):
            self.revision += 1
            return
        if not is_seen:
            self._failure = _blind(held.error)
        elif self._is_alone(history.at(revision)):
            self._failure = held.error
        else:
            self._failure = KeyInUseError(held.error)
        # Its own entries say only that the key was in use: a later attempt must not take them for the refusal that holds it.
        with suppress(PostBoostError):
            note = HeldAct(self.intention.intent, revision)
            send_probe(self.api, self.intention.actor.label(note))

    def _is_alone(self, entries: Sequence[LogEntry]) -> bool:
        """Return whether nobody has sent another body under the revision: then PostBoost refused the post, not its key."""
        mine = self.intention.act.label_at(self.revision)
        return bool(entries) and all(entry.label == mine and entry.is_refusal for entry in entries)

    def _is_stored_refusal(self, held: Held, entries: Sequence[LogEntry], notes: Collection[HeldAct]) -> bool:
        """Return whether a stored refusal holds the revision: whoever held it was done before this attempt had to wait.

        Had a request been in flight then, it would have ended meanwhile, and the log would have an entry of it.
        """
        mine = self.intention.act.label_at(self.revision)
        new = Counter(entries) - Counter(held.seen)
        if any(entry.label != mine for entry in new):
            return False
        return any(
            entry.is_refusal
            and not (entry.label.post and HeldAct(entry.label.post.intent, self.revision) in notes)
            for entry in held.seen
            if entry in held.before or entry.label != mine
        )

    def _post(self, body: Mapping[str, Any]) -> Response:
        act = self.intention.act
        return self.api.send(
            "create_post",
            body=body,
            idempotency_key=act.key(self.revision),
            client_label=str(act.label_at(self.revision)),
            allow_duplicate=self.intention.allow_duplicate,
        )

    def _read(self, response: Response, body: Mapping[str, Any]) -> Published:
        post = response.payload
        if not (isinstance(post, dict) and post.get("uuid")):
            if (known := self._look()) is not None:
                return self._use(known, body)
            raise UnconfirmedError(
                f"create_post: PostBoost's response ({response.status}) has no post, but may have created it. Retry the task: it "
                "checks PostBoost first.",
                code="no_uuid",
            )
        self.held = None
        if response.replayed:
            return self._read_replayed(post, body)
        warnings = (*read_warnings(post), *check_texts(self.intention, body, post))
        return Published("created", "", str(post["uuid"]), outcome_of(post), warnings)

    def _read_replayed(self, post: Mapping[str, Any], body: Mapping[str, Any]) -> Published:
        """Return what became of the post since its stored response: it may have failed, or been deleted or changed."""
        uuid, warnings = str(post["uuid"]), read_warnings(post)
        if self.history is not None:
            try:
                post = fetch(self.api, uuid)
            except NotFoundError:
                return Published("skipped", "created earlier, and deleted in PostBoost since", uuid, None)
            if post.get("trashed"):
                why = "created earlier, and moved to trash in PostBoost since"
                return Published("skipped", why, uuid, outcome_of(post))
            if not has_words(body, post) and (known := self._look()) is not None:
                check_not_overtaken(self.intention, known, uuid)
        # Nobody may have seen the response that had it.
        warnings += check_texts(self.intention, body, post, only_texts=True)
        return Published("replayed", "an earlier attempt had created it", uuid, outcome_of(post), warnings)

    def _read_error(
        self, error: PostBoostRequestError | UnconfirmedError, body: Mapping[str, Any]
    ) -> Published:
        if isinstance(error, PostBoostRequestError) and error.is_stored_refusal:
            self.revision += 1
            raise NextRevision
        found = send_again(error, body, lambda: self._read(self._post(body), body))
        if not isinstance(found, Refusal):
            return found
        self.revision += found.is_settled
        if found.about == "values":
            self.held = None
        if found.about == "key" and isinstance(found.error, PostBoostRequestError):
            self._raise_in_use(found.error)
        raise found.error

    def _raise_in_use(self, error: PostBoostRequestError) -> NoReturn:
        if self.history is None:
            raise UnconfirmedError(
                "An earlier attempt sent this post with different content, and the token may not read the activity log (ability "
                f"'read') that has its outcome. Give it the ability, or publish the post under a new key. PostBoost responded: {error}",
                code="other_body",
            ) from error
        if self.held is None:
            before = tuple(self.history.at(self.revision))
            seen = tuple(read_history(self.api, self.intention.actor).at(self.revision))
            self.held = Held(before, seen, error)
            note = HeldAct(self.intention.intent, self.revision)
            # An earlier attempt has waited for another one, and there was none.
            if note in self.history.held and self._is_alone(seen):
                self.held = None
                raise error
        raise KeyInUseError(error) from error

    def _look(self) -> KnownPost | None:
        return read_history(self.api, self.intention.actor).known if self.history is not None else None

    def _use(self, known: KnownPost, body: Mapping[str, Any]) -> Published:
        """Use the post that another attempt has created since this one began. It must have this one's words."""
        self.held = None
        uuid = known.post_uuid or identify(self.api, known, body)
        known = replace(known, post_uuid=uuid)
        if known.intent == self.intention.intent:
            return use_existing(self.api, self.intention, known, lambda: body)
        try:
            post = fetch(self.api, uuid)
        except NotFoundError:
            return Published("skipped", "created earlier, and deleted in PostBoost since", uuid, None)
        if not has_words(body, post):
            check_not_overtaken(self.intention, known, uuid)
        outcome = outcome_of(post)
        check_unsettled(self.api, self.intention.actor, outcome, known.unsettled)
        warnings = check_texts(self.intention, body, post, only_texts=True)
        return Published("adopted", "another attempt had created it", uuid, outcome, warnings)


def _blind(error: PostBoostRequestError | UnconfirmedError) -> UnconfirmedError:
    """Return the error of an attempt whose idempotency key is in use, where the log can't tell by whom."""
    return UnconfirmedError(
        "Another attempt used this post's idempotency key, and PostBoost's activity log does not show what it did: the post may "
        f"exist. Look for it in PostBoost, or retry the task once the log shows it. PostBoost responded: {error}",
        code="blind_log",
    )

"""The labels of writes in PostBoost's activity log: the only place that builds and reads them. Pure.

``airflow/<scope>/<identity> <act>``: 8 hex digits of a task or a calendar, 12 of a run of the task or a row, and what was
done. The identity comes first, and no label is longer than 63 characters: how much of one PostBoost keeps is not
documented. The acts are:

- ``<intent> <mode> r<revision>``: a post was created from these words, under this revision of its key. An update has no
  revision;
- ``<action>`` or ``<action> <target>``: something was done to a post;
- ``<operation> <body> <note>``: any operation was sent;
- ``held <intent> r<revision>``: a post was refused under this revision only for using its key;
- ``waiting <post>`` and ``kept waiting <post>``: a post that waits for approval is about to be edited, and was seen to wait
  still. ``<post>`` is the start of its uuid;
- ``sight <hex>``: nothing was done. Whether the log shows it tells whether the log shows what is written;
- mode, post and intent in one word: what an older entry tells, see :class:`Kept`.

Version 0.1.0 wrote readable names before the hashes, and longer acts. Its labels are read as the same labels.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

LONGEST = 63
# The action of a task that was killed: it moved its own post to the trash.
TRASH = "trash"
LONGEST_NOTE = 15

_LABEL = re.compile(
    r"airflow/(?:[^/ ~]+~)?(?P<scope>[0-9a-f]{8})/(?:[^/ ~]+~)?(?P<identity>[0-9a-f]{12})(?: (?P<act>.*))?"
)
_MODES = "draft|schedule|queue|now"
_POST = re.compile(rf"((?P<intent>[0-9a-f]{{16}})? (?P<mode>{_MODES})( r(?P<revision>\d{{4}}))?)?")
# The start of one that the log has cut. A mode that is not whole is unknown, too.
_CUT_POST = re.compile(
    rf"[0-9a-f]{{0,15}}|(?P<intent>[0-9a-f]{{16}})( [a-z]*)?|(?P<whole>[0-9a-f]{{16}} ({_MODES})) r?\d{{0,3}}"
)
_OPERATION = re.compile(r"(?P<target>[0-9a-f]{8}) (?P<body>[0-9a-f]{8})(?: (?P<note>.*))?")
_FORMER_OPERATION = re.compile(
    r"(?P<operation>[a-z_0-9]+) (?P<target>[0-9a-f]{16}) (?P<body>[0-9a-f]{16})(?: (?P<note>.*))?"
)
_HELD = re.compile(r"held (?P<intent>[0-9a-f]{16})? r(?P<revision>\d{4})")
_KEPT = re.compile(r"(?P<mode>[dsqn])(?P<rest>[A-Za-z0-9_-]{32})")
_APPROVAL = re.compile(r"(?P<kept>kept )?waiting (?P<post>\S{1,8})")
_RETRY = re.compile(r"retry (?P<account>(?![0-9a-f]{16}$).+)")


@dataclass(frozen=True, slots=True)
class PostAct:
    """A post was created or updated. What is None is not known: the label has it not, or was cut."""

    intent: str | None
    mode: str | None
    revision: int | None = None

    def __str__(self) -> str:
        words = f"{self.intent or ''} {self.mode}"
        return words if self.revision is None else f"{words} r{self.revision:04}"


@dataclass(frozen=True, slots=True)
class Kept:
    """What an entry tells that the log is about to drop: a later one tells it again. It has to fit into a label."""

    post_uuid: str
    intent: str
    mode: str

    def __str__(self) -> str:
        """Return it as a label's act.

        :raises ValueError: the post's uuid is none.
        """
        packed = uuid.UUID(self.post_uuid).bytes + bytes.fromhex(self.intent)
        return self.mode[0] + urlsafe_b64encode(packed).decode()


@dataclass(frozen=True, slots=True)
class OperationAct:
    """An operation was sent.

    :param target: hash of the operation and its parameters.
    :param body: hash of its body.
    :param note: kept for later attempts.
    """

    target: str
    body: str
    note: str = ""

    def __str__(self) -> str:
        return f"{self.target} {self.body} {self.note}".rstrip()

    @property
    def revision(self) -> int | None:
        """The key revision it was sent under; None where the label has another note in its place."""
        if not self.note:
            return 0
        return int(self.note[1:]) if re.fullmatch(r"r\d+", self.note) else None

    @classmethod
    def of(cls, operation: str, parameters: str, body: str, note: str = "") -> OperationAct:
        """Return the act of an operation, given hashes of its parameters and its body."""
        return cls(digest(operation, parameters)[:8], body[:8], note if len(note) <= LONGEST_NOTE else "")


@dataclass(frozen=True, slots=True)
class HeldAct:
    """An attempt's note that its requests under a revision were refused only for using the key."""

    intent: str | None
    revision: int

    def __str__(self) -> str:
        return f"held {self.intent or ''} r{self.revision:04}"


@dataclass(frozen=True, slots=True)
class ApprovalNote:
    """A note about an edit of a post that waits for approval: it is about to be made, or has kept the post waiting."""

    post: str
    is_kept: bool

    def __str__(self) -> str:
        return f"kept waiting {self.post}" if self.is_kept else f"waiting {self.post}"

    @classmethod
    def of(cls, post_uuid: str, *, is_kept: bool) -> ApprovalNote:
        return cls(post_uuid[:8], is_kept)


@dataclass(frozen=True, slots=True)
class Probe:
    """Something that was sent only to be seen in the log, under a name of its own."""

    name: str

    def __str__(self) -> str:
        return f"sight {self.name}"


@dataclass(frozen=True)
class Label:
    """The client label of a write. Without an act it is the start of every label of its identity."""

    scope: str
    identity: str
    act: str | None = None

    def __str__(self) -> str:
        return f"airflow/{self.scope}/{self.identity}" + ("" if self.act is None else f" {self.act}")

    @classmethod
    def parse(cls, text: str) -> Label | None:
        """Return the label, or None if another client wrote it, or too little of it is left."""
        found = _LABEL.fullmatch(text)
        if found is None:
            return None
        act = found["act"]
        if former := _FORMER_OPERATION.fullmatch(act or ""):
            act = str(OperationAct.of(former["operation"], former["target"], former["body"]))
            # Its notes were longer than a label may be now.
            act += f" {former['note']}" if former["note"] else ""
        return cls(found["scope"], found["identity"], act and short_action(act))

    @cached_property
    def post(self) -> PostAct | None:
        """What was created or updated; None if the label is of something else."""
        if found := _POST.fullmatch(self.act or ""):
            revision = found["revision"]
            return PostAct(found["intent"], found["mode"], None if revision is None else int(revision))
        if found := _CUT_POST.fullmatch(self.act or ""):
            return PostAct(*found["whole"].split(" ")) if found["whole"] else PostAct(found["intent"], None)
        return None

    @property
    def operation(self) -> OperationAct | None:
        """Which operation was sent; None if the label is of something else."""
        found = _OPERATION.fullmatch(self.act or "")
        return OperationAct(found["target"], found["body"], found["note"] or "") if found else None

    @cached_property
    def kept(self) -> Kept | None:
        """What an older entry told; None if the label is of something else, or was cut."""
        if (found := _KEPT.fullmatch(self.act or "")) is None:
            return None
        packed = urlsafe_b64decode(found["rest"])
        mode = next(mode for mode in _MODES.split("|") if mode[0] == found["mode"])
        return Kept(str(uuid.UUID(bytes=packed[:16])), packed[16:].hex(), mode)

    @cached_property
    def held(self) -> HeldAct | None:
        """Which revision was in use; None if the label is of something else."""
        found = _HELD.fullmatch(self.act or "")
        return HeldAct(found["intent"], int(found["revision"])) if found else None

    @property
    def approval(self) -> ApprovalNote | None:
        """Which post was edited while it waited for approval; None if the label is of something else."""
        found = _APPROVAL.fullmatch(self.act or "")
        return ApprovalNote(found["post"], bool(found["kept"])) if found else None

    def at(self, revision: int) -> Label:
        """Return the label of a post or an operation under a revision of its key; any other label as it is."""
        if (post := self.post) is not None and post.mode is not None:
            return replace(self, act=str(replace(post, revision=revision)))
        if revision and (sent := self.operation) is not None and not sent.note:
            return replace(self, act=str(replace(sent, note=f"r{revision}")))
        return self


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose writes: a task or calendar in all its runs, or one identity of it. Both as version 0.1.0 named them."""

    scope: str
    identity: str = ""

    @property
    def starts(self) -> tuple[str, str]:
        """How the labels of its writes begin: now, and in version 0.1.0."""
        return (
            f"airflow/{_hash_of(self.scope)}/{_hash_of(self.identity)}",
            f"airflow/{self.scope}/{self.identity}",
        )

    def wrote(self, label: Label) -> bool:
        return label.scope == _hash_of(self.scope) and self.identity[-12:] in ("", label.identity)

    def label(self, act: str | None = None) -> Label:
        return Label(_hash_of(self.scope), _hash_of(self.identity), act)


def short_action(action: str) -> str:
    """Return an action on a post as its label has it: with a hash in place of the account that it retries."""
    retry = _RETRY.fullmatch(action)
    return f"retry {digest(retry['account'])[:16]}" if retry else action


def digest(*parts: Any) -> str:
    """Return the SHA-256 of the parts, joined so that no two different lists of parts are the same text."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _hash_of(name: str) -> str:
    return name.rpartition("~")[2]

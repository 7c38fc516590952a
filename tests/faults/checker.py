"""The judge: compares the posts that PostBoost has with what their author wrote. It knows nothing of the package.

What is judged is an *intention*: one post that somebody wanted, in the words of the last attempt that was made for it. Its
name is part of every text of it, so that each post tells whose it is.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

DUPLICATE, LOSS, FALSE_SUCCESS = "duplicate", "loss", "false success"
FALSE_FAILURE, STUCK = "false failure", "stuck"
KINDS = (DUPLICATE, LOSS, FALSE_SUCCESS, FALSE_FAILURE, STUCK)


# The statuses of a post that will be published, or has been.
GOING = ("scheduled", "publishing", "published")
# A row that became late during the run is sent while it is at most so late; an attempt takes its time.
LATE_BY = timedelta(hours=1, minutes=30)
# What is sent at once is for a minute that has begun, by PostBoost's clock or by the task's.
AT_ONCE = timedelta(minutes=8)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Something that must not happen."""

    kind: str
    why: str

    def __str__(self) -> str:
        return f"{self.kind.upper()}: {self.why}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One post, as its author wrote it.

    :param texts: the parts for each account, by its id.
    :param media: the hashes of the files of each account's first part.
    :param is_row: of a calendar, whose rows are late for ``LATE_BY`` at most.
    """

    name: str
    mode: str
    texts: Mapping[int, tuple[str, ...]]
    at: datetime | None = None
    media: tuple[str, ...] = ()
    tags: frozenset[str] = frozenset()
    is_row: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """One post, as PostBoost has it."""

    uuid: str
    status: str
    trashed: bool
    approved: bool
    texts: Mapping[int, tuple[str, ...]]
    media: Mapping[int, tuple[str, ...]]
    states: Mapping[int, str]
    tags: frozenset[str]
    scheduled_at: datetime | None

    def __str__(self) -> str:
        trashed = " trashed" if self.trashed else ""
        at = f" for {self.scheduled_at:%Y-%m-%d %H:%M}" if self.scheduled_at else ""
        return f"{self.uuid[:8]} {self.status}{trashed}{at} {dict(self.texts)} {dict(self.states)}"


@dataclass(frozen=True, slots=True)
class Rules:
    """What PostBoost does by itself, and what people have done.

    :param alters_texts: it stores texts without tags, entities or surrounding spaces.
    :param needs_approval: posts of this author wait for a person.
    :param invents_statuses: posts get statuses that are not documented.
    :param reencodes: it stores other bytes than an image had.
    :param skew: how far its clock is ahead.
    :param switches: the names of all that was drawn.
    """

    alters_texts: bool = False
    needs_approval: bool = False
    invents_statuses: bool = False
    reencodes: bool = False
    skew: timedelta = timedelta()
    switches: frozenset[str] = frozenset()

    def is_going(self, post: Seen) -> bool:
        """Whether PostBoost will publish the post, or has: as far as a person has approved of it."""
        if self.needs_approval and not post.approved:
            return post.status == "needs_approval"
        return post.status in GOING or (self.invents_statuses and post.status not in ("draft", "failed"))


def same_text(wanted: str, seen: str, rules: Rules) -> bool:
    """Word for word; only where PostBoost alters texts, as it would read without markup."""
    return wanted == seen or (rules.alters_texts and _plain(wanted) == _plain(seen))


def _plain(text: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", "", html.unescape(text)).split())


def posts_of(name: str, posts: Iterable[Seen]) -> list[Seen]:
    """Return the posts of an intention."""
    return [post for post in posts if any(name in text for parts in post.texts.values() for text in parts)]


def check_once(name: str, posts: Iterable[Seen], gone: Iterable[Seen] = ()) -> list[Verdict]:
    """No intention has two posts, no account has published it twice, and what a person has ended is not made again.

    :param gone: the posts that a person has deleted or trashed, as they were.
    """
    mine, ended = posts_of(name, posts), posts_of(name, gone)
    uuids = {post.uuid for post in ended}
    kept = [post for post in mine if not post.trashed or post.uuid in uuids]
    kept += [post for post in ended if post.uuid not in {each.uuid for each in kept}]
    if len(kept) > 1:
        return [Verdict(DUPLICATE, f"{name} has {len(kept)} posts: " + "; ".join(map(str, kept)))]
    live = [account for post in mine for account, state in post.states.items() if state == "published"]
    if twice := {account for account in live if live.count(account) > 1}:
        return [Verdict(DUPLICATE, f"{name} was published twice on {twice}: " + "; ".join(map(str, mine)))]
    return []


def check_strangers(names: Iterable[str], posts: Iterable[Seen]) -> list[Verdict]:
    """Every post is somebody's."""
    posts = list(posts)
    known = {post.uuid for name in names for post in posts_of(name, posts)}
    return [Verdict(DUPLICATE, f"nobody wanted {post}") for post in posts if post.uuid not in known]


def check_true(wanted: Wanted, posts: Iterable[Seen], now: datetime, rules: Rules) -> list[Verdict]:
    """What a green task claims is true: the post exists, in these words, for these accounts, at this time."""
    mine = [post for post in posts_of(wanted.name, posts) if not post.trashed]
    if not mine:
        trashed = posts_of(wanted.name, posts)
        where = f" but in the trash: {trashed[0]}" if trashed else ""
        return [Verdict(LOSS, f"{wanted.name} is green, and PostBoost has no post of it{where}")]
    # Of two posts, which is another verdict, one may be the right one.
    problems, post = min(
        ((_differences(wanted, each, now, rules), each) for each in mine), key=lambda p: len(p[0])
    )
    return [
        Verdict(FALSE_SUCCESS, f"{wanted.name} is green, but {problem}: {post}") for problem in problems[:1]
    ]


def _differences(wanted: Wanted, post: Seen, now: datetime, rules: Rules) -> list[str]:
    found = []
    if set(post.texts) != set(wanted.texts):
        found.append(f"it is for accounts {sorted(post.texts)}, not {sorted(wanted.texts)}")
    for account, parts in wanted.texts.items():
        seen = post.texts.get(account, ())
        if len(seen) != len(parts) or not all(
            same_text(w, s, rules) for w, s in zip(parts, seen, strict=False)
        ):
            found.append(f"account {account} has the words {seen!r}, not {parts!r}")
        if not _same_media(wanted.media, post.media.get(account, ()), rules):
            found.append(f"account {account} has the media {post.media.get(account)}, not {wanted.media}")
    if wanted.tags != post.tags:
        found.append(f"it has the tags {sorted(post.tags)}, not {sorted(wanted.tags)}")
    return [*found, *_when(wanted, post, now, rules)]


def _same_media(wanted: tuple[str, ...], seen: tuple[str, ...], rules: Rules) -> bool:
    return len(wanted) == len(seen) if rules.reencodes else wanted == seen


def _when(wanted: Wanted, post: Seen, now: datetime, rules: Rules) -> list[str]:
    if wanted.mode == "draft":
        is_draft = post.status == "draft" or rules.invents_statuses
        return [] if is_draft and post.scheduled_at is None else [f"it is {post.status}, and not a draft"]
    if post.status == "failed" or "failed" in post.states.values():
        return ["it failed"]
    if not rules.is_going(post):
        return [f"it is {post.status}, approved: {post.approved}, so it will not be published as it should"]
    at = post.scheduled_at
    if wanted.mode == "now" and at is not None and at > max(now, now + rules.skew) + AT_ONCE:
        return [f"it is for {at}, and not for now"]
    if wanted.at is None or at is None or at == wanted.at:
        return []
    # What was late is sent at once, is never early, and is not too late.
    if at < wanted.at:
        return [f"it is for {at}, before {wanted.at}"]
    # A person may approve of it at any later time.
    is_too_late = wanted.is_row and not post.approved and at - wanted.at > LATE_BY
    if at > max(now, now + rules.skew) + AT_ONCE or is_too_late:
        return [f"it is for {at}, not {wanted.at}"]
    return []


@dataclass
class Judgement:
    """What became of one sequence."""

    intended: int = 0
    found: int = 0
    verdicts: list[Verdict] = field(default_factory=list)

    def add(self, verdicts: Iterable[Verdict]) -> None:
        """Note each kind of verdict about the same intention once."""
        for verdict in verdicts:
            if verdict not in self.verdicts:
                self.verdicts.append(verdict)


Check = Callable[[], list[Verdict]]

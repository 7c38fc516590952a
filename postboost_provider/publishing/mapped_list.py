"""Which post is whose, after the list of a mapped task has changed between two attempts. Pure.

A map index names a place in a list, not a post. ``[A, B, C]`` that is cleared as ``[X, A, B, C]`` must publish X, and nothing
twice. So a mapped post without a ``post_key`` is known by what was published for this task and run: a post whose words another
place has now is that place's, and a place whose post has moved away publishes under a name made of its words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postboost_provider.api.errors import OvertakenError, PostBoostConfigError, PostBoostError
from postboost_provider.idempotency.identity import Actor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from postboost_provider.publishing.post import Post

# A list that became shorter leaves posts of places behind it.
MOST_PLACES = 4096


@dataclass(frozen=True, slots=True)
class Places:
    """The places of a mapped list.

    :param index: this one's.
    :param intents: what each place publishes now, as hashes; None where that is not known.
    :param at: returns the actor of a place.
    :param of_words: returns the actor that is named by what it publishes.
    """

    index: int
    intents: Mapping[int, str] | None
    at: Callable[[int], Actor]
    of_words: Callable[[str], Actor]

    def place(self, mine: str, posts: Mapping[str, str | None]) -> Actor:
        """Return the actor under which this place publishes.

        :param mine: what this place publishes.
        :param posts: what was published last for the task, by log identity; None where that is not known.
        :raises PostBoostConfigError: it is not known which item each post belongs to; ``code`` is ``list_changed``.
        :raises OvertakenError: the list has changed since this attempt began.
        """
        own = self.at(self.index)
        if own.log_identity in posts and posts[own.log_identity] == mine:
            return own
        if self.intents and mine != self.intents.get(self.index) and mine in self.intents.values():
            raise OvertakenError(
                "The list of this mapped task has changed since this attempt began, and another place has its item now. Nothing "
                "was sent. Retry the task: it reads the list again."
            )
        plain = {
            i: posts[identity]
            for i in range(max(MOST_PLACES, self.index + 1))
            if (identity := self.at(i).log_identity) in posts
        }
        named = {
            words: posts[identity]
            for words in {mine, *(words for words in posts.values() if words)}
            if (identity := self.of_words(words).log_identity) in posts
        }
        if not plain and not named:
            return own
        if self.intents is None:
            if self.index in plain or mine in (*plain.values(), *named.values()):
                raise undecided("Airflow does not tell what the other mapped tasks publish now")
            return own
        wanted = [words for i, words in self.intents.items() if plain.get(i) != words]
        if None in plain.values() or None in named.values():
            raise undecided("PostBoost's activity log does not have what was published")
        holders = [self.at(i) for i, words in plain.items() if words == mine != self.intents.get(i)]
        holders += [self.of_words(words) for words, present in named.items() if present == mine]
        if len(holders) > 1 or (wanted.count(mine) > 1 and (holders or self.index in plain)):
            raise undecided("several mapped tasks publish the same")
        if holders:
            return holders[0]
        if self.index not in plain:
            if any(words not in self.intents.values() for words in named.values()):
                raise undecided("it was changed more than once")
            return own
        if plain[self.index] not in wanted:
            # Nobody else publishes what this place had: its author has edited it.
            return own
        if any(words not in self.intents.values() for words in named.values()):
            raise undecided("it was changed more than once")
        return self.of_words(mine)


def find_places(
    actor: Actor,
    index: int,
    posts: Mapping[int, Callable[[], Post]] | None,
    intent_of: Callable[[Post], str | None],
) -> Places:
    """Return the places of a mapped list.

    :param actor: of one of the places.
    :param index: its map index.
    :param posts: functions that return what each place publishes now; None where Airflow does not tell.
    :param intent_of: returns the hash of a post, or None where it is not valid.
    """
    intents: dict[int, str] | None = {}
    try:
        for other, read in (posts or {}).items():
            if (intent := intent_of(read())) is not None and intents is not None:
                intents[other] = intent
            else:
                intents = None
    except PostBoostError:
        intents = None

    def named(name: str) -> Actor:
        return Actor(actor.scope, (*actor.identity[:4], name, *actor.identity[5:]))

    return Places(
        index,
        None if posts is None else intents,
        lambda other: named(str(other)),
        lambda words: named(f"words {words}"),
    )


def undecided(why: str) -> PostBoostConfigError:
    return PostBoostConfigError(
        f"The list of this mapped task has changed since an earlier attempt, and it is not known which item each post belongs to: {why}. "
        "Nothing was sent. Give each post its own post_key.",
        code="list_changed",
        field="post_key",
    )

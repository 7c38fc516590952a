"""A post whose files can't be read any more, compared with what PostBoost has of it."""

from __future__ import annotations

import itertools
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from postboost_provider.publishing.update import fetch, has_words, outcome_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.publishing.post import InvalidPostError, Post

# Reading more of the library costs more than it tells.
MOST_MEDIA = 500


def is_gone(error: InvalidPostError) -> bool:
    """Return whether the post is not valid only because a file does not exist."""
    return all(problem.code == "no_file" for problem in error.problems)


def is_unchanged(api: PostBoostClient, post: Post, body: Mapping[str, Any], uuid: str) -> bool:
    """Return whether PostBoost has the post as its author wants it, but for the content of its files.

    :param body: what was asked for, without files.
    """
    found = fetch(api, uuid)
    if not outcome_of(found).can_be_changed:
        # It may have been sent late.
        body = {**body, "date": None}
    if not has_words(body, found):
        return False
    items = itertools.chain.from_iterable(v["content"] for v in found["versions"])
    wanted = {int(number) for item in items for number in item.get("media") or ()}
    library = itertools.islice(api.pages("list_media"), MOST_MEDIA) if wanted else ()
    names = {str(medium["name"]) for medium in library if int(medium["id"]) in wanted}
    return names == set(_file_names(post))


def _file_names(post: Post) -> Iterator[str]:
    for name in (*post.media, *itertools.chain.from_iterable(v.media or () for v in post.variants)):
        yield PurePosixPath(name.partition("?")[0]).name

"""What PostBoost refuses, in the words of who wrote it.

A 422 names the fields of the body, such as ``versions.0.content.0.body``. Where this package built the body, nobody
wrote those.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from postboost_provider.api.errors import ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def map_fields(words: Callable[[str], str] | str) -> Iterator[None]:
    """Say of a 422 what its author wrote. One that is said so already stays as it is.

    :param words: gives the author's word for a field of the API's; or the one word for all of them.
    """
    word = words if callable(words) else lambda field: words
    try:
        yield
    except ValidationError as error:
        if error.is_mapped or not error.errors:
            raise
        problems = "; ".join(
            f"{word(name)}: {say(name, texts, word(name))}" for name, texts in error.errors.items()
        )
        raise with_mapped_fields(error, problems) from error


def with_mapped_fields(error: ValidationError, problems: str) -> ValidationError:
    """Return the error with other words for what is wrong."""
    where = str(error).partition(": PostBoost answered")[0]
    told = ValidationError(
        f"{where}: PostBoost refused it: {problems}",
        status=error.status,
        code=error.code,
        body=error.body,
        replayed=error.replayed,
    )
    told.is_mapped = True
    return told


def say(name: str, texts: list[str], word: str) -> str:
    """Return what PostBoost says of a field, which it may call by its path, underscores or not."""
    said = "; ".join(texts)
    # A plain name, such as file, is a word that anybody may use.
    if "." in name or "_" in name:
        for path in (name, name.replace("_", " ")):
            said = said.replace(path, word)
    return said

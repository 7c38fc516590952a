"""Name the author's arguments or columns in a 422, which names fields of the body (``versions.0.content.0.body``)."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from postboost_provider.api.errors import ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def map_fields(words: Callable[[str], str] | str) -> Iterator[None]:
    """Rename the API's fields in a 422, unless that is done already.

    :param words: returns the author's name for a field of the API; or one name for all fields.
    """
    word = words if callable(words) else lambda field: words
    try:
        yield
    except ValidationError as error:
        if error.is_mapped or not error.errors:
            raise
        problems = "; ".join(
            f"{word(name)}: {describe_field(name, texts, word(name))}" for name, texts in error.errors.items()
        )
        raise with_mapped_fields(error, problems, word(next(iter(error.errors)))) from error


def with_mapped_fields(error: ValidationError, problems: str, field: str) -> ValidationError:
    """Return the error with another description, and the first field that is wrong as its author writes it."""
    where = f" ({error.request})" if error.request else ""
    details = error.details
    details["field"] = field
    mapped = ValidationError(f"PostBoost refused it: {problems}{where}", **details)
    mapped.is_mapped = True
    return mapped


def describe_field(name: str, texts: list[str], word: str) -> str:
    """Return PostBoost's messages about a field, with the author's name in place of the field's path."""
    text = "; ".join(texts)
    # A plain name, such as "file", may also be an ordinary word of the message.
    if "." in name or "_" in name:
        for path in (name, name.replace("_", " ")):
            text = text.replace(path, word)
    return text

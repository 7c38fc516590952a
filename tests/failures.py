"""A task that fails at once: the error behind it, by its type, code and field."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from postboost_provider.api.errors import PostBoostConfigError, PostBoostError
from postboost_provider.retry_policy import PostBoostFailException


@contextmanager
def fails(
    kind: type[PostBoostError] = PostBoostConfigError,
    word: str = "",
    *,
    code: str | None = None,
    field: str | None = None,
) -> Iterator[pytest.ExceptionInfo[PostBoostFailException]]:
    """Check that a task fails without a retry, for an error of this kind.

    :param word: a telling word of its message, such as the name of what is wrong.
    """
    with pytest.raises(PostBoostFailException) as caught:
        yield caught
    error = caught.value.error
    assert isinstance(error, kind)
    assert word in str(caught.value)
    assert code is None or error.code == code
    assert field is None or error.field == field


@contextmanager
def raises(
    kind: type[PostBoostError], *, code: str | None = None, field: str | None = None
) -> Iterator[pytest.ExceptionInfo[PostBoostError]]:
    """Check that an error of this kind is raised."""
    with pytest.raises(kind) as caught:
        yield caught
    assert code is None or caught.value.code == code
    assert field is None or caught.value.field == field

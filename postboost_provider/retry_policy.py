"""Which errors no retry can mend, told to Airflow so that none is burned on them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowFailException

from postboost_provider.api.errors import PostBoostError, can_help

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def failing_fast() -> Iterator[None]:
    """Fail the task without retries for an error of PostBoost's that no retry can mend."""
    try:
        yield
    except PostBoostError as error:
        if can_help(error):
            raise
        raise AirflowFailException(str(error)) from error

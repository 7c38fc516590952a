"""Which errors no retry can mend, told to Airflow so that none is burned on them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowFailException

from postboost_provider.api.errors import (
    ConflictError,
    PostBoostError,
    RateLimitedError,
    ServerError,
    UnconfirmedError,
    UnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

RETRY_CAN_HELP = (ConflictError, RateLimitedError, ServerError, UnconfirmedError, UnreachableError)


def can_help(error: BaseException) -> bool:
    """Say whether a retry can mend the error: the network, the server or the time of day was to blame."""
    return isinstance(error, RETRY_CAN_HELP)


@contextmanager
def failing_fast() -> Iterator[None]:
    """Fail the task without retries for an error of PostBoost's that no retry can mend."""
    try:
        yield
    except PostBoostError as error:
        if can_help(error):
            raise
        raise AirflowFailException(str(error)) from error

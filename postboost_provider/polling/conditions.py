"""Ask PostBoost again and again until an answer settles it: the same for a worker and for the triggerer.

An inquiry is pure: it says what to ask and reads the answers. Who asks it, how often and until when is not its matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postboost_provider.api.client import AsyncPostBoostClient, PostBoostClient


@dataclass(frozen=True, slots=True)
class Question:
    """A call of the API that changes nothing."""

    operation: str
    parameters: dict[str, Any] | None = None
    body: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What the answers say.

    :param is_settled: there is nothing to ask any more; ``result`` is what came of it, as plain JSON.
    :param pending: what stands in the way, in words, while it is not settled.
    """

    is_settled: bool
    result: Any = None
    pending: str = ""


class Inquiry(Protocol):
    def questions(self, now: datetime) -> Sequence[Question]:
        """Return what to ask."""

    def read(self, answers: Sequence[Any], now: datetime) -> Finding:
        """Read the answers, in the order of the questions.

        :raises PostBoostError: they say that it can't be settled any more.
        """


def ask(api: PostBoostClient, inquiry: Inquiry) -> Finding:
    """Ask once."""
    now = datetime.now(UTC)
    answers = [
        api.call(question.operation, parameters=question.parameters, body=question.body)
        for question in inquiry.questions(now)
    ]
    return inquiry.read(answers, now)


async def ask_async(api: AsyncPostBoostClient, inquiry: Inquiry) -> Finding:
    """Ask once, from within an event loop."""
    now = datetime.now(UTC)
    answers = [
        await api.call(question.operation, parameters=question.parameters, body=question.body)
        for question in inquiry.questions(now)
    ]
    return inquiry.read(answers, now)

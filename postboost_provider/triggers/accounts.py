"""Wait in the triggerer until accounts can publish."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Unpack

from postboost_provider.triggers.base import PollingTrigger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postboost_provider.polling.conditions import Finding
    from postboost_provider.triggers.base import PollingArguments


class PostBoostAccountHealthTrigger(PollingTrigger):
    """Wait until accounts can publish at a planned time.

    :param account_ids: the ids of the accounts.
    :param publish_at: the planned time, in ISO 8601; default: the time of each poll.
    :param posts_per_account: how many posts each account is to publish on that day.
    """

    own_arguments = ("account_ids", "publish_at", "posts_per_account")

    def __init__(
        self,
        *,
        account_ids: Sequence[int],
        publish_at: str | None = None,
        posts_per_account: int = 1,
        **wait: Unpack[PollingArguments],
    ) -> None:
        super().__init__(**wait)
        self.account_ids = account_ids
        self.publish_at = publish_at
        self.posts_per_account = posts_per_account

    async def _poll(self) -> Finding:
        from postboost_provider.services.account_health import AccountsCanPublish

        at = datetime.fromisoformat(self.publish_at) if self.publish_at else None
        return await self._ask(AccountsCanPublish(tuple(self.account_ids), at, self.posts_per_account))

"""Wait until the accounts that a DAG will post to can publish."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Unpack

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.sensors.base import BasePostBoostSensor
from postboost_provider.triggers.accounts import PostBoostAccountHealthTrigger

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context, XComArg

    from postboost_provider.polling.conditions import Finding
    from postboost_provider.triggers.base import WaitArguments


class PostBoostAccountHealthSensor(BasePostBoostSensor):
    """Wait until accounts can publish at a planned time. Each poll logs which accounts to reconnect, and where.

    An account can publish if its network accepts PostBoost, PostBoost has a token for it, its connection does not expire
    before the planned time, and its daily cap has room on the planned UTC day. The first poll is immediate.

    :param accounts: ids, ``@username``, ``provider:username``, ``provider:*``, or names of account groups. Templated.
    :param publish_at: the planned time: a datetime or ISO 8601 text, aware or in ``timezone``. Default, and for a time
        in the past: now. Templated.
    :param timezone: IANA time zone of a time without an offset. Templated.
    :param posts_per_account: how many posts each account is to publish on that day. PostBoost counts only today's
        posts: for a later day, the sensor only checks that the day is not full.
    :xcom return_value: (list) Per account ``id``, ``uuid``, ``provider``, ``name``, ``status`` (``healthy``, ``failing``:
        its latest post failed, or ``expiring``: within 7 days), ``expires_at`` (ISO 8601, or None) and ``reconnect_url``.
    :raises AirflowSensorTimeout: an account can't publish. The message names each, the reason and its reconnect URL.
    :raises AirflowFailException: an account does not exist, or the token may not read account health.
    """

    template_fields: Sequence[str] = ("accounts", "publish_at", "timezone", "postboost_conn_id")
    _at: datetime | None = None
    _ids: tuple[int, ...] = ()

    def __init__(
        self,
        *,
        accounts: str | int | Sequence[str | int] | XComArg,
        publish_at: datetime | str | None = None,
        timezone: str | None = None,
        posts_per_account: int = 1,
        poke_interval: timedelta | float = 300,
        timeout: timedelta | float = 3600,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, timeout=timeout, **kwargs)
        self.accounts = accounts
        self.publish_at = publish_at
        self.timezone = timezone
        self.posts_per_account = posts_per_account

    def check(self) -> None:
        from postboost_provider.api.arguments import argument
        from postboost_provider.api.times import to_instant

        if not isinstance(self.posts_per_account, int) or self.posts_per_account < 1:
            raise PostBoostConfigError(
                f"posts_per_account is {self.posts_per_account!r}; it must be a whole number of at least 1.",
                code="not_a_count",
                field="posts_per_account",
            )
        with argument("publish_at"):
            self._at = to_instant(self.publish_at, self.timezone or None) if self.publish_at else None

    def ask(self) -> Finding:
        from postboost_provider.api.arguments import read_text
        from postboost_provider.polling.conditions import ask
        from postboost_provider.services.account_health import AccountsCanPublish
        from postboost_provider.services.accounts import account_ids

        with self.connect() as api:
            self._ids = account_ids(api, read_text(self.accounts))
            condition = AccountsCanPublish(self._ids, self._at, self.posts_per_account)
            finding = ask(api, condition, datetime.now(UTC))
        if not finding.is_settled:
            self.log.warning("%s", finding.pending)
        return finding

    def conclude(self, result: list[dict[str, Any]], context: Context) -> list[dict[str, Any]]:
        self.log.info("All %d accounts can publish.", len(result))
        return result

    def trigger(self, **wait: Unpack[WaitArguments]) -> PostBoostAccountHealthTrigger | None:
        if not self._ids:
            return None
        return PostBoostAccountHealthTrigger(
            account_ids=self._ids,
            publish_at=self._at.isoformat() if self._at else None,
            posts_per_account=self.posts_per_account,
            postboost_conn_id=self.postboost_conn_id,
            **wait,
        )

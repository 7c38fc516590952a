"""Wait until the accounts that a DAG will post to can publish."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (
    AirflowSensorTimeout,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from postboost_provider.api.errors import PostBoostConfigError, PostBoostError, is_retryable
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.retry_policy import RetryPolicyMixin, failing_fast
from postboost_provider.triggers.accounts import PostBoostAccountHealthTrigger
from postboost_provider.triggers.base import read_event

# What only a running task needs is imported where it is used: each parse of each DAG file imports this module.
if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context


class PostBoostAccountHealthSensor(RetryPolicyMixin, BaseSensorOperator):
    """Wait until accounts can publish at a planned time, and say who has to reconnect which of them where.

    An account can publish when its network accepts PostBoost, PostBoost holds a token for it, its connection does not
    end before the planned time, and its daily cap has room on the planned UTC day. The first look is immediate; every
    look that finds something amiss logs it, so that somebody can mend it while the sensor waits.

    Returns a list: per account ``id``, ``uuid``, ``provider``, ``name``, ``status`` (``healthy``, ``failing``: its latest
    post failed, or ``expiring``: within 7 days), ``expires_at`` (ISO 8601, or None) and ``reconnect_url``.

    :param accounts: ids, ``@username``, ``provider:username``, ``provider:*``, or names of account groups. Templated.
    :param publish_at: the planned time: a datetime or ISO 8601 text, aware or in ``timezone``. Default, and for what has
        passed: now. Templated.
    :param timezone: IANA zone of a time that has none of its own. Templated.
    :param posts_per_account: how many posts each of the accounts is to publish on that day. Default 1. PostBoost tells
        how many are taken for today alone; of a later day it tells whether the day is full, which is what is checked then.
    :param poke_interval: the pause between two looks, in seconds or as a timedelta. Default 5 minutes.
    :param timeout: how long to wait, in seconds or as a timedelta; 0 fails at the first look. Default one hour.
    :param mode: without ``deferrable``: ``poke`` (default) keeps the worker's slot; ``reschedule`` frees it between
        two looks.
    :param deferrable: wait in the triggerer. Default: ``[operators] default_deferrable``.
    :param postboost_conn_id: the PostBoost connection. Templated.
    :raises AirflowSensorTimeout: an account can't publish; the message names each, the reason and its reconnect URL.
    :raises AirflowFailException: there is no such account, or the token may not look.
    """

    template_fields: Sequence[str] = ("accounts", "publish_at", "timezone", "postboost_conn_id")
    ui_color = "#fef3c7"
    _pending = ""

    def __init__(
        self,
        *,
        accounts: str | int | Sequence[str | int],
        publish_at: datetime | str | None = None,
        timezone: str | None = None,
        posts_per_account: int = 1,
        poke_interval: timedelta | float = 300,
        timeout: timedelta | float = 3600,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        postboost_conn_id: str = PostBoostHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, timeout=timeout, **kwargs)
        self.accounts = accounts
        self.publish_at = publish_at
        self.timezone = timezone
        self.posts_per_account = posts_per_account
        self.deferrable = deferrable
        self.postboost_conn_id = postboost_conn_id

    def execute(self, context: Context) -> Any:
        self._started = datetime.now(UTC)
        try:
            return super().execute(context)
        except AirflowSensorTimeout as error:
            # Airflow's own message says how long it took, and not what was amiss.
            raise AirflowSensorTimeout(self._pending) from error

    def poke(self, context: Context) -> bool | PokeReturnValue:
        from postboost_provider.api.arguments import read_text
        from postboost_provider.polling.conditions import ask
        from postboost_provider.services.account_health import AccountsCanPublish
        from postboost_provider.services.accounts import account_ids

        with failing_fast(self):
            at = self._planned()
            try:
                with PostBoostHook(self.postboost_conn_id).client() as api:
                    ids = account_ids(api, read_text(self.accounts))
                    finding = ask(api, AccountsCanPublish(ids, at, self.posts_per_account))
            except PostBoostError as error:
                if not is_retryable(error):
                    raise
                self._pending = str(error)
                self.log.warning("This look failed, the next may not: %s", error)
                return False
        if finding.is_settled:
            self.log.info("All %d accounts can publish.", len(ids))
            return PokeReturnValue(is_done=True, xcom_value=finding.result)
        self._pending = finding.pending
        self.log.warning("%s", finding.pending)
        if self.deferrable:
            self._defer(ids, at)
        return False

    def execute_complete(self, context: Context, event: Any) -> Any:
        """Go on when the triggerer has seen the accounts able to publish, or the time is over."""
        with failing_fast(self):
            settled, said = read_event(event)
        if not settled:
            raise AirflowSensorTimeout(said)
        return said

    def _defer(self, ids: tuple[int, ...], at: datetime | None) -> None:
        self.defer(
            trigger=PostBoostAccountHealthTrigger(
                account_ids=ids,
                publish_at=at.isoformat() if at else None,
                posts_per_account=self.posts_per_account,
                postboost_conn_id=self.postboost_conn_id,
                timeout=self.timeout,
                poll_interval=self.poke_interval,
                started_at=self._started.isoformat(),
            ),
            method_name="execute_complete",
        )

    def _planned(self) -> datetime | None:
        if not isinstance(self.posts_per_account, int) or self.posts_per_account < 1:
            raise PostBoostConfigError(
                f"posts_per_account is {self.posts_per_account!r}; it must be a whole number of at least 1."
            )
        from postboost_provider.api.times import to_instant

        return to_instant(self.publish_at, self.timezone or None) if self.publish_at else None

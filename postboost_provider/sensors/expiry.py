"""Fail a DAG early when its token nears expiry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import (
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
)

from postboost_provider.api.credentials import ROTATION_STEPS, Expiry, describe_span, parse_expiry
from postboost_provider.api.errors import (
    PermissionDeniedError,
    PostBoostConfigError,
    RateLimitedError,
    ServerError,
    UnreachableError,
)
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.retry_policy import RetryPolicyMixin, failing_fast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context


class PostBoostTokenExpirySensor(RetryPolicyMixin, BaseSensorOperator):
    """Stop a DAG before it begins when its PostBoost token is dead or will be soon.

    PostBoost's access tokens die at 00:00 UTC of their expiry date, and nothing in its API tells that date: it comes
    from the connection's ``expires_on``, or from here. One live request is made in any case, so that a revoked token
    fails now and not after the first post. A dead or expiring token fails the task at once, without retries; a 5xx or
    a timeout means only that the sensor looks again.

    Returns ``expires_at`` (ISO 8601, or None) and ``seconds_left`` (or None).

    :param min_validity: how long the token must last from now on. Default 7 days.
    :param expires_on: the token's expiry date (YYYY-MM-DD) or ``never``; default: the connection's. Templated.
    :param on_expiring: what to do when a live token lasts less long: ``fail`` (default), ``skip`` what comes after, or
        ``warn`` in the log and go on.
    :param on_unknown: what to do when no expiry date is known: ``probe`` (default; the live request decides) or
        ``fail``.
    :param postboost_conn_id: the connection whose token is meant. Templated.
    :raises AirflowFailException: the token is dead, or expires too soon; the message gives the instant, the time left
        and how to rotate it.
    """

    template_fields: Sequence[str] = ("expires_on", "postboost_conn_id")
    ui_color = "#fef3c7"
    _last_problem = ""

    def __init__(
        self,
        *,
        min_validity: timedelta = timedelta(days=7),
        expires_on: str | None = None,
        on_expiring: Literal["fail", "skip", "warn"] = "fail",
        on_unknown: Literal["probe", "fail"] = "probe",
        postboost_conn_id: str = PostBoostHook.default_conn_name,
        poke_interval: timedelta | float = 30,
        timeout: timedelta | float = 600,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, timeout=timeout, **kwargs)
        self.min_validity = min_validity
        self.expires_on = expires_on
        self.on_expiring = on_expiring
        self.on_unknown = on_unknown
        self.postboost_conn_id = postboost_conn_id

    def execute(self, context: Context) -> Any:
        with failing_fast(self):
            self._check_arguments()
        try:
            return super().execute(context)
        except AirflowSensorTimeout as error:
            raise AirflowSensorTimeout(
                f"PostBoost gave no clear answer within {describe_span(timedelta(seconds=self.timeout))}; whether the "
                f"token is alive is not known. The last answer: {self._last_problem} Check PostBoost's status and the "
                "network, then clear this task."
            ) from error

    def poke(self, context: Context) -> bool | PokeReturnValue:
        # Not at module level: a DAG file that imports the sensor has no use for it.
        from dataclasses import replace

        from postboost_provider.api.client import PostBoostClient

        with failing_fast(self):
            hook = PostBoostHook(self.postboost_conn_id)
            settings = hook.settings()
            expiry = parse_expiry(self.expires_on) if self.expires_on else settings.expiry
            settings = replace(settings, expiry=expiry)
            now = datetime.now(UTC)
            try:
                with PostBoostClient(settings, refresh=hook.settings, attempts=1) as api:
                    api.call("list_tags" if settings.workspace_uuid else "list_my_workspaces")
            except PermissionDeniedError as error:
                # A 403 is an answer to a living token; what it may do is for the tasks that need it.
                self.log.info("The token is alive, though it may not read this: %s", error)
            except (RateLimitedError, ServerError, UnreachableError) as error:
                self._last_problem = str(error)
                if self.on_expiring == "fail":
                    # What the date says needs no answer.
                    self._judge(expiry, now, settings.name, answered=False)
                self.log.warning("PostBoost gave no clear answer, looking again: %s", error)
                return False
            self._judge(expiry, now, settings.name, answered=True)
        left = expiry.time_left(now)
        return PokeReturnValue(
            is_done=True,
            xcom_value={
                "expires_at": expiry.instant.isoformat() if expiry.instant else None,
                "seconds_left": int(left.total_seconds()) if left is not None else None,
            },
        )

    def _judge(self, expiry: Expiry, now: datetime, name: str, *, answered: bool) -> None:
        left = expiry.time_left(now)
        if expiry.kind == "unknown" and self.on_unknown == "fail":
            raise PostBoostConfigError(
                f"The token of {name} has no known expiry date. Set expires_on in the connection's extras (a date, or "
                "never), or pass expires_on to this sensor."
            )
        if left is None or left >= self.min_validity:
            if answered:
                self.log.info("The token of %s is accepted and %s.", name, expiry.describe(now))
            return
        stale = answered and left <= timedelta(0)
        message = (
            f"The token of {name} {expiry.describe(now)}; at least {describe_span(self.min_validity)} are wanted. "
            + ("PostBoost still accepts it: if it was rotated, correct expires_on. " if stale else "")
            + ROTATION_STEPS
        )
        if self.on_expiring == "warn":
            self.log.warning("%s", message)
        elif self.on_expiring == "skip":
            raise AirflowSkipException(message)
        else:
            raise PostBoostConfigError(message)

    def _check_arguments(self) -> None:
        if self.soft_fail:
            raise PostBoostConfigError(
                "soft_fail=True would skip the DAG silently when the token is dead, which is what this sensor is there "
                "to tell. Use on_expiring='skip' to skip for a token that is alive but expires soon."
            )
        if not isinstance(self.min_validity, timedelta) or self.min_validity < timedelta(0):
            raise PostBoostConfigError(
                f"min_validity is {self.min_validity!r}; it must be a timedelta of 0 or more."
            )
        if self.on_expiring not in ("fail", "skip", "warn"):
            raise PostBoostConfigError(f"on_expiring is {self.on_expiring!r}; use fail, skip or warn.")
        if self.on_unknown not in ("probe", "fail"):
            raise PostBoostConfigError(f"on_unknown is {self.on_unknown!r}; use probe or fail.")

"""Fail a DAG early when one of its tokens is about to expire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Unpack

from airflow.providers.common.compat.sdk import AirflowSkipException

from postboost_provider.airflow_support.compat import gauge
from postboost_provider.api.errors import (
    AuthenticationError,
    PermissionDeniedError,
    PostBoostConfigError,
    PostBoostError,
    is_retryable,
)
from postboost_provider.api.expiry import ROTATION_STEPS, Expiry, parse_expiry, shortfall
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.retry_policy import failing_fast
from postboost_provider.sensors.base import BasePostBoostSensor
from postboost_provider.triggers.expiry import PostBoostTokenTrigger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from postboost_provider.polling.conditions import Finding
    from postboost_provider.triggers.base import WaitArguments

GAUGE = "postboost.credential.seconds_left"
DEFAULT_MIN_VALIDITY = timedelta(days=7)


class _TokenCheck(NamedTuple):
    """What is known about one connection. ``error`` is why it can't be used, or why that is not known yet."""

    conn_id: str
    name: str
    expiry: Expiry
    error: PostBoostError | None = None

    @property
    def is_clear(self) -> bool:
        return self.error is None or not is_retryable(self.error)

    @property
    def refused(self) -> PostBoostError | None:
        return self.error if self.is_clear else None


class PostBoostTokenExpirySensor(BasePostBoostSensor):
    """Stop a DAG before it begins if one of its PostBoost tokens has expired or is about to.

    A PostBoost access token expires at 00:00 UTC of its expiry date. PostBoost's API does not return that date: it
    comes from the connection's ``expires_on``, or from the argument of that name. An admin can look up the date of a scoped key. The sensor always
    makes one live request per connection: a revoked token fails at once, without retries. After a 5xx or a timeout it
    polls again. It sends each known date as the gauge ``postboost.credential.seconds_left``, tagged with ``conn_id``.

    :param min_validity: how long the token must last from now on. Default: 7 days, or 0 with ``must_outlast``.
    :param must_outlast: what the token must outlast: a timedelta from now on, or an instant with its zone, as a datetime
        or ISO 8601 text, such as the last ``publish_at`` plus the longest wait. Templated.
    :param expires_on: the token's expiry date (YYYY-MM-DD) or ``never``; default: the connection's. Templated.
    :param on_expiring: what to do if a valid token expires earlier: ``fail``, ``skip`` the downstream tasks, or ``warn``
        in the log and succeed.
    :param on_unknown: what to do if no expiry date is known: ``probe`` (the live request decides) or ``fail``.
    :param postboost_conn_id: the connection whose token is checked. Templated.
    :param postboost_conn_ids: several connections instead, as a list or separated by commas. Templated.
    :param admin_conn_id: a connection with the unscoped token of a workspace admin, to look up when the scoped keys of
        connections with a ``scoped_key_id`` expire. Templated.
    :param timeout: how long to poll while PostBoost neither accepts nor refuses a token, in seconds or as a timedelta.
    :xcom return_value: (dict) ``expires_at`` (ISO 8601, or None) and ``seconds_left`` (or None); with
        ``postboost_conn_ids`` a mapping of connections to these.
    :raises AirflowFailException: a token has expired, or expires too soon. The message has the rotation steps.
    :raises AirflowSensorTimeout: PostBoost neither accepted nor refused a token in time.
    """

    template_fields: Sequence[str] = (
        "must_outlast",
        "expires_on",
        "postboost_conn_id",
        "postboost_conn_ids",
        "admin_conn_id",
    )
    may_be_nothing: ClassVar[tuple[str, ...]] = ("expires_on",)
    # What ``token_guard`` was called with.
    guard_options: dict[str, Any] | None = None

    def __init__(
        self,
        *,
        min_validity: timedelta | None = None,
        must_outlast: timedelta | datetime | str | None = None,
        expires_on: str | None = None,
        on_expiring: Literal["fail", "skip", "warn"] = "fail",
        on_unknown: Literal["probe", "fail"] = "probe",
        postboost_conn_ids: Sequence[str] | str | None = None,
        admin_conn_id: str | None = None,
        poke_interval: timedelta | float = 30,
        timeout: timedelta | float = 600,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, timeout=timeout, **kwargs)
        self.min_validity = min_validity
        self.must_outlast = must_outlast
        self.expires_on = expires_on
        self.on_expiring = on_expiring
        self.on_unknown = on_unknown
        self.postboost_conn_ids = postboost_conn_ids
        self.admin_conn_id = admin_conn_id

    def check(self) -> None:
        from postboost_provider.api.arguments import check_choice
        from postboost_provider.rotation.plan import check_span

        for name in ("soft_fail", "never_fail"):
            if getattr(self, name, False):
                raise PostBoostConfigError(
                    f"{name}=True would skip the DAG silently when the token has expired. Use on_expiring='skip' to skip "
                    "for a token that is valid but expires soon.",
                    code="not_allowed",
                    field=name,
                )
        check_span("min_validity", self.min_validity)
        if isinstance(self.must_outlast, timedelta):
            check_span("must_outlast", self.must_outlast)
        check_choice("on_expiring", self.on_expiring, ("fail", "skip", "warn"))
        check_choice("on_unknown", self.on_unknown, ("probe", "fail"))
        self._wanted()
        self._conn_ids()
        if self.expires_on:
            parse_expiry(self.expires_on)

    def ask(self) -> Finding:
        from postboost_provider.polling.conditions import Finding

        now = datetime.now(UTC)
        checks = [self._check_connection(conn_id) for conn_id in self._conn_ids()]
        for check in checks:
            self._measure(check, now)
        self._judge(checks, now)
        pending = " ".join(str(check.error) for check in checks if not check.is_clear)
        if pending:
            self.log.warning("Whether PostBoost accepts the token is not known yet: %s", pending)
        found = {check.conn_id: _result(check.expiry, now) for check in checks}
        result = found[checks[0].conn_id] if self.postboost_conn_ids is None else found
        return Finding(not pending, result, pending)

    def trigger(self, **wait: Unpack[WaitArguments]) -> PostBoostTokenTrigger:
        return PostBoostTokenTrigger(postboost_conn_ids=self._conn_ids(), **wait)

    def describe_timeout(self, pending: str) -> str:
        return f"PostBoost neither accepted nor refused the token in time: {pending} Clear this task to check again."

    def execute_complete(self, context: Context, event: Any) -> Any:
        """Poll again after the trigger has seen PostBoost respond, and judge the responses."""
        with failing_fast(self):
            seen = self.read_event(event)
            if seen.status != "settled":
                return self._end(seen, context)
        self._poller = self.make_poller(datetime.fromisoformat(seen.result["started_at"]))
        return getattr(self.poke(context), "xcom_value", None)

    def _check_connection(self, conn_id: str) -> _TokenCheck:
        from dataclasses import replace

        from postboost_provider.api.client import PostBoostClient
        from postboost_provider.api.credentials import probe_of
        from postboost_provider.connection.key_expiry import look_up_expiry

        name, expiry, hook = f"connection {conn_id!r}", Expiry("unknown"), PostBoostHook(conn_id)
        lookup_error: PostBoostError | None = None
        try:
            settings = hook.settings()
            name, expiry = settings.name, settings.expiry
            own = parse_expiry(self.expires_on) if self.expires_on else Expiry("unknown")
            if own.kind != "unknown":
                expiry = own
            elif self.admin_conn_id and settings.scoped_key_id:
                try:
                    with PostBoostHook(self.admin_conn_id).client(attempts=1) as admin:
                        expiry = look_up_expiry(settings, admin, self.admin_conn_id)
                except PostBoostError as error:
                    # Whether PostBoost accepts the key matters more.
                    lookup_error = error
            settings = replace(settings, expiry=expiry)
            with PostBoostClient(settings, refresh=hook.settings, attempts=1) as api:
                api.call(probe_of(settings))
        except PermissionDeniedError as error:
            # A 403 means that PostBoost accepts the token. What it may do matters to the tasks that need it.
            self.log.info("PostBoost accepts the token, but it may not read this: %s", error)
        except PostBoostError as error:
            return _TokenCheck(conn_id, name, expiry, error)
        # The date in the connection may be long out of date.
        return _TokenCheck(conn_id, name, Expiry("unknown") if lookup_error else expiry, lookup_error)

    def _measure(self, check: _TokenCheck, now: datetime) -> None:
        left = check.expiry.time_left(now)
        if isinstance(check.error, AuthenticationError):
            left = min(left, timedelta(0)) if left is not None else timedelta(0)
        if left is not None:
            gauge(GAUGE, int(left.total_seconds()), {"conn_id": check.conn_id})

    def _judge(self, checks: list[_TokenCheck], now: datetime) -> None:
        """Fail or skip if the tokens require it, with one message about all connections."""
        lasting, until = self._wanted()
        refused = [check.refused for check in checks if check.refused is not None]
        if len(checks) == 1 and refused:
            raise refused[0]
        dead = [error.cause if isinstance(error, AuthenticationError) else str(error) for error in refused]
        short = []
        for check in checks:
            if check.refused is not None:
                continue
            described = f"The token of {check.name} {check.expiry.describe(now)}"
            if check.error is None and check.expiry.kind == "unknown" and self.on_unknown == "fail":
                dead.append(f"{described}. Set expires_on in the connection's extras: the date, or never.")
            elif missed := shortfall(check.expiry, now, lasting, until):
                # The date is enough, without a response.
                short.append(f"{described}; {missed}.")
                if check.error is None and check.expiry.is_over(now):
                    short[-1] += " PostBoost still accepts it: if it was rotated, correct expires_on."
            elif check.error is None:
                self.log.info("%s, and PostBoost accepts it.", described)
        problems = dead + short if self.on_expiring == "fail" else dead
        if problems:
            message = _listed(problems, len(checks))
            for error in refused:
                if isinstance(error, AuthenticationError):
                    raise AuthenticationError(message, **error.details)
            raise PostBoostConfigError(message, code="unusable" if dead else "expiring")
        if short and self.on_expiring == "skip" and all(check.is_clear for check in checks):
            raise AirflowSkipException(_listed(short, len(checks)))
        for message in short:
            self.log.warning("%s %s", message, ROTATION_STEPS)

    def _wanted(self) -> tuple[timedelta, datetime | None]:
        """Return how long a token must last from now on, and what instant it must outlast."""
        outlast = self.must_outlast
        lasting = self.min_validity
        if lasting is None:
            lasting = DEFAULT_MIN_VALIDITY if outlast is None else timedelta(0)
        if outlast is None or isinstance(outlast, timedelta):
            return max(lasting, outlast or timedelta(0)), None
        from postboost_provider.api.times import to_instant

        try:
            return lasting, to_instant(outlast, None)
        except PostBoostConfigError:
            raise PostBoostConfigError(
                f"must_outlast is {outlast!r}; give a timedelta, or an instant such as 2026-12-01T09:30+01:00.",
                code="not_an_instant",
                field="must_outlast",
            ) from None

    def _conn_ids(self) -> list[str]:
        given = self.postboost_conn_ids
        if given is None:
            return [self.postboost_conn_id]
        named = given.split(",") if isinstance(given, str) else given
        conn_ids = list(dict.fromkeys(text for each in named if (text := str(each).strip())))
        if not conn_ids or any(c in conn_id for conn_id in conn_ids for c in "[]'\""):
            raise PostBoostConfigError(
                f"postboost_conn_ids is {given!r}; it must be a list of connection ids, or these separated by commas.",
                code="not_conn_ids",
                field="postboost_conn_ids",
            )
        if self.expires_on and len(conn_ids) > 1:
            raise PostBoostConfigError(
                "expires_on is one date for several connections. Set expires_on in the extras of each.",
                code="not_allowed",
                field="expires_on",
            )
        return conn_ids


def _result(expiry: Expiry, now: datetime) -> dict[str, Any]:
    left = expiry.time_left(now)
    return {
        "expires_at": expiry.instant.isoformat() if expiry.instant else None,
        "seconds_left": int(left.total_seconds()) if left is not None else None,
    }


def _listed(messages: list[str], of: int) -> str:
    if of == 1:
        return f"{messages[0]} {ROTATION_STEPS}"
    lines = "\n".join(f"- {message}" for message in messages)
    return f"{len(messages)} of {of} PostBoost connections can't be relied on:\n{lines}\n{ROTATION_STEPS}"

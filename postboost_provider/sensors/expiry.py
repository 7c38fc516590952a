"""Fail a DAG early when a token of its nears expiry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from airflow.providers.common.compat.sdk import (
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from postboost_provider.airflow_support.compat import gauge
from postboost_provider.api.errors import (
    AuthenticationError,
    PermissionDeniedError,
    PostBoostConfigError,
    PostBoostError,
    is_retryable,
)
from postboost_provider.api.expiry import ROTATION_STEPS, Expiry, describe_span, parse_expiry, shortfall
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.retry_policy import RetryPolicyMixin, failing_fast
from postboost_provider.triggers.base import read_event
from postboost_provider.triggers.expiry import PostBoostTokenTrigger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

GAUGE = "postboost.credential.seconds_left"
DEFAULT_MIN_VALIDITY = timedelta(days=7)
# With these a task runs though what comes before it failed.
RULES_THAT_RUN_ANYWAY = {
    "all_done",
    "all_failed",
    "always",
    "dummy",
    "none_skipped",
    "one_done",
    "one_failed",
}


class _Look(NamedTuple):
    """What was found about one connection. ``error`` says why it can't be used, or why that can't be told yet."""

    conn_id: str
    name: str
    expiry: Expiry
    error: PostBoostError | None = None

    @property
    def is_clear(self) -> bool:
        return self.error is None or not is_retryable(self.error)


class PostBoostTokenExpirySensor(RetryPolicyMixin, BaseSensorOperator):
    """Stop a DAG before it begins when a PostBoost token of its is dead or will be soon.

    PostBoost's access tokens die at 00:00 UTC of their expiry date, and nothing in its API tells that date: it comes
    from the connection's ``expires_on``, or from here. A scoped key's date can be looked up by an admin. One live
    request per connection is made in any case, so that a revoked token fails now and not after the first post. A dead
    or expiring token fails the task at once, without retries; a 5xx or a timeout means only that the sensor looks
    again.

    Returns ``expires_at`` (ISO 8601, or None) and ``seconds_left`` (or None); with ``postboost_conn_ids`` a mapping of
    these by connection. Sends the gauge ``postboost.credential.seconds_left`` to Airflow's metrics, tagged with
    ``conn_id``, for each date that is known.

    :param min_validity: how long the token must last from now on. Default 7 days, or nothing with ``must_outlast``.
    :param must_outlast: what the token must outlast: a timedelta from now on, or an instant with its zone, as a datetime
        or ISO 8601 text, such as the last ``publish_at`` plus the longest wait. Templated.
    :param expires_on: the token's expiry date (YYYY-MM-DD) or ``never``; default: the connection's. Templated.
    :param on_expiring: what to do when a live token lasts less long: ``fail`` (default), ``skip`` what comes after, or
        ``warn`` in the log and go on.
    :param on_unknown: what to do when no expiry date is known: ``probe`` (default; the live request decides) or
        ``fail``.
    :param postboost_conn_id: the connection whose token is meant. Templated.
    :param postboost_conn_ids: several connections in its place, as a list or separated by commas; one message lists all
        that is amiss. Templated.
    :param admin_conn_id: a connection with the unscoped token of a workspace admin, to look up when the scoped keys of
        connections with a ``scoped_key_id`` expire. Templated.
    :param poke_interval: the pause between two looks, in seconds or as a timedelta. Default 30 seconds.
    :param timeout: how long to look while PostBoost gives no clear answer. Default 10 minutes.
    :param deferrable: wait for a clear answer in the triggerer. Default: ``[operators] default_deferrable``.
    :raises AirflowFailException: a token is dead, or expires too soon; the message gives the instant, the time left
        and how to rotate it.
    :raises AirflowSensorTimeout: PostBoost gave no clear answer in time.
    """

    template_fields: Sequence[str] = (
        "must_outlast",
        "expires_on",
        "postboost_conn_id",
        "postboost_conn_ids",
        "admin_conn_id",
    )
    may_be_nothing: ClassVar[tuple[str, ...]] = ("expires_on",)
    ui_color = "#fef3c7"
    _last_problem = ""
    _started: datetime | None = None
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
        postboost_conn_id: str = PostBoostHook.default_conn_name,
        postboost_conn_ids: Sequence[str] | str | None = None,
        admin_conn_id: str | None = None,
        poke_interval: timedelta | float = 30,
        timeout: timedelta | float = 600,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, timeout=timeout, **kwargs)
        self.min_validity = min_validity
        self.must_outlast = must_outlast
        self.expires_on = expires_on
        self.on_expiring = on_expiring
        self.on_unknown = on_unknown
        self.postboost_conn_id = postboost_conn_id
        self.postboost_conn_ids = postboost_conn_ids
        self.admin_conn_id = admin_conn_id
        self.deferrable = deferrable

    def execute(self, context: Context) -> Any:
        with failing_fast(self):
            self._check_arguments()
        self._started = datetime.now(UTC)
        try:
            return super().execute(context)
        except AirflowSensorTimeout as error:
            raise self._no_answer() from error

    def execute_complete(self, context: Context, event: Any) -> Any:
        """Judge what PostBoost says, now that it gives clear answers again."""
        with failing_fast(self):
            answered, said = read_event(event)
        if answered:
            self._started = datetime.fromisoformat(said["started_at"])
            done = self.poke(context)
            if isinstance(done, PokeReturnValue):
                return done.xcom_value
        else:
            self._last_problem = str(said)
        raise self._no_answer()

    def poke(self, context: Context) -> bool | PokeReturnValue:
        with failing_fast(self):
            now, several = datetime.now(UTC), self.postboost_conn_ids is not None
            lasting, until = self._wanted(now)
            looks = [self._look(conn_id) for conn_id in self._conn_ids()]
            for look in looks:
                self._measure(look, now)
            self._judge(looks, now, lasting, until)
            unclear = [look for look in looks if not look.is_clear]
        if unclear:
            self._last_problem = " ".join(str(look.error) for look in unclear)
            self.log.warning("PostBoost gave no clear answer, looking again: %s", self._last_problem)
            if self.deferrable:
                self._defer([look.conn_id for look in looks], now)
            return False
        found = {look.conn_id: _result(look.expiry, now) for look in looks}
        return PokeReturnValue(is_done=True, xcom_value=found if several else found[looks[0].conn_id])

    def _look(self, conn_id: str) -> _Look:
        # Not at module level: a DAG file that imports the sensor has no use for it.
        from dataclasses import replace

        from postboost_provider.api.client import PostBoostClient
        from postboost_provider.api.credentials import probe_of
        from postboost_provider.connection.key_expiry import look_up_expiry

        name, expiry, hook = f"connection {conn_id!r}", Expiry("unknown"), PostBoostHook(conn_id)
        unfound: PostBoostError | None = None
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
                    # Whether the key is alive is the greater news.
                    unfound = error
            settings = replace(settings, expiry=expiry)
            with PostBoostClient(settings, refresh=hook.settings, attempts=1) as api:
                api.call(probe_of(settings))
        except PermissionDeniedError as error:
            # A 403 is an answer to a living token; what it may do is for the tasks that need it.
            self.log.info("The token is alive, though it may not read this: %s", error)
        except PostBoostError as error:
            return _Look(conn_id, name, expiry, error)
        # What the connection says instead may be long out of date.
        return _Look(conn_id, name, Expiry("unknown") if unfound else expiry, unfound)

    def _measure(self, look: _Look, now: datetime) -> None:
        left = look.expiry.time_left(now)
        if isinstance(look.error, AuthenticationError):
            left = min(left, timedelta(0)) if left is not None else timedelta(0)
        if left is not None:
            gauge(GAUGE, int(left.total_seconds()), {"conn_id": look.conn_id})

    def _judge(self, looks: list[_Look], now: datetime, lasting: timedelta, until: datetime | None) -> None:
        """Fail or skip where that is called for, in one message about all connections."""
        dead, short = [], []
        for look in looks:
            if look.error is not None and look.is_clear:
                dead.append(str(look.error).removesuffix(ROTATION_STEPS).rstrip())
            elif look.error is None and look.expiry.kind == "unknown" and self.on_unknown == "fail":
                dead.append(
                    f"The token of {look.name} has no known expiry date. Set expires_on in the connection's extras (a date, "
                    "or never), or pass expires_on to this sensor."
                )
            elif missed := shortfall(look.expiry, now, lasting, until):
                # What the date says needs no answer.
                short.append(f"The token of {look.name} {look.expiry.describe(now)}; {missed}.")
                if look.error is None and look.expiry.is_over(now):
                    short[-1] += " PostBoost still accepts it: if it was rotated, correct expires_on."
            elif look.error is None:
                self.log.info("The token of %s is accepted and %s.", look.name, look.expiry.describe(now))
        amiss = dead + short if self.on_expiring == "fail" else dead
        if amiss:
            errors = [look.error for look in looks if look.error is not None and look.is_clear]
            if len(looks) == 1 and errors:
                raise errors[0]
            message = _listed(amiss, len(looks))
            if any(isinstance(error, AuthenticationError) for error in errors):
                raise AuthenticationError(message, status=401)
            raise PostBoostConfigError(message)
        if short and self.on_expiring == "skip" and all(look.is_clear for look in looks):
            raise AirflowSkipException(_listed(short, len(looks)))
        for message in short:
            self.log.warning("%s %s", message, ROTATION_STEPS)

    def _wanted(self, now: datetime) -> tuple[timedelta, datetime | None]:
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
                f"must_outlast is {outlast!r}; it must be a timedelta, or an instant with its zone, such as "
                "2026-12-01T09:30+01:00."
            ) from None

    def _conn_ids(self) -> list[str]:
        given = self.postboost_conn_ids
        if given is None:
            return [self.postboost_conn_id]
        named = given.split(",") if isinstance(given, str) else given
        conn_ids = list(dict.fromkeys(text for each in named if (text := str(each).strip())))
        if not conn_ids or any(c in conn_id for conn_id in conn_ids for c in "[]'\""):
            raise PostBoostConfigError(
                f"postboost_conn_ids is {given!r}; it must be a list of connection ids, or these separated by commas."
            )
        if self.expires_on and len(conn_ids) > 1:
            raise PostBoostConfigError(
                "expires_on is one date and there are several connections: set it in the extras of each."
            )
        return conn_ids

    def _defer(self, conn_ids: list[str], now: datetime) -> None:
        started = self._started or now
        if now - started > timedelta(seconds=self.timeout):
            raise self._no_answer()
        self.defer(
            trigger=PostBoostTokenTrigger(
                postboost_conn_ids=conn_ids,
                timeout=self.timeout,
                poll_interval=self.poke_interval,
                started_at=started.isoformat(),
            ),
            method_name="execute_complete",
        )

    def _no_answer(self) -> AirflowSensorTimeout:
        return AirflowSensorTimeout(
            f"PostBoost gave no clear answer within {describe_span(timedelta(seconds=self.timeout))}; whether the "
            f"token is alive is not known. The last answer: {self._last_problem} Check PostBoost's status and the "
            "network, then clear this task."
        )

    def _check_arguments(self) -> None:
        if self.soft_fail or getattr(self, "never_fail", False):
            raise PostBoostConfigError(
                f"{'soft_fail' if self.soft_fail else 'never_fail'}=True would skip the DAG silently when the token is "
                "dead, which is what this sensor is there to tell. Use on_expiring='skip' to skip for a token that is "
                "alive but expires soon."
            )
        if self.min_validity is not None and not _is_span(self.min_validity):
            raise PostBoostConfigError(
                f"min_validity is {self.min_validity!r}; it must be a timedelta of 0 or more."
            )
        if isinstance(self.must_outlast, timedelta) and not _is_span(self.must_outlast):
            raise PostBoostConfigError(f"must_outlast is {self.must_outlast!r}; it must not be negative.")
        if self.on_expiring not in ("fail", "skip", "warn"):
            raise PostBoostConfigError(f"on_expiring is {self.on_expiring!r}; use fail, skip or warn.")
        if self.on_unknown not in ("probe", "fail"):
            raise PostBoostConfigError(f"on_unknown is {self.on_unknown!r}; use probe or fail.")


def _is_span(value: object) -> bool:
    return isinstance(value, timedelta) and value >= timedelta(0)


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
    return f"{len(messages)} of {of} PostBoost connections can't be counted on:\n{lines}\n{ROTATION_STEPS}"

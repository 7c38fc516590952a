"""Have a person rotate an access token, because PostBoost's API can't (Airflow 3.1 or newer)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException, Param

from postboost_provider.airflow_support.hitl import HITLOperator, read_choice
from postboost_provider.api.errors import (
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    PostBoostConfigError,
)
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.retry_policy import RetryPolicyMixin, failing_fast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow.providers.common.compat.sdk import Context

    from postboost_provider.api.settings import ClientSettings
    from postboost_provider.rotation.stores.base import KeyStore
    from postboost_provider.rotation.stores.connection import TargetConnection

DONE = "Done"
NOT_NOW = "Not now"
CLEAR_TASK = "Then clear this task to see the form again."
# Airflow stores what is entered into a form, and shows it to everybody who sees the task: never ask for a token.
STEPS = """\
The access token of {name} {expires}.

1. In PostBoost, under **Settings > Access Tokens**, create a new token. Do not delete the old one yet.
2. In Airflow, under **Admin > Connections**, set it as the password of `{conn_id}` (or in the secrets backend that has the
   connection). **Do not enter it in this form**: what is entered here is stored and shown.
3. Enter the new token's expiry date here, and choose *Done*. The task then tests the connection and writes the date to it.
4. When the task has succeeded, delete the old token in PostBoost.
"""


class PostBoostRotateTokenOperator(RetryPolicyMixin, HITLOperator):
    """Guide a person through the rotation of an access token, and test the new token.

    If the token expires soon, a form in Airflow lists the four steps and asks for the new token's expiry date. The token
    itself belongs in the connection, never in the form. Then the task checks that the connection has another token, which
    PostBoost accepts, and writes the date to its ``expires_on``. *Not now* skips the downstream tasks.

    :param postboost_conn_id: the connection whose token is rotated. Templated.
    :param rotate_when_less_than: ask when the token expires sooner than this or has no known date. None: in every run.
    :param store: where the date is written: a :class:`~postboost_provider.key_stores.KeyStore`, or a function of
        connection id, token and extras. Default: Airflow's own connections, through the connection ``airflow_api``.
    :param subject: the form's headline. Templated.
    :param kwargs: ``assigned_users``, ``notifiers``, ``response_timeout`` and the arguments of every operator.
    :xcom return_value: (dict) ``result`` (``rotated`` or ``unchanged``) and ``expires_on``.
    :raises AirflowFailException: the connection has no new token that works, or the date is not valid.
    """

    template_fields: Sequence[str] = ("postboost_conn_id", "subject")
    ui_color = "#fef3c7"

    def __init__(
        self,
        *,
        postboost_conn_id: str = PostBoostHook.default_conn_name,
        rotate_when_less_than: timedelta | None = timedelta(days=14),
        store: KeyStore | Callable[[str, str, dict[str, Any]], None] | None = None,
        subject: str = "Rotate a PostBoost access token",
        **kwargs: Any,
    ) -> None:
        expires_on = Param("", type="string", title="The new token's expiry date (YYYY-MM-DD), or never")
        super().__init__(
            subject=subject, options=[DONE, NOT_NOW], params={"expires_on": expires_on}, **kwargs
        )
        self.postboost_conn_id = postboost_conn_id
        self.rotate_when_less_than = rotate_when_less_than
        self.store = store

    def execute(self, context: Context) -> Any:
        from postboost_provider.api.arguments import argument
        from postboost_provider.rotation.plan import check_span, reference

        with failing_fast(self):
            with argument("rotate_when_less_than"):
                check_span("rotate_when_less_than", self.rotate_when_less_than)
            settings = self._target().read().settings
        now, expiry = datetime.now(UTC), settings.expiry
        left = expiry.time_left(now)
        wanted = self.rotate_when_less_than
        if wanted is not None and expiry.kind != "unknown" and (left is None or left >= wanted):
            self.log.info("The token of %s %s: no rotation is needed.", settings.name, expiry.describe(now))
            return {"result": "unchanged", "expires_on": str(expiry.day or "never")}
        # The option tells the next process which token is the old one, by its name in PostBoost's activity log.
        self.options = [f"{DONE} {reference(settings.token)}", NOT_NOW]
        self.body = STEPS.format(
            name=settings.name, expires=expiry.describe(now), conn_id=self.postboost_conn_id
        )
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        from postboost_provider.rotation.plan import check_new_expiry, reference

        if "error" in event:
            return super().execute_complete(context, event)
        chosen, who = read_choice(event)
        if chosen == NOT_NOW:
            raise AirflowSkipException(f"{who} chose: {NOT_NOW}.")
        with failing_fast(self):
            try:
                given = (event.get("params_input") or {}).get("expires_on")
                expiry = check_new_expiry(given, datetime.now(UTC))
            except PostBoostConfigError as error:
                error.args = (f"{error} {CLEAR_TASK}",)
                raise
            target = self._target()
            settings = target.read().settings
            if chosen == f"{DONE} {reference(settings.token)}":
                problem = (
                    f"{settings.name} still has the old token. Set the new one as its password. {CLEAR_TASK}"
                )
                raise PostBoostConfigError(problem, field="password")
            self._test(settings)
            _write_expiry(target, str(expiry.day or "never"))
        done = "The new token of %s works and %s. Delete the old one in PostBoost, under Settings > Access Tokens."
        self.log.info(done, settings.name, expiry.describe(datetime.now(UTC)))
        return {"result": "rotated", "expires_on": str(expiry.day or "never")}

    def _target(self) -> TargetConnection:
        from postboost_provider.rotation.stores.connection import TargetConnection

        return TargetConnection(self.postboost_conn_id, self.store)

    def _test(self, settings: ClientSettings) -> None:
        from postboost_provider.api.client import PostBoostClient
        from postboost_provider.api.credentials import probe_of

        try:
            with PostBoostClient(settings) as api:
                api.call(probe_of(settings))
        except (AuthenticationError, NotFoundError, PermissionDeniedError) as error:
            raise PostBoostConfigError(
                f"The new token of {settings.name} does not work. Correct the connection, and do not delete the old token "
                f"yet. {CLEAR_TASK} {error}",
                field="password",
            ) from error


def _write_expiry(target: TargetConnection, expires_on: str) -> None:
    """Write the date into the connection, unless it is there already."""
    found = target.read()
    if found.extras.get("expires_on") == expires_on:
        return
    target.write(None, lambda stored: {**stored, "expires_on": expires_on})
    if target.read().extras.get("expires_on") != expires_on:
        raise PostBoostConfigError(
            f"The new token of {found.settings.name} works, but the date was not found in the connection afterwards: tasks read "
            f"it from elsewhere, such as a secrets backend. Set expires_on to {expires_on} there.",
            code="not_written",
            field="expires_on",
        )

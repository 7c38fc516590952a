"""Wait until one post is published, in the worker or in the triggerer, and take it back if the task is killed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException

from postboost_provider.api.errors import PostBoostError
from postboost_provider.operators.publishing import PublishingOperator
from postboost_provider.retry_policy import failing_fast
from postboost_provider.triggers.posts import SPREAD, PostBoostPostTrigger, read_event

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from postboost_provider.idempotency.identity import Actor
    from postboost_provider.polling.outcome import PostOutcome


class WaitingPostOperator(PublishingOperator):
    """An operator that publishes one post, and can wait for what becomes of it.

    Its subclass sets ``_started``, ``_post_uuid`` and ``_trash_label`` when it has published the post.
    """

    deferrable: bool
    poll_interval: timedelta | float
    timeout: timedelta | float
    on_partial: str
    when_killed: str
    _started: datetime
    _trash_label: str

    def _actor(self, context: Context) -> Actor:
        raise NotImplementedError

    def execute_complete(self, context: Context, event: Any) -> dict[str, Any]:
        """Continue when the trigger has seen the result."""
        self._started = datetime.now(UTC)
        with failing_fast(self):
            (outcome,) = read_event(event).get(AirflowFailException)
        self._post_uuid, self._trash_label = outcome.uuid, self._name_of_trash(context)
        return self._conclude(context, outcome, **event["carried"])

    def on_kill(self) -> None:
        from postboost_provider.publishing.deletion import trash_unpublished

        uuid = getattr(self, "_post_uuid", None)
        if uuid is None or self.when_killed != "trash":
            return
        try:
            with self.hook.client(attempts=2, deadline_seconds=10) as api:
                if trash_unpublished(api, uuid, self._trash_label):
                    self.log.info("Moved post %s to the trash because its task was killed.", uuid)
        except PostBoostError as error:
            self.log.warning("Could not move post %s to the trash: %s", uuid, error)

    def _name_of_trash(self, context: Context) -> str:
        from postboost_provider.idempotency.label import TRASH

        return str(self._actor(context).label(TRASH))

    def _wait(
        self, context: Context, uuid: str, carried: dict[str, Any], due: datetime | None = None
    ) -> dict[str, Any]:
        from postboost_provider.api.arguments import read_seconds
        from postboost_provider.polling.conditions import PostsSettled
        from postboost_provider.polling.poller import Poller, wait
        from postboost_provider.polling.schedule import MOST_FAILURES, POLL_SECONDS, Wait

        timeout = timedelta(seconds=read_seconds("timeout", self.timeout))
        interval = timedelta(seconds=read_seconds("poll_interval", self.poll_interval))
        posts = PostsSettled([uuid], timeout, self.log)
        ask = lambda: posts.ask(lambda: self.hook.client(deadline_seconds=POLL_SECONDS))
        poller = Poller(
            Wait(self._started, timeout, interval, due), most_failures=MOST_FAILURES, spread=SPREAD
        )
        with failing_fast(self):
            event = poller.poll(ask) if self.deferrable else wait(poller, ask)
            if event is None:
                self.defer(
                    trigger=PostBoostPostTrigger(
                        post_uuids=[uuid],
                        postboost_conn_id=self.postboost_conn_id,
                        timeout=timeout.total_seconds(),
                        poll_interval=interval.total_seconds(),
                        started_at=self._started.isoformat(),
                        next_look_at=(datetime.now(UTC) + poller.pause).isoformat(),
                        due_at=due.isoformat() if due else None,
                        carried=carried,
                        when_killed=self.when_killed,
                        trash_label=self._trash_label,
                    ),
                    method_name="execute_complete",
                )
            (outcome,) = event.get(AirflowFailException)
        return self._conclude(context, outcome, **carried)

    def _conclude(
        self, context: Context, outcome: PostOutcome, done: dict[str, str], retried: list[str]
    ) -> dict[str, Any]:
        from postboost_provider.polling.outcome import conclude, describe_published
        from postboost_provider.publishing import actions

        with failing_fast(self):
            if self.on_partial == "retry_failed_accounts" and actions.to_retry(outcome, retried):
                with self.client() as api:
                    account = actions.retry_failed(api, self._actor(context), outcome, but=retried)
                if account is not None:
                    self.log.info("Sent post %s again to %s.", outcome.uuid, account)
                    retried = [*retried, account.uuid]
                self._started = datetime.now(UTC)
                return self._wait(context, outcome.uuid, {"done": done, "retried": retried})
            self.log.info("%s", describe_published([outcome]))
            for warning in conclude([outcome], "succeed" if self.on_partial == "succeed" else "fail"):
                self.log.warning("%s", warning)
        return {**outcome.as_dict(), **done}

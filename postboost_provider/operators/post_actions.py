"""Act on a post that exists: schedule, move, queue, approve, retry, update, delete. Each is safe to repeat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import BaseOperator

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.retry_policy import RetryPolicyMixin, failing_fast

# What only a running task needs is imported where it is used: each parse of each DAG file imports this module.
if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from airflow.providers.common.compat.sdk import Context

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.idempotency.identity import Actor
    from postboost_provider.polling.outcome import PostOutcome

DELETE_MODES = ("app_only", "app_and_social", "social_only")


class PostBoostSchedulePostOperator(RetryPolicyMixin, BaseOperator):
    """Give a post its time: schedule a draft, move a planned post, queue, approve or send it now.

    It looks first, and does nothing that is done already. Returns the post: ``uuid``, ``status``, ``scheduled_at``,
    ``published_at`` and ``accounts``.

    :param post_uuid: the post. Templated.
    :param how: ``at`` (default) ``publish_at``; ``now``; ``queue``, for a draft: each account's next free slot; or
        ``approve``, for a post that waits for it.
    :param publish_at: a datetime or ISO 8601 text, aware or in ``timezone``. Templated.
    :param timezone: IANA zone of a time that has none of its own. Templated.
    :param allow_duplicate: do it although the same content went to the same account within 24 hours. Default False.
        An approval needs no such leave.
    :param postboost_conn_id: the PostBoost connection. Templated.
    :raises AirflowFailException: there is no such post, it is out already, or PostBoost refused.
    """

    template_fields: Sequence[str] = ("post_uuid", "publish_at", "timezone", "postboost_conn_id")
    ui_color = "#dbeafe"

    def __init__(
        self,
        *,
        post_uuid: str,
        how: Literal["at", "now", "queue", "approve"] = "at",
        publish_at: datetime | str | None = None,
        timezone: str | None = None,
        allow_duplicate: bool = False,
        postboost_conn_id: str = PostBoostHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.post_uuid = post_uuid
        self.how = how
        self.publish_at = publish_at
        self.timezone = timezone
        self.allow_duplicate = allow_duplicate
        self.postboost_conn_id = postboost_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        from postboost_provider.publishing import actions

        with failing_fast(self):
            act = self._act()
            with PostBoostHook(self.postboost_conn_id).client() as api:
                outcome = act(api, _actor(context), actions.fetch_outcome(api, self.post_uuid))
        self.log.info("Post %s is %s.", outcome.uuid, outcome.status)
        return outcome.as_dict()

    def _act(self) -> Callable[[PostBoostClient, Actor, PostOutcome], PostOutcome]:
        from functools import partial

        from postboost_provider.api.times import to_minute
        from postboost_provider.publishing import actions

        if self.how == "queue":
            return partial(actions.queue, allow_duplicate=self.allow_duplicate)
        if self.how == "approve":
            return actions.approve
        if self.how == "now":
            return partial(actions.schedule, at=None, allow_duplicate=self.allow_duplicate)
        if self.how != "at":
            raise PostBoostConfigError(f"how is {self.how!r}; use at, now, queue or approve.")
        if not self.publish_at:
            raise PostBoostConfigError("publish_at is empty: give the time, or how='now' or 'queue'.")
        at = to_minute(self.publish_at, self.timezone or None)
        return partial(actions.schedule, at=at, allow_duplicate=self.allow_duplicate)


class PostBoostRetryPostOperator(RetryPolicyMixin, BaseOperator):
    """Send a failed post again to the accounts that did not get it. What is live stays as it is.

    PostBoost takes one account at a time: where several failed, the task waits for each before it sends to the next.
    Returns the names of the accounts that it was sent to; wait with a ``PostBoostPostSensor`` for what becomes of it.

    :param post_uuid: the post. Templated.
    :param timeout: seconds, or a timedelta, to wait for one account. Default 600.
    :param postboost_conn_id: the PostBoost connection. Templated.
    :raises UnexpectedResponseError: an account was still publishing after that time. A retry goes on from there.
    """

    template_fields: Sequence[str] = ("post_uuid", "postboost_conn_id")
    ui_color = "#dbeafe"

    def __init__(
        self,
        *,
        post_uuid: str,
        timeout: timedelta | float = 600,
        postboost_conn_id: str = PostBoostHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.post_uuid = post_uuid
        self.timeout = timeout
        self.postboost_conn_id = postboost_conn_id

    def execute(self, context: Context) -> list[str]:
        from postboost_provider.api.arguments import read_seconds
        from postboost_provider.publishing import actions

        sent: dict[str, str] = {}
        with failing_fast(self), PostBoostHook(self.postboost_conn_id).client() as api:
            timeout = read_seconds("timeout", self.timeout)
            outcome = actions.fetch_outcome(api, self.post_uuid)
            while actions.to_retry(outcome, sent):
                outcome = actions.wait_while_publishing(api, self.post_uuid, timeout)
                account = actions.retry_failed(api, _actor(context), outcome, but=sent)
                if account is not None:
                    sent[account.uuid] = f"{account.provider} {account.name!r}"
                    self.log.info("Sent post %s again to %s.", self.post_uuid, sent[account.uuid])
        if not sent:
            self.log.info("Post %s was sent to nobody again: no account failed.", self.post_uuid)
        return list(sent.values())


class PostBoostUpdatePostOperator(RetryPolicyMixin, BaseOperator):
    """Change fields of a post that is not out yet. What is not named stays; a planned post stays planned.

    PostBoost replaces a post as a whole, so that this reads it and sends it back changed. Returns the post.

    :param post_uuid: the post. Templated.
    :param changes: fields of ``create_post``'s body, such as ``{"tags": [3]}``, or ``text``, which changes the words
        of the original version. Templated.
    :param postboost_conn_id: the PostBoost connection. Templated.
    """

    template_fields: Sequence[str] = ("post_uuid", "changes", "postboost_conn_id")
    ui_color = "#dbeafe"

    def __init__(
        self,
        *,
        post_uuid: str,
        changes: Mapping[str, Any] | str,
        postboost_conn_id: str = PostBoostHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.post_uuid = post_uuid
        self.changes = changes
        self.postboost_conn_id = postboost_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        from postboost_provider.api.arguments import read_text
        from postboost_provider.publishing import actions

        with failing_fast(self):
            changes = read_text(self.changes)
            if not isinstance(changes, Mapping) or not changes:
                raise PostBoostConfigError(f"changes is {changes!r}; it must be a mapping of what to change.")
            with PostBoostHook(self.postboost_conn_id).client() as api:
                post = actions.fetch(api, self.post_uuid)
                outcome = actions.update(api, _actor(context), post, changes)
        return outcome.as_dict()


class PostBoostDeletePostOperator(RetryPolicyMixin, BaseOperator):
    """Delete posts, or move them to trash. One that is gone already is what was wanted.

    Returns the uuids that PostBoost had, in trash or not.

    :param post_uuids: the uuid of one post, a list of them, or the text of a list. Templated.
    :param trash: move to trash (default); False deletes for good.
    :param delete_mode: ``app_only`` (default: what is live on a network stays there), ``app_and_social`` or
        ``social_only``.
    :param postboost_conn_id: the PostBoost connection. Templated.
    """

    template_fields: Sequence[str] = ("post_uuids", "postboost_conn_id")
    ui_color = "#dbeafe"

    def __init__(
        self,
        *,
        post_uuids: str | Sequence[str],
        trash: bool = True,
        delete_mode: Literal["app_only", "app_and_social", "social_only"] = "app_only",
        postboost_conn_id: str = PostBoostHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.post_uuids = post_uuids
        self.trash = trash
        self.delete_mode = delete_mode
        self.postboost_conn_id = postboost_conn_id

    def execute(self, context: Context) -> list[str]:
        from postboost_provider.api.arguments import read_uuids
        from postboost_provider.publishing import actions

        with failing_fast(self):
            if self.delete_mode not in DELETE_MODES:
                raise PostBoostConfigError(
                    f"delete_mode is {self.delete_mode!r}; use {', '.join(DELETE_MODES)}."
                )
            # What is no uuid would be "not found", and pass for deleted.
            uuids = read_uuids(self.post_uuids)
            with PostBoostHook(self.postboost_conn_id).client() as api:
                return [
                    uuid
                    for uuid in uuids
                    if actions.delete(api, uuid, trash=self.trash, delete_mode=self.delete_mode)
                ]


def _actor(context: Context) -> Actor:
    from postboost_provider.idempotency.identity import Actor

    return Actor.of_task(context["ti"])

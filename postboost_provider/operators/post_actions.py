"""Act on an existing post: schedule, move, queue, approve, retry, update, delete. Each task is safe to retry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.operators.base import BasePostBoostOperator
from postboost_provider.operators.publishing import PublishingOperator

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from airflow.providers.common.compat.sdk import Context

    from postboost_provider.api.client import PostBoostClient


class PostBoostSchedulePostOperator(PublishingOperator):
    """Schedule, move, queue, approve or publish an existing post. Does nothing if that is already done.

    :param post_uuid: the post. Templated.
    :param how: ``at`` schedules it for ``publish_at``; ``now`` publishes it; ``queue`` gives a draft each account's next
        free slot; ``approve`` approves a post that waits for approval.
    :param publish_at: a datetime or ISO 8601 text, aware or in ``timezone``. Templated.
    :param timezone: IANA time zone of a time without an offset. Templated.
    :param allow_duplicate: publish it even if the same content was published to the same account within 24 hours.
    :param on_edit_while_waiting: what ``at`` and ``now`` do with a post that waits for approval: ``fail``, or ``edit`` its
        time. PostBoost does not document whether that takes a post out of its approval; if it does, the task fails
        afterwards, when the post may be published already.
    :xcom return_value: (dict) The post: ``uuid``, ``status``, ``scheduled_at``, ``published_at`` and ``accounts``.
    :raises AirflowFailException: the post does not exist or is already published, or PostBoost refused.
    """

    template_fields: Sequence[str] = ("post_uuid", "publish_at", "timezone", "postboost_conn_id")

    def __init__(
        self,
        *,
        post_uuid: str,
        how: Literal["at", "now", "queue", "approve"] = "at",
        publish_at: datetime | str | None = None,
        timezone: str | None = None,
        allow_duplicate: bool = False,
        on_edit_while_waiting: Literal["fail", "edit"] = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.post_uuid = post_uuid
        self.how = how
        self.publish_at = publish_at
        self.timezone = timezone
        self.allow_duplicate = allow_duplicate
        self.on_edit_while_waiting = on_edit_while_waiting

    def prepare(self, context: Context) -> Callable[[PostBoostClient], dict[str, Any]]:
        from postboost_provider.airflow_support.run_times import attempt_began
        from postboost_provider.api.arguments import argument, check_choice, require_text
        from postboost_provider.api.times import to_minute
        from postboost_provider.publishing import actions
        from postboost_provider.publishing.attempt_start import AttemptStart

        post_uuid = require_text("post_uuid", self.post_uuid)
        check_choice("how", self.how, ("at", "now", "queue", "approve"))
        check_choice("on_edit_while_waiting", self.on_edit_while_waiting, ("fail", "edit"))
        at = None
        if self.how == "at":
            if not self.publish_at:
                problem = "publish_at is empty. Give a time, or use how='now' or how='queue'."
                raise PostBoostConfigError(problem, field="publish_at")
            with argument("publish_at"):
                at = to_minute(self.publish_at, self.timezone or None)
        actor, why_stale = self.actor(context), self.stale_check(context)
        start = AttemptStart(attempt_began(context))

        def act(api: PostBoostClient) -> dict[str, Any]:
            outcome = actions.fetch_outcome(api, post_uuid)
            if not actions.is_done(outcome, self.how, at):
                # What is approved goes out at its own time.
                self.refuse_stale(why_stale(self.how if self.how in ("now", "queue") else "schedule"))
            if self.how == "approve":
                outcome = actions.approve(api, actor, outcome)
            elif self.how == "queue":
                outcome = actions.queue(api, actor, outcome, allow_duplicate=self.allow_duplicate)
            else:
                outcome = actions.schedule(
                    api,
                    actor,
                    outcome,
                    at,
                    allow_duplicate=self.allow_duplicate,
                    edit_waiting=self.on_edit_while_waiting == "edit",
                    start=start,
                )
            self.log.info("Post %s is %s.", outcome.uuid, outcome.status)
            return outcome.as_dict()

        return act


class PostBoostRetryPostOperator(PublishingOperator):
    """Publish a failed post again to the accounts that failed. What is live stays as it is.

    PostBoost retries one account at a time, so the task waits for each but the last. Use a ``PostBoostPostSensor`` to wait
    for the result.

    :param post_uuid: the post. Templated.
    :param timeout: how long to wait for one account, in seconds or as a timedelta.
    :xcom return_value: (list[str]) The accounts that the post was sent to again, as ``provider:username``.
    :raises AirflowFailException: the post does not exist or is in the trash, or PostBoost refused.
    :raises NotFinishedError: an account was still publishing after ``timeout``. A retry continues from there.
    """

    template_fields: Sequence[str] = ("post_uuid", "postboost_conn_id")

    def __init__(self, *, post_uuid: str, timeout: timedelta | float = 600, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.post_uuid = post_uuid
        self.timeout = timeout

    def prepare(self, context: Context) -> Callable[[PostBoostClient], list[str]]:
        from postboost_provider.api.arguments import read_seconds, require_text
        from postboost_provider.polling.outcome import account_name, read_post
        from postboost_provider.publishing import actions

        post_uuid = require_text("post_uuid", self.post_uuid)
        timeout = read_seconds("timeout", self.timeout)
        actor, why_stale = self.actor(context), self.stale_check(context)

        def act(api: PostBoostClient) -> list[str]:
            sent: dict[str, str] = {}
            post = actions.fetch(api, post_uuid)
            outcome, names = read_post(post), {each["uuid"]: account_name(each) for each in post["accounts"]}
            if actions.to_retry(outcome):
                self.refuse_stale(why_stale("now"))
            while actions.to_retry(outcome, sent):
                outcome = actions.wait_while_publishing(api, post_uuid, timeout)
                if (account := actions.retry_failed(api, actor, outcome, but=sent)) is not None:
                    sent[account.uuid] = names.get(account.uuid) or str(account)
                    self.log.info("Sent post %s again to %s.", post_uuid, sent[account.uuid])
            if not sent:
                self.log.info("Post %s was not sent again: no account failed.", post_uuid)
            return list(sent.values())

        return act


class PostBoostUpdatePostOperator(PublishingOperator):
    """Change fields of a post that is not published yet. A scheduled post stays scheduled.

    PostBoost replaces a post as a whole, so the task reads the post, changes it and sends it back.

    :param post_uuid: the post. Templated.
    :param changes: fields of ``create_post``'s body, such as ``{"tags": [3]}``, or ``text``. The rest stays. Templated.
    :param on_edit_while_waiting: what to do with a post that waits for approval: ``fail``, or ``edit`` it. PostBoost does not
        document whether an edit takes a post out of its approval; if it does, the task fails afterwards, when the post may be
        published already.
    :xcom return_value: (dict) The post: ``uuid``, ``status``, ``scheduled_at``, ``published_at`` and ``accounts``.
    :raises AirflowFailException: the post does not exist or is already published, or PostBoost refused.
    """

    template_fields: Sequence[str] = ("post_uuid", "changes", "postboost_conn_id")

    def __init__(
        self,
        *,
        post_uuid: str,
        changes: Mapping[str, Any] | str,
        on_edit_while_waiting: Literal["fail", "edit"] = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.post_uuid = post_uuid
        self.changes = changes
        self.on_edit_while_waiting = on_edit_while_waiting

    def prepare(self, context: Context) -> Callable[[PostBoostClient], dict[str, Any]]:
        from postboost_provider.airflow_support.run_times import attempt_began
        from postboost_provider.api.arguments import check_choice, read_text, require_text
        from postboost_provider.api.safety import publishes_with
        from postboost_provider.publishing import actions
        from postboost_provider.publishing.attempt_start import AttemptStart
        from postboost_provider.publishing.change_fields import change_fields

        check_choice("on_edit_while_waiting", self.on_edit_while_waiting, ("fail", "edit"))
        post_uuid = require_text("post_uuid", self.post_uuid)
        changes = read_text(self.changes)
        if not isinstance(changes, Mapping) or not changes:
            raise PostBoostConfigError(
                f"changes is {changes!r}; it must be a mapping of fields to new values.", field="changes"
            )
        actor, stale = self.actor(context), self.stale_check(context)(publishes_with(changes))
        change = partial(
            change_fields,
            actor=actor,
            changes=changes,
            edit_waiting=self.on_edit_while_waiting == "edit",
            start=AttemptStart(attempt_began(context)),
        )

        def act(api: PostBoostClient) -> dict[str, Any]:
            post = actions.fetch(api, post_uuid)
            if post["status"] == "draft":
                self.refuse_stale(stale)
            return change(api, post=post).as_dict()

        return act


class PostBoostDeletePostOperator(BasePostBoostOperator):
    """Delete posts, or move them to the trash. Succeeds for posts that do not exist.

    :param post_uuids: the uuid of one post, a list of uuids, or the text of a list. Templated.
    :param trash: True moves the posts to the trash, False deletes them permanently.
    :param delete_mode: ``app_only`` leaves what is live on a network; ``app_and_social`` and ``social_only`` delete it
        there too, or only there.
    :xcom return_value: (list[str]) The uuids that PostBoost had, in the trash or not.
    :raises AirflowFailException: an argument is wrong, or PostBoost refused.
    """

    template_fields: Sequence[str] = ("post_uuids", "postboost_conn_id")

    def __init__(
        self,
        *,
        post_uuids: str | Sequence[str],
        trash: bool = True,
        delete_mode: Literal["app_only", "app_and_social", "social_only"] = "app_only",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.post_uuids = post_uuids
        self.trash = trash
        self.delete_mode = delete_mode

    def prepare(self, context: Context) -> Callable[[PostBoostClient], list[str]]:
        from postboost_provider.api.arguments import check_choice
        from postboost_provider.polling.post_uuids import read_uuids
        from postboost_provider.publishing import deletion

        check_choice("delete_mode", self.delete_mode, ("app_only", "app_and_social", "social_only"))
        # What is not a uuid would be "not found", and count as deleted.
        uuids = read_uuids(self.post_uuids)
        delete = partial(deletion.delete, trash=self.trash, delete_mode=self.delete_mode)
        return lambda api: [uuid for uuid in uuids if delete(api, uuid)]

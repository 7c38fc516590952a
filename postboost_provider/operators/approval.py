"""Have a person approve a draft in Airflow's own form (Airflow 3.1 or newer)."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import AirflowSkipException

from postboost_provider.airflow_support.hitl import HITLOperator, read_choice
from postboost_provider.api.errors import (
    NotFoundError,
    PermissionDeniedError,
    PostBoostConfigError,
    PostBoostError,
)
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.operators.base import TaskFrameMixin
from postboost_provider.retry_policy import failing_fast

# What only a running task needs is imported where it is used: each parse of each DAG file imports this module.
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.polling.outcome import PostOutcome

    # When to publish it, and the draft: what became of it, as PostBoost has it, and its media by number.
    Draft = tuple[datetime | None, PostOutcome, dict[str, Any], dict[int, dict[str, Any]]]

APPROVE = "Approve"
REJECT = "Reject"
# A post has only the numbers of its media, and the API finds those only in a list.
MOST_MEDIA = 1000
# What Markdown would interpret, and Airflow's form would hide: HTML, emphasis, headings, lists, links.
MARKDOWN = re.compile(r"[\\`*_\[\]<>#|~&]|:(?=//)|^[-+=]|(?<=^\d)[.)]|(?<=^\d\d)[.)]", re.MULTILINE)


class PostBoostApprovePostOperator(TaskFrameMixin, HITLOperator):
    """Show a draft to a person in Airflow, and publish exactly what was shown, or move it to the trash.

    The form shows text, media, accounts and time. Its options carry a fingerprint of them: a draft that was edited after it
    was shown is neither published nor moved to the trash. Airflow never re-renders a task's form. Chain a second approval
    task for the same post to ask again after an edit; the last one fails. Rejecting moves the draft to the trash and skips
    the downstream tasks.

    :param post_uuid: the draft. Templated.
    :param publish_at: the scheduled time, aware or in ``timezone``. Default: publish on approval. Templated.
    :param timezone: IANA time zone of a time without an offset. Templated.
    :param on_late: what to do if it is approved after ``publish_at``: ``fail``, or publish it ``now``.
    :param allow_duplicate: publish it although the same content was published to the same account within 24 hours.
    :param subject: the form's headline. Templated.
    :param kwargs: ``assigned_users``, ``notifiers``, ``response_timeout`` and the arguments of every operator.
    :xcom return_value: (dict) The post: ``uuid``, ``status``, ``scheduled_at``, ``published_at`` and ``accounts``.
    :raises AirflowFailException: the draft does not exist, it was edited after it was shown and no other approval task
        follows, or PostBoost refused.
    """

    template_fields: Sequence[str] = ("post_uuid", "publish_at", "timezone", "subject", "postboost_conn_id")
    ui_color = "#dbeafe"

    def __init__(
        self,
        *,
        post_uuid: str,
        publish_at: datetime | str | None = None,
        timezone: str | None = None,
        on_late: Literal["fail", "now"] = "fail",
        allow_duplicate: bool = False,
        subject: str = "Publish this post?",
        postboost_conn_id: str = PostBoostHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(subject=subject, options=[APPROVE, REJECT], **kwargs)
        self.post_uuid = post_uuid
        self.publish_at = publish_at
        self.timezone = timezone
        self.on_late = on_late
        self.allow_duplicate = allow_duplicate
        self.postboost_conn_id = postboost_conn_id

    def execute(self, context: Context) -> Any:
        from postboost_provider.polling.outcome import describe_status

        at, outcome, post, library = self.perform(context)
        if outcome.trashed:
            # An earlier attempt moved it there, and its end was lost, or somebody did.
            raise AirflowSkipException(f"Draft {outcome.uuid} is in the trash: it was rejected.")
        if outcome.status != "draft":
            # The task before this one published it, or an earlier attempt did and its end was lost.
            self.log.info("Post %s %s: there is nothing to approve.", outcome.uuid, describe_status(outcome))
            return outcome.as_dict()
        self.body = describe(post, at, library)
        shown = fingerprint(post, at, library)
        self.options = [f"{APPROVE} {shown}", f"{REJECT} {shown}"]
        return super().execute(context)

    def prepare(self, context: Context) -> Callable[[PostBoostClient], Draft]:
        from postboost_provider.api.arguments import argument, check_choice, require_text
        from postboost_provider.api.times import to_minute

        check_choice("on_late", self.on_late, ("fail", "now"))
        post_uuid, at = require_text("post_uuid", self.post_uuid), None
        if self.publish_at:
            with argument("publish_at"):
                at = to_minute(self.publish_at, self.timezone or None)
        return lambda api: (at, *_read(api, post_uuid))

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        if "error" in event:
            return super().execute_complete(context, event)
        chosen, who = read_choice(event)
        choice, _, shown = chosen.partition(" ")
        with failing_fast(self):
            read = self.prepare(context)
            with self.client() as api:
                at, outcome, post, library = read(api)
                if outcome.trashed:
                    if choice == REJECT:
                        raise AirflowSkipException(
                            f"{who} rejected draft {outcome.uuid}: it is in the trash."
                        )
                    raise PostBoostConfigError(
                        f"{who} approved draft {outcome.uuid}, but it was moved to the trash after it was shown. Restore it "
                        "in PostBoost and run the DAG again.",
                        code="trashed",
                    )
                if shown != fingerprint(post, at, library):
                    return self._leave(outcome, who)
                if choice == REJECT:
                    self._trash(api, outcome, who)
                outcome = self._publish(api, context, outcome, post, at, who)
        self.log.info("%s approved post %s: it is %s.", who, outcome.uuid, outcome.status)
        return outcome.as_dict()

    def _leave(self, outcome: PostOutcome, who: str) -> dict[str, Any]:
        """Do nothing with an edited draft, and let the next approval task ask, if there is one."""
        if not outcome.can_be_changed:
            raise PostBoostConfigError(
                f"Post {outcome.uuid} is {outcome.status}: somebody edited and published it after it was shown to {who}. "
                "Check it in PostBoost.",
                code="edited",
            )
        edited = f"Draft {outcome.uuid} was edited after it was shown to {who}. It was left as it is."
        if not self._is_asked_again():
            raise PostBoostError(
                f"{edited} Airflow never re-renders a task's form: run the DAG again, and add another "
                "PostBoostApprovePostOperator for the same post after this one.",
                code="edited",
            )
        self.log.warning("%s The next approval task asks again.", edited)
        return outcome.as_dict()

    def _trash(self, api: PostBoostClient, outcome: PostOutcome, who: str) -> None:
        from postboost_provider.publishing import actions

        if not outcome.can_be_changed:
            raise PostBoostConfigError(
                f"{who} rejected post {outcome.uuid}, but somebody has published it: it is {outcome.status}. To delete it "
                "where a network allows that, use PostBoostDeletePostOperator with delete_mode='app_and_social'.",
                code="published",
            )
        actions.delete(api, outcome.uuid, trash=True, delete_mode="app_only")
        raise AirflowSkipException(f"{who} rejected draft {outcome.uuid}: it is in the trash.")

    def _publish(
        self,
        api: PostBoostClient,
        context: Context,
        outcome: PostOutcome,
        post: Mapping[str, Any],
        at: datetime | None,
        who: str,
    ) -> PostOutcome:
        from postboost_provider.idempotency.actor import Actor
        from postboost_provider.publishing import actions

        if at is not None and at <= datetime.now(UTC) and outcome.status == "draft":
            if self.on_late != "now":
                raise PostBoostConfigError(
                    f"{who} approved draft {outcome.uuid} after its scheduled time, {at:%Y-%m-%d %H:%M} UTC. It was not "
                    "published. Schedule it with a PostBoostSchedulePostOperator; to publish late approvals at once, set "
                    "on_late='now'.",
                    code="late",
                    field="publish_at",
                )
            self.log.warning("The scheduled time, %s, has passed: publishing now.", at)
            at = None
        return actions.schedule(
            api,
            Actor.of_task(context["ti"]),
            outcome.uuid,
            at,
            allow_duplicate=self.allow_duplicate,
            # The form showed one time for all accounts.
            for_all=[int(account["id"]) for account in post["accounts"]],
        )

    def _is_asked_again(self) -> bool:
        """Whether the next task asks about the same post."""
        dag = self.get_dag()
        if dag is None:
            return False
        # Compare the templates: this task is rendered, the next one is not yet.
        mine = dag.get_task(self.task_id)
        return any(
            isinstance(task, PostBoostApprovePostOperator)
            and task.post_uuid == getattr(mine, "post_uuid", None)
            for task in mine.downstream_list
        )


def _read(
    api: PostBoostClient, post_uuid: str
) -> tuple[PostOutcome, dict[str, Any], dict[int, dict[str, Any]]]:
    from postboost_provider.polling.outcome import missing, read_post

    try:
        post = api.call("get_post", parameters={"post_uuid": post_uuid})
    except NotFoundError as error:
        raise missing(post_uuid, error) from error
    return read_post(post), post, find_media(api, post)


def fingerprint(
    post: Mapping[str, Any], at: datetime | None, library: Mapping[int, Mapping[str, Any]]
) -> str:
    """Return a short hash of what readers would see, where and when."""
    from postboost_provider.idempotency import identity as identities

    accounts = sorted(int(account["id"]) for account in post["accounts"])
    # Without the URLs: they may be signed differently each time.
    media = [[number, item["name"], item.get("alt_text")] for number, item in sorted(library.items())]
    return identities.digest(post["versions"], accounts, at.isoformat() if at else "now", media)[:8]


def find_media(api: PostBoostClient, post: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """Return the post's media by number: those among the library's newest thousand items, if the token may read them."""
    wanted = {int(number) for item in _items(post) for number in item.get("media") or ()}
    found: dict[int, dict[str, Any]] = {}
    try:
        for media in itertools.islice(api.pages("list_media") if wanted else (), MOST_MEDIA):
            if int(media["id"]) in wanted:
                found[int(media["id"])] = media
            if len(found) == len(wanted):
                break
    except PermissionDeniedError:
        pass
    return found


def describe(post: Mapping[str, Any], at: datetime | None, library: Mapping[int, Mapping[str, Any]]) -> str:
    """Return the post as Markdown: accounts, time, and each version's text, links, media and options."""
    from postboost_provider.services.accounts import account_name

    accounts = {int(a["id"]): account_name(a) for a in post["accounts"]}
    lines = [
        f"**Accounts:** {literally(', '.join(accounts.values())) or 'none'}",
        "",
        "**Time:** " + (f"{at:%Y-%m-%d %H:%M} UTC" if at else "at once"),
    ]
    for version in post["versions"]:
        whose = (
            "" if version["is_original"] else f" for {literally(str(accounts.get(version['account_id'])))}"
        )
        lines += ["", f"**Text{whose}:**"]
        for item in version["content"]:
            lines += ["", *(f"> {line}" for line in literally(str(item.get("body") or "")).split("\n"))]
            if item.get("url"):
                lines += ["", f"**Link:** {literally(str(item['url']))}"]
            for number in item.get("media") or ():
                lines += ["", _show(library.get(int(number)), number)]
        # PostBoost ignores the options of other networks.
        reached = {a["provider"] for a in post["accounts"] if version["account_id"] in (0, int(a["id"]))}
        for provider, options in sorted((version.get("options") or {}).items()):
            if options and provider in reached:
                said = ", ".join(f"{name}: {value}" for name, value in options.items())
                lines += ["", f"**Options of {literally(provider)}:** {literally(said)}"]
    return "\n".join(lines)


def literally(text: str) -> str:
    """Return Markdown that shows a text as it is, line by line."""
    lines = "\n".join(line.strip() for line in text.splitlines())
    return re.sub(r"(?<=[^\n])\n(?=[^\n])", "\\\\\n", MARKDOWN.sub(r"\\\g<0>", lines))


def _show(media: Mapping[str, Any] | None, number: int) -> str:
    if media is None:
        return f"**Media:** number {number} of the library"
    name = literally(str(media.get("alt_text") or media["name"]))
    thumbnail = f" ![{name}]({media['thumb_url']})" if media.get("thumb_url") else ""
    return f"**Media:** [{literally(str(media['name']))}]({media['url']}){thumbnail}"


def _items(post: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return itertools.chain.from_iterable(version["content"] for version in post["versions"])

"""Have a person approve a draft in Airflow's own form (Airflow 3.1 or newer)."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import AirflowSkipException

from postboost_provider.airflow_support.hitl import HITLOperator
from postboost_provider.api.errors import PermissionDeniedError, PostBoostConfigError, PostBoostError
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.retry_policy import RetryPolicyMixin, failing_fast

# What only a running task needs is imported where it is used: each parse of each DAG file imports this module.
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.polling.outcome import PostOutcome

APPROVE = "Approve"
REJECT = "Reject"
# Media are told apart by numbers in a post, and found by them only in a list.
MOST_MEDIA = 1000
# What Markdown would take for its own, and Airflow's form would hide: HTML, emphasis, headings, lists, links.
MARKDOWN = re.compile(r"[\\`*_\[\]<>#|~&]|:(?=//)|^[-+=]|(?<=^\d)[.)]|(?<=^\d\d)[.)]", re.MULTILINE)


class PostBoostApprovePostOperator(RetryPolicyMixin, HITLOperator):
    """Show a draft to a person in Airflow, and publish exactly what was seen, or trash it.

    The form shows text, media, accounts and time. Its options carry a fingerprint of them: a draft that was edited in
    between is neither published nor trashed. Airflow shows the first form of a task for good, whatever the task asks later, so
    that a retry can't ask again, but another task can: where this task is followed by another one of its kind for the
    same post, that one asks with a new form; the last one fails. Rejecting moves the draft to trash and skips what comes
    after.

    Returns the post: ``uuid``, ``status``, ``scheduled_at``, ``published_at`` and ``accounts``.

    :param post_uuid: the draft. Templated.
    :param publish_at: when it is to go out, aware or in ``timezone``; default: at once, when it is approved. Templated.
    :param timezone: IANA zone of a time that has none of its own. Templated.
    :param on_late: what to do when it is approved after ``publish_at``: ``fail`` (default) or publish it ``now``.
    :param allow_duplicate: publish it although the same content went to the same account within 24 hours. Default False.
    :param subject: the headline of the form. Templated.
    :param postboost_conn_id: the PostBoost connection. Templated.
    :param kwargs: ``assigned_users``, ``notifiers``, ``response_timeout`` and what every operator takes.
    :raises AirflowFailException: the draft was changed after it was shown and no task follows that asks again, there is
        no such draft, or PostBoost refused.
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

        with failing_fast(self):
            at = self._at()
            if self.on_late not in ("fail", "now"):
                raise PostBoostConfigError(f"on_late is {self.on_late!r}; use fail or now.")
            with PostBoostHook(self.postboost_conn_id).client() as api:
                outcome, post, library = self._read(api)
        if outcome.trashed:
            # An earlier try was told to, and its end was lost, or somebody did it by hand.
            raise AirflowSkipException(f"Draft {outcome.uuid} is in trash: it was rejected.")
        if outcome.status != "draft":
            # The task before this one was answered, or an earlier try was and only its end was lost.
            self.log.info("Post %s %s: there is nothing to approve.", outcome.uuid, describe_status(outcome))
            return outcome.as_dict()
        self.body = describe(post, at, library)
        seen = fingerprint(post, at, library)
        self.options = [f"{APPROVE} {seen}", f"{REJECT} {seen}"]
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        if "error" in event:
            return super().execute_complete(context, event)
        (chosen,) = event["chosen_options"]
        word, _, seen = chosen.partition(" ")
        who = (event.get("responded_by_user") or {}).get("name") or "somebody"
        with failing_fast(self):
            at = self._at()
            with PostBoostHook(self.postboost_conn_id).client() as api:
                outcome, post, library = self._read(api)
                if outcome.trashed:
                    if word == REJECT:
                        raise AirflowSkipException(f"Rejected by {who}: draft {outcome.uuid} is in trash.")
                    raise PostBoostConfigError(
                        f"Approved by {who}, but draft {outcome.uuid} was moved to trash meanwhile."
                    )
                if seen != fingerprint(post, at, library):
                    return self._leave(outcome, who)
                if word == REJECT:
                    self._trash(api, outcome, who)
                outcome = self._publish(api, context, outcome, post, at, who)
        self.log.info("Approved by %s: post %s is %s.", who, outcome.uuid, outcome.status)
        return outcome.as_dict()

    def _leave(self, outcome: PostOutcome, who: str) -> dict[str, Any]:
        """Do nothing with what nobody has seen, and have the next task ask, if there is one."""
        if not outcome.can_be_changed:
            raise PostBoostConfigError(
                f"Post {outcome.uuid} is {outcome.status}: somebody changed and published it after it was shown to {who}. "
                "Look at it in PostBoost."
            )
        changed = f"Draft {outcome.uuid} was changed after it was shown to {who}: it is as it was."
        if not self._is_asked_again():
            raise PostBoostError(
                f"{changed} Neither a retry nor clearing this task would show it anew. Run the DAG again, and "
                "put another PostBoostApprovePostOperator for the same post after this one, which then asks."
            )
        self.log.warning("%s The next task asks again.", changed)
        return outcome.as_dict()

    def _trash(self, api: PostBoostClient, outcome: PostOutcome, who: str) -> None:
        from postboost_provider.publishing import actions

        if not outcome.can_be_changed:
            raise PostBoostConfigError(
                f"Rejected by {who}, but somebody has published it meanwhile: post {outcome.uuid} is {outcome.status}. "
                "PostBoostDeletePostOperator with delete_mode='app_and_social' takes it back where a network allows it."
            )
        actions.delete(api, outcome.uuid, trash=True, delete_mode="app_only")
        raise AirflowSkipException(f"Rejected by {who}: draft {outcome.uuid} is in trash.")

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
                    f"Approved by {who}, but its time, {at:%Y-%m-%d %H:%M} UTC, has passed: draft {outcome.uuid} was not "
                    "published. Give it another time with a PostBoostSchedulePostOperator; on_late='now' publishes at once "
                    "what is approved late, and response_timeout ends the asking."
                )
            self.log.warning("Its time, %s, has passed: it is published now.", at)
            at = None
        return actions.schedule(
            api,
            Actor.of_task(context["ti"]),
            outcome.uuid,
            at,
            allow_duplicate=self.allow_duplicate,
            # The form has shown one time for all.
            for_all=[int(account["id"]) for account in post["accounts"]],
        )

    def _is_asked_again(self) -> bool:
        """Whether the next task asks about the same post."""
        dag = self.get_dag()
        if dag is None:
            return False
        # As the DAG file has it: here it is rendered, and there not yet.
        mine = dag.get_task(self.task_id)
        return any(
            isinstance(task, PostBoostApprovePostOperator)
            and task.post_uuid == getattr(mine, "post_uuid", None)
            for task in mine.downstream_list
        )

    def _read(self, api: PostBoostClient) -> tuple[PostOutcome, dict[str, Any], dict[int, dict[str, Any]]]:
        from postboost_provider.publishing import actions

        outcome = actions.look(api, self.post_uuid)
        post = api.call("get_post", parameters={"post_uuid": self.post_uuid})
        return outcome, post, find_media(api, post)

    def _at(self) -> datetime | None:
        from postboost_provider.api.times import to_minute

        if not self.publish_at:
            return None
        return to_minute(self.publish_at, self.timezone or None)


def fingerprint(
    post: Mapping[str, Any], at: datetime | None, library: Mapping[int, Mapping[str, Any]]
) -> str:
    """Return a short hash of what readers would see, where and when."""
    from postboost_provider.idempotency import identity as identities

    accounts = sorted(int(account["id"]) for account in post["accounts"])
    # Without the addresses: those may be signed anew each time.
    media = [[number, item["name"], item.get("alt_text")] for number, item in sorted(library.items())]
    return identities.digest(post["versions"], accounts, at.isoformat() if at else "now", media)[:8]


def find_media(api: PostBoostClient, post: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """Return the post's media by number, as far as the library's newest thousand items and the token show them."""
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
    """Return the post as Markdown: accounts, time, and each version's words, links, media and options."""
    from postboost_provider.api.account_name import account_name

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
        # PostBoost ignores those of other networks.
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

"""Have a person approve a draft in Airflow's own form (Airflow 3.1 or newer)."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException

from postboost_provider._hitl import HITLOperator
from postboost_provider.api.errors import PermissionDeniedError, PostBoostConfigError, PostBoostError
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.retry_policy import RetryPolicyMixin, failing_fast

# What only a running task needs is imported where it is used: each parse of each DAG file imports this module.
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from airflow.providers.common.compat.sdk import Context

    from postboost_provider import actions
    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.api.outcome import PostOutcome

APPROVE = "Approve"
REJECT = "Reject"
# Media are told apart by numbers in a post, and found by them only in a list.
MOST_MEDIA = 1000
# What Markdown would take for its own, and Airflow's form would hide: HTML, emphasis, headings, lists, links.
MARKDOWN = re.compile(r"[\\`*_\[\]<>#|~&]|:(?=//)|^[-+=]|(?<=^\d)[.)]|(?<=^\d\d)[.)]", re.MULTILINE)


class PostBoostApprovePostOperator(RetryPolicyMixin, HITLOperator):
    """Show a draft to a person in Airflow, and publish exactly what was seen, or trash it.

    The form shows text, media, accounts and time. Its approving option carries a fingerprint of them: a draft that was
    edited in between is not published. Airflow shows the first form of a task for good, whatever the task asks later, so
    that a retry can't ask again, but another task can: where this task is followed by another one of its kind for the
    same post, that one asks with a new form; the last one fails. Rejecting moves the draft to trash and skips what comes
    after.

    Returns the post: ``uuid``, ``status``, ``scheduled_at``, ``published_at`` and ``accounts``.

    :param post_uuid: the draft. Templated.
    :param publish_at: when it is to go out, aware or in ``timezone``; default: at once, when it is approved. Templated.
    :param timezone: IANA zone of a time that has none of its own. Templated.
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
        subject: str = "Publish this post?",
        postboost_conn_id: str = PostBoostHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(subject=subject, options=[APPROVE, REJECT], **kwargs)
        self.post_uuid = post_uuid
        self.publish_at = publish_at
        self.timezone = timezone
        self.postboost_conn_id = postboost_conn_id

    def execute(self, context: Context) -> Any:
        from postboost_provider.api.outcome import describe_status

        with failing_fast(self):
            at = self._at()
            with PostBoostHook(self.postboost_conn_id).client() as api:
                outcome, post = self._read(api)
                library = find_media(api, post)
        if outcome.status != "draft":
            # The task before this one was answered, or an earlier try was and only its end was lost.
            self.log.info("Post %s %s: there is nothing to approve.", outcome.uuid, describe_status(outcome))
            return outcome.as_dict()
        self.body = describe(post, at, library)
        self.options = [f"{APPROVE} {fingerprint(post, at)}", REJECT]
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        from postboost_provider import actions

        if "error" in event:
            return super().execute_complete(context, event)
        (chosen,) = event["chosen_options"]
        who = (event.get("responded_by_user") or {}).get("name") or "somebody"
        with failing_fast(self):
            at = self._at()
            with PostBoostHook(self.postboost_conn_id).client() as api:
                outcome, post = self._read(api)
                if chosen == REJECT:
                    actions.delete(api, outcome.uuid, trash=True, delete_mode="app_only")
                    raise AirflowSkipException(f"Rejected by {who}: draft {outcome.uuid} is in trash.")
                if outcome.can_be_changed and chosen != f"{APPROVE} {fingerprint(post, at)}":
                    changed = (
                        f"Draft {outcome.uuid} was changed after it was shown to {who}: it was not published."
                    )
                    if not self._is_asked_again():
                        raise PostBoostError(
                            f"{changed} Neither a retry nor clearing this task would show it anew. Run the DAG again, and "
                            "put another PostBoostApprovePostOperator for the same post after this one, which then asks."
                        )
                    self.log.warning("%s The next task asks again.", changed)
                    return outcome.as_dict()
                outcome = actions.schedule(api, self._actor(context), outcome.uuid, at)
        self.log.info("Approved by %s: post %s is %s.", who, outcome.uuid, outcome.status)
        return outcome.as_dict()

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

    def _read(self, api: PostBoostClient) -> tuple[PostOutcome, dict[str, Any]]:
        from postboost_provider import actions

        outcome = actions.look(api, self.post_uuid)
        if outcome.trashed:
            raise PostBoostConfigError(f"Post {outcome.uuid} is in trash: there is nothing to approve.")
        return outcome, api.call("get_post", parameters={"post_uuid": self.post_uuid})

    def _at(self) -> datetime | None:
        from postboost_provider.api.times import to_instant

        if not self.publish_at:
            return None
        return to_instant(self.publish_at, self.timezone or None).replace(second=0, microsecond=0)

    def _actor(self, context: Context) -> actions.Actor:
        from postboost_provider import actions

        return actions.Actor.of_task(context["ti"])


def fingerprint(post: Mapping[str, Any], at: datetime | None) -> str:
    """Return a short hash of what readers would see, where and when."""
    from postboost_provider import identity as identities

    accounts = sorted(int(account["id"]) for account in post["accounts"])
    return identities.digest(post["versions"], accounts, at.isoformat() if at else "now")[:8]


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
    accounts = {int(a["id"]): f"{a['provider']}:{a.get('username') or a['name']}" for a in post["accounts"]}
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

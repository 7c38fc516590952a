"""Have a person approve a draft in Airflow's own form (Airflow 3.1 or newer)."""

from __future__ import annotations

import base64
import itertools
import json
import re
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import quote

from airflow.providers.common.compat.sdk import AirflowSkipException

from postboost_provider.airflow_support.hitl import HITLOperator, read_choice
from postboost_provider.api.errors import PermissionDeniedError, PostBoostConfigError, PostBoostError
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.operators.base import TaskFrameMixin
from postboost_provider.retry_policy import failing_fast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.polling.outcome import PostOutcome

APPROVE = "Approve"
REJECT = "Reject"
# A post has only the numbers of its media, and the API finds those only in a list.
MOST_MEDIA = 1000
# The length of a whole SHA-256 in URL-safe base64. The options of version 0.1.0 had 8 hexadecimal digits of it.
HASH_LENGTH = 43


class _Draft(NamedTuple):
    """A draft as the form shows it: the post, its media by number, and when to publish it."""

    outcome: PostOutcome
    post: Mapping[str, Any]
    library: Mapping[int, Mapping[str, Any]]
    at: datetime | None

    @property
    def account_ids(self) -> list[int]:
        return [int(account["id"]) for account in self.post["accounts"]]

    def fingerprint(self) -> str:
        """Return a hash of what readers would see, where and when: the whole of it, so that no other post has the same."""
        from postboost_provider.idempotency.identity import digest

        # Without the URLs: they may be signed differently each time.
        media = [
            [number, item["name"], item.get("alt_text")] for number, item in sorted(self.library.items())
        ]
        at = self.at.isoformat() if self.at else "now"
        whole = bytes.fromhex(digest(self.post["versions"], sorted(self.account_ids), at, media))
        return base64.urlsafe_b64encode(whole).decode().rstrip("=")


class PostBoostApprovePostOperator(TaskFrameMixin, HITLOperator):
    """Show a draft to a person in Airflow, and publish exactly what was shown, or move it to the trash.

    The form shows text, media, accounts and time. A draft that was edited after it was shown is neither published nor
    moved to the trash. Airflow never re-renders a task's form: chain a second approval task for the same post to ask
    again after an edit; the last one fails. Rejecting moves the draft to the trash and skips the downstream tasks.

    :param post_uuid: the draft. Templated.
    :param publish_at: the scheduled time, aware or in ``timezone``. Default: publish on approval. Templated.
    :param timezone: IANA time zone of a time without an offset. Templated.
    :param on_late: what to do if it is approved after ``publish_at``: ``fail``, or publish it ``now``.
    :param allow_duplicate: publish it even if the same content was published to the same account within 24 hours.
    :param subject: the form's headline. Templated.
    :param kwargs: ``assigned_users``, ``notifiers``, ``response_timeout`` and the arguments of every operator.
    :xcom return_value: (dict) The post: ``uuid``, ``status``, ``scheduled_at``, ``published_at`` and ``accounts``.
    :raises AirflowFailException: the draft does not exist or was edited, the form is of version 0.1.0, or PostBoost refused.
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
        from postboost_provider.api.safety import require_live
        from postboost_provider.polling.outcome import describe_status

        draft: _Draft = self.perform(context)
        if draft.outcome.trashed:
            # An earlier attempt moved it there, and its end was lost, or somebody did.
            raise AirflowSkipException(f"Draft {draft.outcome.uuid} is in the trash: it was rejected.")
        if draft.outcome.status != "draft":
            # The task before this one published it, or an earlier attempt did and its end was lost.
            status = describe_status(draft.outcome)
            self.log.info("Post %s %s: there is nothing to approve.", draft.outcome.uuid, status)
            return draft.outcome.as_dict()
        with failing_fast(self):
            require_live(self.hook.settings(), f"Nobody was asked about draft {draft.outcome.uuid}")
        self.body = describe(draft)
        # In the options, because a retry deletes the task's XComs and shows the first form again: this is what that showed.
        self.options = [f"{choice} {draft.fingerprint()}" for choice in (APPROVE, REJECT)]
        return super().execute(context)

    def prepare(self, context: Context) -> Callable[[PostBoostClient], _Draft]:
        from postboost_provider.api.arguments import argument, check_choice, require_text
        from postboost_provider.api.times import to_minute

        check_choice("on_late", self.on_late, ("fail", "now"))
        post_uuid, at = require_text("post_uuid", self.post_uuid), None
        if self.publish_at:
            with argument("publish_at"):
                at = to_minute(self.publish_at, self.timezone or None)
        return lambda api: _read(api, post_uuid, at)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        if "error" in event:
            return super().execute_complete(context, event)
        chosen, who = read_choice(event)

        def prepare(context: Context) -> Callable[[PostBoostClient], dict[str, Any]]:
            read = self.prepare(context)
            return lambda api: self._respond(api, context, read(api), chosen, who)

        return self.perform(context, prepare)

    def _respond(
        self, api: PostBoostClient, context: Context, draft: _Draft, chosen: str, who: str
    ) -> dict[str, Any]:
        """Do what a person chose with the draft as it is now, and return the post."""
        choice, _, shown = chosen.partition(" ")
        uuid = draft.outcome.uuid
        if draft.outcome.trashed:
            if choice == REJECT:
                raise AirflowSkipException(f"{who} rejected draft {uuid}: it is in the trash.")
            raise PostBoostConfigError(
                f"{who} approved draft {uuid}, but it was moved to the trash after it was shown. Restore it in PostBoost and "
                "run the DAG again.",
                code="trashed",
            )
        if len(shown) != HASH_LENGTH:
            return self._leave(
                draft.outcome,
                f"{who} responded to a form whose options do not contain the whole hash of draft {uuid}, like those of version "
                "0.1.0: it is not known which text it showed.",
                "old_form",
            )
        if shown != draft.fingerprint():
            return self._leave(
                draft.outcome, f"Draft {uuid} was edited after it was shown to {who}.", "edited"
            )
        if choice == REJECT:
            self._trash(api, draft.outcome, who)
        outcome = self._publish(api, context, draft, who)
        self.log.info("%s approved post %s: it is %s.", who, uuid, outcome.status)
        return outcome.as_dict()

    def _leave(self, outcome: PostOutcome, why: str, code: str) -> dict[str, Any]:
        """Do nothing with a draft that may not be the one shown, and let the next approval task ask, if there is one."""
        if not outcome.can_be_changed:
            raise PostBoostConfigError(
                f"{why} Somebody has published it since: it is {outcome.status}. Check it in PostBoost.",
                code=code,
            )
        if not self._is_asked_again():
            raise PostBoostError(
                f"{why} It was left as it is. Run the DAG again, with another PostBoostApprovePostOperator for the same post "
                "after this one: Airflow never re-renders a task's form.",
                code=code,
            )
        self.log.warning("%s It was left as it is. The next approval task asks again.", why)
        return outcome.as_dict()

    def _trash(self, api: PostBoostClient, outcome: PostOutcome, who: str) -> None:
        from postboost_provider.publishing import deletion

        if not outcome.can_be_changed:
            raise PostBoostConfigError(
                f"{who} rejected post {outcome.uuid}, but somebody has published it: it is {outcome.status}. To delete it "
                "where a network allows that, use PostBoostDeletePostOperator with delete_mode='app_and_social'.",
                code="published",
            )
        deletion.delete(api, outcome.uuid, trash=True, delete_mode="app_only")
        raise AirflowSkipException(f"{who} rejected draft {outcome.uuid}: it is in the trash.")

    def _publish(self, api: PostBoostClient, context: Context, draft: _Draft, who: str) -> PostOutcome:
        from postboost_provider.publishing import actions

        outcome, at = draft.outcome, draft.at
        if at is not None and at <= datetime.now(UTC) and outcome.status == "draft":
            if self.on_late != "now":
                raise PostBoostConfigError(
                    f"{who} approved draft {outcome.uuid} after its scheduled time, {at:%Y-%m-%d %H:%M} UTC. It was not "
                    "published. Use a PostBoostSchedulePostOperator, or set on_late='now' to publish late approvals.",
                    code="late",
                    field="publish_at",
                )
            self.log.warning("The scheduled time, %s, has passed: publishing now.", at)
            at = None
        # The form showed one time for all accounts.
        publish = partial(actions.schedule, api, self.actor(context), outcome, at, edit_waiting=True)
        return publish(allow_duplicate=self.allow_duplicate, for_all=draft.account_ids)

    def _is_asked_again(self) -> bool:
        """Whether the next task asks about the same post."""
        dag = self.get_dag()
        # Compare the templates: this task is rendered, the next one is not yet.
        mine = dag.get_task(self.task_id) if dag else None
        return mine is not None and any(
            isinstance(task, PostBoostApprovePostOperator)
            and task.post_uuid == getattr(mine, "post_uuid", None)
            for task in mine.downstream_list
        )


def _read(api: PostBoostClient, post_uuid: str, at: datetime | None) -> _Draft:
    from postboost_provider.polling.outcome import read_post
    from postboost_provider.publishing import actions

    post = actions.fetch(api, post_uuid)
    return _Draft(read_post(post), post, find_media(api, post), at)


def find_media(api: PostBoostClient, post: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """Return the post's media by number: those among the library's newest, if the token may read them."""
    items = itertools.chain.from_iterable(version["content"] for version in post["versions"])
    wanted = {int(number) for item in items for number in item.get("media") or ()}
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


def describe(draft: _Draft) -> str:
    """Return the post as Markdown: accounts, time, and each version's text, links, media and options.

    Whatever an author or a network wrote is in a fenced block, and is shown instead of rendered.
    """
    from postboost_provider.polling.outcome import account_name

    post, at = draft.post, draft.at
    providers = {int(a["id"]): str(a["provider"]) for a in post["accounts"]}
    own = {int(version["account_id"]) for version in post["versions"]}
    accounts = {int(a["id"]): _one_line(account_name(a)) for a in post["accounts"]}
    blocks = [
        _block("Accounts", "\n".join(accounts.values())),
        "**Time:** " + (f"{at:%Y-%m-%d %H:%M} UTC" if at else "at once"),
    ]
    for version in post["versions"]:
        account_id = int(version["account_id"])
        if not version["is_original"]:
            blocks.append(_block("Only for", accounts.get(account_id, f"account {account_id}")))
        reading = {p for i, p in providers.items() if i == account_id or (account_id == 0 and i not in own)}
        for position, item in enumerate(version["content"], 1):
            blocks.append(_block(_label(position, reading), str(item.get("body") or "")))
            if item.get("url"):
                blocks.append(_block("Link", str(item["url"])))
            for number in item.get("media") or ():
                blocks += _show(draft.library.get(int(number)), int(number))
        # PostBoost ignores the options of other networks.
        reached = {a["provider"] for a in post["accounts"] if account_id in (0, int(a["id"]))}
        options = {name: o for name, o in (version.get("options") or {}).items() if o and name in reached}
        if options:
            # As JSON, a value with a line break can't look like another option.
            blocks.append(
                _block("Options", json.dumps(options, ensure_ascii=False, indent=2, sort_keys=True))
            )
    return "\n\n".join(blocks)


def fenced(text: str) -> str:
    """Return a Markdown block that shows a text as it is: no run of backticks in it is long enough to end the block."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    # Without a language, Airflow's form would join the lines.
    return f"{fence}text\n{text}\n{fence}"


def _block(label: str, text: str) -> str:
    return f"**{label}:**\n\n{fenced(text)}" if text else f"**{label}:** none"


def _label(position: int, providers: set[str]) -> str:
    """Return what an item of a version is on the networks that publish it."""
    from postboost_provider.publishing.body import FIRST_COMMENT_PROVIDERS, THREAD_PROVIDERS

    if position == 1:
        return "Text"
    part = f"Part {position} of the thread"
    words = {
        "First comment": FIRST_COMMENT_PROVIDERS if position == 2 else frozenset(),
        part: THREAD_PROVIDERS,
    }
    for word, known in words.items():
        if providers and providers <= known:
            return word
    # Only names that are known here: another could contain Markdown.
    named = [
        f"{word} ({', '.join(found)})"
        for word, known in words.items()
        if (found := sorted(providers & known))
    ]
    return "; ".join(named) or f"First comment, or part {position} of the thread, where the network has them"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _show(media: Mapping[str, Any] | None, number: int) -> Iterator[str]:
    if media is None:
        yield f"**Media:** number {number} of the library"
        return
    link, thumbnail = _url(media["url"]), _url(media.get("thumb_url"))
    yield f"**Media:** [open]({link})" + (f" ![]({thumbnail})" if thumbnail else "")
    yield _block("File", _one_line(str(media["name"])))
    if media.get("alt_text"):
        yield _block("Alt text", str(media["alt_text"]))


def _url(value: Any) -> str:
    """Return a URL for a Markdown link, with what could end the link percent-encoded, or "" if it is not one of the web."""
    url = str(value or "")
    return (
        quote(url, safe=":/?#@!$&+,;=%", errors="replace") if url.startswith(("https://", "http://")) else ""
    )

"""Publish one post, exactly once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.providers.common.compat.sdk import AirflowSkipException, conf

from postboost_provider.airflow_support.storage import find_file
from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.operators.post_wait import WaitingPostOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.idempotency.identity import Actor
    from postboost_provider.publishing.mapped_list import Places
    from postboost_provider.publishing.post import Post
    from postboost_provider.publishing.post_history import Published
    from postboost_provider.services.media.upload import MediaFile


class PostBoostCreatePostOperator(WaitingPostOperator):
    """Publish one post, exactly once, however often the task is retried or cleared.

    DAG id, run id, task id, map index and ``idempotency_salt`` identify the post. After an edit, the task updates the
    post while it is not live yet; afterwards it fails and names the post.

    :param text: the text to publish. Templated.
    :param accounts: ids, ``@username``, ``provider:username``, ``provider:*``, or names of account groups. Templated.
    :param thread: the further parts of a thread, on networks that have threads. Templated.
    :param first_comment: a comment below the post, or a reply on a network that has only threads; with ``thread``, each
        network gets the one that it supports. It is an error if a network would drop it. Templated.
    :param media: images, videos or a PDF, in order: paths, URIs of object storage, URLs that PostBoost fetches, or
        uuids of PostBoost media. Templated.
    :param tags: names of tags; missing ones are created. Templated.
    :param variants: different content for a network or an account, by ``provider``, ``provider:username``, ``@username``
        or id: a mapping of ``text``, ``media``, ``thread``, ``first_comment`` and the network's own ``options``, such as
        ``{"title": ...}`` for YouTube. Templated.
    :param publish: ``draft``, ``schedule``, ``queue`` or ``now``. Templated.
    :param publish_at: the time for ``schedule``: a datetime or ISO 8601 text, aware or in ``timezone``. Templated.
    :param timezone: IANA time zone of times without an offset. Templated.
    :param account_times: a different time for some networks or accounts, for ``schedule``. Templated.
    :param ai_generated: whether the post is labeled as made by AI. Default: PostBoost decides. Templated.
    :param validate: have PostBoost check the post first: an error fails the task without a retry, a warning is logged.
    :param dry_run: only have PostBoost check the post, and create nothing. What it would refuse fails the task.
    :param on_duplicate: what to do if the same content was published to the same account within 24 hours: ``fail``,
        ``reuse`` the existing post, or ``allow`` the duplicate. Templated.
    :param on_unknown: what to do if an earlier attempt may have published the post and that is no longer known: after 90
        days, or after 24 hours if the token may not read (ability ``read``). ``fail``, or ``publish``, perhaps a second time.
    :param on_edit_after_live: what to do if the post was changed after it went live, for example because a retry renders
        another ``now()`` in its text: ``fail``, or ``keep`` the post as it is and log a warning.
    :param on_edit_while_waiting: what to do if the post was changed while it waits for approval: ``fail``, or ``edit`` it.
        PostBoost does not document whether an edit takes a post out of its approval; if it does, the task fails afterwards,
        when the post may be published already.
    :param on_altered_text: what to do if PostBoost changes a text, for example removes tags or spaces: ``warn`` with both, or
        ``fail``.
    :param wait_for_completion: wait until the post is live. A sensor is the usual way.
    :param deferrable: wait in the triggerer.
    :param poll_interval: the time between the first polls of a due post, in seconds or as a timedelta.
    :param timeout: how long to wait after the last scheduled time, in seconds or as a timedelta.
    :param on_partial: what to do if only some accounts succeed: ``fail``, ``succeed``, or ``retry_failed_accounts``, each
        once and one after another, and then fail. Without ``wait_for_completion`` it applies to a post that has already
        failed, on some accounts or on all, when the task reads it back.
    :param on_kill: what to do with a post that is not published yet if the task is killed while it waits: ``keep`` or
        ``trash`` it; the next attempt publishes it again. A worker's task is also killed by Clear; one that is deferred
        only when it is marked as failed. Together with ``deferrable``, it needs Airflow 3.3.
    :param post_key: identifies the post within the run, in place of the map index. Give each mapped post a key of its own
        if the input list may change between attempts. Templated.
    :param idempotency_salt: any text; another text makes another post. Templated.
    :param media_root: the folder of relative media paths. Templated.
    :param object_storage_conn_id: the Airflow connection for media on object storage. Templated.
    :xcom return_value: (dict) ``uuid``, ``result`` (``created``, ``replayed``, ``adopted``, ``updated`` or ``skipped``),
        ``why``, ``status``, ``scheduled_at``, ``published_at`` and ``accounts``: per account ``uuid``, ``provider``,
        ``name``, ``status``, ``external_url`` and ``errors``. With ``dry_run``: ``uuid`` of the post of an earlier attempt or
        None, ``result`` (``skipped``), ``why``, ``warnings`` and ``body``, which would be sent.
    :xcom uuid: (str; before any wait, not with ``dry_run``) The post's uuid.
    """

    template_fields: Sequence[str] = (
        "text",
        "accounts",
        "thread",
        "first_comment",
        "media",
        "tags",
        "variants",
        "publish",
        "publish_at",
        "timezone",
        "account_times",
        "ai_generated",
        "on_duplicate",
        "post_key",
        "idempotency_salt",
        "media_root",
        "object_storage_conn_id",
        "postboost_conn_id",
    )
    may_be_nothing: ClassVar[tuple[str, ...]] = ("ai_generated",)

    def __init__(
        self,
        *,
        text: str | XComArg,
        accounts: str | int | Sequence[str | int] | XComArg,
        thread: Sequence[str] | XComArg | None = None,
        first_comment: str | XComArg | None = None,
        media: str | Sequence[str] | XComArg | None = None,
        tags: str | Sequence[str] | XComArg | None = None,
        variants: Mapping[str, Mapping[str, Any]] | None = None,
        publish: Literal["draft", "schedule", "queue", "now"] = "draft",
        publish_at: datetime | str | XComArg | None = None,
        timezone: str | None = None,
        account_times: Mapping[str, datetime | str] | None = None,
        ai_generated: bool | str | None = None,
        validate: bool = True,
        dry_run: bool = False,
        on_duplicate: Literal["fail", "reuse", "allow"] = "fail",
        on_unknown: Literal["fail", "publish"] = "fail",
        on_edit_after_live: Literal["fail", "keep"] = "fail",
        on_edit_while_waiting: Literal["fail", "edit"] = "fail",
        on_altered_text: Literal["warn", "fail"] = "warn",
        wait_for_completion: bool = False,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: timedelta | float = 30,
        timeout: timedelta | float = 3600,
        on_partial: Literal["fail", "succeed", "retry_failed_accounts"] = "fail",
        on_kill: Literal["keep", "trash"] = "keep",
        post_key: str | None = None,
        idempotency_salt: str | None = None,
        media_root: str | None = None,
        object_storage_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.text = text
        self.accounts = accounts
        self.thread = thread
        self.first_comment = first_comment
        self.media = media
        self.tags = tags
        self.variants = variants
        self.publish = publish
        self.publish_at = publish_at
        self.timezone = timezone
        self.account_times = account_times
        self.ai_generated = ai_generated
        self.validate = validate
        # Not ``dry_run``: that is a method of Airflow's operators.
        self.only_ask = dry_run
        self.on_duplicate = on_duplicate
        self.on_unknown = on_unknown
        self.on_edit_after_live = on_edit_after_live
        self.on_edit_while_waiting = on_edit_while_waiting
        self.on_altered_text = on_altered_text
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.on_partial = on_partial
        # Not ``on_kill``: that is a method of Airflow's operators.
        self.when_killed = on_kill
        self.post_key = post_key
        self.idempotency_salt = idempotency_salt
        self.media_root = media_root
        self.object_storage_conn_id = object_storage_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        from postboost_provider.polling.outcome import describe_status

        self._started = datetime.now(UTC)
        post, done = self.perform(context)
        if isinstance(done, dict):
            self.log.info("%s. Nothing was sent.", done["why"])
            return done
        self._post_uuid, self._trash_label = done.post_uuid, self._name_of_trash(context)
        # Under its own key, and before any wait: another task can take publish.output["uuid"].
        context["ti"].xcom_push(key="uuid", value=done.post_uuid)
        status = f" It {describe_status(done.outcome)}." if done.outcome else ""
        why = f" ({done.why})" if done.why else ""
        self.log.info("Post %s was %s%s.%s", done.post_uuid, done.result, why, status)
        for warning in done.warnings:
            self.log.warning("PostBoost warns: %s", warning)
        result = {"result": done.result, "why": done.why}
        is_over = done.result == "skipped" or done.outcome is None
        if not is_over and done.outcome.is_settled and not self.wait_for_completion:
            # PostBoost was quick, or an earlier attempt had left it so.
            return self._conclude(context, done.outcome, result, retried=[])
        if is_over or not self.wait_for_completion:
            return {"uuid": done.post_uuid, **(done.outcome.as_dict() if done.outcome else {}), **result}
        due = max((at for _, at in post.account_times), default=None)
        return self._wait(context, done.post_uuid, {"done": result, "retried": []}, due)

    def prepare(
        self, context: Context
    ) -> Callable[[PostBoostClient], tuple[Post, Published | dict[str, Any]]]:
        from postboost_provider.airflow_support.run_times import attempt_began, run_began
        from postboost_provider.airflow_support.sibling_tasks import (
            is_mapped,
            may_have_changed,
            render_siblings,
        )
        from postboost_provider.airflow_support.task_memory import TaskMemory
        from postboost_provider.api.safety import describe
        from postboost_provider.idempotency.identity import digest, normal
        from postboost_provider.publishing.attempt_start import AttemptStart
        from postboost_provider.publishing.dry_run import try_post
        from postboost_provider.publishing.publish import publish_post

        post, actor, why_stale = self._parse_post(), self._actor(context), self.stale_check(context)

        def find_places(intent_of: Callable[[Post], str | None]) -> Places:
            from postboost_provider.publishing.mapped_list import find_places

            others = render_siblings(context)
            # A post that is known by its index, under the same salt.
            own = [None, normal(self.idempotency_salt)]
            alike = [i for i, o in (others or {}).items() if [o.post_key, normal(o.idempotency_salt)] == own]
            posts = others and {i: others[i]._parse_post for i in alike}
            return find_places(actor, context["ti"].map_index or 0, posts, intent_of)

        is_placed = self.post_key is None and is_mapped(context)
        may_shift = is_placed and may_have_changed(context)
        name = digest(actor.identity)[:16]
        common: dict[str, Any] = {
            "actor": actor,
            "post": post,
            "find_media": self._find_media,
            "on_duplicate": self.on_duplicate,
            "now": self._started,
            "check_new": lambda: self.refuse_stale(why_stale(post.mode)),
        }
        more: dict[str, Any] = {
            "validate": self.validate,
            "on_unknown": self.on_unknown,
            "on_edit_after_live": self.on_edit_after_live,
            "on_edit_while_waiting": self.on_edit_while_waiting,
            "start": AttemptStart(attempt_began(context)),
            "memory": TaskMemory(context, self._started, name, of_siblings=may_shift),
            "places": find_places if is_placed else None,
            "expanded_since": None if may_shift else run_began(context),
            "on_altered_text": self.on_altered_text,
        }

        def act(api: PostBoostClient) -> tuple[Post, Published | dict[str, Any]]:
            checks = api.settings.mode == "check"
            if not (checks or self.only_ask):
                return post, publish_post(api, **common, **more)
            found = try_post(api, **common)
            if checks:
                raise AirflowSkipException(f"{found['why']}. Nothing was sent: {describe(api.settings)}.")
            return post, found

        return act

    def _find_media(self, name: str) -> MediaFile:
        return find_file(name, self.media_root, self.object_storage_conn_id)

    def _parse_post(self) -> Post:
        from postboost_provider.airflow_support.compat import can_kill_triggers
        from postboost_provider.api.arguments import check_choice, read_seconds
        from postboost_provider.publishing.post import parse_post

        read_seconds("timeout", self.timeout)
        read_seconds("poll_interval", self.poll_interval)
        check_choice("on_duplicate", self.on_duplicate, ("fail", "reuse", "allow"))
        check_choice("on_unknown", self.on_unknown, ("fail", "publish"))
        check_choice("on_edit_after_live", self.on_edit_after_live, ("fail", "keep"))
        check_choice("on_edit_while_waiting", self.on_edit_while_waiting, ("fail", "edit"))
        check_choice("on_altered_text", self.on_altered_text, ("warn", "fail"))
        check_choice("on_partial", self.on_partial, ("fail", "succeed", "retry_failed_accounts"))
        check_choice("on_kill", self.when_killed, ("keep", "trash"))
        if self.wait_for_completion and self.publish == "draft":
            raise PostBoostConfigError(
                "wait_for_completion would never end: only a person publishes a draft. Use publish='schedule', 'queue' or "
                "'now', or wait with a PostBoostPostSensor.",
                field="wait_for_completion",
            )
        deferred = self.wait_for_completion and self.deferrable
        if deferred and self.when_killed == "trash" and not can_kill_triggers():
            raise PostBoostConfigError(
                "on_kill='trash' does nothing with deferrable=True in this version of Airflow, whose triggers are not told when "
                "a task is killed (Airflow 3.3 does). Set one of them to another value.",
                field="on_kill",
            )
        names = "text accounts media tags first_comment publish_at thread variants account_times ai_generated"
        fields = {name: getattr(self, name) for name in names.split()}
        post = parse_post({**fields, "mode": self.publish}, self.timezone or None)
        for name in ("publish_at", "account_times"):
            if fields[name] and post.mode != "schedule":
                self.log.warning(
                    "%s is ignored: it needs publish='schedule', and publish is %r.", name, post.mode
                )
        return post

    def _actor(self, context: Context) -> Actor:
        from postboost_provider.api.arguments import NOTHING
        from postboost_provider.idempotency.identity import normal

        if self.post_key is not None and normal(self.post_key) in ("", *NOTHING):
            raise PostBoostConfigError(
                f"post_key is {self.post_key!r}; give each post of the run its own name.", field="post_key"
            )
        return self.actor(context, self.post_key)

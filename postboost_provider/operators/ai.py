"""PostBoost's AI: a source becomes a draft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.providers.common.compat.sdk import BaseOperator, conf

from postboost_provider.api.errors import (
    PostBoostConfigError,
    PublishError,
    QuotaExceededError,
    ServerError,
)
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.retry_policy import RetryPolicyMixin, failing_fast
from postboost_provider.triggers.ai import PostBoostRepurposeTrigger
from postboost_provider.triggers.base import read_event

# What only a running task needs is imported where it is used: each parse of each DAG file imports this module.
if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.polling.conditions import Finding
    from postboost_provider.polling.poller import Event


class PostBoostRepurposeOperator(RetryPolicyMixin, BaseOperator):
    """Turn an article, a video, a PDF or a text into one draft, with a caption for each account and a carousel.

    PostBoost's AI does the work, in a run that takes up to ten minutes. Nothing is published: the draft waits for a person, or
    for a ``PostBoostSchedulePostOperator``. However often the task is tried or cleared, it is one run and one draft; a run
    that failed made nothing, and another try starts another one.

    Costs a text credit for each account and one for the carousel's outline; the carousel itself is an image credit.

    Returns ``run_id``, ``status`` (``ok`` or ``partial``), ``post_uuid`` of the draft, ``credits_used``, ``captions`` (each with
    ``account_id``, ``provider``, ``content``, ``character_count``, ``character_limit`` and ``error``), ``slides`` (``media_id``
    and ``url``) and ``warnings``. It is pushed as XCom as well when captions failed. PostBoost tells ``captions``, ``slides``
    and ``warnings`` for an hour after the run; a task that is cleared later returns None for them.

    :param url: the article. Exactly one of ``url``, ``video_url``, ``pdf_url`` and ``text`` is given. Templated.
    :param video_url: the YouTube video. Templated.
    :param pdf_url: a public URL of the PDF, at most 20 MB; its first 30 pages are read. Templated.
    :param text: the text itself, of 100 to 100,000 characters. Templated.
    :param title: of the text, for which it is needed; of a video, in place of its own. Templated.
    :param transcript: of the video; needed where its description is short. Templated.
    :param accounts: whom captions are written for: ids, ``@username``, ``provider:username``, ``provider:*``, or names of
        account groups. Default: every connected account. Templated.
    :param options: more of what PostBoost takes, by its names: ``tone``, ``content_length``, ``hashtags``, ``cta``,
        ``language``, ``custom_instructions``, ``carousel`` (default True), ``slide_count``, ``theme``, ``use_brand_voice``.
        Templated.
    :param check_credits: look whether there are enough AI credits before anything is sent. Default False: PostBoost looks
        itself, before it starts.
    :param on_partial: when some accounts got no caption: ``fail`` (default; the draft stays) or ``succeed``.
    :param wait_for_completion: wait until the run is over. Default True.
    :param deferrable: wait in the triggerer. Default: ``[operators] default_deferrable``.
    :param poll_interval: seconds, or a timedelta, between two looks at the run. Default 5.
    :param timeout: seconds, or a timedelta, to wait. Default 900. A retry goes on waiting for the same run.
    :param idempotency_salt: something of your own that makes it another draft. Templated.
    :param postboost_conn_id: the PostBoost connection. A scoped key needs the abilities ``ai`` and ``read``. Templated.
    :raises AirflowFailException: anything that no retry can mend, such as AI credits that are used up; the message says when
        new ones come.
    :raises PostBoostError: anything that a retry can.
    """

    template_fields: Sequence[str] = (
        "url",
        "video_url",
        "pdf_url",
        "text",
        "title",
        "transcript",
        "accounts",
        "options",
        "idempotency_salt",
        "postboost_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"options": "json"}
    ui_color = "#ede9fe"

    def __init__(
        self,
        *,
        url: str | None = None,
        video_url: str | None = None,
        pdf_url: str | None = None,
        text: str | None = None,
        title: str | None = None,
        transcript: str | None = None,
        accounts: str | int | Sequence[str | int] | None = None,
        options: Mapping[str, Any] | None = None,
        check_credits: bool = False,
        on_partial: Literal["fail", "succeed"] = "fail",
        wait_for_completion: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: timedelta | float = 5,
        timeout: timedelta | float = 900,
        idempotency_salt: str | None = None,
        postboost_conn_id: str = PostBoostHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.url = url
        self.video_url = video_url
        self.pdf_url = pdf_url
        self.text = text
        self.title = title
        self.transcript = transcript
        self.accounts = accounts
        self.options = options
        self.check_credits = check_credits
        self.on_partial = on_partial
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.idempotency_salt = idempotency_salt
        self.postboost_conn_id = postboost_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        from postboost_provider.api.arguments import read_seconds
        from postboost_provider.services.repurpose import started

        began = datetime.now(UTC)
        with failing_fast(self):
            body = self._body()
            read_seconds("timeout", self.timeout)
            read_seconds("poll_interval", self.poll_interval)
            with PostBoostHook(self.postboost_conn_id).client() as api:
                answer = self._start(api, context, body)
            run_id, run = started(answer)
            if run is not None:
                return self._conclude(context, run)
            # Under a key of its own, and before any wait: whoever looks for the run finds it.
            context["ti"].xcom_push(key="run_id", value=run_id)
            self.log.info("Repurpose run %s is on its way.", run_id)
            if run_id is None or not self.wait_for_completion:
                return {"run_id": run_id, "status": "queued", "post_uuid": None}
            return self._wait(context, run_id, began)

    def execute_complete(self, context: Context, event: Any) -> dict[str, Any]:
        """Go on when the triggerer has seen the run end, or the time is over."""
        with failing_fast(self):
            return self._end(context, read_event(event))

    def _body(self) -> dict[str, Any]:
        from postboost_provider.api.arguments import read_text
        from postboost_provider.services.repurpose import RESERVED, Source

        if self.on_partial not in ("fail", "succeed"):
            raise PostBoostConfigError(f"on_partial is {self.on_partial!r}; use fail or succeed.")
        options = read_text(self.options) or {}
        if not isinstance(options, Mapping):
            raise PostBoostConfigError(f"options is {options!r}; it must be a mapping.")
        if taken := sorted(RESERVED & set(options)):
            raise PostBoostConfigError(
                f"{', '.join(taken)} of options: say it with the operator's own arguments."
            )
        source = Source(
            self.url or None,
            self.video_url or None,
            self.pdf_url or None,
            self.text or None,
            self.title or None,
            self.transcript or None,
        )
        # Without a wait in the call: its answer is then the run's number, which a repeat gets again.
        return {**source.as_body(), **options, "create_post": True, "async": True}

    def _start(self, api: PostBoostClient, context: Context, body: dict[str, Any]) -> Any:
        """Start the run, or find the one that an earlier try started."""
        from postboost_provider.api.arguments import read_text
        from postboost_provider.idempotency.actor import Actor
        from postboost_provider.idempotency.perform import send_once, was_done
        from postboost_provider.services.accounts import account_ids
        from postboost_provider.services.repurpose import came_to_nothing, explain, require_credits

        actor = Actor.of_task(context["ti"], self.idempotency_salt)
        if self.accounts:
            body = {**body, "account_ids": list(account_ids(api, read_text(self.accounts)))}
        # What an earlier try has spent is no reason not to fetch what it got for it.
        if self.check_credits and not was_done(api, actor, "repurpose_content"):
            require_credits(api, body)
        try:
            return send_once(
                api,
                actor,
                "repurpose_content",
                body=body,
                is_void=lambda answer: came_to_nothing(api, answer),
            )
        except QuotaExceededError as error:
            raise explain(api, error) from error

    def _wait(self, context: Context, run_id: int, began: datetime) -> dict[str, Any]:
        from postboost_provider.api.arguments import read_seconds
        from postboost_provider.polling.conditions import ask
        from postboost_provider.polling.poller import Poller, wait
        from postboost_provider.polling.schedule import POLL_SECONDS, Wait
        from postboost_provider.services.repurpose import RunIsOver

        timeout = read_seconds("timeout", self.timeout)
        interval = read_seconds("poll_interval", self.poll_interval)

        def ask_run() -> Finding:
            with PostBoostHook(self.postboost_conn_id).client(deadline_seconds=POLL_SECONDS) as api:
                return ask(api, RunIsOver(run_id))

        poller = Poller(Wait(began, timedelta(seconds=timeout), timedelta(seconds=interval)))
        event = poller.poll(ask_run) if self.deferrable else wait(poller, ask_run)
        if event is not None:
            return self._end(context, event)
        self.defer(
            trigger=PostBoostRepurposeTrigger(
                run_id=run_id,
                postboost_conn_id=self.postboost_conn_id,
                timeout=timeout,
                poll_interval=interval,
                started_at=began.isoformat(),
            ),
            method_name="execute_complete",
        )

    def _end(self, context: Context, event: Event) -> dict[str, Any]:
        if event.error:
            raise event.error
        if event.status == "timeout":
            raise self._too_late(event.message)
        return self._conclude(context, event.result)

    def _too_late(self, pending: str) -> ServerError:
        from postboost_provider.api.arguments import read_seconds

        return ServerError(
            f"Not over after {read_seconds('timeout', self.timeout):g} s: {pending} Run the task again: it goes on waiting for the same run.",
            status=200,
        )

    def _conclude(self, context: Context, run: Mapping[str, Any]) -> dict[str, Any]:
        from postboost_provider.services.repurpose import as_result, describe_failures

        if run["status"] == "failed":
            raise ServerError(
                f"Repurpose run {run['run_id']} failed: {run.get('error') or 'PostBoost does not say why'} Nothing was made; "
                "another try of the task starts another run.",
                status=200,
            )
        result = as_result(run)
        for warning in result["warnings"] or ():
            self.log.warning("PostBoost warns: %s", warning)
        if run["status"] == "partial":
            message = describe_failures(result)
            if self.on_partial == "fail":
                # What comes after a failure wants to know where the draft is.
                context["ti"].xcom_push(key="return_value", value=result)
                raise PublishError(message, [result])
            self.log.warning("%s", message)
        self.log.info(
            "Draft %s is in PostBoost; it cost %s AI credits.", result["post_uuid"], result["credits_used"]
        )
        return result

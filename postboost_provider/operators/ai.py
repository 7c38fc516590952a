"""Turn a source into a draft with PostBoost's AI."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.providers.common.compat.sdk import conf

from postboost_provider.api.clean_text import clean_text
from postboost_provider.api.errors import (
    NotFinishedError,
    PostBoostConfigError,
    PublishError,
    QuotaExceededError,
)
from postboost_provider.operators.base import BasePostBoostOperator
from postboost_provider.retry_policy import failing_fast
from postboost_provider.triggers.ai import PostBoostRepurposeTrigger
from postboost_provider.triggers.base import read_event

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.polling.conditions import Finding
    from postboost_provider.polling.poller import Event


class PostBoostRepurposeOperator(BasePostBoostOperator):
    """Turn an article, a video, a PDF or a text into one draft, with a caption for each account and a carousel.

    PostBoost's AI does the work, in a run of up to ten minutes. Nothing is published. However often the task is retried or
    cleared, it creates one run and one draft. It starts another run only after a failed one, which creates nothing.

    A run costs a text credit for each account and one for the carousel's outline; the carousel costs an image credit.
    PostBoost keeps ``captions``, ``slides`` and ``warnings`` for an hour; later they are None.

    :param url: the article. Give exactly one of ``url``, ``video_url``, ``pdf_url`` and ``text``. Templated.
    :param video_url: the YouTube video. Templated.
    :param pdf_url: a public URL of the PDF, at most 20 MB; PostBoost reads its first 30 pages. Templated.
    :param text: the text itself, of 100 to 100,000 characters. Templated.
    :param title: the title of the text, for which it is required; or of a video, in place of its own. Templated.
    :param transcript: the video's transcript; required if its description is short. Templated.
    :param accounts: the accounts to write captions for: ids, ``@username``, ``provider:username``, ``provider:*``, or names
        of account groups. Default: every connected account. Templated.
    :param options: more fields of PostBoost's request: ``tone``, ``content_length``, ``hashtags``, ``cta``,
        ``language``, ``custom_instructions``, ``carousel`` (default True), ``slide_count``, ``theme``, ``use_brand_voice``.
        Templated.
    :param check_credits: check that there are enough AI credits before anything is sent.
    :param on_partial: what to do if some accounts got no caption: ``fail`` (the draft stays) or ``succeed``.
    :param wait_for_completion: wait until the run has ended.
    :param deferrable: wait in the triggerer.
    :param poll_interval: the time between two polls of the run, in seconds or as a timedelta.
    :param timeout: how long to wait, in seconds or as a timedelta. A retry waits for the same run.
    :param idempotency_salt: any text; with another text, the task starts another run. Templated.
    :param on_unknown: what to do if an earlier attempt may have started a run, but that is unknown: ``fail``, or ``send``
        the request again.
    :param postboost_conn_id: the PostBoost connection. A scoped key needs the abilities ``ai`` and ``read``. Templated.
    :xcom return_value: (dict; also if captions failed) ``run_id``, ``status`` (``ok``, ``partial``, or ``queued`` without
        a wait), ``post_uuid`` of the draft, ``credits_used``, ``captions`` (each with ``account_id``, ``provider``,
        ``content``, ``character_count``, ``character_limit`` and ``error``), ``slides`` (``media_id`` and ``url``) and
        ``warnings``.
    :xcom run_id: (int; before any wait) The run's number.
    :raises AirflowFailException: an error that is not retryable, such as too few AI credits.
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
        on_unknown: Literal["fail", "send"] = "fail",
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
        self.on_unknown = on_unknown

    def execute(self, context: Context) -> dict[str, Any]:
        from postboost_provider.services.repurpose import started

        began = datetime.now(UTC)
        response = self.perform(context)
        with failing_fast(self):
            run_id, run = started(response)
            if run is not None:
                return self._conclude(context, run)
            # Under its own key, and before any wait: another task can find the run.
            context["ti"].xcom_push(key="run_id", value=run_id)
            self.log.info("Repurpose run %s has started.", run_id)
            if run_id is None or not self.wait_for_completion:
                return {"run_id": run_id, "status": "queued", "post_uuid": None}
            return self._wait(context, run_id, began)

    def prepare(self, context: Context) -> Callable[[PostBoostClient], Any]:
        from postboost_provider.api.arguments import check_choice, read_seconds

        check_choice("on_partial", self.on_partial, ("fail", "succeed"))
        check_choice("on_unknown", self.on_unknown, ("fail", "send"))
        read_seconds("timeout", self.timeout)
        read_seconds("poll_interval", self.poll_interval)
        body = self._body()
        return lambda api: self._start(api, context, body)

    def execute_complete(self, context: Context, event: Any) -> dict[str, Any]:
        """Continue when the trigger has seen the run end, or has timed out."""
        with failing_fast(self):
            return self._end(context, read_event(event))

    def _body(self) -> dict[str, Any]:
        from postboost_provider.api.arguments import read_text
        from postboost_provider.services.repurpose import RESERVED, Source

        options = read_text(self.options) or {}
        if not isinstance(options, Mapping):
            raise PostBoostConfigError(f"options is {options!r}; it must be a mapping.", field="options")
        if taken := sorted(RESERVED & set(options)):
            raise PostBoostConfigError(
                f"options has {', '.join(taken)}. Use the operator's own arguments for that.", field="options"
            )
        fields = ("url", "video_url", "pdf_url", "text", "title", "transcript")
        source = Source(*(getattr(self, name) or None for name in fields))
        # Asynchronous: the response is then the run's number, and a retry gets the same number.
        return {**source.as_body(), **options, "create_post": True, "async": True}

    def _start(self, api: PostBoostClient, context: Context, body: dict[str, Any]) -> Any:
        """Start the run, or find the one that an earlier attempt started."""
        from postboost_provider.api.arguments import read_text
        from postboost_provider.idempotency.perform import find_done, perform_operation
        from postboost_provider.services import repurpose

        actor = self.actor(context)
        done = find_done(api, actor, "repurpose_content") if self.accounts or self.check_credits else None
        note = ""
        if self.accounts:
            ids, note = repurpose.resolve_accounts(api, read_text(self.accounts), done)
            body = {**body, "account_ids": ids}
        # Credits that an earlier attempt has spent don't keep this one from reading its result.
        if self.check_credits and done is None:
            repurpose.require_credits(api, body)
        is_void = lambda response: repurpose.has_failed(api, response)
        try:
            return perform_operation(
                api,
                actor,
                "repurpose_content",
                body=body,
                since=self.since_first_attempt(context, actor),
                send_unknown=self.on_unknown == "send",
                is_void=is_void,
                note=note,
            )
        except QuotaExceededError as error:
            raise repurpose.explain(api, error) from error

    def _wait(self, context: Context, run_id: int, began: datetime) -> dict[str, Any]:
        from postboost_provider.api.arguments import read_seconds
        from postboost_provider.polling.conditions import ask
        from postboost_provider.polling.poller import Poller, wait
        from postboost_provider.polling.schedule import POLL_SECONDS, Wait
        from postboost_provider.services.repurpose import RunIsOver

        def poll() -> Finding:
            with self.hook.client(deadline_seconds=POLL_SECONDS) as api:
                return ask(api, RunIsOver(run_id), datetime.now(UTC))

        timeout = read_seconds("timeout", self.timeout)
        interval = read_seconds("poll_interval", self.poll_interval)
        poller = Poller(Wait(began, timedelta(seconds=timeout), timedelta(seconds=interval)))
        event = poller.poll(poll) if self.deferrable else wait(poller, poll)
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
        late = lambda pending: NotFinishedError(
            f"The run has not ended in time (timeout={self.timeout}): {pending} Retry the task to wait for it.",
            code="timeout",
        )
        return self._conclude(context, event.get(late))

    def _conclude(self, context: Context, run: Mapping[str, Any]) -> dict[str, Any]:
        from postboost_provider.services.repurpose import as_result, describe_failures

        if run["status"] == "failed":
            raise NotFinishedError(
                f"Repurpose run {run['run_id']} failed: {run.get('error') or 'PostBoost gives no reason.'} Nothing was "
                "created. Retry the task to start another run.",
                code="run_failed",
            )
        result = as_result(run)
        for warning in result["warnings"] or ():
            self.log.warning("PostBoost warns: %s", clean_text(warning))
        if run["status"] == "partial":
            message = describe_failures(result)
            if self.on_partial == "fail":
                # A task that follows a failure needs to know where the draft is.
                context["ti"].xcom_push(key="return_value", value=result)
                raise PublishError(message, [result], code="partial")
            self.log.warning("%s", message)
        draft, used = result["post_uuid"], result["credits_used"]
        self.log.info("PostBoost created draft %s for %s AI credits.", draft, used)
        return result

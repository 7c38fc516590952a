"""PostBoost's repurpose runs: an article, a video, a PDF or a text becomes a draft with a caption for each account."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postboost_provider.api.clean_text import clean_text
from postboost_provider.api.errors import (
    NotFoundError,
    PostBoostConfigError,
    PostBoostError,
    QuotaExceededError,
    UnexpectedResponseError,
)
from postboost_provider.idempotency.identity import digest
from postboost_provider.polling.conditions import Finding, Question
from postboost_provider.services.accounts import account_ids, split_names
from postboost_provider.services.media.upload import is_url

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.idempotency.activity_log import LogEntry

log = logging.getLogger(__name__)

# PostBoost's limits (SDK 1.66.3, `RepurposeInput`).
SHORTEST_TEXT, LONGEST_TEXT = 100, 100_000
# Fields of the body that have an argument of their own, or that the author does not choose.
RESERVED = {
    *("source_type", "url", "pdf_url", "title", "text", "transcript"),
    *("account_ids", "platforms", "create_post", "async"),
}
# Names that mean one account: an id, ``@username`` or ``provider:username``.
_ONE_ACCOUNT = re.compile(r"\d+|@.*|(?!group:)[a-z_]+:(?!\*$).+", re.IGNORECASE)
# In labels of version 0.1.0, whose hash was longer and whose ids were decimal, and since then.
_FORMER_NOTE = re.compile(r"(?P<written>[0-9a-f]{8}):(?P<ids>\d+(,\d+)*)")
_NOTE = re.compile(r"(?P<written>[0-9a-f]{6}):(?P<ids>[0-9a-z]+(\.[0-9a-z]+)*)")
RUNNING, OVER = ("queued", "running"), ("ok", "partial", "failed")


@dataclass(frozen=True, slots=True)
class Source:
    """What is repurposed: one of ``url``, ``video_url``, ``pdf_url`` and ``text``, and what describes it."""

    url: str | None = None
    video_url: str | None = None
    pdf_url: str | None = None
    text: str | None = None
    title: str | None = None
    transcript: str | None = None

    def as_body(self) -> dict[str, Any]:
        """Return the fields of the request's body.

        :raises PostBoostConfigError: none of them or several are given, or one that PostBoost would refuse.
        """
        sources = {
            name: str(getattr(self, name) or "").strip() for name in ("url", "video_url", "pdf_url", "text")
        }
        given = {name: value for name, value in sources.items() if value}
        if len(given) != 1:
            seen = f"{' and '.join(given)} are given" if given else "none is given"
            message = f"Give one of url, video_url, pdf_url and text: {seen}."
            raise PostBoostConfigError(message, code="not_one_source")
        ((name, value),) = given.items()
        about = {key: text for key in ("title", "transcript") if (text := getattr(self, key))}
        if self.transcript and name != "video_url":
            raise PostBoostConfigError(
                f"transcript is given with {name}. Leave it out: it belongs to video_url.", field="transcript"
            )
        if name == "text":
            if not self.title:
                message = "text needs a title: PostBoost can't take one from a text."
                raise PostBoostConfigError(message, code="missing", field="title")
            if not SHORTEST_TEXT <= len(value) <= LONGEST_TEXT:
                message = (
                    f"text has {len(value)} characters; PostBoost accepts {SHORTEST_TEXT} to {LONGEST_TEXT}."
                )
                raise PostBoostConfigError(message, field="text")
            return {"source_type": "text", "text": value, **about}
        if not is_url(value):
            message = f"{name} is {value[:80]!r}; it must be an http(s) URL that PostBoost can reach."
            raise PostBoostConfigError(message, code="not_a_url", field=name)
        if name == "pdf_url":
            return {"source_type": "pdf", "pdf_url": value, **about}
        return {"source_type": "youtube" if name == "video_url" else "url", "url": value, **about}


@dataclass(frozen=True, slots=True)
class RunIsOver:
    """Poll until a run is over, which takes ten minutes at most (SDK 1.66.3)."""

    run_id: int

    def questions(self, now: datetime) -> Sequence[Question]:
        return [Question("get_repurpose_run", {"run_id": self.run_id})]

    def read(self, responses: Sequence[Any], now: datetime) -> Finding:
        run = _data(responses[0], "get_repurpose_run")
        if run.get("status") in OVER:
            return Finding(True, run)
        if run.get("status") in RUNNING:
            return Finding(False, pending=f"Repurpose run {self.run_id} is {run['status']}.")
        raise PostBoostError(
            f"Repurpose run {self.run_id} has the status {run.get('status')!r}, which this version does not know. Update "
            "airflow-provider-postboost.",
            code="unknown_status",
        )


def started(response: Any) -> tuple[int | None, dict[str, Any] | None]:
    """Return the run's id, or the run itself if it is over already."""
    data = _data(response, "repurpose_content")
    if "captions" not in data:
        return int(data["run_id"]), None
    failed = any(caption.get("content") is None for caption in data["captions"])
    run = {name: data.get(name) for name in ("post_uuid", "credits_used")}
    return None, {"run_id": None, "status": "partial" if failed else "ok", **run, "result": data}


def has_failed(api: PostBoostClient, response: Any) -> bool:
    """Return whether the run of a stored response has failed; then another one may be started."""
    run_id, _ = started(response)
    if run_id is None:
        return False
    try:
        run = _data(api.call("get_repurpose_run", parameters={"run_id": run_id}), "get_repurpose_run")
    except NotFoundError:
        return False
    if run.get("status") != "failed" or run.get("post_uuid"):
        return False
    log.info("Repurpose run %s of an earlier attempt has failed: starting another one.", run_id)
    return True


def as_result(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return a task's result of a run that has ended. PostBoost keeps its captions for an hour."""
    result = run.get("result") or {}
    return {
        **{name: run.get(name) for name in ("run_id", "status", "post_uuid", "credits_used")},
        **{name: result.get(name) for name in ("captions", "slides", "warnings")},
    }


def describe_failures(result: Mapping[str, Any]) -> str:
    """Return which accounts got no caption, and why. The run names accounts only by network and id."""
    listed = "; ".join(
        f"{caption.get('provider')} (account {caption.get('account_id')}): {str(caption.get('error')).rstrip('.')}"
        for caption in result.get("captions") or ()
        if caption.get("content") is None
    )
    where = f"Draft {result['post_uuid']}" if result.get("post_uuid") else "The run"
    return clean_text(
        f"{where} has no captions for some accounts: {listed or 'PostBoost does not say which'}."
    )


def resolve_accounts(api: PostBoostClient, given: Any, done: LogEntry | None) -> tuple[list[int], str]:
    """Return the ids of the accounts that captions are written for, and a note of them for the activity log.

    A group, or ``provider:*``, means other accounts once one has joined or left. PostBoost repeats its response only for
    the same accounts, so a later attempt uses those that the earlier one has noted.

    :param given: accounts as :func:`account_ids` takes them.
    :param done: the activity log's entry of an earlier attempt that was successful.
    """
    names = split_names(given)
    if all(_ONE_ACCOUNT.fullmatch(name) for name in names if name):
        return list(account_ids(api, given)), ""
    written = digest(names)
    ids = _read_note(done.label.operation.note, written) if done and done.label.operation else None
    ids = ids or list(account_ids(api, given))
    # Without room for the note in a label, a changed group is refused as another body.
    return ids, f"{written[:6]}:{'.'.join(map(_base36, ids))}"


def _read_note(note: str, written: str) -> list[int] | None:
    """Return the ids that were noted for the same names."""
    for form, separator, base in ((_NOTE, ".", 36), (_FORMER_NOTE, ",", 10)):
        noted = form.fullmatch(note)
        if noted and written.startswith(noted["written"]):
            return [int(number, base) for number in noted["ids"].split(separator)]
    return None


def _base36(number: int) -> str:
    more, digit = divmod(number, 36)
    return (_base36(more) if more else "") + "0123456789abcdefghijklmnopqrstuvwxyz"[digit]


def require_credits(api: PostBoostClient, body: Mapping[str, Any]) -> None:
    """Check that there are enough AI credits. Reading the balance is free.

    A run costs a text credit for each account and one for the carousel's outline, and the carousel an image credit
    (SDK 1.66.3, ``repurpose_content`` and ``get_ai_usage``).

    :raises PostBoostConfigError: ``ai_credits_exhausted`` or ``image_credits_exhausted``: there are too few.
    """
    usage = api.call("get_ai_usage")
    carousel = 1 if body.get("carousel", True) else 0
    if "account_ids" in body:
        accounts = len(body["account_ids"])
    else:
        accounts = sum(bool(account.get("authorized")) for account in api.pages("list_accounts"))
    needed = {"text": accounts + carousel, "image": carousel if usage["image"].get("enabled") else 0}
    for kind, count in needed.items():
        left = usage[kind].get("remaining")
        if left is not None and count > left:
            code = "ai_credits_exhausted" if kind == "text" else "image_credits_exhausted"
            message = f"{count} {kind} credits are needed, and {left} are left. {_describe_renewal(usage, code)} Nothing was sent."
            raise PostBoostConfigError(message, code=code)


def explain(api: PostBoostClient, error: QuotaExceededError) -> QuotaExceededError:
    """Return the error with how many credits are used and when they are renewed."""
    try:
        renewal = _describe_renewal(api.call("get_ai_usage"), error.code)
    except (PostBoostError, KeyError, TypeError, AttributeError):
        return error
    return QuotaExceededError(f"{error} {renewal}".strip(), **error.details)


def _describe_renewal(usage: Mapping[str, Any], code: str | None) -> str:
    """Return when credits are renewed. PostBoost returns when the billing cycle began, not how long it is."""
    kind = {"ai_credits_exhausted": "text", "image_credits_exhausted": "image"}.get(code or "")
    if kind is None:
        return ""
    period = f"this month; they are renewed after {usage['image'].get('period_end')}"
    if kind == "text":
        began = usage["text"].get("cycle_started_at")
        period = f"in the billing cycle that began {began}; they are renewed with the next cycle"
    return f"{usage[kind].get('used')} of {usage[kind].get('limit')} {kind} credits are used {period}."


def _data(response: Any, operation: str) -> dict[str, Any]:
    data = response.get("data") if isinstance(response, dict) else None
    if not isinstance(data, dict) or not ("captions" in data or str(data.get("run_id") or "").isdecimal()):
        raise UnexpectedResponseError(
            f"{operation}: PostBoost's response is neither a run nor a result.", code="no_data"
        )
    return data

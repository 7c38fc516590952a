"""Repurpose runs: turn a source into a draft with a caption per account and a carousel, at once or in the queue."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from postboost_provider.sandbox.ai.brand_voice import has_brand_voice
from postboost_provider.sandbox.ai.captions import (
    caption,
    failed_caption,
    make_draft,
    target_accounts,
    title_of,
)
from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.models import Account, RepurposeRun
from postboost_provider.sandbox.core.responses import ErrorResponse, Response
from postboost_provider.sandbox.core.shapes import read_with_defaults
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.media.placeholder_images import SIZES, add_placeholder
from postboost_provider.sandbox.rules import ai_credits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postboost_provider.sandbox.core.media_models import Media
    from postboost_provider.sandbox.core.store import Store

SYNCHRONOUS_SECONDS = 20.0  # longer runs continue in the queue
MAX_DURATION = timedelta(minutes=10)
RESULT_LIFETIME = timedelta(hours=1)
_QUEUED_FOR = timedelta(seconds=1)
# Maximum slides per network; other networks only get the cover (SDK 1.66.3).
_SLIDES = {
    **dict.fromkeys(("instagram", "instagram_standalone", "facebook_page", "threads"), 10),
    **dict.fromkeys(("linkedin", "linkedin_page"), 9),
    **dict.fromkeys(("twitter", "bluesky"), 4),
    **dict.fromkeys(("youtube", "tiktok"), 0),
}


@handles("repurpose_content")
def repurpose_content(call: Call) -> Response:
    """Respond with the result of a run that takes at most 20 seconds, else with the URL of its status."""
    wanted = read_with_defaults(call)
    fields = Fields(call.fields)
    source = _read_source(fields, wanted)
    accounts = target_accounts(call, fields, wanted)
    fields.raise_errors()
    carousel = 1 if wanted["carousel"] else 0
    pooled = call.store.settings.ai_image_pool
    ai_credits.require(
        call.store, call.workspace, text=len(accounts) + carousel, image=carousel if pooled else 0
    )
    settings = call.store.settings
    run = RepurposeRun(
        id=call.store.next_id("repurpose_run"),
        workspace=call.workspace,
        wanted=wanted,
        source=source,
        accounts=accounts,
        origin=call.origin,
        voice=bool(wanted["use_brand_voice"]) and has_brand_voice(call.workspace),
        outcome=settings.repurpose_result,
        started_at=call.now,
        ends_at=call.now + min(timedelta(seconds=settings.repurpose_seconds), MAX_DURATION),
    )
    if settings.repurpose_seconds >= MAX_DURATION.total_seconds():
        run.outcome = "failed"
    call.workspace.runs[run.id] = run
    if wanted["async"] or settings.repurpose_seconds > SYNCHRONOUS_SECONDS:
        call.store.running.add(run)
        where = f"{call.origin}{call.url}/runs/{run.id}"
        return Response.of({"data": {"run_id": run.id, "status": "queued", "status_url": where}}, 202)
    _finish(call.store, run)
    call.post_uuid = run.post_uuid
    if run.outcome == "failed":
        raise ErrorResponse(500, str(run.error), run_id=run.id)
    return Response.of({"data": run.result, "meta": {"brand_voice_applied": run.voice}})


@handles("get_repurpose_run")
def get_repurpose_run(call: Call) -> Response:
    run = call.find_by_id(call.workspace.runs, "run_id")
    is_running = run in call.store.running
    status = (
        run.outcome if not is_running else "queued" if call.now < run.started_at + _QUEUED_FOR else "running"
    )
    has_result = not is_running and call.now < run.ends_at + RESULT_LIFETIME
    return Response.of(
        {
            "data": {
                "run_id": run.id,
                "status": status,
                "error": run.error,
                "post_uuid": run.post_uuid,
                "credits_used": run.credits_used,
                "result": run.result if has_result else None,
            }
        }
    )


def advance(store: Store) -> None:
    """Finish the runs that are due."""
    now = store.clock.now()
    for run in sorted(store.running, key=lambda each: each.id):
        if run.ends_at <= now:
            store.running.discard(run)
            _finish(store, run)


def _finish(store: Store, run: RepurposeRun) -> None:
    if run.outcome == "failed":
        run.error = (
            "The run did not finish in time."
            if run.ends_at - run.started_at >= MAX_DURATION
            else "The AI gave up."
        )
        return
    captions = [caption(account, run.source["title"], _excerpt(run)) for account in run.accounts]
    if run.outcome == "partial":
        captions[-1] = failed_caption(run.accounts[-1])
    good = sum(each["content"] is not None for each in captions)
    slides = _draw_slides(store, run) if run.wanted["carousel"] else []
    run.credits_used = good + bool(slides)
    pooled = store.settings.ai_image_pool
    ai_credits.spend(run.workspace, run.ends_at, text=run.credits_used, image=int(bool(slides) and pooled))
    if run.wanted["create_post"] and good:
        media = {account.id: [each.id for each in slides[: _slides_on(account)]] for account in run.accounts}
        run.post_uuid = make_draft(store, run.workspace, captions, media).uuid
    run.result = {
        "source": run.source,
        "captions": captions,
        "slides": [{"media_id": each.id, "url": _url(run, each)} for each in slides],
        "post_uuid": run.post_uuid,
        "credits_used": run.credits_used,
        "credits_remaining": ai_credits.text_left(store, run.workspace),
        "warnings": [
            f"{account.provider} gets no carousel."
            for account in run.accounts
            if slides and not _slides_on(account)
        ],
    }


def _slides_on(account: Account) -> int:
    return _SLIDES.get(account.provider, 1)


def _draw_slides(store: Store, run: RepurposeRun) -> list[Media]:
    return [
        add_placeholder(
            store,
            run.workspace,
            f"slide-{run.id}-{number}.png",
            SIZES["4:5"],
            bytes([(40 + 20 * number) % 256]),
        )
        for number in range(1, run.wanted["slide_count"] + 1)
    ]


def _url(run: RepurposeRun, media: Media) -> str:
    return f"{run.origin}/storage/{media.uuid}/{media.name}"


def _excerpt(run: RepurposeRun) -> str:
    return " ".join(str(run.wanted.get("text") or run.wanted.get("transcript") or "").split())[:200]


def _read_source(fields: Fields, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the source. Nothing is downloaded: its title is made of the URL."""
    kind = wanted["source_type"]
    for name in {"url": ("url",), "youtube": ("url",), "pdf": ("pdf_url",), "text": ("title", "text")}[kind]:
        if not wanted.get(name):
            fields.add_error(name, f"The {name.replace('_', ' ')} field is required.")
    url = wanted.get("pdf_url") if kind == "pdf" else wanted.get("url")
    if url and not urlsplit(url).scheme.startswith("http"):
        fields.add_error("pdf_url" if kind == "pdf" else "url", "The url field must be a valid URL.")
    return {"type": kind, "title": wanted.get("title") or title_of(url or ""), "url": url}

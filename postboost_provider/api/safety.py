"""What the safety mode of a connection lets be sent, so that a copied DAG or a test run can't reach the public.

``check`` sends only what changes nothing. ``draft`` also sends what publishes nothing. An operation that is in none of the
sets below is refused there: a newer API may have one that publishes.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from postboost_provider.api.errors import ModeError

if TYPE_CHECKING:
    from postboost_provider.api.operations import Operation
    from postboost_provider.api.settings import ClientSettings

log = logging.getLogger(__name__)

# Any of these in a post's body publishes it, at once or later.
PUBLISHING_FIELDS = ("schedule", "schedule_now", "queue")

# They publish, approve what is published, or make PostBoost publish by itself.
PUBLISHING = frozenset(
    [
        "add_post_to_queue",
        "approve_agent_proposal",
        "approve_inbox_reply_draft",
        "approve_post",
        "create_recycling_rule",
        "create_rss_feed",
        "poll_rss_feed",
        "recycle_post",
        "retry_post_account",
        "schedule_post",
        "update_recycling_rule",
        "update_rss_feed",
    ]
)
# Their bodies decide.
BY_BODY = frozenset({"create_post", "update_post", "delete_post", "delete_posts_bulk"})
# Of a workspace's other operations, these publish nothing. Those of the panel and the free tools do not, either.
HARMLESS = frozenset(
    [
        "abort_chunked_upload",
        "add_competitor",
        "blog_to_social",
        "complete_chunked_upload",
        "connect_channel",
        "create_account_group",
        "create_agent",
        "create_api_key",
        "create_connect_link",
        "create_hashtag_group",
        "create_inbox_reply_draft",
        "create_media_folder",
        "create_mention",
        "create_reconnect_link",
        "create_report_export",
        "create_reseller_client",
        "create_tag",
        "create_template",
        "create_webhook_subscription",
        "delete_account_group",
        "delete_agent",
        "delete_api_key",
        "delete_brand_voice",
        "delete_competitor",
        "delete_hashtag_group",
        "delete_inbox_reply_draft",
        "delete_media_bulk",
        "delete_media_folder",
        "delete_mention",
        "delete_recycling_rule",
        "delete_rss_feed",
        "delete_tag",
        "delete_template",
        "delete_webhook_subscription",
        "image_alt_text",
        "image_edit",
        "image_generate",
        "image_prompt",
        "image_variations",
        "initiate_chunked_upload",
        "initiate_remote_upload",
        "learn_brand_voice",
        "reject_agent_proposal",
        "reject_inbox_reply_draft",
        "repurpose_content",
        "reset_account_posting_schedule",
        "run_agent",
        "update_account_group",
        "update_agent",
        "update_brand_voice",
        "update_hashtag_group",
        "update_inbox_conversation",
        "update_inbox_reply_draft",
        "update_media",
        "update_media_folder",
        "update_mention",
        "update_posting_schedule",
        "update_report_branding",
        "update_tag",
        "update_template",
        "upload_chunk",
        "upload_media",
        "upload_media_base64",
        "upload_report_branding_logo",
        "validate_post",
    ]
)


class _Request(Protocol):
    """What is looked at of a request. ``requests`` itself imports this module."""

    @property
    def operation(self) -> Operation: ...
    @property
    def content(self) -> bytes | None: ...
    @property
    def of_draft(self) -> bool: ...


def as_sent(settings: ClientSettings, operation: str, body: Mapping[str, Any] | None) -> Any:
    """Return the body of an operation as the mode lets it be sent: ``draft`` turns a new post into a draft."""
    if settings.mode != "draft" or operation != "create_post" or not isinstance(body, Mapping):
        return body
    if not (set_fields := [name for name in PUBLISHING_FIELDS if body.get(name)]):
        return body
    log.warning(
        "The post becomes a draft (%s is left out), because %s.", ", ".join(set_fields), describe(settings)
    )
    return {**body, **dict.fromkeys(set_fields, False)}


def check_mode(request: _Request, settings: ClientSettings) -> None:
    """Refuse a request that the mode forbids.

    :raises ModeError: it was not sent.
    """
    op = request.operation
    if settings.mode == "live" or _changes_nothing(op):
        return
    if settings.mode == "draft" and not (problem := _what_it_publishes(request)):
        return
    reason = "only what changes nothing is sent" if settings.mode == "check" else problem
    raise ModeError(f"{request} was not sent: {describe(settings)}, and {reason}.")


def require_live(settings: ClientSettings, what: str) -> None:
    """Refuse what only makes sense where posts are published.

    :param what: what was not done, for the message.
    :raises ModeError: the mode is another one.
    """
    if settings.mode != "live":
        raise ModeError(f"{what}: {describe(settings)}.")


def explain(settings: ClientSettings) -> str:
    """Return what the mode means, for a person, or "" if it is ``live``."""
    means = {"live": "", "draft": "nothing is published: posts become drafts", "check": "nothing is changed"}
    return means[settings.mode] and f"{describe(settings)}: {means[settings.mode]}."


def publishes(request: _Request) -> str:
    """Return how a request publishes: ``now``, ``schedule``, or ``draft`` if it does not."""
    name = request.operation.operation
    if name not in PUBLISHING | {"create_post", "update_post"}:
        return "draft"
    body = json.loads(request.content or b"{}")
    if name not in PUBLISHING:
        return publishes_with(body)
    return "schedule" if name == "schedule_post" and not body.get("postNow") else "now"


def publishes_with(body: Mapping[str, Any]) -> str:
    """Return how the body of a post publishes it, as :func:`publishes` does."""
    if not any(body.get(field) for field in PUBLISHING_FIELDS):
        return "draft"
    return "schedule" if body.get("schedule") else "now"


def describe(settings: ClientSettings) -> str:
    """Return the mode and where it comes from, for a message."""
    return f"the safety mode is {settings.mode!r} ({settings.mode_source or settings.name})"


def _changes_nothing(op: Operation) -> bool:
    # Free tools store nothing. Those that spend AI credits are not retryable.
    return op.is_read or op.operation == "validate_post" or (op.tier == "tools" and op.retryable)


def _what_it_publishes(request: _Request) -> str:
    """Return how a request could reach the public, or "" if it can't."""
    op = request.operation
    if op.operation in HARMLESS or op.tier in ("panel", "tools"):
        return ""
    if op.operation not in BY_BODY:
        return "it publishes" if op.operation in PUBLISHING else "it may publish"
    body = json.loads(request.content or b"{}")
    if set_fields := [name for name in PUBLISHING_FIELDS if body.get(name)]:
        return f"{', '.join(set_fields)} in its body publishes the post"
    if body.get("delete_mode") not in (None, "app_only"):
        return "its delete_mode deletes what is public on the networks"
    if op.operation == "update_post" and not request.of_draft:
        return "the post may be scheduled: PostBoostUpdatePostOperator reads it first, and changes drafts"
    return ""

"""The inbox: conversations on accounts, and reply drafts that a person or another key approves."""

from __future__ import annotations

from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.clock import rfc3339
from postboost_provider.sandbox.core.models import Event
from postboost_provider.sandbox.core.resources import Record, Resource, enveloped, listed
from postboost_provider.sandbox.core.responses import ErrorResponse, Response
from postboost_provider.sandbox.core.scope import account_is_visible, require_accounts
from postboost_provider.sandbox.core.shapes import read_body
from postboost_provider.sandbox.core.store import new_uuid
from postboost_provider.sandbox.core.validation import Fields

_MESSAGES_SHOWN = 50
_TEXT_LIMITS = {"bluesky": 300, "mastodon": 500, "linkedin_page": 1250, "gbp": 4000}
CONVERSATIONS = Resource("inbox_conversation", key="id", per_page=25, verbs=())


def _conversation_of(call: Call) -> Record:
    record = call.find(CONVERSATIONS.records(call), "conversation_id")
    require_accounts(call, [record["account"]["id"]])
    return record


def _with_messages(conversation: Record) -> Record:
    return {**conversation, "messages": conversation["messages"][-_MESSAGES_SHOWN:]}


@handles("list_inbox_conversations")
def list_inbox_conversations(call: Call) -> Response:
    found = [
        {
            **{key: value for key, value in record.items() if key != "messages"},
            "latest_message": record["messages"][-1],
        }
        for record in CONVERSATIONS.records(call).values()
        if account_is_visible(call, call.workspace.accounts[record["account"]["id"]])
    ]
    for name in ("status", "provider", "sentiment", "ai_label"):
        if wanted := call.parameter(name):
            found = [record for record in found if record[name] == wanted]
    if account_id := call.parameter("account_id"):
        found = [record for record in found if str(record["account"]["id"]) == account_id]
    if unread := call.parameter("unread"):
        found = [record for record in found if record["unread"] == (unread in ("true", "1"))]
    fields = Fields({"since": call.parameter("since")})
    since = rfc3339(fields.instant("since"))
    fields.raise_errors()
    found = [record for record in found if since is None or record["last_message_at"] >= since]
    found.sort(key=lambda record: record["last_message_at"], reverse=True)
    return listed(call, CONVERSATIONS, found)


@handles("get_inbox_conversation")
def get_inbox_conversation(call: Call) -> Response:
    return enveloped(call, _with_messages(_conversation_of(call)))


@handles("update_inbox_conversation")
def update_inbox_conversation(call: Call) -> Response:
    conversation = _conversation_of(call)
    conversation |= {name: value for name, value in read_body(call).items() if value is not None}
    return enveloped(call, _with_messages(conversation))


def _complete_draft(call: Call, fields: Fields, record: Record) -> None:
    limit = _TEXT_LIMITS.get(record["provider"])
    if limit is not None and len(record["body"]) > limit:
        fields.add_error("body", f"The body field must not be greater than {limit} characters.")


def _require_pending(call: Call, record: Record) -> None:
    if record["status"] != "pending":
        raise ErrorResponse(409, f"This draft is already {record['status']}.")


DRAFTS = Resource(
    "inbox_reply_draft",
    key="id",
    fields={
        "status": "pending",
        "source": "api",
        "reviewed_by": None,
        "reviewed_at": None,
        "sent_message_id": None,
        "error": None,
    },
    hidden=("author_token", "account_id"),
    per_page=25,
    filters=("status", "conversation_id"),
    complete=_complete_draft,
    check_editable=_require_pending,
    verbs=("list", "get", "update", "delete"),
).register()


@handles("create_inbox_reply_draft")
def create_inbox_reply_draft(call: Call) -> Response:
    """Draft a reply to the latest incoming message, or to ``in_reply_to``. Nothing is sent."""
    conversation = _conversation_of(call)
    sent = read_body(call)
    incoming = [each for each in conversation["messages"] if each["direction"] == "inbound"]
    wanted = sent.get("in_reply_to") or incoming[-1]["id"]
    message = next((each for each in incoming if each["id"] == wanted), None)
    if message is None:
        fields = Fields({})
        fields.add_error("in_reply_to", "The selected in reply to is invalid.")
        fields.raise_errors()
    about = {
        "conversation_id": conversation["id"],
        "provider": conversation["provider"],
        "in_reply_to": message,
        "created_by": call.caller.user.name,
        "author_token": call.caller.token_ref,
        "account_id": conversation["account"]["id"],
    }
    record = DRAFTS.save(call, {**DRAFTS.new(call, sent), **about})
    return _announce(call, record, "inbox.draft.created")


def _announce(call: Call, draft: Record, event: str) -> Response:
    """Return the draft, and record the event for webhooks."""
    shown = DRAFTS.shown(call, draft)
    call.store.events.append(Event(event, call.now, workspace=call.workspace, data=shown))
    return enveloped(call, shown)


@handles("approve_inbox_reply_draft")
def approve_inbox_reply_draft(call: Call) -> Response:
    """Send the draft. The key that created it may not approve it (SDK 1.66.3)."""
    draft = DRAFTS.of_path(call)
    if call.caller.key is not None and draft["author_token"] == call.caller.token_ref:
        raise ErrorResponse(403, "The key that created a draft cannot approve it.", code="self_approval")
    _require_pending(call, draft)
    body = read_body(call).get("body") or draft["body"]
    message_id = new_uuid()
    DRAFTS.save(call, {**draft, "body": body})  # an edited text has the same limits
    conversation = CONVERSATIONS.records(call)[draft["conversation_id"]]
    conversation["messages"].append(
        {
            "id": message_id,
            "direction": "outbound",
            "body": body,
            "is_spam": False,
            "created_at": rfc3339(call.now),
        }
    )
    conversation["last_message_at"] = rfc3339(call.now)
    return _announce(call, _review(call, "sent", sent_message_id=message_id), "inbox.draft.sent")


@handles("reject_inbox_reply_draft")
def reject_inbox_reply_draft(call: Call) -> Response:
    _require_pending(call, DRAFTS.of_path(call))
    return enveloped(call, DRAFTS.shown(call, _review(call, "rejected")))


def _review(call: Call, status: str, **more: str) -> Record:
    draft = DRAFTS.of_path(call)
    draft |= {
        "status": status,
        "reviewed_by": call.caller.user.name,
        "reviewed_at": rfc3339(call.now),
        **more,
    }
    return draft

"""The path parameters and bodies with which every operation is called."""

from __future__ import annotations

import base64
import functools
import io
from collections.abc import Callable
from typing import Any

from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.requests import FilePart
from postboost_provider.sandbox.server import Sandbox
from tests.contract.schema import document, operations
from tests.remote_files import PNG
from tests.sandbox.bodies import post

WEEK = [{"id": day, "status": True, "times": [{"value": "10:00"}]} for day in range(7)]
AT = {"date": "2030-01-01", "time": "10:00", "timezone": "UTC"}
TERMS = {"platform_plan_id": "2", "status": "active"}
USER = {"name": "Nora New", "email": "nora@northwind.example", "is_admin": False}
SECRET = {"password": "long enough", "password_confirmation": "long enough"}
MEMBER = {"role": "member", "can_approve": False, "is_owner": False}
RECEIPT = {
    "transaction_id": "t",
    "invoice_number": "i",
    "amount": 12.5,
    "tax": 0,
    "currency": "EUR",
    "paid_at": "2026-01-01",
}


class World:
    """A sandbox with one object of each kind, created on demand."""

    def __init__(self, sandbox: Sandbox, api: PostBoostClient) -> None:
        self.sandbox, self.api = sandbox, api
        self.uuid = sandbox.workspaces[0]["uuid"]

    def do(self, operation: str, body: Any = None, **parameters: Any) -> Any:
        """Call an operation, and return the content of its envelope."""
        payload = self.api.call(operation, body=body, parameters=parameters)
        return payload["data"] if isinstance(payload, dict) and "data" in payload else payload

    @functools.cached_property
    def accounts(self) -> dict[str, Any]:
        return {each["provider"]: each for each in reversed(self.do("list_accounts"))}

    def id(self, provider: str = "threads") -> int:
        return int(self.accounts[provider]["id"])

    def post(self, text: str = "Fresh beans", **more: Any) -> str:
        body = post(text, self.accounts["threads"], allow_duplicate=True, **more)
        return str(self.do("create_post", body)["uuid"])

    def waiting(self) -> str:
        self.sandbox.change(approval_required_for=["admin"])
        return self.post(schedule=True, **AT)

    def failed(self) -> str:
        self.sandbox.faults({"kind": "fail_account", "provider": "threads"})
        uuid = self.post(schedule_now=True)
        self.sandbox.advance(5)
        return uuid

    def published(self, count: int) -> None:
        for number in range(count):
            self.post(f"Post {number}", schedule_now=True)
        self.sandbox.advance(5)

    def tag(self) -> str:
        return str(self.do("list_tags")[0]["uuid"])

    def media(self) -> dict[str, Any]:
        return dict(
            self.do("upload_media_base64", {"content": base64.b64encode(PNG).decode(), "filename": "a.png"})
        )

    def upload(self, *, complete: bool = False) -> str:
        wanted = {"filename": "a.png", "mime_type": "image/png", "total_size": len(PNG)}
        uuid = str(self.do("initiate_chunked_upload", wanted)["upload_uuid"])
        if complete:
            files = {"chunk": file(PNG)}
            parameters = {"upload_uuid": uuid}
            self.api.call("upload_chunk", parameters=parameters, body={"chunk_index": 0}, files=files)
        return uuid

    def download(self) -> str:
        self.sandbox.change(remote_background_bytes=1)
        return str(self.do("initiate_remote_upload", {"url": self.media()["url"]})["download_id"])

    def conversation(self) -> str:
        return str(self.do("list_inbox_conversations")[0]["id"])

    def draft(self) -> str:
        return str(
            self.do("create_inbox_reply_draft", {"body": "Yes"}, conversation_id=self.conversation())["id"]
        )

    def agent(self) -> str:
        """Return an agent that will find something; a workspace has one per type."""
        self.failed()
        if known := self.do("list_agents"):
            return str(known[0]["uuid"])
        return str(self.do("create_agent", {"type": "failed_post_fixer"})["uuid"])

    def run(self) -> str:
        return str(self.do("run_agent", agent_uuid=self.agent())["uuid"])

    def proposal(self) -> str:
        self.run()
        return str(self.do("list_agent_proposals")[0]["uuid"])

    def user(self) -> int:
        return int(self.do("create_user", {**USER, **SECRET})["id"])

    def joined(self) -> int:
        user = self.user()
        self.do("add_user_to_workspace", {"user_id": user, **MEMBER}, workspace_uuid=self.uuid)
        return user

    def subscription(self, operation: str = "create_subscription", **terms: Any) -> str:
        body = terms or {"platform_subscription_id": "1", **TERMS}
        self.do(operation, body, workspace_uuid=self.uuid)
        return self.uuid

    def canceled(self) -> str:
        self.do("cancel_subscription", {}, workspace_uuid=self.subscription())
        return self.uuid

    def receipt(self) -> str:
        return str(self.do("create_receipt", {"workspace_uuid": self.uuid, **RECEIPT})["uuid"])

    def export(self) -> str:
        return str(self.do("create_report_export", {"format": "csv"})["uuid"])

    def repurposed(self) -> int:
        body = {"source_type": "text", "title": "Coffee", "text": "Coffee " * 30, "async": True}
        return int(self.do("repurpose_content", body)["run_id"])


def file(content: bytes) -> FilePart:
    return FilePart("a.png", "image/png", lambda: io.BytesIO(content))


# Path parameters by name.
NAMED: dict[str, Callable[[World], Any]] = {
    "workspace_uuid": lambda w: w.uuid,
    "account_uuid": lambda w: w.accounts["threads"]["uuid"],
    "account_id": lambda w: w.id(),
    "account_group_uuid": lambda w: w.do("list_account_groups")[0]["uuid"],
    "agent_uuid": World.agent,
    "api_key_id": lambda w: w.do("list_api_keys")[0]["id"],
    "competitor_id": lambda w: w.do("add_competitor", BODIES["add_competitor"](w))["id"],
    "conversation_id": World.conversation,
    "download_id": World.download,
    "draft_id": World.draft,
    "export_uuid": World.export,
    "feed_uuid": lambda w: w.do("create_rss_feed", BODIES["create_rss_feed"](w))["uuid"],
    "folder_uuid": lambda w: w.do("create_media_folder", {"name": "Beans"})["uuid"],
    "hashtag_group_id": lambda w: w.do("create_hashtag_group", {"name": "A", "content": "#a"})["id"],
    "media_uuid": lambda w: w.media()["uuid"],
    "mention_id": lambda w: w.do("create_mention", {"name": "Ann"})["id"],
    "post_uuid": World.post,
    "proposal_uuid": World.proposal,
    "provider": lambda w: "telegram",
    "receipt_uuid": World.receipt,
    "rule_uuid": lambda w: w.do("recycle_post", {"interval_days": 7}, post_uuid=w.post())["uuid"],
    "run_id": World.repurposed,
    "run_uuid": World.run,
    "subscription_uuid": lambda w: w.do(
        "create_webhook_subscription", BODIES["create_webhook_subscription"](w)
    )["uuid"],
    "tag_uuid": World.tag,
    "template_id": lambda w: w.do("create_template", {"name": "A"})["id"],
    "upload_uuid": World.upload,
    "user_id": World.user,
}
# Parameters of operations that need an object in a certain state.
STATES: dict[str, Callable[[World], dict[str, Any]]] = {
    "add_post_to_queue": lambda w: {"post_uuid": w.post()},
    "approve_post": lambda w: {"post_uuid": w.waiting()},
    "cancel_subscription": lambda w: {"workspace_uuid": w.subscription()},
    "change_subscription_plan": lambda w: {"workspace_uuid": w.subscription()},
    "complete_chunked_upload": lambda w: {"upload_uuid": w.upload(complete=True)},
    "create_reconnect_link": lambda w: {"account_uuid": w.accounts["facebook_page"]["uuid"]},
    "delete_subscription": lambda w: {"workspace_uuid": w.subscription()},
    "delete_workspace": lambda w: {
        "workspace_uuid": w.do("create_workspace", BODIES["create_workspace"](w))["uuid"]
    },
    "get_subscription": lambda w: {"workspace_uuid": w.subscription()},
    "learn_brand_voice": lambda w: w.published(3) or {},
    "remove_generic_subscription": lambda w: {
        "workspace_uuid": w.subscription("add_generic_subscription", plan_id=1, keep_prev_trial_ends_at=False)
    },
    "resume_subscription": lambda w: {"workspace_uuid": w.canceled()},
    "retry_post_account": lambda w: {"post_uuid": w.failed(), "account_uuid": w.accounts["threads"]["uuid"]},
    "update_subscription": lambda w: {"workspace_uuid": w.subscription()},
}
TAG = {"name": "New", "hex_color": "#123456"}
GROUP = {"name": "A", "content": "#a"}
IMAGE = {"count": 2, "aspect_ratio": "4:5"}
# Query parameters of the analytics; other reads need none.
PERIOD = {"date_from": "2026-01-01", "date_to": "2026-01-31"}
QUERIES = {"get_account_analytics": PERIOD, "get_analytics_summary": PERIOD}
# JSON bodies and form fields by operation. Those of the free tools are generated from their schemas.
BODIES: dict[str, Callable[[World], dict[str, Any]]] = {
    "add_competitor": lambda w: {"account_id": w.id("instagram"), "username": "rival"},
    "add_generic_subscription": lambda w: {"plan_id": 1, "keep_prev_trial_ends_at": False},
    "add_post_to_queue": lambda w: {},
    "add_user_to_workspace": lambda w: {"user_id": w.user(), **MEMBER},
    "approve_agent_proposal": lambda w: {"note": "Right"},
    "approve_inbox_reply_draft": lambda w: {"body": "Yes!"},
    "approve_post": lambda w: {},
    "blog_to_social": lambda w: {"url": "https://northwind.example/blog", "account_ids": [w.id()]},
    "cancel_subscription": lambda w: {"immediately": False},
    "change_subscription_plan": lambda w: {
        "plan_id": 2,
        "cycle": "yearly",
        "prorate": True,
        "billing_immediately": False,
    },
    "checkout_subscription": lambda w: {"plan_id": 2, "cycle": "monthly"},
    "complete_chunked_upload": lambda w: {"alt_text": "A bean"},
    "connect_channel": lambda w: {"bot_token": "invented", "chat": "@northwind"},
    "create_account_group": lambda w: {"name": "New", "accounts": [w.id()]},
    "create_agent": lambda w: {"type": "pre_publish_checker", "settings": {"horizon_hours": 48}},
    "create_api_key": lambda w: {"name": "bot", "abilities": ["read"], "expires_at": "2040-01-01"},
    "create_connect_link": lambda w: {"provider": "linkedin"},
    "create_hashtag_group": lambda w: GROUP,
    "create_inbox_reply_draft": lambda w: {"body": "Yes"},
    "create_media_folder": lambda w: {"name": "Beans"},
    "create_mention": lambda w: {"name": "Ann", "identities": [{"provider": "x", "handle": "ann"}]},
    "create_post": lambda w: post("New", w.accounts["threads"], tags=[w.do("list_tags")[0]["id"]]),
    "create_receipt": lambda w: {"workspace_uuid": w.uuid, **RECEIPT},
    "create_recycling_rule": lambda w: {"interval_days": 7, "type": "tag_pool", "tag_uuid": w.tag()},
    "create_report_export": lambda w: {"format": "csv", "dataset": "posts"},
    "create_reseller_client": lambda w: {"name": "Fabrikam"},
    "create_rss_feed": lambda w: {"url": "https://northwind.example/rss", "account_ids": [w.id()]},
    "create_subscription": lambda w: {"platform_subscription_id": "1", **TERMS},
    "create_tag": lambda w: TAG,
    "create_template": lambda w: {"name": "A", "content": [{"body": "Hi", "media": [int(w.media()["id"])]}]},
    "create_user": lambda w: {**USER, **SECRET},
    "create_webhook_subscription": lambda w: {
        "callback_url": "https://northwind.example/hook",
        "events": ["post.published"],
    },
    "create_workspace": lambda w: {"name": "Fabrikam", "access_status": "unlimited"},
    "delete_media_bulk": lambda w: {"items": [w.media()["uuid"], int(w.media()["id"])]},
    "delete_media_folder": lambda w: {"delete_media": True},
    "delete_post": lambda w: {"trash": True},
    "delete_posts_bulk": lambda w: {"posts": [w.post()]},
    "delete_receipts_bulk": lambda w: {"receipts": [w.receipt()]},
    "delete_users_bulk": lambda w: {"users": [w.user()]},
    "delete_workspaces_bulk": lambda w: {
        "workspaces": [w.do("create_workspace", BODIES["create_workspace"](w))["uuid"]]
    },
    "image_alt_text": lambda w: {"media_uuid": w.media()["uuid"]},
    "image_edit": lambda w: {"media_uuid": w.media()["uuid"], "prompt": "Warmer", **IMAGE},
    "image_generate": lambda w: {"prompt": "A bean", **IMAGE},
    "image_prompt": lambda w: {"caption": "Beans", "platform": "instagram"},
    "image_variations": lambda w: {"media_uuid": w.media()["uuid"], **IMAGE},
    "initiate_chunked_upload": lambda w: {"filename": "a.png", "mime_type": "image/png", "total_size": 9},
    "initiate_remote_upload": lambda w: {"url": w.media()["url"]},
    "learn_brand_voice": lambda w: {"apply": True},
    "recycle_post": lambda w: {"interval_days": 7, "start_at": "2030-01-01T00:00:00Z"},
    "reject_agent_proposal": lambda w: {},
    "remove_user_from_workspace": lambda w: {"user_id": w.joined()},
    "repurpose_content": lambda w: {
        "source_type": "text",
        "title": "Coffee",
        "text": "Coffee " * 30,
        "account_ids": [w.id()],
    },
    "schedule_post": lambda w: {"postNow": False, **AT},
    "update_account_group": lambda w: {"name": "Newer", "accounts": []},
    "update_agent": lambda w: {"schedule": "daily", "settings": {"lookback_hours": 12}},
    "update_brand_voice": lambda w: {
        "business_name": "Northwind",
        "audience": ["Drinkers"],
        "tone_playful": 5,
    },
    "update_hashtag_group": lambda w: GROUP,
    "update_inbox_conversation": lambda w: {"status": "resolved", "unread": False},
    "update_inbox_reply_draft": lambda w: {"body": "No"},
    "update_media": lambda w: {"alt_text": "A bean"},
    "update_media_folder": lambda w: {"name": "Grounds"},
    "update_mention": lambda w: {"name": "Bob", "identities": []},
    "update_post": lambda w: post("Changed", w.accounts["threads"]),
    "update_posting_schedule": lambda w: {"account_id": w.id(), "timezone": "UTC", "times": WEEK},
    "update_receipt": lambda w: RECEIPT,
    "update_recycling_rule": lambda w: {"active": False},
    "update_report_branding": lambda w: {"display_name": "Northwind", "primary_color": "#112233"},
    "update_rss_feed": lambda w: {"mode": "queue"},
    "update_subscription": lambda w: {**TERMS, "status": "paused", "paused_from": "2030-01-01T00:00:00Z"},
    "update_tag": lambda w: TAG,
    "update_template": lambda w: {"name": "B", "content": []},
    "update_user": lambda w: {**USER, "name": "Nora Newer"},
    "update_workspace": lambda w: {"name": "Northwind Tea", "access_status": "unlimited"},
    "update_workspace_user": lambda w: {"user_id": w.joined(), **MEMBER, "role": "viewer"},
    "upload_chunk": lambda w: {"chunk_index": 0},
    "upload_media": lambda w: {"alt_text": "A bean"},
    "upload_media_base64": lambda w: {"content": base64.b64encode(PNG).decode(), "filename": "a.png"},
    "upload_report_branding_logo": lambda w: {},
    "validate_post": lambda w: post("New", w.accounts["threads"]),
}


def body_of(operation: str, world: World) -> dict[str, Any] | None:
    """Return a valid body for the operation, None if it has none."""
    if operation in BODIES:
        return BODIES[operation](world)
    content = operations()[operation].get("requestBody", {}).get("content", {})
    if not content:
        return None
    (kind,) = content.values()
    return dict(sample("body", kind["schema"]))


def sample(name: str, schema: dict[str, Any]) -> Any:
    """Return a value for a schema of the free tools, with only the required fields."""
    if "$ref" in schema:
        return sample(name, document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "properties" in schema:
        return {key: sample(key, schema["properties"][key]) for key in schema.get("required", ())}
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return sample(name, schema["anyOf"][0])
    if schema.get("type") == "array":
        return [sample(name, schema["items"])] * schema.get("minItems", 1)
    if schema.get("type") == "string":
        return {"url": "https://northwind.example/", "start_date": "2026-01-05"}.get(name, "Fresh coffee")
    return {"boolean": True}.get(schema.get("type", ""), max(1, schema.get("minimum", 1)))

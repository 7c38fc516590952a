"""The free tools of PostBoost's website. Most responses are placeholders of the right shape.

The list of tools and the verification of a webhook signature work as in PostBoost.
"""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING, Any

from postboost_provider.api.operations import load_operations
from postboost_provider.sandbox.core.calls import handles
from postboost_provider.sandbox.core.responses import Response
from postboost_provider.sandbox.core.shapes import example, read_with_defaults

if TYPE_CHECKING:
    from postboost_provider.api.operations import Operation
from postboost_provider.sandbox.core.calls import Call

_SITE = "https://postboost.co"


def _placeholder(call: Call) -> Response:
    sent = dict(call.query) if call.operation.is_read else read_with_defaults(call)
    return Response.of(example(call.operation.operation, sent))


for _operation in load_operations().values():
    if _operation.tier == "tools":
        handles(_operation.operation)(_placeholder)


@handles("list_free_tools")
def list_free_tools(call: Call) -> Response:
    return Response.of(
        {"data": [_describe(each) for each in load_operations().values() if each.path.startswith("/tools/")]}
    )


def _describe(operation: Operation) -> dict[str, Any]:
    slug = operation.path.removeprefix("/tools/")
    return {
        "slug": slug,
        "name": slug.replace("-", " ").capitalize(),
        "operation_id": operation.operation,
        "kind": "paid_ai" if operation.needs_token else "data" if operation.is_read else "server",
        "limits": "None in the sandbox.",
        "page_url": f"{_SITE}/tools/{slug}",
        "docs_url": f"{_SITE}/docs",
    }


@handles("verify_webhook_signature")
def verify_webhook_signature(call: Call) -> Response:
    sent = read_with_defaults(call)
    digest = hmac.new(sent["secret"].encode(), sent["body"].encode(), sent["algorithm"]).digest()
    text = digest.hex() if sent["encoding"] == "hex" else base64.b64encode(digest).decode()
    expected = sent["prefix"] + text
    valid = hmac.compare_digest(expected.encode(), sent["signature"].encode())
    hints = [] if valid else ["The signature does not match the body and the secret."]
    return Response.of({"valid": valid, "expected": expected, "hints": hints})

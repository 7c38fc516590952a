"""The free tools. They are PostBoost's website as an API: here their answers have the right shape and little sense.

Two that say something of the API itself are answered as PostBoost does: the list of tools, and the check of a
webhook's signature.
"""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING, Any

from postboost_provider.api.operations import load_operations
from postboost_provider.sandbox.core.calls import answers
from postboost_provider.sandbox.core.replies import Reply
from postboost_provider.sandbox.core.shapes import defaults, example, read_body

if TYPE_CHECKING:
    from postboost_provider.api.operations import Operation
from postboost_provider.sandbox.core.calls import Call

_SITE = "https://postboost.co"


def _answer(call: Call) -> Reply:
    name = call.operation.operation
    asked = dict(call.query) if call.operation.is_read else {**defaults(name), **read_body(call)}
    return Reply.of(example(name, asked))


for _operation in load_operations().values():
    if _operation.tier == "tools":
        answers(_operation.operation)(_answer)


@answers("list_free_tools")
def list_free_tools(call: Call) -> Reply:
    return Reply.of(
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


@answers("verify_webhook_signature")
def verify_webhook_signature(call: Call) -> Reply:
    asked = {**defaults("verify_webhook_signature"), **read_body(call)}
    digest = hmac.new(asked["secret"].encode(), asked["body"].encode(), asked["algorithm"]).digest()
    text = digest.hex() if asked["encoding"] == "hex" else base64.b64encode(digest).decode()
    expected = asked["prefix"] + text
    valid = hmac.compare_digest(expected.encode(), asked["signature"].encode())
    hints = [] if valid else ["The signature is not that of this body with this secret."]
    return Reply.of({"valid": valid, "expected": expected, "hints": hints})

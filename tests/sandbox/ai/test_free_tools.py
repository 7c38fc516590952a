"""The free tools."""

from __future__ import annotations

import hashlib
import hmac

import httpx
import pytest


def test_most_tools_take_no_token_and_those_with_ai_do(sandbox, connect):
    url = f"{sandbox.base_url}/tools"
    fits = httpx.post(f"{url}/social-media-character-counter", json={"text": "abc", "network": "x"})
    assert fits.status_code == 200
    short = httpx.post(f"{url}/hook-generator", json={"topic": "Coffee"})
    assert (short.status_code, short.json()) == (401, {"message": "Unauthenticated."})
    bad = httpx.get(url, headers={"Authorization": "Bearer nonsense"})
    assert bad.status_code == 401
    assert connect("member", None).post("/tools/hook-generator", json={"topic": "Coffee"}).status_code == 200
    assert connect("scoped", None).post("/tools/hook-generator", json={"topic": "C"}).status_code == 403
    assert len(httpx.get(url).json()["data"]) == 53


def test_a_tool_reports_errors_and_repeats_its_input(sandbox):
    url = f"{sandbox.base_url}/tools/ai-text-cleaner"
    assert list(httpx.post(url, json={"text": "x", "dashes": "long"}).json()["errors"]) == ["dashes"]
    assert httpx.post(url, json={"text": "Clean"}).json()["text"] == "Clean"


@pytest.mark.parametrize("encoding, prefix", [("hex", ""), ("hex", "sha256="), ("base64", "")])
def test_a_webhooks_signature_is_verified(sandbox, encoding, prefix):
    url = f"{sandbox.base_url}/tools/webhook-signature-verifier"
    body = {"body": "{}", "secret": "s", "encoding": encoding, "prefix": prefix, "signature": "wrong"}
    wrong = httpx.post(url, json=body).json()
    assert (wrong["valid"], len(wrong["hints"])) == (False, 1)
    right = httpx.post(url, json={**body, "signature": wrong["expected"]}).json()
    assert (right["valid"], right["hints"]) == (True, [])
    if (encoding, prefix) == ("hex", ""):
        assert wrong["expected"] == hmac.new(b"s", b"{}", hashlib.sha256).hexdigest()

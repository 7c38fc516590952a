"""The page shows the data, and never runs HTML from a post."""

from __future__ import annotations

import html
import re

import httpx

from tests.remote_files import PNG
from tests.sandbox.bodies import post


def page(sandbox, query=""):
    response = httpx.get(sandbox.page_url + query)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    return response


def test_workspaces_accounts_and_posts_with_their_images(sandbox, member, accounts):
    item = member.post("/media", files={"file": ("my bean.png", PNG)}, data={"alt_text": "A bean"}).json()
    body = post(accounts=[accounts["threads"]["id"]])
    body["versions"][0]["content"][0].update(body="Fresh beans", media=[int(item["id"])])
    uuid = member.post("/posts", json=body).json()["uuid"]
    text = page(sandbox).text
    for expected in ("Northwind Coffee", "Contoso Outdoor", "northwind.bsky.social", "Fresh beans", uuid):
        assert expected in text
    (source,) = re.findall(r'<img src="([^"]+)" alt="A bean">', text)
    assert httpx.get(sandbox.page_url.rstrip("/") + html.unescape(source)).content == PNG


def test_failures_say_why(sandbox, member, accounts):
    sandbox.change(publish_seconds=0)
    sandbox.faults({"kind": "fail_account", "provider": "threads", "message": "It is down", "raw": {"a": 1}})
    member.post("/posts", json=post(accounts=[accounts["threads"]["id"]], schedule_now=True))
    assert "It is down" in page(sandbox).text


def test_html_in_posts_is_escaped(sandbox, member, accounts):
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    body = post(accounts=[accounts["threads"]["id"]])
    body["versions"][0]["content"][0]["body"] = evil
    member.post("/posts", json=body)
    member.post("/media", files={"file": ('"><b>.png', PNG)})
    response = page(sandbox)
    assert "<script" not in response.text
    assert html.escape(evil, quote=False) in response.text
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_no_token_and_no_secret_is_on_it(sandbox, admin, member, accounts):
    body = {"callback_url": "https://hooks.example/", "events": ["post.deleted"]}
    secret = admin.post("/webhooks/subscriptions", json=body).json()["data"]["secret"]
    uuid = member.post("/posts", json=post(accounts=[accounts["threads"]["id"]])).json()["uuid"]
    member.request("DELETE", f"/posts/{uuid}")
    text = page(sandbox).text
    assert "post.deleted" in text
    assert "held" in text
    assert not any(hidden in text for hidden in (secret, *sandbox.tokens.values()))


def test_it_reloads_only_on_request(sandbox):
    assert "http-equiv" not in page(sandbox).text
    assert '<meta http-equiv="refresh" content="5">' in page(sandbox, "?refresh=5").text
    assert "http-equiv" not in page(sandbox, '?refresh=5"><b>').text


def test_many_posts_are_cut_short(sandbox):
    sandbox.seed(posts=120, media=3)
    text = page(sandbox).text
    assert "Posts (120, the newest 50)" in text
    assert text.count("Sample post") == 50

"""HEAD, OPTIONS, trailing slashes and page sizes."""

from __future__ import annotations

import pytest

from tests.sandbox.bodies import fields_with_errors, post


def test_head_is_a_get_without_a_body(member, sandbox):
    response = member.head("/posts")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Type"] == "application/json"
    assert [entry["operation"] for entry in sandbox.requests()] == ["list_posts"]
    assert member.head("/nothing/here").status_code == 404
    assert member.head("/posts/validate").status_code == 404  # a post of that uuid


def test_options_names_the_methods(member, sandbox):
    response = member.options("/posts")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Allow"] == "DELETE,GET,HEAD,POST"
    # A browser's page elsewhere gets no permission to call the sandbox.
    assert not [name for name in response.headers if name.lower().startswith("access-control")]
    assert member.options("/nothing/here").status_code == 404


def test_a_trailing_slash_is_ignored(member):
    first = member.post("/posts/", json=post(), headers={"Idempotency-Key": "one"})
    again = member.post("/posts", json=post(), headers={"Idempotency-Key": "one"})
    assert (first.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    page = member.get("/posts/").json()
    assert page["meta"]["total"] == 1
    assert page["meta"]["path"].endswith("/posts")


@pytest.mark.parametrize("size, status", [("1", 200), ("100", 200), ("101", 422), ("0", 422), ("many", 422)])
def test_per_page_has_a_range(member, size, status):
    for path in ("/templates", "/account-groups", "/agent-proposals", "/posts", "/media", "/activity"):
        response = member.get(path, params={"per_page": size})
        assert response.status_code == status
        if status == 422:
            assert fields_with_errors(response) == {"per_page"}


@pytest.mark.parametrize("size, used", [("1", 1), ("101", 100), ("0", 50)])
def test_limit_is_capped(member, size, used):
    assert member.get("/posts", params={"limit": size}).json()["meta"]["per_page"] == used

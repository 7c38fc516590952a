"""A page of another site, opened in a browser on this machine, can neither read nor change the sandbox."""

from __future__ import annotations

import httpx
import pytest

from postboost_provider.sandbox.__main__ import main
from postboost_provider.sandbox.server.browsers import is_loopback

JSON = {"Content-Type": "application/json"}
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>fetch("/_sandbox/state")</script></svg>'


@pytest.mark.parametrize(
    "headers, status",
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:8765"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "localhost.evil.example"}, 403),
        ({"Host": "["}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=b"}, 415),
        ({"Content-Type": ""}, 415),
    ],
)
def test_a_change_that_another_site_sends_is_refused(sandbox, headers, status):
    before = sandbox.state()["settings"]
    for path, body in (("/settings", '{"daily_cap": 1}'), ("/reset", "{}")):
        response = httpx.post(sandbox.control_url + path, content=body, headers={**JSON, **headers})
        assert (response.status_code, set(response.json())) == (status, {"message"})
    assert sandbox.state()["settings"] == before


def test_a_body_without_a_type_is_refused(sandbox):
    assert httpx.post(sandbox.control_url + "/faults", content="[]").status_code == 415


@pytest.mark.parametrize(
    "name", ["localhost", "127.0.0.1", "[::1]:9", "sandbox:8765", "192.168.1.5", "pb.localhost"]
)
def test_names_that_no_other_site_can_have_are_accepted(sandbox, name):
    response = httpx.get(sandbox.control_url + "/state", headers={"Host": name, "Origin": f"http://{name}"})
    assert response.status_code == 200
    assert httpx.post(sandbox.control_url + "/reset", headers={"Host": name}).status_code == 200


@pytest.mark.parametrize("path", ["/_sandbox/state", "/_sandbox/requests", "/_sandbox/deliveries", "/"])
def test_another_site_reads_nothing(sandbox, path):
    url = sandbox.page_url.rstrip("/") + path
    assert httpx.get(url).status_code == 200
    for headers in (
        {"Host": "evil.example"},
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    ):
        assert httpx.get(url, headers=headers).status_code == 403
    linked = httpx.get(url, headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})
    assert linked.status_code == 200


def test_an_uploaded_svg_runs_nothing(member):
    item = member.post("/media", files={"file": ("logo.svg", SVG, "image/svg+xml")}).json()
    served = httpx.get(item["url"])
    assert (served.content, served.headers["Content-Type"]) == (SVG, "image/svg+xml")
    policy = served.headers["Content-Security-Policy"].split("; ")
    assert {"sandbox", "default-src 'none'"} <= set(policy)
    assert not any(part.startswith("script-src") for part in policy)
    assert served.headers["X-Content-Type-Options"] == "nosniff"


def test_a_pdf_is_shown_and_not_sniffed(member):
    item = member.post("/media", files={"file": ("a.pdf", b"%PDF-1.4", "application/pdf")}).json()
    headers = httpx.get(item["url"]).headers
    assert "Content-Security-Policy" not in headers
    assert (headers["Content-Type"], headers["X-Content-Type-Options"]) == ("application/pdf", "nosniff")


@pytest.mark.parametrize(
    "host, expected",
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("sandbox.example", False),
    ],
)
def test_only_this_machine_is_loopback(host, expected):
    assert is_loopback(host) is expected


def test_another_host_than_loopback_warns(capsys):
    # The address is of a documentation network, so that listening fails after the warning.
    assert main(["--host", "192.0.2.1", "--port", "0"]) == 1
    warning, error = capsys.readouterr().err.splitlines()
    assert warning.startswith("Warning")
    assert "192.0.2.1" in warning
    assert "cannot listen" in error

"""What leaves the machine: the bytes of an upload, and where the token goes and does not go."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest
import respx

from postboost_provider import __version__
from postboost_provider.api.client import PostBoostClient
from postboost_provider.api.errors import (
    PostBoostConfigError,
    PostBoostError,
    PostBoostRequestError,
    ServerError,
    UnreachableError,
)
from postboost_provider.api.requests import FilePart
from tests.api.support import BASE, BODIES, TOKEN, WORKSPACE, Upload, settings

MEDIA = f"/{WORKSPACE}/media"
SECRET = TOKEN.partition("|")[2]


class Echo(BaseHTTPRequestHandler):
    """Respond to everything and keep the headers that came in."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b'{"data": []}'
        self.server.seen.append((self.path, dict(self.headers)))  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_CONNECT(self) -> None:
        self.server.seen.append((self.path, self.headers))  # type: ignore[attr-defined]
        self.send_error(502)

    def log_message(self, *args: Any) -> None:
        """Say nothing on stderr."""


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    """A real server on loopback, for what a faked transport can't show."""
    with HTTPServer(("127.0.0.1", 0), Echo) as server:
        server.seen = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_every_attempt_of_an_upload_sends_the_same_bytes(connect, postboost):
    upload = Upload(b"\x89PNG" * 1000)
    route = postboost.post(MEDIA).mock(
        side_effect=[httpx.ReadTimeout, httpx.Response(500), httpx.Response(201, json={"id": "7"})]
    )
    connect().call("upload_media", files=upload.part(), body={"alt_text": "a"}, idempotency_key="k")
    sent = [call.request for call in route.calls]
    assert len(sent) == 3
    assert sent[0].content == sent[1].content == sent[2].content
    assert sent[0].headers == sent[1].headers == sent[2].headers
    assert upload.content in sent[2].content


def test_two_tasks_with_one_key_send_the_same_bytes(connect, postboost):
    route = postboost.post(MEDIA).respond(201, json={"id": "7"})
    for _ in range(2):
        connect().call("upload_media", files=Upload().part("ü b.png"), idempotency_key="k")
    connect().call("upload_media", files=Upload().part("ü b.png"), idempotency_key="other")
    one, two, other = (call.request for call in route.calls)
    assert one.content == two.content != other.content
    assert one.headers["Content-Type"] == two.headers["Content-Type"]


def test_an_upload_is_a_form_that_names_file_and_fields(connect, postboost):
    route = postboost.post(MEDIA).respond(201, json={"id": "7"})
    connect().call("upload_media", files=Upload(b"bytes").part(), body={"alt_text": "ü"}, idempotency_key="k")
    sent = route.calls.last.request
    boundary = sent.headers["Content-Type"].partition("boundary=")[2]
    assert sent.content.decode() == (
        f'--{boundary}\r\nContent-Disposition: form-data; name="alt_text"\r\n\r\nü\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n'
        f"Content-Type: image/png\r\n\r\nbytes\r\n--{boundary}--\r\n"
    )


def test_a_file_is_opened_again_for_every_attempt_and_closed_after_it(connect, postboost):
    upload = Upload()
    postboost.post(MEDIA).mock(side_effect=[httpx.ReadTimeout, httpx.Response(201, json={})])
    connect().call("upload_media", files=upload.part(), idempotency_key="k")
    assert [stream.closed for stream in upload.opened] == [True, True]


def test_an_upload_without_a_key_is_sent_once(connect, postboost):
    upload = Upload()
    postboost.post(MEDIA).respond(500)
    with pytest.raises(ServerError):
        connect().call("upload_media", files=upload.part())
    assert len(upload.opened) == 1


def test_a_missing_file_is_not_a_response_of_postboost(connect, postboost):
    route = postboost.post(MEDIA).respond(201, json={})

    def gone():
        raise FileNotFoundError("a.png")

    with pytest.raises(FileNotFoundError):
        connect().call(
            "upload_media", files={"file": FilePart("a.png", "image/png", gone)}, idempotency_key="k"
        )
    assert route.call_count == 0


def test_allowing_a_duplicate_is_a_header(connect, postboost):
    route = postboost.post(f"/{WORKSPACE}/posts").respond(201, json={})
    api = connect()
    api.send("create_post", **BODIES["create_post"], allow_duplicate=True, client_label="airflow/a/b c")
    api.send("create_post", **BODIES["create_post"])
    one, two = (call.request.headers for call in route.calls)
    assert (one["X-Allow-Duplicate"], one["X-PostBoost-Client"]) == ("true", "airflow/a/b c")
    assert "X-Allow-Duplicate" not in two
    assert two["X-PostBoost-Client"] == "airflow-provider-postboost"


def test_no_cookies_are_kept(connect, postboost):
    route = postboost.get(f"/{WORKSPACE}/tags").respond(200, json={"data": []}, headers={"Set-Cookie": "a=b"})
    api = connect()
    for _ in range(2):
        api.call("list_tags")
    assert all("Cookie" not in call.request.headers for call in route.calls)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["https://evil.test/", f"{BASE}/elsewhere"])
@pytest.mark.parametrize("operation, path", [("list_tags", "tags"), ("create_post", "posts")])
def test_a_redirect_is_not_followed(status, target, operation, path):
    with respx.mock(assert_all_called=False) as router, PostBoostClient(settings()) as api:
        router.route(url=f"{BASE}/{WORKSPACE}/{path}").respond(status, headers={"Location": target})
        other = router.route().respond(200, json={})
        with pytest.raises(PostBoostRequestError, match="redirects") as caught:
            api.call(operation, **BODIES[operation])
        assert caught.value.status == status
        assert (router.calls.call_count, other.call_count) == (1, 0)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_proxies_of_the_environment_are_ignored(server, monkeypatch, variable):
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    with PostBoostClient(settings(base_url=f"http://127.0.0.1:{server.server_port}"), attempts=1) as api:
        assert api.call("list_tags") == {"data": []}


def test_the_proxy_of_the_connection_is_used(server):
    proxy = f"http://127.0.0.1:{server.server_port}"
    with PostBoostClient(settings(proxy=proxy), attempts=1) as api, pytest.raises(UnreachableError):
        api.call("list_tags")
    ((target, headers),) = server.seen
    assert target == "api.example.test:443"
    assert "Authorization" not in headers


def test_a_sandbox_on_this_machine_is_reached_without_a_proxy_that_would_see_the_token(server):
    elsewhere = settings(base_url=f"http://127.0.0.1:{server.server_port}", proxy="http://127.0.0.1:9")
    with PostBoostClient(elsewhere, attempts=1) as api:
        assert api.call("list_tags") == {"data": []}


def test_a_path_parameter_reaches_the_server_as_one_segment(server):
    with PostBoostClient(settings(base_url=f"http://127.0.0.1:{server.server_port}"), attempts=1) as api:
        api.call("get_post", parameters={"post_uuid": "../panel/a b"})
        api.call("list_accounts", parameters={"providers": ["twitter", "gbp"]})
    assert [path for path, _ in server.seen] == [
        f"/{WORKSPACE}/posts/..%2Fpanel%2Fa%20b",
        f"/{WORKSPACE}/accounts?providers[]=twitter&providers[]=gbp",
    ]


def test_no_log_line_of_any_library_holds_the_token(server, caplog):
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, logger=name)
    with PostBoostClient(settings(base_url=f"http://127.0.0.1:{server.server_port}"), attempts=1) as api:
        api.call("list_tags")
    assert {record.name.partition(".")[0] for record in caplog.records} >= {"httpx", "httpcore"}
    assert SECRET in server.seen[0][1]["Authorization"]
    assert all(SECRET not in f"{record.getMessage()} {record.args}" for record in caplog.records)


@pytest.mark.parametrize(
    "response",
    [
        *(
            httpx.Response(s, json={"message": f"No {TOKEN}"})
            for s in (302, 400, 401, 403, 404, 409, 422, 429, 500)
        ),
        httpx.Response(422, json={"errors": {TOKEN: [TOKEN]}}),
        httpx.Response(200, content=f"<html>{TOKEN}"),
        httpx.ReadTimeout(f"{TOKEN} timed out"),
        httpx.ConnectError(f"no route for Bearer {TOKEN}"),
        httpx.RemoteProtocolError(f"bad header {SECRET}"),
    ],
    ids=lambda a: str(getattr(a, "status_code", type(a).__name__)),
)
@pytest.mark.parametrize("operation", ["list_tags", "create_post"])
def test_no_error_holds_the_token(connect, postboost, caplog, response, operation):
    caplog.set_level(logging.DEBUG)
    postboost.route().mock(
        side_effect=response if isinstance(response, Exception) else None,
        return_value=None if isinstance(response, Exception) else response,
    )
    with pytest.raises(PostBoostError) as caught:
        connect(attempts=2).call(operation, **BODIES[operation])
    own = traceback.format_exception_only(caught.value)
    assert SECRET not in f"{caught.value!r} {own} {caplog.text}"


def test_a_client_shows_no_token(connect):
    api = connect()
    assert SECRET not in f"{api!r} {api.settings!r} {api.settings}"


@pytest.mark.parametrize(
    "url", ["http://postboost.co/app/api", f"https://{TOKEN}@postboost.co", "postboost.co"]
)
def test_a_client_is_not_made_for_a_place_that_may_not_see_the_token(url):
    with pytest.raises(PostBoostConfigError) as caught:
        PostBoostClient(settings(base_url=url))
    assert caught.value.field == "host"
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_ca_bundle_that_cannot_be_read_is_named(tmp_path, content):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(PostBoostConfigError, match=str(path)) as caught:
        PostBoostClient(settings(ca_bundle=str(path)))
    assert caught.value.field == "ca_bundle"


def test_every_request_names_this_package(connect, postboost):
    route = postboost.route().respond(json={"data": []})
    connect().call("list_tags")
    connect().call("create_post", **BODIES["create_post"])
    agents = [call.request.headers["User-Agent"] for call in route.calls]
    assert agents == [f"airflow-provider-postboost/{__version__}"] * 2


@pytest.mark.parametrize("label", ["a; evil=1", "a\r\nX-Evil: 1", "a\x00b", "a\u2028b"])
def test_a_label_adds_nothing_to_a_header(connect, postboost, label):
    route = postboost.route().respond(json={"uuid": "p"})
    connect().send("create_post", **BODIES["create_post"], client_label=label)
    headers = route.calls.last.request.headers
    assert not set(headers["X-PostBoost-Client"]) & set(";\r\n\x00")
    assert "X-Evil" not in headers

"""Files that PostBoost fetches from a URL, against the sandbox: with every fault at every step."""

from __future__ import annotations

import hashlib
import itertools
import threading

import httpx
import pytest

from postboost_provider.api.errors import (
    NotFinishedError,
    PermissionDeniedError,
    PostBoostConfigError,
    UnconfirmedError,
    UnexpectedResponseError,
    ValidationError,
)
from postboost_provider.services.media import url_upload as remote
from postboost_provider.services.media.upload import read_medium, upload_media
from tests.api.support import WORKSPACE
from tests.clients import VARIANTS, client, make_key, variant_name
from tests.remote_files import CLIP, PNG, Source, serving

INITIATE, STATUS = "initiate_remote_upload", "get_remote_upload_status"


@pytest.fixture(scope="module")
def source():
    with serving() as source:
        yield source


@pytest.fixture
def api(sandbox, monkeypatch, clock):
    sandbox.reset(remote_background_bytes=1000)
    with client(sandbox) as api:
        yield api


def fetch(api, source: Source, path: str = "/clip.mp4", timeout: float = 1e9, **about: str):
    url = path if "://" in path else source.url + path
    return upload_media(api, read_medium(url, lambda _: pytest.fail("no file")), timeout=timeout, **about)


def library(sandbox) -> list[tuple[str, str]]:
    return [(item["name"], item["sha256"]) for item in sandbox.state()["media"]]


def whole(content: bytes = CLIP, name: str = "clip.mp4") -> tuple[str, str]:
    return (name, hashlib.sha256(content).hexdigest())


def operations(sandbox) -> list[str]:
    return [request["operation"] for request in sandbox.requests()]


@pytest.mark.parametrize(
    "path, content, name",
    [
        ("/bean.png", PNG, "bean.png"),
        ("/clip.mp4", CLIP, "clip.mp4"),
        ("/moved?a=b", PNG, "bean.png"),
        ("/endless.mp4", CLIP, "endless.mp4"),
    ],
)
def test_a_file_is_fetched_with_its_size_and_what_goes_with_it(sandbox, api, source, path, content, name):
    media = fetch(api, source, path, alt_text="A cup")
    assert [sha for _, sha in library(sandbox)] == [whole(content)[1]]
    assert (media["size"], media["alt_text"]) == (len(content), "A cup")


def test_the_token_stays_with_postboost(sandbox, api, source):
    source.requests.clear()
    fetch(api, source)
    assert source.requests
    assert all(sandbox.tokens["member"] not in str(request) for request in source.requests)


@pytest.mark.parametrize("path", ["/bean.png", "/clip.mp4"])
@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "server_error", "throttle"])
@pytest.mark.parametrize(
    "operation, after", [(INITIATE, 0), *((STATUS, n) for n in range(3)), ("get_media", 0), ("list_media", 0)]
)
def test_a_fault_at_any_step_makes_no_second_item_and_loses_nothing(
    sandbox, api, source, path, kind, operation, after
):
    sandbox.faults({"operation": operation, "kind": kind, "after": after})
    media = fetch(api, source, path)
    ((name, _),) = library(sandbox)
    assert (media["name"], media["uuid"]) == (name, sandbox.state()["media"][0]["uuid"])


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_any_response_may_be_lost(sandbox, api, source, kind, count):
    """Among them is the final one, which is returned only once."""
    sandbox.faults({"operation": STATUS, "kind": kind, "count": count})
    fetch(api, source)
    assert library(sandbox) == [whole()]


@pytest.fixture
def final_response_lost(api, monkeypatch):
    """PostBoost sends the final response, and it is lost."""
    real = api.call

    def call(operation, **rest):
        response = real(operation, **rest)
        if operation == STATUS and response["status"] in ("completed", "failed"):
            raise UnconfirmedError("the connection broke")
        return response

    monkeypatch.setattr(api, "call", call)


def test_an_item_whose_final_response_was_lost_is_found_in_the_library(
    sandbox, api, source, final_response_lost
):
    media = fetch(api, source, alt_text="A clip")
    assert media["uuid"] == sandbox.state()["media"][0]["uuid"]
    assert operations(sandbox)[-3:] == [STATUS, "list_media", "get_media"]


def test_an_item_that_was_there_before_is_not_taken_for_it(sandbox, api, source, final_response_lost):
    url = f"{source.url}/clip.mp4?version=1"
    first = fetch(api, source, url)
    assert fetch(api, source)["uuid"] != first["uuid"]


def test_a_lost_final_response_without_an_item_is_neither_success_nor_failure(
    sandbox, api, source, final_response_lost
):
    with pytest.raises(UnconfirmedError, match=r"/short\.mp4") as caught:
        fetch(api, source, "/short.mp4")
    assert caught.value.code == "download_forgotten"


def test_a_key_that_may_not_search_has_a_small_file_fetched(sandbox, source):
    sandbox.reset(remote_background_bytes=1000)
    with client(sandbox, make_key(sandbox, "write")) as api:
        assert fetch(api, source, "/bean.png")["uuid"] == sandbox.state()["media"][0]["uuid"]
        with pytest.raises(PermissionDeniedError, match="get_remote_upload_status"):
            fetch(api, source)


def test_a_lost_final_response_is_reported_even_when_the_library_is_down(
    sandbox, api, source, final_response_lost
):
    sandbox.faults(
        {"operation": "list_media", "kind": "server_error", "status": 503, "after": 1, "count": 999}
    )
    with pytest.raises(UnconfirmedError, match="503") as caught:
        fetch(api, source)
    assert caught.value.code == "download_forgotten"


def test_an_attempt_after_the_final_response_fetches_the_file_again(sandbox, api, source, monkeypatch):
    """As after a SIGKILL just after the final response: a second copy does less harm than the wrong file."""
    monkeypatch.setattr(remote, "_poll", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        fetch(api, source)
    monkeypatch.undo()
    # Fetched in the background: moved on before that, the clock would make the item look like a new one.
    for _ in range(1000):
        if library(sandbox):
            break
        threading.Event().wait(0.01)
    sandbox.advance(3700)
    with client(sandbox) as fresh:
        fetch(fresh, source)
    assert operations(sandbox).count(INITIATE) == 3


def test_an_attempt_after_an_interruption_continues_the_same_download(sandbox, api, source, mocker):
    poll = mocker.patch.object(remote, "_poll", side_effect=KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch(api, source)
    mocker.stop(poll)
    media = fetch(api, source)
    assert library(sandbox) == [whole()]
    assert media["size"] == len(CLIP)


@pytest.mark.parametrize("variant", VARIANTS, ids=variant_name)
@pytest.mark.parametrize(
    "path, said",
    [("/gone.png", "404"), ("/page", "image"), ("/short.mp4", "short.mp4")],
)
def test_a_failure_says_why_and_the_next_attempt_fetches_again(sandbox, api, source, variant, path, said):
    sandbox.reset(remote_background_bytes=1000, **variant)
    for attempts in (1, 2, 3):
        with pytest.raises(PostBoostConfigError, match=said) as caught:
            fetch(api, source, path)
        assert caught.value.code == "url_not_fetched"
        asked = [r for r in sandbox.requests() if r["operation"] == INITIATE]
        assert len({request["idempotency_key"] for request in asked}) == attempts
    assert library(sandbox) == []


@pytest.mark.parametrize("path", ["/bean.png", "/clip.mp4"])
def test_a_url_is_one_item_per_salt(sandbox, api, source, path):
    medium = read_medium(source.url + path, lambda _: pytest.fail("no file"))
    upload_media(api, medium, salt="run 1", timeout=1e9)
    upload_media(api, medium, salt="run 2", timeout=1e9)
    assert len(library(sandbox)) == 2


def test_an_item_that_was_deleted_meanwhile_is_fetched_again(sandbox, api, source):
    api.call("delete_media_bulk", body={"items": [fetch(api, source, "/bean.png")["uuid"]]})
    fetch(api, source, "/bean.png")
    assert library(sandbox) == [whole(PNG, "bean.png")]


def test_what_a_url_is_signed_with_is_in_no_message(sandbox, api, source, caplog):
    with caplog.at_level("DEBUG"), pytest.raises(PostBoostConfigError) as caught:
        fetch(api, source, "/gone.png?X-Signature=s3cret")
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in "\n".join(
        r.getMessage() for r in caplog.records if r.name.startswith("postboost_provider.api")
    )


def test_a_download_that_takes_too_long_says_so_and_may_be_waited_for_again(sandbox, api, source):
    with serving() as slow:
        with pytest.raises(NotFinishedError, match="60 s") as caught:
            fetch(api, slow, "/slow.mp4", timeout=60.0)
        assert caught.value.code == "timeout"
        slow.gate.set()
        fetch(api, slow, "/slow.mp4")
    assert library(sandbox) == [whole(name="slow.mp4")]


def test_a_folder_that_is_none_is_refused_before_anything_is_fetched(api, source):
    with pytest.raises(ValidationError, match="folder"):
        fetch(api, source, folder="0f0e0d0c-0b0a-4000-8000-00000000000a")


@pytest.mark.parametrize(
    ("response", "kind", "code"),
    [
        ({"status": "sleeping"}, UnexpectedResponseError, "unknown_status"),
        ([], UnexpectedResponseError, "not_an_object"),
        ({"status": "completed"}, UnexpectedResponseError, "no_id"),
        ({"status": "failed"}, PostBoostConfigError, "url_not_fetched"),
    ],
)
@pytest.mark.parametrize("when", ["at once", "in the background"])
def test_an_unknown_response_is_an_error_that_names_it(connect, postboost, response, kind, code, when):
    base = f"/{WORKSPACE}/media"
    postboost.get(base).respond(json={"data": []})
    first = response if when == "at once" else {"status": "pending", "download_id": "d"}
    postboost.post(f"{base}/remote/initiate").mock(return_value=httpx.Response(200, json=first))
    postboost.get(f"{base}/remote/d/status").mock(return_value=httpx.Response(200, json=response))
    with pytest.raises(kind) as caught:
        upload_media(connect(), read_medium("https://a.test/b.png", lambda _: pytest.fail("no file")))
    assert caught.value.code == code


def test_polls_are_further_and_further_apart(connect, postboost, clock, monkeypatch):
    base = f"/{WORKSPACE}/media"
    postboost.get(base).respond(json={"data": []})
    postboost.post(f"{base}/remote/initiate").respond(json={"status": "pending", "download_id": "d"})
    statuses = itertools.chain(["pending", *["downloading"] * 10], itertools.repeat("processing"))
    postboost.get(f"{base}/remote/d/status").mock(
        side_effect=lambda request: httpx.Response(200, json={"status": next(statuses), "progress": 0})
    )
    with pytest.raises(NotFinishedError):
        upload_media(
            connect(), read_medium("https://a.test/b.png", lambda _: pytest.fail("no file")), timeout=300.0
        )
    assert clock.pauses[:6] == [1.0, 1.0, 1.0, 1.5, 2.25, 3.375]
    assert max(clock.pauses) == 30.0
    assert sum(clock.pauses) == pytest.approx(301.0)

"""Uploads in chunks whose last response was lost, when the library cannot show the item either."""

from __future__ import annotations

import itertools

import pytest

from postboost_provider.api.errors import (
    AuthenticationError,
    ConflictError,
    PermissionDeniedError,
    RateLimitedError,
    UnconfirmedError,
    UnreachableError,
    ValidationError,
)
from postboost_provider.services.media.upload import upload_media
from tests.clients import client, make_key
from tests.services.media.chunked import library, sent, video, whole

pytestmark = pytest.mark.usefixtures("small_chunks")

NOT_DONE = [UnreachableError("no route"), ConflictError("busy", status=409)]
THROTTLED = RateLimitedError("slow down", status=429)


@pytest.fixture
def api(sandbox):
    with client(sandbox) as api:
        yield api


def test_a_key_that_may_not_list_media_uploads_again_only_where_that_is_allowed(sandbox, caplog):
    with client(sandbox, make_key(sandbox, "write")) as api:
        upload_media(api, video())
        sandbox.faults({"operation": "complete_chunked_upload", "kind": "drop_after"})
        with pytest.raises(UnconfirmedError) as caught:
            upload_media(api, video(name="other.mp4"))
        assert caught.value.code == "upload_unknown"
        with pytest.raises(PermissionDeniedError):
            list(api.pages("list_media"))
        caplog.clear()
        caplog.set_level("INFO")
        with pytest.raises(UnconfirmedError) as caught:
            upload_media(api, video(name="other.mp4"))
        error = caught.value
        assert (error.code, error.field, error.retryable) == ("upload_unknown", "on_unknown", False)
        upload_media(api, video(name="other.mp4"), upload_again=True)
        assert "uploaded again" in caplog.text
        assert caplog.text.count("may not list media") == 2


def test_without_read_an_upload_that_another_attempt_may_have_completed_is_not_sent_again(sandbox, mocker):
    key = make_key(sandbox, "write")
    with client(sandbox, key) as api, client(sandbox, key) as other:
        call, is_first = api.call, iter([True])

        def overtaken(operation, **rest):
            if operation == "upload_chunk" and next(is_first, False):
                upload_media(other, video())
            return call(operation, **rest)

        mocker.patch.object(api, "call", overtaken)
        with pytest.raises(UnconfirmedError) as caught:
            upload_media(api, video())
    assert (caught.value.code, caught.value.field) == ("upload_unknown", "on_unknown")
    assert len(library(sandbox)) == 1


def test_a_key_that_may_no_longer_search_is_a_clear_error(sandbox, api):
    sandbox.faults(
        {"operation": "complete_chunked_upload", "kind": "drop_after"},
        {"operation": "list_media", "kind": "server_error", "status": 403, "after": 1, "count": 999},
    )
    with pytest.raises(UnconfirmedError) as caught:
        upload_media(api, video())
    assert caught.value.code == "upload_unknown"


def test_a_token_that_expires_before_the_search_is_reported_as_such(sandbox, api):
    sandbox.faults(
        {"operation": "complete_chunked_upload", "kind": "drop_after"},
        {"operation": "list_media", "kind": "server_error", "status": 401, "after": 1, "count": 999},
    )
    with pytest.raises(AuthenticationError, match="list_media"):
        upload_media(api, video())


def test_a_lost_completion_is_told_even_when_the_library_is_down(sandbox, api):
    complete, search = "complete_chunked_upload", "list_media"
    sandbox.faults(
        {"operation": complete, "kind": "drop_after", "count": 99},
        {"operation": search, "kind": "server_error", "status": 503, "after": 1, "count": 999},
    )
    with pytest.raises(UnconfirmedError, match=r"clip\.mp4.*503") as caught:
        upload_media(api, video())
    assert caught.value.code == "upload_unknown"
    sandbox.faults()
    upload_media(api, video())
    assert library(sandbox) == [whole()]


def fail(api, mocker, *errors):
    """Have completions end in these errors, and in the last one from then on."""
    real, left = api.send, itertools.chain(errors, itertools.repeat(errors[-1]))

    def send(operation, **rest):
        if operation == "complete_chunked_upload":
            raise next(left)
        return real(operation, **rest)

    mocker.patch.object(api, "send", send)


@pytest.mark.parametrize("error", NOT_DONE, ids=lambda error: type(error).__name__)
def test_a_completion_that_was_not_done_hides_no_lost_one(api, mocker, error):
    fail(api, mocker, UnconfirmedError("the connection broke"), error)
    with pytest.raises(UnconfirmedError, match="the connection broke") as caught:
        upload_media(api, video())
    assert caught.value.code == "upload_unknown"


def test_a_completion_of_another_attempt_is_waited_for(sandbox, api):
    busy = {"operation": "complete_chunked_upload", "kind": "server_error", "status": 409, "count": 2}
    sandbox.faults(busy)
    upload_media(api, video())
    assert library(sandbox) == [whole()]
    assert sent(sandbox)["complete_chunked_upload"] == 3


def test_a_refused_chunk_that_had_not_arrived_is_told_in_the_words_of_its_refusal(sandbox, api):
    sandbox.faults(
        {"operation": "upload_chunk", "kind": "server_error", "status": 422, "message": "Storage is full."}
    )
    with pytest.raises(ValidationError, match="Storage is full"):
        upload_media(api, video())
    assert library(sandbox) == []


@pytest.mark.parametrize("error", NOT_DONE, ids=lambda error: type(error).__name__)
def test_a_completion_that_was_not_done_is_told_as_that_when_none_was_lost(api, mocker, error):
    fail(api, mocker, error)
    with pytest.raises(type(error), match=str(error)):
        upload_media(api, video())


@pytest.mark.parametrize("resend", ["accept", "refuse"])
@pytest.mark.parametrize("again", [404, 201])
@pytest.mark.parametrize("operation", ["upload_chunk", "complete_chunked_upload"])
def test_a_throttle_that_comes_after_the_request_makes_one_item(sandbox, mocker, resend, again, operation):
    sandbox.reset(resend_chunk=resend, complete_twice=again)
    with client(sandbox) as api:
        real, throttled = api.send, []

        def send(name, **rest):
            response = real(name, **rest)
            if name == operation and not throttled:
                throttled.append(name)
                raise THROTTLED
            return response

        mocker.patch.object(api, "send", send)
        upload_media(api, video())
    assert (throttled, library(sandbox)) == ([operation], [whole()])


def test_a_throttle_of_a_day_ends_the_attempt(sandbox, api, mocker):
    fail(api, mocker, RateLimitedError("tomorrow", status=429, retry_after=86_400.0))
    with pytest.raises(UnconfirmedError) as caught:
        upload_media(api, video())
    assert caught.value.code == "upload_unknown"
    assert sent(sandbox)["abort_chunked_upload"] == 1

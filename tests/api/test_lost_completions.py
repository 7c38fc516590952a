"""Uploads in chunks whose last answer was lost, when the library tells nothing either."""

from __future__ import annotations

import pytest

from postboost_provider.api.errors import (
    PermissionDeniedError,
    UnconfirmedError,
)
from postboost_provider.api.media import bring
from tests.api.chunked import library, video, whole
from tests.clients import client, make_key

pytestmark = pytest.mark.usefixtures("small_chunks")


@pytest.fixture
def api(sandbox):
    with client(sandbox) as api:
        yield api


def test_a_key_that_may_not_list_media_uploads_and_says_when_it_can_not_look(sandbox, caplog):
    with client(sandbox, make_key(sandbox, "write")) as api:
        bring(api, video())
        sandbox.faults({"operation": "complete_chunked_upload", "kind": "drop_after"})
        with pytest.raises(UnconfirmedError, match="lacks the ability 'read'.*which may make a second item"):
            bring(api, video(name="other.mp4"))
        with pytest.raises(PermissionDeniedError):
            list(api.pages("list_media"))
        with caplog.at_level("WARNING"):
            bring(api, video(name="other.mp4"))
        assert "An earlier try may have brought other.mp4 to PostBoost already" in caplog.text


def test_a_lost_completion_is_told_even_when_the_library_is_down(sandbox, api):
    complete, look = "complete_chunked_upload", "list_media"
    sandbox.faults(
        {"operation": complete, "kind": "drop_after", "count": 99},
        {"operation": look, "kind": "server_error", "status": 503, "after": 1, "count": 999},
    )
    with pytest.raises(UnconfirmedError, match="clip.mp4: all of it was sent.*could not be looked at .*503"):
        bring(api, video())
    sandbox.faults()
    bring(api, video())
    assert library(sandbox) == [whole()]

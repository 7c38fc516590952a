"""The token is in nothing that goes wrong on the wire: not in an error, its causes, its context, or asyncio's logs."""

from __future__ import annotations

import asyncio
import gc
import logging
import traceback

import pytest

from postboost_provider.api.client import AsyncPostBoostClient, PostBoostClient
from postboost_provider.api.errors import (
    PostBoostConfigError,
    PostBoostError,
    UnconfirmedError,
    UnreachableError,
)
from tests.api.support import BODIES, TOKEN, settings

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
MALFORMED = {
    "status line": b"HTTX/1.1 200 OK\r\n\r\n",
    "status": b"HTTP/1.1 abc OK\r\n\r\n",
    "header": OK + b"no colon here\r\n\r\n",
    "control character": OK + b"X-A: a\x00b\r\n\r\n",
    "chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "length": OK + b"Content-Length: many\r\n\r\n{}",
    "two lengths": OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "cut off": OK + b"Content-Length: 200\r\n\r\n{",
    "compression": OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nnogzi",
    "header without end": OK + b"X-Long: " + b"x" * 200_000,
    "nothing": b"",
    "echo": b"HTTP/1.1 " + TOKEN.encode() + b"\r\n\r\n",
}


def shown(error: BaseException | None) -> str:
    """Return all that an error could show, with everything it came from."""
    if error is None:
        return ""
    own = f"{error} {error!r} {error.args!r} {vars(error)!r}"
    return f"{own} {shown(error.__cause__)} {shown(error.__context__)}"


def check_hidden(text: str) -> None:
    assert TOKEN not in text
    assert TOKEN[:8] not in text
    assert TOKEN.partition("|")[2] not in text


@pytest.mark.parametrize("response", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize(
    "operation, kind", [("create_post", UnconfirmedError), ("list_tags", UnreachableError)]
)
def test_a_malformed_response_is_a_typed_error_without_the_token(
    serve, call, caplog, response, operation, kind
):
    caplog.set_level(logging.INFO)
    with pytest.raises(PostBoostError) as caught:
        call(serve(response), operation, **BODIES[operation])
    error = caught.value
    assert type(error) is kind
    assert error.retryable
    assert (error.__cause__, error.__context__) == (None, None)
    check_hidden(shown(error) + "".join(traceback.format_exception(error)))
    del caught, error
    gc.collect()
    check_hidden(caplog.text)


def test_a_204_with_a_body_leaves_no_token_in_the_log(serve, call, caplog):
    caplog.set_level(logging.INFO)
    response = b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello trash"
    try:
        call(serve(response), "list_tags")
    except PostBoostError as error:
        check_hidden(shown(error))
    gc.collect()
    check_hidden(caplog.text)


def test_an_error_of_aiohttp_itself_knows_no_header(serve, caplog):
    """asyncio prints errors that nobody retrieves, whatever the client makes of them."""

    async def run() -> BaseException:
        async with AsyncPostBoostClient(serve(MALFORMED["status line"]), attempts=1) as api:
            transport = api._transport._http._transport
            transport.client = transport.get_client()
            with pytest.raises(Exception) as caught:
                await transport.client.get("http://127.0.0.1:1", headers={"Authorization": f"Bearer {TOKEN}"})
            with pytest.raises(Exception) as other:
                url = f"{api.settings.base_url}/x"
                await transport.client.get(url, headers={"Authorization": f"Bearer {TOKEN}"})
            check_hidden(shown(caught.value))
            return other.value

    error = asyncio.run(run())
    assert "ClientResponseError" in type(error).__name__
    check_hidden(shown(error))


@pytest.mark.parametrize("name", [TOKEN, f"/{TOKEN}", f"12|/other{TOKEN[:8]}"])
@pytest.mark.parametrize("client", [PostBoostClient, AsyncPostBoostClient])
def test_a_token_that_was_pasted_into_ca_bundle_is_not_shown(client, name):
    with pytest.raises(PostBoostConfigError) as caught:
        client(settings(ca_bundle=name))
    assert caught.value.field == "ca_bundle"
    check_hidden(shown(caught.value) + repr(settings(ca_bundle=name)))

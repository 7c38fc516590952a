"""Every operation, through our client and through the official SDK; every response against the SDK's schema."""

from __future__ import annotations

import json
from typing import Any

import official_sdk
import pytest

from postboost_provider.api.operations import load_operations
from postboost_provider.sandbox.server import Sandbox
from postboost_provider.sandbox.server.handlers import HANDLERS
from tests import clients
from tests.contract.schema import CORRECTIONS, problems
from tests.contract.world import BODIES, NAMED, QUERIES, STATES, World, body_of, file
from tests.remote_files import PNG

official_sdk.import_sdk()
postboost = pytest.importorskip("postboost")
OPERATIONS = load_operations()
SDK = {each.name: each for each in official_sdk.operations()}
# Where the SDK's own model is wrong, and why: these are called for the raw response.
SDK_IS_WRONG = {
    "get_account_health": "reconnect_reason is null for a healthy account, and the model demands an object",
    "validate_post": "it holds the health of the accounts, with the same null",
}


def test_the_sandbox_handles_every_operation():
    assert OPERATIONS.keys() == HANDLERS.keys()


def test_there_is_a_way_to_call_each_of_them():
    assert SDK.keys() == OPERATIONS.keys()
    named = {p.name for each in OPERATIONS.values() for p in each.parameters if p.place == "path"}
    assert named == NAMED.keys()
    with_body = {n for n, each in OPERATIONS.items() if each.body != "none" and each.tier != "tools"}
    assert with_body == BODIES.keys()


class Prepared:
    """One operation with its parameters and body, in its own sandbox."""

    def __init__(self, sandbox: Sandbox, name: str) -> None:
        sandbox.reset(publish_seconds=1)
        self.operation = OPERATIONS[name]
        with clients.client(sandbox, "admin") as api:
            world = World(sandbox, api)
            self.parameters = {**STATES.get(name, lambda _: {})(world), **QUERIES.get(name, {})}
            for each in self.operation.parameters:
                if each.place == "path" and each.name not in self.parameters:
                    self.parameters[each.name] = NAMED[each.name](world)
            self.body = body_of(name, world)


@pytest.mark.parametrize("name", OPERATIONS)
def test_through_our_client(sandbox, name):
    call = Prepared(sandbox, name)
    files = {each: file(PNG) for each in call.operation.files} or None
    with clients.client(sandbox, "admin") as api:
        response = api.send(name, parameters=call.parameters, body=call.body, files=files)
        assert problems(name, response.status, response.payload) == []
        if call.operation.is_list:
            assert isinstance(list(api.pages(name, parameters=call.parameters)), list)


@pytest.mark.parametrize("name", OPERATIONS)
def test_through_the_official_sdk(sandbox, name):
    call = Prepared(sandbox, name)
    arguments: dict[str, Any] = {key: str(value) for key, value in call.parameters.items()}
    arguments |= {
        k: call.parameters[k] for k in ("account_id", "api_key_id", "user_id") if k in call.parameters
    }
    arguments |= {k: call.parameters[k] for k in ("competitor_id", "run_id") if k in call.parameters}
    if call.operation.body == "multipart":
        arguments |= call.body or {}
        arguments |= dict.fromkeys(call.operation.files, ("a.png", PNG))
    elif call.operation.body == "json":
        argument = SDK[name].sent["body"].name
        arguments[argument] = official_sdk.model_of(SDK[name].hints[argument]).from_dict(call.body)
    configuration = postboost.Configuration(
        sandbox.base_url, access_token=sandbox.tokens["admin"], retries=False
    )
    with postboost.ApiClient(configuration) as client:
        api = getattr(postboost, SDK[name].api)(client)
        if name in SDK_IS_WRONG:
            response = getattr(api, f"{name}_without_preload_content")(**arguments)
            status, raw = response.status, response.data
            with pytest.raises(ValueError, match="reconnect_reason"):
                getattr(api, name)(**arguments)
        else:
            response = getattr(api, f"{name}_with_http_info")(**arguments)
            status, raw = response.status_code, response.raw_data
    payload = None if not raw or call.operation.response == "binary" else json.loads(raw)
    assert problems(name, status, payload) == []


def test_every_correction_has_a_reason():
    assert all(reason for *_, reason in CORRECTIONS)


@pytest.mark.parametrize(
    "name, status, payload, wrong",
    [
        ("get_tag", 200, {"id": 1, "uuid": "u", "name": "n"}, "'hex_color' is a required property"),
        (
            "get_tag",
            200,
            {"id": "1", "uuid": "u", "name": "n", "hex_color": "#fff"},
            "is not of type 'integer'",
        ),
        ("get_tag", 201, {}, "201 is not declared"),
        ("delete_template", 204, {}, "a body that is not declared"),
        ("get_rss_feed", 200, {"data": {"mode": "loud"}}, "'loud' is not one of"),
        ("create_connect_link", 201, {"expires_at": "2026-01-01 00:00:00"}, "is not a 'date-time'"),
        ("update_agent", 200, {"data": {"last_run_at": 5}}, "is not valid under any"),
    ],
)
def test_the_schema_finds_errors(name, status, payload, wrong):
    assert any(wrong in each for each in problems(name, status, payload)), problems(name, status, payload)

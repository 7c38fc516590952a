"""Connections that are read from within an event loop."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import use_connection


def test_a_connection_that_the_loop_does_not_find_is_read_in_a_thread(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, mocker: Any
) -> None:
    """As in ``airflow dags test``, with the connection in Airflow's database."""
    use_connection(monkeypatch, sandbox)
    mocker.patch.object(BaseHook, "aget_connection", side_effect=AirflowNotFoundException("not here"))
    assert asyncio.run(PostBoostHook().asettings()).base_url == sandbox.base_url
    with pytest.raises(PostBoostConfigError, match="'nowhere'") as caught:
        asyncio.run(PostBoostHook("nowhere").asettings())
    assert caught.value.code == "unknown_connection"

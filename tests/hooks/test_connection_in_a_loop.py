"""Connections that are looked up from within an event loop."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.sandbox.server import Sandbox
from tests.airflow_stubs import use_connection


def test_where_a_loop_finds_nothing_a_thread_looks_again(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, mocker: Any
) -> None:
    """As in ``airflow dags test``, with the connection in Airflow's database."""
    use_connection(monkeypatch, sandbox)
    mocker.patch.object(BaseHook, "aget_connection", side_effect=AirflowNotFoundException("not here"))
    assert asyncio.run(PostBoostHook().asettings()).base_url == sandbox.base_url
    with pytest.raises(Exception, match="There is no connection 'nowhere'"):
        asyncio.run(PostBoostHook("nowhere").asettings())

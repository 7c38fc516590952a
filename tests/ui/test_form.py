"""The connection form as a person sees it in a browser: every field, its help, no broken page, and what is saved.

Airflow 3 has its own form; Airflow 2 has another, whose page breaks on a placeholder for a field that it does not have.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from postboost_provider.connection.form import FIELDS, WRITTEN
from postboost_provider.sandbox.server import Sandbox
from tests.ui import server

pytestmark = pytest.mark.live
OLD = importlib.util.find_spec("airflow.www") is not None
FILLED = [field for field in FIELDS if field.schema is not WRITTEN]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server.browser()
    with server.web_server(tmp_path_factory.mktemp("ui"), "webserver" if OLD else "api-server") as url:
        yield url


@pytest.fixture
def errors() -> list[str]:
    return []


@pytest.fixture
def page(errors: list[str]) -> Iterator[Any]:
    with server.page(errors) as page:
        yield page


def save_artifact(page: Any, tmp_path: Path) -> None:
    page.screenshot(path=str(tmp_path / "form.png"), full_page=True)


@pytest.mark.skipif(not OLD, reason="the form of Airflow 2")
def test_the_old_form_shows_every_field_and_its_page_does_not_break(
    url: str, page: Any, errors: list[str], tmp_path: Path
) -> None:
    page.goto(f"{url}/connection/add")
    page.wait_for_function("window.jQuery && document.querySelector('#test-connection')")
    before = list(errors)
    page.evaluate("jQuery('#conn_type').val('postboost').trigger('change')")
    for name in ("host", "password", *(f"extra__postboost__{field.name}" for field in FILLED)):
        page.locator(f"#{name}").wait_for(state="visible")
    save_artifact(page, tmp_path)
    assert page.locator("#extra__postboost__expires_on").get_attribute("placeholder") == "2027-01-31"
    assert [
        name for name in ("login", "schema", "port", "extra") if page.locator(f"#{name}").is_visible()
    ] == []
    # Airflow's own page has one error before any type is chosen.
    assert errors == before


@pytest.mark.skipif(OLD, reason="the form of Airflow 3")
def test_the_form_shows_every_field_and_saves_what_tasks_read(
    url: str, page: Any, errors: list[str], tmp_path: Path, sandbox: Sandbox
) -> None:
    # The first page signs in.
    page.goto(url)
    page.wait_for_load_state("networkidle")
    page.goto(f"{url}/connections")
    page.get_by_role("button", name="Add Connection").first.click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[name='connection_id']").fill("from_the_form")
    dialog.get_by_role("combobox").last.click()
    page.keyboard.type("postboost")
    page.keyboard.press("Enter")
    dialog.locator("input[name='host']").fill(sandbox.base_url)
    dialog.locator("input[name='password']").fill(sandbox.tokens["member"])
    dialog.get_by_text("Extra Fields", exact=True).click()
    for field in FILLED:
        dialog.get_by_text(field.label, exact=True).wait_for(state="visible")
        dialog.get_by_text(field.description, exact=True).wait_for(state="visible")
    save_artifact(page, tmp_path)
    for written in (field for field in FIELDS if field.schema is WRITTEN):
        assert not dialog.get_by_text(written.label, exact=True).is_visible()
    workspace = sandbox.workspaces[0]["uuid"]
    for name, value in (("workspace_uuid", workspace), ("expires_on", "2027-01-31")):
        dialog.locator(f"[name='element_{name}']").click()
        page.keyboard.type(value)
        page.keyboard.press("Tab")
    with page.expect_response(lambda response: response.request.method == "POST") as saved:
        page.get_by_role("button", name="Save").click()
    stored = json.loads(saved.value.json()["extra"])
    assert {name: value for name, value in stored.items() if value} == {
        "workspace_uuid": workspace,
        "expires_on": "2027-01-31",
    }
    assert errors == []

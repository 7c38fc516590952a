"""The web server of the installed Airflow, with everybody an admin, and a page of a headless browser."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
START_SECONDS = 180
EVERYBODY_IS_ADMIN = "AUTH_ROLE_PUBLIC = 'Admin'\n"


def browser() -> str:
    """Return the path of the machine's browser, or skip the test."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(
            f"No browser: none of {', '.join(BROWSERS)} is on the PATH. Install one, such as Debian's chromium."
        )
    return found


@contextmanager
def web_server(home: Path, command: str) -> Iterator[str]:
    """Start ``airflow api-server`` or ``airflow webserver``, and yield its URL."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = str(found.getsockname()[1])
    mine = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "POSTBOOST"))}
    env = mine | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__WEBSERVER__WORKERS": "1",
    }
    (home / "webserver_config.py").write_text(EVERYBODY_IS_ADMIN)
    airflow = [sys.executable, "-m", "airflow"]
    subprocess.run([*airflow, "db", "migrate"], env=env, check=True, capture_output=True)
    where = ("--host", "127.0.0.1") if command == "api-server" else ("--hostname", "127.0.0.1")
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [*airflow, command, *where, "--port", port], env=env, stdout=log, stderr=log
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, server)
        yield url
    finally:
        server.terminate()
        server.wait(60)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        assert server.poll() is None, "the web server has ended"
        try:
            if httpx.get(url, trust_env=False, follow_redirects=True).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    raise AssertionError("the web server did not start")


@contextmanager
def page(errors: list[str]) -> Iterator[Any]:
    """Yield a page; what a script on it raises is appended to ``errors``."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: run make ui")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser(), args=["--no-sandbox"])
        try:
            opened = started.new_page(viewport={"width": 1200, "height": 1600})
            opened.on("pageerror", lambda error: errors.append(str(error)))
            yield opened
        finally:
            started.close()

"""Airflow's own API server, with the simple auth manager, on this machine."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

USERS = {"ada": "admin", "vic": "viewer"}
PASSWORDS = {"ada": "ada-is-admin", "vic": "vic-is-viewer"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def airflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of an API server over the tests' own database, with the users ``ada`` and ``vic``."""
    folder = tmp_path_factory.mktemp("airflow-server")
    passwords = folder / "passwords.json"
    passwords.write_text(json.dumps(PASSWORDS))
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)
    url = f"http://127.0.0.1:{free_port()}"
    env = {
        **{key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW_CONN_")},
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(
            f"{name}:{role}" for name, role in USERS.items()
        ),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of only this test run, long enough for HS512 signatures: 0123456789",
    }
    log = folder / "api-server.log"
    with log.open("wb") as file:
        server = subprocess.Popen(
            [sys.executable, "-m", "airflow", "api-server", "--workers", "1"]
            + ["--host", "127.0.0.1", "--port", url.rpartition(":")[2]],
            env=env,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        _wait(url, server, log)
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + 90
    while time.monotonic() < ends:
        assert server.poll() is None, log.read_text(errors="replace")[-3000:]
        try:
            urlopen(f"{url}/api/v2/version", timeout=5).read()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(log.read_text(errors="replace")[-3000:])

"""Every test runs with an Airflow home of its own, and without the caller's connections and tokens."""

from __future__ import annotations

import atexit
import base64
import os
import shutil
import tempfile
from pathlib import Path

HOME = tempfile.mkdtemp(prefix="airflow-home-")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
for name in [name for name in os.environ if name.startswith(("AIRFLOW", "POSTBOOST"))]:
    del os.environ[name]
# Before Airflow is imported, which reads them once.
os.environ |= {
    "AIRFLOW_HOME": HOME,
    # One for this process and for those it starts: they share a database with connections in it.
    "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__DAGS_FOLDER": str(Path(__file__).parents[1] / "dags_examples"),
}

from tests.sandbox_fixture import sandbox, sandbox_server

__all__ = ["sandbox", "sandbox_server"]

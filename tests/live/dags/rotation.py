"""A key that is rotated by a task which is killed, and a token that a person rotates."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG

from postboost_provider.operators.keys import PostBoostRotateKeyOperator
from postboost_provider.operators.tokens import PostBoostRotateTokenOperator
from postboost_provider.rotation import plan


def write_but_die_at_first(conn_id: str, token: str, extras: dict[str, Any]) -> None:
    """Write to Airflow's API; the first time that a new key comes, the process is killed before it does."""
    from postboost_provider.rotation.stores.airflow_api import AirflowApiStore

    killed = Path(os.environ["AIRFLOW_HOME"]) / "rotation-was-killed"
    if "expires_on" in extras and not killed.exists():
        killed.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    AirflowApiStore().write(conn_id, token, lambda _: extras)


# The killed attempt's key is revoked when that one can't run any more.
plan.ATTEMPT_TIME = timedelta(seconds=5)


with DAG("rotation_killed", schedule=None):
    PostBoostRotateKeyOperator(
        task_id="rotate",
        admin_conn_id="postboost_admin",
        postboost_conn_id="postboost_key",
        rotate_when_less_than=None,
        valid_days=30,
        # Airflow 3.3 fails a task that resumes before the scheduler has heard that the process that deferred it has ended,
        # which takes seconds on a busy machine.
        grace=timedelta(seconds=20),
        store=write_but_die_at_first,
        retries=2,
        retry_delay=timedelta(seconds=1),
    )

with DAG("rotation_by_a_person", schedule=None):
    PostBoostRotateTokenOperator(task_id="ask", postboost_conn_id="postboost_token")

"""Nothing that a running Airflow keeps of a run holds the token: logs, database, XComs, rendered fields, triggers."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from postboost_provider.sandbox.server import Sandbox
from tests.live.running import RunningAirflow
from tests.live.test_waits import make
from tests.security.hostile_server import FAILURES, hostile_server
from tests.security.tokens import find_in_files, find_token, make_token

pytestmark = pytest.mark.live

CONN = "leaking_server"


@pytest.fixture
def debug_triggerer(airflow: RunningAirflow) -> Iterator[None]:
    airflow.end_triggerer()
    airflow.start_triggerer(AIRFLOW__LOGGING__LOGGING_LEVEL="DEBUG")
    yield
    airflow.end_triggerer()
    airflow.start_triggerer()


def test_nothing_that_is_kept_of_a_run_holds_the_token(
    airflow: RunningAirflow, sandbox: Sandbox, debug_triggerer: None
) -> None:
    sandbox.reset(publish_seconds=0)
    uuid = make(sandbox, "A", schedule_now=True)
    with hostile_server(make_token()) as server:
        server.answer = FAILURES["401 echo, escaped"]
        workspace = {"workspace_uuid": sandbox.workspaces[0]["uuid"]}
        airflow.post(
            "/connections",
            connection_id=CONN,
            conn_type="postboost",
            host=f"{server.origin}/app/api",
            password=server.token,
            extra=json.dumps(workspace),
        )
        run = airflow.trigger("leaks", uuid=uuid)
        run.wait("rejected", "failed")
        run.wait("rejected_in_triggerer", "failed")
        run.wait("waits", "success")
        run.wait_to_end()
        assert len(server.seen) >= 2
        kept = [json.dumps(airflow.get(f"/connections/{CONN}"))]
        for task_id in ("rejected", "rejected_in_triggerer", "waits"):
            kept += [json.dumps(run.task(task_id)), run.log(task_id)]
        kept.append(json.dumps(run.result("waits")))
        for token in (server.token, sandbox.tokens["member"]):
            assert find_token(token, "\n".join(kept)) == []
            assert find_in_files(token, airflow.home) == []

"""Stop a DAG before its first task when its PostBoost token has expired or expires within two weeks."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, task

from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.sensors.guard import token_guard

with DAG(
    dag_id="token_guard",
    description="Fail at the start, with the time of expiry and the fix, instead of in the middle of a campaign",
    schedule=None,
    catchup=False,
    doc_md=__doc__,
    tags=["postboost"],
) as dag:

    @task
    def list_accounts() -> list[str]:
        """Do the work of the DAG; it runs only with a token that lasts."""
        with PostBoostHook().client() as api:
            return [f"{account['provider']}:{account['username']}" for account in api.pages("list_accounts")]

    list_accounts()

# Runs before all other tasks of the DAG.
token_guard(dag, min_validity=timedelta(days=14))

"""Rotate the scoped key of a connection, without downtime, when it expires in less than 14 days.

Three connections are required: ``postboost_default`` in Airflow's database, with a scoped key as its password and the
key's id as ``scoped_key_id``; ``postboost_admin`` with the access token of the workspace admin who created that key; and
``airflow_api`` (type http) for Airflow itself, with login and password of a user who may edit connections.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG

from postboost_provider.operators.keys import PostBoostRotateKeyOperator

with DAG(
    dag_id="rotate_key",
    description="Store and test a new key before the old one is revoked",
    schedule="@daily",
    start_date=datetime(2026, 11, 1),
    catchup=False,
    # Two rotations of one connection at the same time would undo each other.
    max_active_runs=1,
    default_args={"retries": 5, "retry_delay": timedelta(minutes=10)},
    doc_md=__doc__,
    tags=["postboost"],
) as dag:
    PostBoostRotateKeyOperator(
        task_id="rotate",
        admin_conn_id="postboost_admin",
        rotate_when_less_than=timedelta(days=14),
        valid_days=30,
        grace=timedelta(hours=1),
    )

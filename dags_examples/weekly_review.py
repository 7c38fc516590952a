"""Write the numbers of the last 30 days to files every Monday, and save PostBoost's own report of last week."""

from __future__ import annotations

import tempfile
from datetime import datetime

from airflow.sdk import DAG, Param

from postboost_provider.operators.analytics import PostBoostAnalyticsToStorageOperator
from postboost_provider.operators.reports import PostBoostReportOperator

DAY = "{{ dag_run.run_after.strftime('%Y-%m-%d') }}"

with DAG(
    dag_id="weekly_review",
    description="Write numbers of posts, accounts and the workspace to files, and save a report",
    schedule="0 6 * * MON",
    start_date=datetime(2026, 10, 1),
    catchup=False,
    params={
        "folder": Param(
            f"{tempfile.gettempdir()}/postboost", type="string", description="Or s3://bucket/prefix"
        )
    },
    doc_md=__doc__,
    tags=["postboost"],
) as dag:
    for kind in ("posts", "accounts", "summary"):
        PostBoostAnalyticsToStorageOperator(
            task_id=kind,
            kind=kind,
            date_from="{{ macros.ds_add(dag_run.run_after.strftime('%Y-%m-%d'), -30) }}",
            date_to=DAY,
            path=f"{{{{ params.folder }}}}/{kind}/{DAY}.jsonl",
        )

    PostBoostReportOperator(
        task_id="report", period="last_week", path=f"{{{{ params.folder }}}}/report-{DAY}.pdf"
    )

"""Turn an article into a draft: check the accounts first, then have PostBoost's AI write a caption for each."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Param

from postboost_provider.operators.ai import PostBoostRepurposeOperator
from postboost_provider.sensors.accounts import PostBoostAccountHealthSensor

ACCOUNTS = ["twitter:northwind", "linkedin_page:northwind-coffee", "bluesky:*"]

with DAG(
    dag_id="article_to_draft",
    description="Repurpose an article once the accounts are healthy",
    schedule=None,
    catchup=False,
    params={"article": Param("https://northwind.example/blog/how-we-roast.html", type="string")},
    doc_md=__doc__,
    tags=["postboost"],
) as dag:
    healthy = PostBoostAccountHealthSensor(
        task_id="healthy", accounts=ACCOUNTS, timeout=timedelta(hours=2), mode="reschedule"
    )

    draft = PostBoostRepurposeOperator(
        task_id="draft",
        url="{{ params.article }}",
        accounts=ACCOUNTS,
        options={"tone": "friendly", "slide_count": 4},
        check_credits=True,
        retries=2,
        retry_delay=timedelta(minutes=5),
    )

    healthy >> draft

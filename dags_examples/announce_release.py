"""Announce a release: one post with its own text per network, an image and a first comment; wait until it is live."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, Param

from postboost_provider.operators.posts import PostBoostCreatePostOperator
from postboost_provider.sensors.expiry import PostBoostTokenExpirySensor

HERE = Path(__file__).parent

with DAG(
    dag_id="announce_release",
    description="One announcement, with its own text for each network",
    schedule=None,
    catchup=False,
    params={
        "version": Param("1.8", type="string"),
        "highlights": Param("It is twice as fast, and it keeps its promises.", type="string"),
    },
    doc_md=__doc__,
    tags=["postboost"],
) as dag:
    guard = PostBoostTokenExpirySensor(task_id="guard", min_validity=timedelta(days=1))

    announce = PostBoostCreatePostOperator(
        task_id="announce",
        text="Version {{ params.version }} is out. {{ params.highlights }}",
        accounts=["twitter:northwind", "linkedin_page:northwind-coffee", "facebook_page:northwindcoffee"],
        thread=["What is new, part by part: https://northwind.example/changelog"],
        first_comment="The whole changelog: https://northwind.example/changelog",
        variants={
            "linkedin_page": {
                "text": "Today we release version {{ params.version }}. {{ params.highlights }} Thank you to everyone "
                "who tried it early.",
            },
        },
        media=[str(HERE / "media" / "new_roast.png")],
        tags=["release"],
        publish="now",
        wait_for_completion=True,
        on_partial="retry_failed_accounts",
        retries=2,
        retry_delay=timedelta(minutes=1),
    )

    guard >> announce

"""Send any API operation: create a tag for each campaign, and export the workspace's posts."""

from __future__ import annotations

from airflow.sdk import DAG, Param, task

from postboost_provider.operators.api import PostBoostOperator

with DAG(
    dag_id="campaign_tags",
    description="Create a tag for each campaign, and export all posts as JSON lines",
    schedule=None,
    catchup=False,
    doc_md=__doc__,
    params={
        "campaigns": Param(["Spring menu", "Summer nights"], type="array", description="one tag for each"),
        "folder": Param("/tmp/postboost", type="string", description="a path, or s3://bucket/folder"),
    },
    tags=["postboost"],
) as dag:

    @task
    def campaigns(params: dict[str, list[str]]) -> list[str]:
        return params["campaigns"]

    # The function returns the body of the operation.
    @task.postboost(operation="create_tag", result="uuid", retries=2)
    def make_tag(name: str) -> dict[str, str]:
        return {"name": name, "hex_color": "#f59e0b"}

    @task
    def as_parameters(uuids: list[str]) -> list[dict[str, str]]:
        return [{"tag_uuid": uuid} for uuid in uuids]

    tags = make_tag.expand(name=campaigns())

    read_tags = PostBoostOperator.partial(task_id="read_tags", operation="get_tag", result="name").expand(
        parameters=as_parameters(tags)
    )

    export_posts = PostBoostOperator(
        task_id="export_posts",
        operation="list_posts",
        all_pages=True,
        save_to="{{ params.folder }}/posts.jsonl",
        retries=2,
    )

    read_tags >> export_posts

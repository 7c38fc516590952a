"""Set up a client: owner, workspace, members, subscription, tags and a webhook. A second run changes nothing.

The connection needs the unscoped token of a platform admin, whose user is ``agency_user``. The owner's first password is
the password of the Airflow connection ``client_owner``. The webhook's secret is stored in an Airflow variable.
"""

from __future__ import annotations

from airflow.sdk import DAG, Variable, get_current_context, task

from postboost_provider.operators.api import PostBoostOperator
from postboost_provider.operators.billing import PostBoostCreateSubscriptionOperator
from postboost_provider.operators.panel import (
    PostBoostAddMemberOperator,
    PostBoostCreateUserOperator,
    PostBoostCreateWorkspaceOperator,
)

CLIENT = {
    "name": "Bergson Bikes",
    "owner_name": "Olga Bergson",
    "owner_email": "olga@bergson.example",
    "agency_user": "ada@northwind.example",
    "editor": "max@northwind.example",
    "contract": "crm-1207",
    "tags": ["Launch", "Evergreen", "Service"],
    "webhook": "https://hooks.northwind.example/postboost/bergson",
}


def keep_secret(secret: str, response: dict[str, dict[str, str]]) -> None:
    """Store the secret, which PostBoost shows only once. In your own DAG, use your secrets backend's client."""
    Variable.set(f"postboost_webhook_secret_{response['data']['uuid']}", secret)


with DAG(
    dag_id="onboard_client",
    description="Set up a client in PostBoost",
    schedule=None,
    catchup=False,
    # PostBoost has no idempotency keys here: two runs at the same moment could both find nothing.
    max_active_runs=1,
    doc_md=__doc__,
    params=CLIENT,
    tags=["postboost"],
) as dag:
    owner = PostBoostCreateUserOperator(
        task_id="owner",
        user_email="{{ params.owner_email }}",
        name="{{ params.owner_name }}",
        password_conn_id="client_owner",
    )
    workspace = PostBoostCreateWorkspaceOperator(
        task_id="workspace", name="{{ params.name }}", workspace_owner=owner.output["id"]
    )
    uuid = workspace.output["uuid"]
    subscription = PostBoostCreateSubscriptionOperator(
        task_id="subscription",
        workspace_uuid=uuid,
        platform_subscription_id="{{ params.contract }}",
        platform_plan_id="agency-5",
    )
    # The tasks below work inside the workspace, so the token's user must be a member of it.
    agency = PostBoostAddMemberOperator(
        task_id="agency", workspace_uuid=uuid, user="{{ params.agency_user }}", role="admin", can_approve=True
    )
    editor = PostBoostAddMemberOperator(
        task_id="editor", workspace_uuid=uuid, user="{{ params.editor }}", role="member"
    )

    tags = PostBoostOperator(
        task_id="tags",
        operation="list_tags",
        parameters={"workspace_uuid": uuid},
        all_pages=True,
        result="name",
    )

    @task
    def missing_tags(existing: list[str]) -> list[dict[str, str]]:
        wanted = get_current_context()["params"]["tags"]
        return [{"name": name, "hex_color": "#0ea5e9"} for name in wanted if name not in existing]

    make_tags = PostBoostOperator.partial(
        task_id="make_tags", operation="create_tag", parameters={"workspace_uuid": uuid}
    ).expand(body=missing_tags(tags.output))

    webhooks = PostBoostOperator(
        task_id="webhooks",
        operation="list_webhook_subscriptions",
        parameters={"workspace_uuid": uuid},
        all_pages=True,
        result="callback_url",
    )

    @task.short_circuit
    def is_not_subscribed(existing: list[str]) -> bool:
        return get_current_context()["params"]["webhook"] not in existing

    subscribe = PostBoostOperator(
        task_id="subscribe",
        operation="create_webhook_subscription",
        parameters={"workspace_uuid": uuid},
        body={"callback_url": "{{ params.webhook }}", "events": ["post.published", "post.publishing_failed"]},
        secret_sink=keep_secret,
    )

    agency >> [tags, webhooks]
    is_not_subscribed(webhooks.output) >> subscribe

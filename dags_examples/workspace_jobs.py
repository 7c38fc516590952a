"""Run one job for each part of a workspace with PostBoostOperator; docs/workspace.md explains them.

Run it once, with the token of a workspace admin. The webhook's secret is stored in an Airflow variable.
"""

from __future__ import annotations

from airflow.sdk import DAG, Variable, task

from postboost_provider.operators.api import PostBoostOperator


def ids_of_x(response):
    """Return the ids of the accounts on X."""
    return [account["id"] for account in response["data"] if account["provider"] == "twitter"]


def keep(secret, response):
    """Store the secret, which PostBoost shows only once. In your own DAG, use your secrets backend's client."""
    Variable.set(f"postboost_webhook_secret_{response['data']['uuid']}", secret)


with DAG(
    dag_id="workspace_jobs",
    description="Tags, mentions, templates, groups, folders, recycling, RSS, brand voice and webhooks",
    schedule=None,
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    tags=["postboost"],
) as dag:
    tag = PostBoostOperator(
        task_id="tag",
        operation="create_tag",
        body={"name": "Evergreen tips", "hex_color": "#15803d"},
        result="uuid",
    )
    recolor = PostBoostOperator(
        task_id="recolor",
        operation="update_tag",
        parameters={"tag_uuid": tag.output},
        body={"name": "Evergreen tips", "hex_color": "#166534"},
    )

    mention = PostBoostOperator(
        task_id="mention",
        operation="create_mention",
        body={
            "name": "Northwind Coffee",
            "identities": [
                {"provider": "bluesky", "handle": "northwind.bsky.social"},
                {"provider": "twitter", "handle": "northwind"},
            ],
        },
        result="data.reference",
    )

    template = PostBoostOperator(
        task_id="template",
        operation="create_template",
        body={"name": "Tip of the week", "content": [{"body": "Tip of the week: "}]},
        result="data.id",
    )

    names = PostBoostOperator(task_id="names", operation="list_hashtag_groups", all_pages=True, result="name")

    @task.short_circuit
    def is_missing(existing):
        return "Coffee" not in existing

    hashtags = PostBoostOperator(
        task_id="hashtags",
        operation="create_hashtag_group",
        body={"name": "Coffee", "content": "#coffee #espresso #latteart"},
        result="data.id",
    )

    accounts = PostBoostOperator(
        task_id="accounts", operation="list_accounts", parameters={"keyword": "northwind"}, result=ids_of_x
    )
    group = PostBoostOperator(
        task_id="group",
        operation="create_account_group",
        body={"name": "All of X", "accounts": accounts.output},
        result="data.uuid",
    )

    folder = PostBoostOperator(
        task_id="folder", operation="create_media_folder", body={"name": "Campaigns"}, result="uuid"
    )
    subfolder = PostBoostOperator(
        task_id="subfolder",
        operation="create_media_folder",
        body={"name": "Autumn", "parent": folder.output},
        result="uuid",
    )

    recycle = PostBoostOperator(
        task_id="recycle",
        operation="create_recycling_rule",
        body={"type": "tag_pool", "tag_uuid": tag.output, "interval_days": 14, "placement": "queue"},
        result="data.uuid",
    )
    recycled = PostBoostOperator(
        task_id="recycled",
        operation="list_recycling_runs",
        parameters={"rule_uuid": recycle.output},
        all_pages=True,
    )

    feed = PostBoostOperator(
        task_id="feed",
        operation="create_rss_feed",
        body={
            "url": "https://northwind.example/feed.xml",
            "account_ids": accounts.output,
            "mode": "draft",
            "template": "New on the blog: {title}\n{link}",
        },
        result="data.uuid",
    )
    poll = PostBoostOperator(
        task_id="poll",
        operation="poll_rss_feed",
        parameters={"feed_uuid": feed.output},
        result="created",
    )

    voice = PostBoostOperator(
        task_id="voice",
        operation="update_brand_voice",
        body={
            "business_name": "Northwind Coffee",
            "tone_playful": 4,
            "emoji_style": "rare",
            "avoid_words": ["cheap", "synergy"],
        },
        result="data.avoid_words",
    )

    subscribe = PostBoostOperator(
        task_id="subscribe",
        operation="create_webhook_subscription",
        body={
            "callback_url": "https://hooks.northwind.example/postboost",
            "events": ["post.published_all", "post.publishing_failed", "account.disconnected"],
            "name": "Airflow",
        },
        secret_sink=keep,
        result="data.uuid",
    )

    is_missing(names.output) >> hashtags

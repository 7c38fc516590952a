"""Check the tokens of all PostBoost connections every morning, and warn a channel of those that expire within two weeks.

The Airflow variable ``postboost_connections`` has the connection ids, separated by commas. Replace ``LogNotifier`` with
the notifier of your channel, such as ``SlackNotifier(text=TEXT, ...)``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airflow.sdk import DAG, BaseNotifier

from postboost_provider.sensors.expiry import PostBoostTokenExpirySensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

# The sensor's error: one message for all connections, with the time of expiry and the fix.
TEXT = "{{ exception }}"


class LogNotifier(BaseNotifier):
    """Write to the task's log; replace it with the notifier of your channel."""

    template_fields: Sequence[str] = ("text",)

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def notify(self, context: Context) -> None:
        self.log.warning("To the channel: %s", self.text)


with DAG(
    dag_id="token_watch",
    description="Warn a channel two weeks before a PostBoost token expires",
    schedule="0 7 * * *",
    start_date=datetime(2026, 11, 1),
    catchup=False,
    doc_md=__doc__,
    tags=["postboost"],
) as dag:
    PostBoostTokenExpirySensor(
        task_id="watch",
        postboost_conn_ids="{{ var.value.get('postboost_connections', 'postboost_default') }}",
        min_validity=timedelta(days=14),
        # A connection without an expiry date cannot be checked, so it must not pass.
        on_unknown="fail",
        deferrable=True,
        on_failure_callback=LogNotifier(TEXT),
    )

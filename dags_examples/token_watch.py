"""Look at the tokens of all PostBoost connections every morning, and warn a channel of those that end within two weeks.

The connections are those of the Airflow variable ``postboost_connections``, separated by commas. The warning goes through
any notifier: put the one of your channel in place of ``LogNotifier``, such as ``SlackNotifier(text=TEXT, ...)``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airflow.sdk import DAG, BaseNotifier

from postboost_provider.sensors.expiry import PostBoostTokenExpirySensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

# One message about all that is amiss, with the instant and the cure.
TEXT = "{{ exception }}"


class LogNotifier(BaseNotifier):
    """Stands for the notifier of a channel: writes to the task's log."""

    template_fields: Sequence[str] = ("text",)

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def notify(self, context: Context) -> None:
        self.log.warning("To the channel: %s", self.text)


with DAG(
    dag_id="token_watch",
    description="Warn a channel two weeks before a PostBoost token ends",
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
        # Nobody can be warned of a date that nobody wrote down.
        on_unknown="fail",
        deferrable=True,
        on_failure_callback=LogNotifier(TEXT),
    )

"""Who acts: the task whose attempts are one intention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postboost_provider.api.errors import PermissionDeniedError
from postboost_provider.idempotency import identity as identities

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postboost_provider.api.client import PostBoostClient


@dataclass(frozen=True)
class Actor:
    """Who acts: the same for every try of one task.

    :param scope: the ledger's name for the task.
    :param identity: of the task.
    """

    scope: str
    identity: tuple[str, ...]

    @classmethod
    def of_task(cls, ti: Any, salt: str | None = None, key: str | None = None) -> Actor:
        """Return who acts in a task of a run.

        :param ti: Airflow's task instance.
        :param salt: something of the author's own that makes it another intention.
        :param key: names the intention among those of a mapped task, in place of the map index.
        """
        identity = identities.task_identity(
            ti.dag_id, ti.run_id, ti.task_id, ti.map_index, salt or None, key or None
        )
        return cls(identities.ledger_scope(f"{ti.dag_id}.{ti.task_id}"), identity)

    def label(self, action: str) -> str:
        """Return what PostBoost's activity log calls an action of the task."""
        return f"airflow/{self.scope}/{identities.ledger_identity(self.identity)} {action}"

    def send(
        self,
        api: PostBoostClient,
        action: str,
        operation: str,
        parameters: Mapping[str, Any],
        body: Any,
        *,
        allow_duplicate: bool = False,
    ) -> Any:
        """Send an action on a post under the task's label and a key with its ordinal."""
        label = self.label(action)
        ordinal = self._done_before(api, label)
        key = identities.idempotency_key((*self.identity, action, *map(str, parameters.values())), ordinal)
        return api.send(
            operation,
            parameters=parameters,
            body=body,
            idempotency_key=key,
            client_label=label,
            allow_duplicate=allow_duplicate,
        ).payload

    def _done_before(self, api: PostBoostClient, label: str) -> int:
        """Return how often the ledger says that PostBoost has answered this action, stored answers aside."""
        return sum(entry.get("outcome") != "replayed" for entry in activity(api, label))


def activity(api: PostBoostClient, label: str) -> list[Mapping[str, Any]]:
    """Return what PostBoost's log has under exactly this label; nothing where the token may not read it."""
    try:
        entries = list(api.pages("list_api_activity", parameters={"client": label}))
    except PermissionDeniedError:
        return []
    return [entry for entry in entries if entry.get("client") == label]

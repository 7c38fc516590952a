"""Rotate a scoped key without downtime."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from postboost_provider.airflow_support import compat as _compat
from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.hooks.postboost import PostBoostHook
from postboost_provider.operators.base import BasePostBoostOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow.providers.common.compat.sdk import Context

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.rotation.run import Rotation
    from postboost_provider.rotation.stores.base import KeyStore


# How often another run may be faster before the task leaves the rest to a retry.
MAX_OVERTAKEN = 5


class PostBoostRotateKeyOperator(BasePostBoostOperator):
    """Give a connection a new scoped key, and revoke the old key once the new one works there.

    The task creates a key with the same abilities and accounts, tests it, writes it to the store, reads it back through
    Airflow and tests it again, waits for ``grace``, and revokes the old key. If the task is killed, the next attempt or
    run continues: it finds leftover keys by name and revokes them. If two runs rotate the same connection at once, the
    first to write its key wins, and the other one succeeds with that. The connection always has a working key.

    :param admin_conn_id: a connection with the token of a workspace admin. The new key acts as this user. Templated.
    :param postboost_conn_id: the connection whose key is rotated. Its ``scoped_key_id`` says which key it has. Templated.
    :param rotate_when_less_than: rotate when the key expires sooner than this. None: in every run.
    :param valid_days: the number of days from today to the new key's last day.
    :param grace: how long the old key stays valid for tasks that have read it. The task waits in the triggerer.
    :param store: where the key is written: a :class:`~postboost_provider.key_stores.KeyStore`, or a function of
        connection id, token and extras. Default: Airflow's own connections, through the connection ``airflow_api``.
    :param key: id or name of the connection's key, if the connection has no ``scoped_key_id`` yet. Templated.
    :param abilities: the abilities of the new key, if they are to differ from those of the old one, or if PostBoost does
        not list those.
    :xcom return_value: (dict) ``result`` (``rotated`` or ``unchanged``), ``key_id``, ``expires_on`` and ``why``.
    :raises AirflowFailException: the key can't be rotated. Nothing was changed, or the change was undone.
    """

    template_fields: Sequence[str] = ("key", "admin_conn_id", "postboost_conn_id")
    ui_color = "#fef3c7"
    # The old keys that a deferral has waited for; None: it is not known which.
    _waited_for: Sequence[int] | None = ()

    def __init__(
        self,
        *,
        admin_conn_id: str,
        rotate_when_less_than: timedelta | None = timedelta(days=14),
        valid_days: int = 90,
        grace: timedelta = timedelta(hours=1),
        store: KeyStore | Callable[[str, str, dict[str, Any]], None] | None = None,
        key: int | str | None = None,
        abilities: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.admin_conn_id = admin_conn_id
        self.rotate_when_less_than = rotate_when_less_than
        self.valid_days = valid_days
        self.grace = grace
        self.store = store
        self.key = key
        self.abilities = abilities

    def execute_complete(
        self, context: Context, event: Any, waited_for: Sequence[int] | None = None
    ) -> dict[str, Any]:
        """Continue after the grace period. ``dag.test()`` does not say for which keys."""
        self._waited_for = waited_for
        return cast("dict[str, Any]", self.perform(context))

    def client(self) -> PostBoostClient:
        return PostBoostHook(self.admin_conn_id).client()

    def prepare(self, context: Context) -> Callable[[PostBoostClient], dict[str, Any]]:
        from postboost_provider.api.errors import NotFinishedError
        from postboost_provider.rotation.plan import check_abilities, check_times
        from postboost_provider.rotation.refusals import is_overtaken

        check_times(self.valid_days, self.rotate_when_less_than, self.grace)
        check_abilities(self.abilities)
        if self.admin_conn_id == self.postboost_conn_id:
            raise PostBoostConfigError(
                f"admin_conn_id and postboost_conn_id are both {self.postboost_conn_id!r}. A key can't create or revoke "
                "keys: give a connection with the access token of a workspace admin.",
                field="admin_conn_id",
            )

        def act(admin: PostBoostClient) -> dict[str, Any]:
            rotation, overtaken = self._rotation(context, admin), 0
            while True:
                try:
                    return self._rotate(context, rotation)
                except NotFinishedError as error:
                    overtaken += 1
                    if not is_overtaken(error) or overtaken > MAX_OVERTAKEN:
                        raise
                    self.log.info("This attempt starts over (%d of %d). %s", overtaken, MAX_OVERTAKEN, error)

        return act

    def _rotate(self, context: Context, rotation: Rotation) -> dict[str, Any]:
        """Take one step after the other until there is nothing to do."""
        from postboost_provider.rotation.plan import Renew, Rest

        waited_for, result = self._waited_for, "unchanged"
        since = getattr(context.get("dag_run"), "start_date", None)
        while True:
            now = datetime.now(UTC)
            step = rotation.next(self.rotate_when_less_than, now, since)
            if isinstance(step, Rest):
                break
            if isinstance(step, Renew):
                rotation.renew(step, self.valid_days, now)
                waited_for, result = waited_for or (), "rotated"
                continue
            leftovers = [key.id for key in step.leftovers]
            has_waited = waited_for is None or set(leftovers) <= set(waited_for)
            if not has_waited and (until := step.wait_until(self.grace, now)):
                self._defer(until, leftovers)
            rotation.retire(step, now)
            result = "rotated"
        self.log.info("Key %d of %s: %s.", step.current.id, self.postboost_conn_id, step.why)
        expires_on = str(step.current.expires_at or "never")
        return {"result": result, "key_id": step.current.id, "expires_on": expires_on, "why": step.why}

    def _defer(self, until: datetime, keys: list[int]) -> None:
        named = ", ".join(map(str, keys))
        self.log.info("Key %s stays valid until %s, for tasks that have read it.", named, until)
        trigger = _compat.wake_at(until)
        self.defer(trigger=trigger, method_name="execute_complete", kwargs={"waited_for": keys})

    def _rotation(self, context: Context, admin: PostBoostClient) -> Rotation:
        from postboost_provider.api.client import PostBoostClient
        from postboost_provider.idempotency.identity import digest
        from postboost_provider.rotation.keys import Keys
        from postboost_provider.rotation.plan import Maker
        from postboost_provider.rotation.run import Rotation
        from postboost_provider.rotation.stores.connection import TargetConnection

        actor = self.actor(context)
        maker = Maker(task=actor.scope, conn_id=self.postboost_conn_id, run=digest(actor.identity)[:8])
        target = TargetConnection(self.postboost_conn_id, self.store)
        keys = Keys(admin, maker, mask=_compat.mask_secret, abilities=self.abilities)
        return Rotation(keys, target, connect=PostBoostClient, key=self.key)

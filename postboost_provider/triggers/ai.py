"""Wait in the triggerer until a repurpose run ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from postboost_provider.triggers.base import PollingTrigger

if TYPE_CHECKING:
    from postboost_provider.polling.conditions import Finding
    from postboost_provider.triggers.base import PollingArguments


class PostBoostRepurposeTrigger(PollingTrigger):
    """Wait until a repurpose run ends with ``ok``, ``partial`` or ``failed``.

    :param run_id: the run's number.
    """

    own_arguments = ("run_id",)

    def __init__(self, *, run_id: int, **wait: Unpack[PollingArguments]) -> None:
        super().__init__(**wait)
        self.run_id = run_id

    async def _poll(self) -> Finding:
        from postboost_provider.services.repurpose import RunIsOver

        return await self._ask(RunIsOver(self.run_id))

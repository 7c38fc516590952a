"""Wait in the triggerer until a repurpose run is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postboost_provider.triggers.base import InquiryTrigger

if TYPE_CHECKING:
    from postboost_provider.polling.conditions import Inquiry


class PostBoostRepurposeTrigger(InquiryTrigger):
    """Wait until a repurpose run is over: ``ok``, ``partial`` or ``failed``.

    :param run_id: its number.
    :param wait: ``postboost_conn_id``, ``timeout``, ``poll_interval`` and ``started_at``.
    """

    def __init__(self, *, run_id: int, **wait: Any) -> None:
        super().__init__(**wait)
        self.run_id = run_id

    def asked(self) -> dict[str, Any]:
        return {"run_id": self.run_id}

    def inquiry(self) -> Inquiry:
        from postboost_provider.services.repurpose import RunIsOver

        return RunIsOver(self.run_id)

"""The connection whose key is rotated, as the rotation needs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postboost_provider.api.settings import ClientSettings


@dataclass(frozen=True, slots=True)
class Held:
    """What a connection holds: the settings of a client, and all of its extras."""

    settings: ClientSettings
    extras: Mapping[str, Any]

    @property
    def key_id(self) -> int | None:
        return self.settings.scoped_key_id


class Target(Protocol):
    """The connection whose key is rotated."""

    def read(self) -> Held:
        """Return what Airflow gives to tasks now."""

    def stored(self) -> Mapping[str, Any] | None:
        """Return the extras as they are where the connection is written to, or None where that can't be told.

        :raises PostBoostConfigError: the connection is not there.
        """

    def write(self, token: str | None, extras: Mapping[str, Any]) -> None:
        """Put token and extras where the connection lives; without a token that one stays.

        :raises PostBoostConfigError: it was refused, and nothing was written.
        :raises UnreachableError: nothing was written.
        :raises PostBoostError: it may have been written.
        """

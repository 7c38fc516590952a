"""What the rotation needs to know of the connection whose key is rotated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from postboost_provider.api.settings import ClientSettings


@dataclass(frozen=True, slots=True)
class ConnectionContents:
    """The settings of a client in a connection, and all of its extras."""

    settings: ClientSettings
    extras: Mapping[str, Any]


class Target(Protocol):
    """The connection whose key is rotated."""

    def read(self) -> ConnectionContents:
        """Return what a task reads now."""

    def stored(self) -> Mapping[str, Any] | None:
        """Return the extras from where the connection is written to, or None where they can't be read.

        :raises PostBoostConfigError: the connection does not exist there.
        """

    def write(self, token: str | None, edit: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        """Write what ``edit`` makes of the stored extras, and the token where one is given.

        ``edit`` may raise: then nothing is written.

        :raises PostBoostConfigError: the store refused, and nothing was written.
        :raises UnreachableError: nothing was written.
        :raises PostBoostError: it may have been written.
        """

"""Which operation a request is for. Starlette would try two hundred patterns one after the other."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postboost_provider.api.operations import Operation

# A path's parts, with None for its parameters.
Shape = tuple[str | None, ...]


class Routes:
    """Find operations by method and path.

    :param operations: with paths such as ``/{workspace_uuid}/posts/{post_uuid}``.
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._operations: dict[Shape, dict[str, tuple[Operation, list[str]]]] = defaultdict(dict)
        for operation in operations:
            parts = operation.path.split("/")
            shape = tuple(None if part.startswith("{") else part for part in parts)
            names = [part[1:-1] for part in parts if part.startswith("{")]
            self._operations[shape][operation.method] = operation, names
        # By the number of parts: where parameters stand. Of two that fit, ``media/folders`` goes before
        # ``media/{media_uuid}``.
        self._places: dict[int, list[tuple[bool, ...]]] = defaultdict(list)
        for places in sorted({tuple(part is None for part in shape) for shape in self._operations}):
            self._places[len(places)].append(places)

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        """Return the operation, and what stands in its path for its parameters.

        :raises HTTPException: 404 where no path fits, 405 where one fits and its method is another.
        """
        given = path.split("/")
        fits = False
        for places in self._places[len(given)]:
            pairs = list(zip(places, given, strict=True))
            found = self._operations.get(tuple(None if is_free else part for is_free, part in pairs), {})
            if method in found:
                operation, names = found[method]
                texts = [part for is_free, part in pairs if is_free]
                if all(texts):
                    return operation, dict(zip(names, texts, strict=True))
            fits = fits or bool(found)
        raise HTTPException(405 if fits else 404)

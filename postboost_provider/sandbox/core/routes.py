"""Find the operation of a request by its path: a dictionary lookup, where Starlette would try 200 patterns."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
        # Positions of parameters, by the number of parts. Literal parts come first: ``media/folders`` wins over
        # ``media/{media_uuid}``.
        self._positions: dict[int, list[tuple[bool, ...]]] = defaultdict(list)
        for positions in sorted({tuple(part is None for part in shape) for shape in self._operations}):
            self._positions[len(positions)].append(positions)

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        """Return the operation, and its path parameters.

        :raises HTTPException: 404 if no path matches, 405 if one does with another method.
        """
        path_exists = False
        for by_method, texts in self._matches(path):
            path_exists = True
            if method in by_method:
                operation, names = by_method[method]
                return operation, dict(zip(names, texts, strict=True))
        raise HTTPException(405 if path_exists else 404)

    def methods(self, path: str) -> list[str]:
        """Return the methods of the path, with HEAD where it has GET.

        :raises HTTPException: 404 if no path matches.
        """
        found = {method for by_method, _ in self._matches(path) for method in by_method}
        if not found:
            raise HTTPException(404)
        return sorted(found | ({"HEAD"} if "GET" in found else set()))

    def _matches(self, path: str) -> Iterator[tuple[dict[str, tuple[Operation, list[str]]], list[str]]]:
        """Yield the operations by method of each shape that the path has, with the texts of its parameters."""
        given = path.split("/")
        for positions in self._positions[len(given)]:
            pairs = list(zip(positions, given, strict=True))
            found = self._operations.get(tuple(None if is_free else part for is_free, part in pairs), {})
            texts = [part for is_free, part in pairs if is_free]
            if found and all(texts):
                yield found, texts

"""The posts to wait for, as a task names them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from postboost_provider.api.arguments import NOTHING, read_text
from postboost_provider.api.errors import PostBoostConfigError


def read_uuids(value: Any) -> list[str]:
    """Return the distinct uuids in a uuid, a list, or the text of a list, as most templates render one.

    :raises PostBoostConfigError: a value is not a uuid.
    """
    uuids = [text for item in _flat(value) if (text := str(item).strip())]
    for uuid in uuids:
        if any(c in uuid for c in "[]'\", ") or uuid in NOTHING:
            raise PostBoostConfigError(
                f"post_uuids contains {uuid[:80]!r}, which is not a uuid. Pass a uuid or a list, such as "
                'publish.output["post_uuids"].',
                code="not_a_uuid",
                field="post_uuids",
            )
    return list(dict.fromkeys(uuids))


def _flat(value: Any) -> Iterator[Any]:
    """Yield the items of a list or its text, and of the lists in it, as in the output of a mapped task."""
    value = read_text(value)
    if isinstance(value, (str, Mapping)) or not isinstance(value, Iterable):
        yield from () if value is None else (value,)
        return
    for item in value:
        yield from _flat(item)

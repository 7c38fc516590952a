"""The posts to wait for, in every form in which a template passes them."""

from __future__ import annotations

from typing import Any

import pytest

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.polling.post_uuids import read_uuids


@pytest.mark.parametrize(
    ("value", "uuids"),
    [
        ("p-1", ["p-1"]),
        (" p-1\n", ["p-1"]),
        (["p-1", "p-2"], ["p-1", "p-2"]),
        (("p-1", "p-2"), ["p-1", "p-2"]),
        (["p-2", "p-1", "p-2"], ["p-2", "p-1"]),
        ([["p-1"], [["p-2"], []]], ["p-1", "p-2"]),
        ("['p-1', 'p-2']", ["p-1", "p-2"]),
        ('["p-1", ["p-2"]]', ["p-1", "p-2"]),
        (["['p-1']", "p-2"], ["p-1", "p-2"]),
        ((each for each in ("p-1", "p-2")), ["p-1", "p-2"]),
        # Rows of a calendar and mapped tasks that made no post.
        (None, []),
        ("", []),
        (["p-1", None, "", " "], ["p-1"]),
        ([], []),
        (7, ["7"]),
    ],
)
def test_uuids_are_read_from_texts_lists_and_texts_of_lists(value: Any, uuids: list[str]) -> None:
    assert read_uuids(value) == uuids


@pytest.mark.parametrize(
    "value", ["None", "null", "p-1, p-2", "p-1 p-2", "['p-1", 'p"1', "p'1", ["p-1", "p]"], {"uuid": "p-1"}]
)
def test_what_is_no_uuid_is_refused_before_postboost_is_asked(value: Any) -> None:
    with pytest.raises(PostBoostConfigError) as caught:
        read_uuids(value)
    assert (caught.value.code, caught.value.field) == ("not_a_uuid", "post_uuids")

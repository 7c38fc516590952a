"""A response that nests deeply is refused, whatever brackets and quotes its texts have."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from postboost_provider.api.errors import UnexpectedResponseError
from postboost_provider.api.responses import MAX_DEPTH
from tests.api.test_responses import read

TEXTS = st.sampled_from(["", "x", "[", "]]", "{}[]", 'a"b', "\\", "∢", "孛", '"[']) | st.text(max_size=3)
LEVELS = st.lists(st.tuples(st.booleans(), TEXTS, st.lists(TEXTS, max_size=2)), min_size=1, max_size=4)


def nested(levels: list[tuple[bool, str, list[str]]], depth: int) -> dict[str, object]:
    value: object = "end"
    for level in range(depth - 1):
        is_list, name, others = levels[level % len(levels)]
        value = [*others, value, *others] if is_list else {"other": "]", name: value}
    return {"value": value}


@given(LEVELS, st.sampled_from(["utf-8", "utf-16", "utf-32"]), st.booleans())
def test_more_than_the_limit_is_refused(levels, encoding, ascii_only):
    content = json.dumps(nested(levels, MAX_DEPTH + 20), ensure_ascii=ascii_only)
    with pytest.raises(UnexpectedResponseError) as caught:
        read(200, content.encode(encoding, "surrogatepass"))
    assert caught.value.code == "not_an_object"


@given(LEVELS, st.booleans())
def test_less_than_the_limit_is_read(levels, ascii_only):
    value = nested(levels, MAX_DEPTH - 10)
    content = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert read(200, content).payload == value


def test_many_shallow_objects_are_read():
    value = {"data": [{"accounts": [{"text": "a"}], "note": "["}] * 200}
    assert read(200, json.dumps(value).encode()).payload == value

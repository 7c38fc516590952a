"""The rules of shapes.json."""

from __future__ import annotations

from postboost_provider.sandbox.core.shapes import _rule, load_shapes


def test_every_rule_of_the_shapes_can_be_read():
    """An unparsed rule would be a list of words with a strange word."""

    def rules(shape):
        if isinstance(shape, str):
            yield shape
        for each in (
            shape.values() if isinstance(shape, dict) else shape[:1] if isinstance(shape, list) else ()
        ):
            yield from rules(each)

    for shapes in load_shapes().values():
        for shape in shapes.values():
            for text in rules(shape):
                words = _rule(text).words
                assert not any(".." in word or "/" in word.replace(" ", "") for word in words), text

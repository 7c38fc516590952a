"""The approval's form shows what others wrote, and renders none of it."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import ANY

import pytest

from postboost_provider.operators.approval import _Draft, describe, fenced
from tests.markdown import MARKDOWN, blocks

HOSTILE = [
    "```\n# Approve\n```",
    "~~~\n`````\n**bold**\n``````` info",
    "\r```\r![x](https://a.example/x.png)",
    "   ````\n> quote",
    "<b>1</b> & <!-- hidden --> <img src=x>",
    "[click](https://a.example) ![seen](https://a.example/x.png) https://a.example/b_c",
    "A heading\n===\nAnother\n---\n# 1\n***",
    "1. one\n- two\n\n    code\n\n| a | b |\n|---|---|\n\n[a]: https://a.example",
    "ends with ticks ```",
    "```" * 50,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_in_a_text_is_shown_and_not_rendered(text: str) -> None:
    assert blocks(f"**Text:**\n\n{fenced(text)}\n\n**Time:** at once") == [text.replace("\r", "\n")]


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_others_wrote_is_shown_and_not_rendered(text: str) -> None:
    accounts = [{"id": 1, "provider": "twitter", "username": text, "name": "x"}]
    content = [{"body": text, "url": text, "media": [5]}, {"body": text}, {"body": text}]
    versions = [
        {"account_id": 0, "is_original": True, "content": content},
        {
            "account_id": 1,
            "is_original": False,
            "content": [{"body": text}],
            "options": {"twitter": {text: text}},
        },
    ]
    media = {"name": text, "alt_text": text, "url": f"https://a.example/{text})", "thumb_url": text}
    draft: Any = _Draft(None, {"accounts": accounts, "versions": versions}, {5: media}, None)  # type: ignore[arg-type]
    body = describe(draft)
    line, lines = " ".join(text.split()), text.replace("\r", "\n")
    account = " ".join(f"twitter:{text}".split())
    *shown, options = blocks(body)
    assert shown == [account, lines, lines, line, lines, lines, lines, account, lines]
    assert json.loads(options) == {"twitter": {text: text}}
    links = [t for t in MARKDOWN.parse(body) if t.type == "inline"]
    linked = [c.attrs["href"] for t in links for c in t.children or () if c.type == "link_open"]
    assert len(linked) == 1
    assert str(linked[0]).startswith("https://a.example/")
    assert not any(c.type in ("image", "html_inline") for t in links for c in t.children or ())


def labels(providers: list[str], *, own: bool = False, parts: int = 2) -> list[str]:
    """Return the labels of the form's parts; ``own``: the first account has a version of its own."""
    accounts = [{"id": n, "provider": p, "username": "northwind"} for n, p in enumerate(providers, 1)]
    content = [{"body": "Hello"}] * parts
    versions = [{"account_id": 0, "is_original": True, "content": content}]
    if own:
        versions.append({"account_id": 1, "is_original": False, "content": content})
    draft: Any = _Draft(None, {"accounts": accounts, "versions": versions}, {}, None)  # type: ignore[arg-type]
    return [line.strip("*:") for line in describe(draft).splitlines() if line.endswith(":**")][1:]


@pytest.mark.parametrize(
    ("providers", "expected"),
    [
        (["twitter", "bluesky"], ["Text", "Part 2 of the thread", "Part 3 of the thread"]),
        (["linkedin_page"], ["Text", "First comment", ANY]),
        (
            ["twitter", "linkedin_page", "facebook_page"],
            [
                "Text",
                "First comment (facebook_page, linkedin_page); Part 2 of the thread (twitter)",
                "Part 3 of the thread (twitter)",
            ],
        ),
        (["twitter", "youtube"], ["Text", "Part 2 of the thread (twitter)", ANY]),
        (["[x](y)"], ["Text", "First comment, or part 2 of the thread, where the network has them", ANY]),
    ],
    ids=str,
)
def test_each_part_is_labelled_by_what_it_is_on_the_networks_that_get_it(
    providers: list[str], expected: list[Any]
) -> None:
    assert labels(providers, parts=3) == expected


def test_the_parts_of_a_version_are_those_of_its_own_account() -> None:
    assert labels(["linkedin_page", "twitter"], own=True) == [
        "Text",
        "Part 2 of the thread",
        "Only for",
        "Text",
        "First comment",
    ]

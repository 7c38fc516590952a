"""Markdown as a form of Airflow's reads it."""

from __future__ import annotations

from markdown_it import MarkdownIt

MARKDOWN = MarkdownIt("gfm-like", {"linkify": False})


def blocks(body: str) -> list[str]:
    """Return the fenced blocks of a form's Markdown; nothing outside of them may be more than a bold label."""
    tokens = MARKDOWN.parse(body)
    assert {token.type for token in tokens} <= {"fence", "paragraph_open", "paragraph_close", "inline"}
    return [token.content.removesuffix("\n") for token in tokens if token.type == "fence"]

"""Text from outside as messages, log lines and tables may show it: what controls a terminal or hides text is made visible.

PostBoost's responses, account names, file names and the cells of a calendar can contain anything. What is published is
never cleaned.
"""

from __future__ import annotations

import re

# Every white space but the plain one: line breaks, tabs, and the spaces of other alphabets.
_SPACES = re.compile(r"[^\S ]+")
# They join emoji, and letters of some alphabets. Between others they only hide.
_JOINERS = re.compile(r"(?<=[^\x00-\x7f])[\u200c\u200d](?=[^\x00-\x7f])")


def clean_text(text: object) -> str:
    """Return the text on one line, with its control, bidirectional and invisible characters as escape sequences."""
    shown = _SPACES.sub(" ", _JOINERS.sub("", str(text)))
    if shown.isprintable():
        return shown
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)


def clean_lines(text: object) -> str:
    """Return the text with each of its lines cleaned, for a message that has several lines of its own."""
    return "\n".join(map(clean_text, str(text).split("\n")))

"""What a PostBoost token looks like: a number, a bar and 40 or more letters and digits; or only the latter."""

from __future__ import annotations

import re


def looks_like_token(value: object) -> bool:
    """Return whether the value may be a token that was pasted into the wrong place, so that it must not be shown."""
    text = str(value)
    # Random letters and digits have some of each kind.
    return bool(re.search(r"\|.{5}", text)) or any(
        all(re.search(kind, run) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
        for run in re.findall(r"[A-Za-z0-9]{40,}", text)
    )

"""What a PostBoost token looks like: a number, a bar and 40 or more letters and digits; or only the latter."""

from __future__ import annotations

import re


def looks_like_token(value: object) -> bool:
    """Return whether the value may be a token that was pasted into the wrong place, so that it must not be shown."""
    return bool(re.search(r"\|.{5}|[A-Za-z0-9]{40}", str(value)))

"""Write or check the files that the refresh scripts render."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_or_check(files: Mapping[Path, str], script: str) -> int:
    """Write the files; with ``--check``, change nothing and return 1 if one of them is stale."""
    if "--check" not in sys.argv[1:]:
        for path, text in files.items():
            path.write_text(text, encoding="utf-8")
        return 0
    stale = [
        path.name
        for path, text in files.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if stale:
        print(f"Stale: {', '.join(stale)}. Run python scripts/{script} and commit the result.")
    return int(bool(stale))

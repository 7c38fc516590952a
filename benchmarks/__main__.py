"""Run all benchmarks, each in its own process, so that none inherits another's memory."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from pathlib import Path

NAMES = [path.stem for path in sorted(Path(__file__).parent.glob("[a-z]*.py")) if path.stem != "support"]


def main() -> int:
    print(
        f"Python {platform.python_version()}. Ratios are ours / theirs; other work on this machine makes all of them less exact."
    )
    failed = []
    for name in NAMES:
        began = time.monotonic()
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
        print(f"  ({name}: {time.monotonic() - began:.0f} s)", flush=True)
    if failed:
        print(f"Failed: {', '.join(failed)}")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())

"""``python -m postboost_provider``: see ``cli``."""

from __future__ import annotations

from postboost_provider.cli.parser import main

if __name__ == "__main__":
    main()

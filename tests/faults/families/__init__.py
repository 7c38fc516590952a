"""What the tasks are: each family of operators."""

from __future__ import annotations

from tests.faults.families.actions import ACTIONS
from tests.faults.families.base import Family
from tests.faults.families.calendar import Calendar
from tests.faults.families.library import LIBRARY
from tests.faults.families.mapped import Mapped
from tests.faults.families.panel import PANEL
from tests.faults.families.posts import POSTS
from tests.faults.families.rotation import Rotation

# Posts and calendars more often than the rest: that is where the promises are.
FAMILIES: list[type[Family]] = [
    *POSTS,
    *POSTS,
    *[Calendar] * 6,
    Mapped,
    Mapped,
    *ACTIONS,
    *LIBRARY,
    *PANEL,
    Rotation,
]

__all__ = ["FAMILIES", "Family"]

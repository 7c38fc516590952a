"""The panel of platform admins: pages, dates, bulk deletions and users in the format of its responses."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from postboost_provider.sandbox.core.validation import Fields

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date
    from typing import TypeVar

    from postboost_provider.sandbox.core.calls import Call
    from postboost_provider.sandbox.core.models import User, Workspace
    from postboost_provider.sandbox.core.responses import Response

    T = TypeVar("T")

_PER_PAGE = 15


def panel_page(call: Call, items: Sequence[T], render: Callable[[Call, T], dict[str, Any]]) -> Response:
    """Return one page of the panel, which has 15 items (SDK 1.66.3)."""
    return call.page(items, lambda item: render(call, item), per_page=_PER_PAGE)


def workspace_of(call: Call) -> Workspace:
    """Return the workspace of the path; a platform admin need not be a member."""
    return call.find(call.store.workspaces, "workspace_uuid")


def displayed(call: Call, moment: datetime | None) -> str | None:
    """Format a time for the panel, in its own zone; the current year is left out (SDK 1.66.3)."""
    if moment is None:
        return None
    settings = call.store.settings
    zone = ZoneInfo(settings.panel_timezone)
    local = moment.astimezone(zone)
    clock = f"{local:%H:%M}" if settings.panel_clock == 24 else f"{local:%I:%M%p}".lower()
    year = "" if local.year == call.now.astimezone(zone).year else f"{local:%Y}, "
    return f"{local:%b} {local.day}, {year}{clock}"


def displayed_day(call: Call, day: date | None) -> str | None:
    """Format a day for the panel, or the day of a time in its own zone (SDK 1.66.3)."""
    if isinstance(day, datetime):
        day = day.astimezone(ZoneInfo(call.store.settings.panel_timezone))
    return f"{day:%b} {day.day}, {day:%Y}" if day else None


def read_list(call: Call, name: str, is_valid: Callable[[Any], bool]) -> list[Any]:
    """Return the items of a bulk deletion."""
    fields = Fields(call.fields)
    items = fields.items(name, required=True)
    for index, item in enumerate(items):
        if not is_valid(item):
            fields.add_error(f"{name}.{index}", f"The {name}.{index} field is invalid.")
    fields.raise_errors()
    return items


def render_user(call: Call, user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "avatar": None,
        "is_admin": user.is_admin,
        "email_verified_at": displayed(call, user.email_verified_at),
        "created_at": displayed(call, user.created_at),
    }

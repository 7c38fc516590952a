"""The panel: access and dates."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine

from postboost_provider.api.operations import load_operations
from tests.sandbox.bodies import OUT_OF_SCOPE, user

PANEL = [name for name, operation in load_operations().items() if operation.tier == "panel"]


@pytest.mark.parametrize("operation", PANEL)
def test_the_panel_is_for_platform_admins_with_an_unscoped_token(connect, operation):
    row = load_operations()[operation]
    path = row.path.replace("{", "").replace("}", "")
    refused = connect("member", None).request(row.method, path)
    assert (refused.status_code, refused.json()) == (403, {"message": "Access forbidden."})
    scoped = connect("scoped", None).request(row.method, path)
    assert (scoped.status_code, scoped.json()) == (403, OUT_OF_SCOPE)
    assert connect("nobody", None).request(row.method, path).status_code == 401


@pytest.mark.parametrize(
    ("settings", "now", "text"),
    [
        ({}, datetime(2026, 12, 1, 17, 5, tzinfo=UTC), "Dec 1, 17:05"),
        ({}, datetime(2027, 1, 1, tzinfo=UTC), "Dec 1, 2026, 17:05"),
        ({"panel_clock": 12}, datetime(2026, 12, 1, 17, 5, tzinfo=UTC), "Dec 1, 05:05pm"),
        ({"panel_timezone": "Asia/Tokyo"}, datetime(2026, 12, 31, 14, tzinfo=UTC), "Dec 2, 02:05"),
        ({"panel_timezone": "Asia/Tokyo"}, datetime(2026, 12, 31, 15, tzinfo=UTC), "Dec 2, 2026, 02:05"),
    ],
)
def test_the_panels_dates_have_its_zone_and_clock_and_lack_the_year_in_the_current_year(
    sandbox, panel, settings, now, text
):
    sandbox.reset(**settings)
    with time_machine.travel(datetime(2026, 12, 1, 17, 5, tzinfo=UTC), tick=False):
        made = panel("POST", "users", **user()).json()
    with time_machine.travel(now, tick=False):
        assert panel("GET", f"users/{made['id']}").json()["created_at"] == text

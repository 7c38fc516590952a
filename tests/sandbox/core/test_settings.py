"""Settings."""

from __future__ import annotations

import httpx
import pytest

from postboost_provider.sandbox.core.settings import SettingsError
from postboost_provider.sandbox.server import Sandbox


@pytest.mark.parametrize(
    "values, word",
    [
        ({"speed": 1}, "publish_seconds"),
        ({"put_schedule": "maybe"}, "drop"),
        ({"panel_timezone": "Mars/Base"}, "panel_timezone"),
        ({"daily_cap": "many"}, "daily_cap"),
        ({"daily_cap": True}, "daily_cap"),
        ({"store_4xx": 1}, "store_4xx"),
        ({"approval_required_for": ["owner"]}, "viewer"),
    ],
)
def test_an_invalid_setting_is_rejected_with_the_known_ones(sandbox, values, word):
    for path, body in (("/settings", values), ("/reset", {"settings": values})):
        response = httpx.post(sandbox.control_url + path, json=body)
        assert response.status_code == 422
        assert word in response.json()["message"]
    with pytest.raises(SettingsError, match=word):
        Sandbox(**values)

from __future__ import annotations

import pytest

from tests.sandbox.bodies import user


@pytest.fixture
def olga(panel):
    return panel("POST", "users", **user()).json()


@pytest.fixture
def workspace(panel, olga):
    return panel(
        "POST", "workspaces", name="Client", owner_id=olga["id"], access_status="subscription"
    ).json()

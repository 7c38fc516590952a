from __future__ import annotations

import pytest

from tests.remote_files import PNG


@pytest.fixture
def upload(member):
    def send(name="bean.png", content=PNG, **fields):
        response = member.post("/media", files={"file": (name, content)}, data=fields)
        assert response.status_code == 201, response.text
        return response.json()

    return send

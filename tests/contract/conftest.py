from __future__ import annotations

from tests.sandbox_fixture import sandbox, sandbox_server  # noqa: F401

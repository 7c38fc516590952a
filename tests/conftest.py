from __future__ import annotations

from tests.sandbox_fixture import sandbox, sandbox_server

__all__ = ["sandbox", "sandbox_server"]

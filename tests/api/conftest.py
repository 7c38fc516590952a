from __future__ import annotations

from tests.api.raw_server import call, serve
from tests.client_fixtures import _quick_tls, clock, connect, postboost, small_chunks

__all__ = ["_quick_tls", "call", "clock", "connect", "postboost", "serve", "small_chunks"]

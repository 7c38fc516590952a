"""The sandbox's server: the application, its control endpoints and saved state."""

from __future__ import annotations

from postboost_provider.sandbox.server.sandbox import Sandbox

__all__ = ["Sandbox"]

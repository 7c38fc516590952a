"""The sandbox as a server: the application, and how to start it."""

from __future__ import annotations

from postboost_provider.sandbox.server.background import Sandbox

__all__ = ["Sandbox"]

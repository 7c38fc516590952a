"""The public import path of ``EnvFileStore``."""

from __future__ import annotations

from postboost_provider.rotation.stores.env_file import EnvFileStore

__all__ = ["EnvFileStore"]

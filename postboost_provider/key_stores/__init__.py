"""The public import path of the key stores of ``rotation/stores``."""

from __future__ import annotations

from postboost_provider.rotation.stores import default_store
from postboost_provider.rotation.stores.base import KeyStore

__all__ = ["KeyStore", "default_store"]

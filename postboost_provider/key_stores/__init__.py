"""The public import path of the key stores of ``rotation/stores``."""

from __future__ import annotations

from postboost_provider.rotation.stores import KeyStore, default_store

__all__ = ["KeyStore", "default_store"]

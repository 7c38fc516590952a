"""A local stand-in for PostBoost, so that everything can be tried without posting to a real network.

Start it with ``python -m postboost_provider.sandbox``, or from Python with
:class:`postboost_provider.sandbox.server.background.Sandbox`. It is written from PostBoost's public documents and its
official SDK, and shares nothing with this package's client but the table of operations.
"""

from __future__ import annotations

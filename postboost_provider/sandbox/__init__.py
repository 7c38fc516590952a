"""A local PostBoost, to develop and test without posting to real networks.

Start it with ``python -m postboost_provider.sandbox``, or from Python with
:class:`postboost_provider.sandbox.server.Sandbox`. It is written from PostBoost's public documents and its
official SDK, and shares only the table of operations with this package's client.
"""

from __future__ import annotations

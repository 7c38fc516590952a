"""Rules for every request: authentication, rate limits, idempotency keys, the activity log, AI credits."""

from __future__ import annotations

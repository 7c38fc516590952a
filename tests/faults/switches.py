"""PostBoost as it may be: the sandbox's switches for what is not documented, drawn from a seed."""

from __future__ import annotations

import random
from typing import Any

# Each of them, with the values that differ from the default.
SWITCHES: dict[str, list[Any]] = {
    "idempotency_fingerprint": ["parsed"],
    "store_4xx": [False],
    "conflict_code": [True],
    "reused_key_status": [409],
    "reused_key_errors": [True],
    "reused_key_code": ["validation_failed"],
    "in_flight_status": [422],
    "multipart_repeats": ["different"],
    "activity_log": ["off"],
    "activity_readers": ["admins", "nobody"],
    "activity_refusal": [200],
    "activity_status": [404, 422, 500],
    "activity_delay": [5.0, 90.0, 1e9],
    "activity_label_length": [128, 100, 96, 80, 64],
    "activity_post_uuid": [False],
    "activity_prefix_length": [16, 40],
    "activity_long_prefix": ["ignore"],
    "duplicate_check_trashed": [True],
    "text_processing": ["trim", "strip_tags", "decode_entities"],
    "normalize_texts": [True],
    "image_processing": ["reencode"],
    "processing_media": ["refuse"],
    "resend_chunk": ["refuse"],
    "complete_twice": [201],
    "put_schedule": ["drop"],
    "put_owner": ["drop"],
    "member_again": [201],
    "edit_published_status": [422],
    "unknown_workspace": [403],
    "foreign_workspace": [404],
    "throttle_code": [True],
    "requests_per_minute": [30],
    "approval_required_for": [["member"]],
    "edit_waiting": ["wait", "schedule"],
    "edit_approved": ["wait", "schedule"],
    "unknown_status": ["waiting", "finished"],
    "plan_posts": [1],
    "expired_keys": ["hidden"],
    "listed_keys": ["caller"],
    "publish_seconds": [0.0, 40.0],
}
# These change what PostBoost does for everybody, and not what it says: with them, a task is expected to succeed.
HARMLESS = frozenset(
    [
        "idempotency_fingerprint",
        "store_4xx",
        "conflict_code",
        "put_schedule",
        "put_owner",
        "member_again",
        "edit_published_status",
        "publish_seconds",
        "foreign_workspace",
        "unknown_workspace",
        "expired_keys",
        "listed_keys",
        "image_processing",
        "resend_chunk",
        "complete_twice",
    ]
)
# They mean nothing without this one.
NEED = {
    "reused_key_code": ("conflict_code", True),
    "activity_refusal": ("activity_readers", "nobody"),
    "activity_long_prefix": ("activity_prefix_length", 16),
    "edit_waiting": ("approval_required_for", ["member"]),
    "edit_approved": ("approval_required_for", ["member"]),
}


def draw(rng: random.Random) -> dict[str, Any]:
    """Draw some switches: none in half of all cases."""
    chosen: dict[str, Any] = {}
    for _ in range(rng.choice([0, 0, 0, 1, 1, 2])):
        name = rng.choice(sorted(SWITCHES))
        chosen[name] = rng.choice(SWITCHES[name])
        if name in NEED:
            needed, value = NEED[name]
            chosen.setdefault(needed, value)
    return chosen

"""What this package reads from PostBoost that its documents leave open, and what becomes of tasks where it is otherwise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Assumption:
    """A property of PostBoost. ``name`` is its line in the output of ``postboost check --prove``.

    :param otherwise: what the tasks do if it is otherwise.
    :param switches: the settings of the sandbox that change it.
    """

    name: str
    expected: str
    otherwise: str
    switches: tuple[str, ...] = ()


ASSUMPTIONS = (
    Assumption(
        "log_visible",
        "A write is in the activity log after 10 seconds at most",
        "Later attempts of a task can't know what earlier ones did: where that decides, they fail and name `on_unknown`",
        ("activity_log", "activity_readers", "activity_refusal", "activity_status", "activity_delay"),
    ),
    Assumption(
        "log_label",
        "The activity log keeps a client label of 63 characters whole",
        "Entries are recognized by the first 29 characters; which text was sent is then read from the post",
        ("activity_label_length",),
    ),
    Assumption(
        "log_filter",
        "The activity log can be filtered by 29 characters of a label",
        "Tasks can't find their own entries in a log that refuses the filter: they fail before they write",
        ("activity_prefix_length", "activity_long_prefix"),
    ),
    Assumption(
        "log_post_uuid",
        "The activity log's entry for a new post has its uuid",
        "A post of an earlier attempt is found by its text and accounts, or the task fails",
        ("activity_post_uuid",),
    ),
    Assumption(
        "log_validated",
        "`posts/validate` is in the activity log with its label and the outcome `validated`",
        "Tasks can't tell an empty activity log from one that they can't see, and treat both as the latter",
    ),
    Assumption(
        "text_verbatim",
        "PostBoost keeps a text as it was sent, with tags, entities, spaces and emoji",
        "The published text differs from the one in your DAG",
        ("text_processing", "normalize_texts"),
    ),
    Assumption(
        "replay",
        "The same request under the same `Idempotency-Key` gets the same response, marked `Idempotent-Replayed`",
        "A retry after a lost response may publish twice. Do not use retries",
    ),
    Assumption(
        "refusal_stored",
        "A 422 is stored for its `Idempotency-Key`, too",
        "A corrected post is sent under the same key: nothing else changes",
        ("store_4xx",),
    ),
    Assumption(
        "key_reuse",
        "Another body under the same `Idempotency-Key` gets a 422 without `errors` or `code`",
        "Tasks recognize some other forms; if the other body is accepted, an edit during a retry is a second post",
        ("reused_key_status", "reused_key_errors", "reused_key_code", "conflict_code"),
    ),
    Assumption(
        "key_in_flight",
        "An `Idempotency-Key` whose first request is still running gets a 409",
        "Tasks treat a 422 like a key that is used for another body, and fail until the first request has ended",
        ("in_flight_status",),
    ),
    Assumption(
        "times_utc",
        "The time of a post comes back as the same instant",
        "Tasks compare another time than the one they sent, and fail or update the post",
    ),
    Assumption(
        "not_found",
        "A post that does not exist gets a 404 with PostBoost's JSON",
        "Tasks can't tell a deleted post from a gateway's page, and fail",
    ),
    Assumption(
        "unknown_workspace",
        "A workspace that does not exist gets a 404",
        "The error names the token's rights instead of `workspace_uuid`",
        ("unknown_workspace",),
    ),
)

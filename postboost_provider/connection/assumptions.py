"""What this package reads from PostBoost that its documents leave open, and what becomes of tasks where it is otherwise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Assumption:
    """A property of PostBoost. ``name`` is its line in the output of ``postboost check --prove``.

    :param otherwise: what the tasks do if it is otherwise, or "nothing changes" where they are right under each variant.
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
        "Later attempts of a task can't know what earlier ones did. If that matters, they fail and name `on_unknown`",
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
        "If the filter is ignored, nothing changes; if it is refused, tasks send shorter ones, down to `airflow/`, and read more entries",
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
        "`posts/validate` is in the activity log with its label",
        "Tasks can't distinguish an empty activity log from one that does not show their writes, and assume the latter. A post that waits for approval is not edited, not even with `on_edit_while_waiting='edit'` (`blind_log`)",
    ),
    Assumption(
        "text_verbatim",
        "PostBoost keeps a text as it was sent, with tags, entities, spaces and emoji",
        "The task warns with both texts, or fails with `on_altered_text='fail'`",
        ("text_processing", "normalize_texts"),
    ),
    Assumption(
        "replay",
        "The same request under the same `Idempotency-Key` gets the same response, marked `Idempotent-Replayed`",
        "Without the extra `observed`, a retry after a lost response may publish twice. With it, no request is repeated for its key, and "
        "a later attempt reads the activity log, or fails and names `on_unknown`",
    ),
    Assumption(
        "refusal_stored",
        "A 422 is also stored for its `Idempotency-Key`",
        "A corrected post is sent under the same key; nothing else changes",
        ("store_4xx",),
    ),
    Assumption(
        "key_reuse",
        "Another body under the same `Idempotency-Key` gets a 422 without `errors` or `code`",
        "Tasks also recognize a 409, `errors` or a `code` about the key, or the response when the same request is sent again. If PostBoost accepts the other body, an edit during a retry may create a second post",
        ("reused_key_status", "reused_key_errors", "reused_key_code", "conflict_code"),
    ),
    Assumption(
        "key_in_flight",
        "An `Idempotency-Key` whose first request is still running gets a 409",
        "Tasks assume that the key was used with another body: they wait a minute, or twice the connection's timeout, read the activity log, and reuse its post, send again or fail as unconfirmed",
        ("in_flight_status",),
    ),
    Assumption(
        "times_utc",
        "The time of a post comes back as the same instant",
        "Tasks see another time than the one they sent, and fail or update the post",
    ),
    Assumption(
        "not_found",
        "A post that does not exist gets a 404 with PostBoost's JSON",
        "Tasks can't distinguish a deleted post from a gateway's error page, and fail",
    ),
    Assumption(
        "unknown_workspace",
        "A workspace that does not exist gets a 404",
        "The error names the token's rights instead of `workspace_uuid`",
        ("unknown_workspace",),
    ),
)

# What a draft and a tag can't show without publishing, spending or waiting. The names are those of the page only.
NOT_PROVED = (
    Assumption(
        "key_fingerprint",
        "Two bodies count as the same under one `Idempotency-Key` if their bytes are the same",
        "Nothing changes: retries send the same bytes",
        ("idempotency_fingerprint",),
    ),
    Assumption(
        "multipart_repeats",
        "A repeated upload with the same bytes gets the stored response",
        "The upload counts as a new one: the task searches the media library for its file",
        ("multipart_repeats",),
    ),
    Assumption(
        "image_kept",
        "An uploaded image keeps its bytes and size",
        "A file of an earlier attempt is recognized by its name and its entry in the activity log",
        ("image_processing",),
    ),
    Assumption(
        "throttle_form",
        "The 429 of a rate limit has no `code`, or a `Retry-After`",
        "The task fails as if a quota were used up: the request is not sent again after a short wait",
        ("throttle_code",),
    ),
    Assumption(
        "plan_limit_form",
        "A limit of the plan is a 422 with only a message",
        "Nothing changes: the task fails with PostBoost's message",
        ("plan_posts",),
    ),
    Assumption(
        "update_keeps_time",
        "A post stays scheduled when an update sends its time again",
        "Nothing changes: updates always send the whole plan",
        ("put_schedule",),
    ),
    Assumption(
        "edit_keeps_approval",
        "If a post that waits for approval, or was approved, is edited, the editor's role decides whether it needs approval",
        "A post that waits is not edited (`waits_for_approval`), unless `on_edit_while_waiting='edit'` accepts it; then the task fails with `approval_lost` in every attempt if its edit took the post out of approval. If an approved post has to wait again, the result has that status",
        ("edit_waiting", "edit_approved"),
    ),
    Assumption(
        "edit_published",
        "Editing a published post gets a 400",
        "A 422 is understood as well",
        ("edit_published_status",),
    ),
    Assumption(
        "known_status",
        "Posts have only documented statuses",
        "The error names the post and has the code `unknown_status`",
        ("unknown_status",),
    ),
    Assumption(
        "trashed_duplicates",
        "A post in the trash is not a duplicate",
        "A new post is refused as a duplicate; `on_duplicate` decides",
        ("duplicate_check_trashed",),
    ),
    Assumption(
        "processing_media",
        "A post with a video that is being processed can be scheduled",
        "The task fails with PostBoost's message, and its retry succeeds later",
        ("processing_media",),
    ),
    Assumption(
        "chunks",
        "A chunk can be sent again, and an upload is completed once",
        "Nothing changes: both responses are understood",
        ("resend_chunk", "complete_twice"),
    ),
    Assumption(
        "foreign_workspace",
        "A workspace of other users gets a 403",
        "A 404 names `workspace_uuid` instead of the token's rights",
        ("foreign_workspace",),
    ),
    Assumption(
        "keys_listed",
        "An admin's list of scoped keys includes expired keys and those of other admins",
        "A key that is not listed can't be rotated or looked up; the message says so",
        ("expired_keys", "listed_keys"),
    ),
    Assumption(
        "member_again",
        "Adding a member again gets a 422",
        "Nothing changes: the membership is read first",
        ("member_again",),
    ),
    Assumption(
        "owner_kept",
        "A workspace keeps its owner when the panel's update names none",
        "Nothing changes: updates always send the owner",
        ("put_owner",),
    ),
    Assumption(
        "canceled_status",
        "A canceled subscription has the status `canceled` until it ends",
        "Nothing changes: its end decides",
        ("canceled_status",),
    ),
    Assumption(
        "panel_dates",
        "The panel's dates are in UTC, on a 24-hour clock",
        "Times of a subscription are not compared to the hour",
        ("panel_timezone", "panel_clock"),
    ),
    Assumption(
        "healthy_reason",
        "A healthy account has no reason to reconnect",
        "Nothing changes: its status decides",
        ("reconnect_reason",),
    ),
    Assumption(
        "switched_off",
        "Inbox and reconnect links exist in every workspace",
        "The 404 says that they may be switched off",
        ("inbox", "reconnect_links"),
    ),
    Assumption(
        "ai_quota_form",
        "The 429 for used up AI credits has a `code`",
        "It is recognized by its message",
        ("ai_codes",),
    ),
)

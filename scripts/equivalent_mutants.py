"""Mutants that no test can tell from the original, for ``make mutants``: module, line, change -> why."""

from __future__ import annotations

EQUIVALENT: dict[tuple[str, str, str], str] = {
    ("polling/poller.py", "self.pause = timedelta(0)", "0 -> 1"): (
        "Every poll sets the pause before anything reads it; the first value only declares the attribute."
    ),
    ("polling/poller.py", 'return cast("Event", retrying(poller.poll, ask))', "'Event' -> 'XX'"): (
        "The name is for the type checker; cast does not look at it."
    ),
    ("polling/schedule.py", "POLL_SECONDS = 60.0", "60.0 -> 61.0"): (
        "A limit of our choice: nobody is promised that a request of a poll takes a second less."
    ),
    (
        "publishing/post_history.py",
        'found.sort(key=lambda entry: 2 if entry.outcome == "replayed" else 1 if entry.label.kept else 0)',
        "2 -> 3",
    ): "Only the order of the three ranks counts.",
    (
        "idempotency/activity_log.py",
        "return sorted(entries, key=lambda entry: times[id(entry)] or datetime.min, reverse=True)",
        "without term 2",
    ): "No time is None there; the second term is for the type checker.",
    (
        "api/retry.py",
        'return request.is_safe_to_retry and getattr(error, "status", 0) != 501',
        "0 -> 1",
    ): "What stands for no status only has to be another number than 501.",
}

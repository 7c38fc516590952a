"""The sandbox's settings: a default and a switch for everything that PostBoost's documents leave open."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Mapping


class SettingsError(ValueError):
    """A setting is unknown or has an invalid value."""


def _switch(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True, slots=True)
class Settings:
    """How the sandbox behaves. Every field is a command-line flag, an argument of ``Sandbox`` and a JSON key."""

    publish_seconds: float = _switch(2.0, "Seconds that an account takes to publish; 0 is immediate.")
    video_processing_seconds: float = _switch(0.0, "Seconds for which an uploaded video has is_processing.")
    processing_media: Literal["accept", "refuse"] = _switch(
        "accept", "Whether a post with a video that has is_processing can be scheduled, or gets a 422."
    )
    keep_media_bytes: int = _switch(
        10_485_760,
        "Files up to this size are kept and served; larger ones only have their size and SHA-256 kept.",
    )
    image_bytes: int = _switch(104_857_600, "Maximum size of an image; not documented.")
    gif_bytes: int = _switch(104_857_600, "Maximum size of a GIF; not documented.")
    video_bytes: int = _switch(1_073_741_824, "Maximum size of a video; not documented.")
    pdf_bytes: int = _switch(104_857_600, "Maximum size of a PDF.")
    multipart_bytes: int = _switch(
        104_857_600, "Maximum size of a file in a multipart request, whatever its type."
    )
    chunk_size: int = _switch(5_242_880, "The chunk_size of uploads in chunks.")
    upload_session_seconds: float = _switch(3600.0, "Seconds until an upload in chunks expires.")
    resend_chunk: Literal["accept", "refuse"] = _switch(
        "accept", "Whether sending the same chunk again succeeds, or gets a 422."
    )
    complete_twice: Literal[404, 201] = _switch(
        404, "Status for completing an upload again: not found, or its media again."
    )
    remote_background_bytes: int = _switch(
        10_485_760, "Remote files of at least this size are downloaded in the background."
    )
    remote_fetch_anywhere: bool = _switch(
        False, "Whether remote files are downloaded from any host, or only from this machine."
    )
    remote_timeout_seconds: float = _switch(30.0, "Maximum seconds for downloading a remote file.")
    webhook_private_urls: bool = _switch(
        False,
        "Whether webhooks may have URLs of private networks; those of this machine are always accepted.",
    )
    webhook_deliver_anywhere: bool = _switch(
        False, "Whether webhooks are delivered to any host, or only to this machine."
    )
    webhook_timeout_seconds: float = _switch(5.0, "Maximum seconds for a webhook's receiver to respond.")
    webhook_retry_seconds: float = _switch(
        1.0,
        "Seconds between the first and the second attempt to deliver a webhook; doubled before the third.",
    )
    folder_depth: int = _switch(5, "Maximum depth of media folders.")
    image_processing: Literal["keep", "reencode"] = _switch(
        "keep", "Whether an uploaded image is stored as sent, or with other bytes and another size."
    )
    daily_cap: int = _switch(25, "Maximum posts per account and UTC day.")
    x_enforced: bool = _switch(False, "Whether the monthly limit of X posts is enforced, or only counted.")
    x_monthly_limit: int = _switch(
        500, "Maximum X posts per workspace and UTC month; each part of a thread counts."
    )
    plan_posts: int = _switch(
        0, "Maximum posts of a workspace; beyond it, a create gets a 422 with only a message. 0 is unlimited."
    )
    approval_required_for: tuple[str, ...] = _switch((), "Roles whose scheduled posts need approval.")
    edit_waiting: Literal["role", "wait", "schedule"] = _switch(
        "role",
        "Whether an edited post that waits for approval is judged by its editor's role, still waits, or is scheduled.",
    )
    edit_approved: Literal["role", "wait", "schedule"] = _switch(
        "role",
        "Whether an edited post that was approved is judged by its editor's role, waits again, or stays scheduled.",
    )
    unknown_status: Literal["never", "waiting", "finished"] = _switch(
        "never",
        "Posts with a status that is not documented: scheduled and publishing ones (`processing`), or finished ones (`archived`).",
    )
    normalize_texts: bool = _switch(
        False, "Whether texts in bodies are trimmed and empty ones become null, as Laravel does by default."
    )
    text_processing: Literal["verbatim", "trim", "strip_tags", "decode_entities"] = _switch(
        "verbatim",
        "How a post's texts are stored: as sent, without surrounding spaces, without HTML tags, or with HTML entities decoded.",
    )
    report_exports: Literal["ready", "failed"] = _switch("ready", "Whether report exports succeed or fail.")
    repurpose_seconds: float = _switch(
        0.0, "Seconds that a repurpose run takes; more than 20 gets a 202, 600 fail."
    )
    repurpose_result: Literal["ok", "partial", "failed"] = _switch("ok", "Result of repurpose runs.")
    ai_text_credits: int = _switch(200, "Text credits per billing cycle.")
    ai_image_credits: int = _switch(50, "Image credits per UTC month.")
    ai_image_pool: bool = _switch(True, "Whether images have their own credits, or cost text credits.")
    ai_codes: bool = _switch(True, "Whether the 429 for exhausted AI credits has a `code`.")
    ai_unlimited: bool = _switch(False, "Whether AI credits are unlimited.")
    requests_per_minute: int = _switch(0, "Maximum requests per minute and token; 0 is unlimited.")
    throttle_code: bool = _switch(False, "Whether the 429 of a throttle has a `code`.")
    unknown_workspace: Literal[404, 403] = _switch(404, "Status for a workspace that does not exist.")
    foreign_workspace: Literal[403, 404] = _switch(
        403, "Status for a workspace that the caller is not a member of."
    )
    edit_published_status: Literal[400, 422] = _switch(400, "Status for editing a published post.")
    put_schedule: Literal["keep", "drop"] = _switch(
        "keep", "Whether a scheduled post stays scheduled when an update has no `schedule`."
    )
    put_owner: Literal["keep", "drop"] = _switch(
        "keep", "Whether a workspace keeps its owner when the panel's update has no `owner_id`."
    )
    member_again: Literal[422, 201] = _switch(
        422, "Status for adding an existing member; 201 changes the membership."
    )
    canceled_status: Literal["canceled", "active"] = _switch(
        "canceled", "Status of a canceled subscription until the end of its period."
    )
    panel_timezone: str = _switch("UTC", "Time zone of the panel's dates.")
    panel_clock: Literal[24, 12] = _switch(24, "Clock format of the panel's dates.")
    idempotency_fingerprint: Literal["raw", "parsed"] = _switch(
        "raw", "Whether an idempotency key compares bodies as bytes, or as JSON values and multipart parts."
    )
    store_4xx: bool = _switch(True, "Whether 4xx responses except 429 are stored for an Idempotency-Key.")
    conflict_code: bool = _switch(False, "Whether the 409 and 422 of an Idempotency-Key have a `code`.")
    reused_key_status: Literal[422, 409] = _switch(
        422, "Status for an Idempotency-Key that was used with another body."
    )
    reused_key_errors: bool = _switch(False, "Whether the error for a reused Idempotency-Key has `errors`.")
    reused_key_code: Literal["idempotency_key_reused", "validation_failed"] = _switch(
        "idempotency_key_reused", "The code for a reused Idempotency-Key, if conflict_code is on."
    )
    in_flight_status: Literal[409, 422] = _switch(
        409, "Status for an Idempotency-Key whose first request is still running."
    )
    multipart_repeats: Literal["compared", "different"] = _switch(
        "compared", "Whether a retried multipart request is compared, or always counts as another body."
    )
    activity_log: Literal["on", "off"] = _switch(
        "on", "Whether the activity log records requests, or stays empty."
    )
    activity_readers: Literal["everybody", "admins", "nobody"] = _switch(
        "everybody",
        "Who may read the activity log: everybody who may read the workspace, its admins, or nobody.",
    )
    activity_refusal: Literal[403, 200] = _switch(
        403, "Status for a caller who may not read the activity log; 200 is an empty list."
    )
    activity_status: Literal[200, 404, 422, 500] = _switch(
        200, "Status of the activity log for everybody who may read it; any other than 200 is an error."
    )
    activity_delay: float = _switch(0.0, "Seconds until an entry appears in the activity log.")
    activity_label_length: int = _switch(
        0, "Characters of a client label that the activity log keeps; 0 keeps all of it."
    )
    activity_post_uuid: bool = _switch(
        True, "Whether the activity log's entry for a create has a `post_uuid`."
    )
    activity_prefix_length: int = _switch(
        0, "Maximum characters of the activity log's `client` filter; 0 is unlimited."
    )
    activity_long_prefix: Literal["refuse", "ignore"] = _switch(
        "refuse", "Whether a longer `client` filter gets a 422, or is ignored."
    )
    duplicate_check_trashed: bool = _switch(False, "Whether a trashed post counts as a duplicate.")
    expired_keys: Literal["listed", "hidden"] = _switch("listed", "Whether expired API keys are listed.")
    listed_keys: Literal["workspace", "caller"] = _switch(
        "workspace", "API keys that an admin sees and revokes: all of the workspace, or only their own."
    )
    inbox: Literal["on", "off"] = _switch("on", "Whether workspaces have an inbox, or its paths get a 404.")
    reconnect_links: Literal["on", "off"] = _switch("on", "Whether reconnect links exist, or get a 404.")
    reseller_clients: int = _switch(
        10,
        "Maximum client workspaces of the reseller plan; 0 means that there is no such plan, which gets a 403.",
    )
    reconnect_reason: Literal["null", "object"] = _switch(
        "null", "Value for a healthy account: null as documented, or the object that SDK 1.66.3 requires."
    )

    def changed(self, values: Mapping[str, Any]) -> Settings:
        """Return a copy with these values.

        :raises SettingsError: a name is unknown or a value is invalid.
        """
        hints = get_type_hints(Settings)
        for name in values:
            if name not in hints:
                raise SettingsError(
                    f"The setting {name!r} does not exist. The settings are: {', '.join(hints)}."
                )
        return replace(self, **{name: _validated(name, hints[name], value) for name, value in values.items()})

    def as_dict(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}


def _validated(name: str, kind: Any, value: Any) -> Any:
    """Return the value as the setting's type.

    :raises SettingsError: the value is invalid.
    """
    if get_origin(kind) is Literal:
        if value in get_args(kind) and not isinstance(value, bool):
            return value
        raise SettingsError(f"{name} must be one of {', '.join(map(str, get_args(kind)))}, not {value!r}.")
    if kind is bool:
        if isinstance(value, bool):
            return value
        raise SettingsError(f"{name} must be true or false, not {value!r}.")
    if kind in (int, float):
        if (
            isinstance(value, (int, float) if kind is float else int)
            and not isinstance(value, bool)
            and value >= 0
        ):
            return kind(value)
        raise SettingsError(f"{name} must be a number of at least 0, not {value!r}.")
    if kind is str:
        try:
            return ZoneInfo(value).key
        except (KeyError, ValueError, TypeError, OSError):
            raise SettingsError(f"{name} must be a time zone such as Europe/Berlin, not {value!r}.") from None
    roles = ("admin", "member", "viewer")
    if isinstance(value, (list, tuple)) and all(role in roles for role in value):
        return tuple(value)
    raise SettingsError(f"{name} must be a list of {', '.join(roles)}, not {value!r}.")

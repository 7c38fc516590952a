"""The sandbox's switches: what PostBoost's documents leave open has a stated default here, and a choice."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Mapping


class SettingsError(ValueError):
    """Say which setting is unknown or has a value that it cannot take."""


def _switch(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True, slots=True)
class Settings:
    """How the sandbox behaves. Every field is a command line flag, a keyword of ``Sandbox`` and a JSON key."""

    publish_seconds: float = _switch(2.0, "How long an account takes to publish, in seconds; 0 is at once.")
    video_processing_seconds: float = _switch(
        0.0, "How long an uploaded video has is_processing, in seconds."
    )
    processing_media: Literal["accept", "refuse"] = _switch(
        "accept", "Whether a post with a video that has is_processing can be scheduled, or is a 422."
    )
    keep_media_bytes: int = _switch(
        10_485_760, "Files up to this size are kept and served; of larger ones only size and SHA-256."
    )
    image_bytes: int = _switch(104_857_600, "Largest image; PostBoost does not say.")
    gif_bytes: int = _switch(104_857_600, "Largest GIF; PostBoost does not say.")
    video_bytes: int = _switch(1_073_741_824, "Largest video; PostBoost does not say.")
    pdf_bytes: int = _switch(104_857_600, "Largest PDF.")
    multipart_bytes: int = _switch(104_857_600, "Largest file in one multipart request, whatever its type.")
    chunk_size: int = _switch(5_242_880, "The chunk_size that an upload in chunks is given.")
    upload_session_seconds: float = _switch(3600.0, "How long an upload in chunks may take, in seconds.")
    resend_chunk: Literal["accept", "refuse"] = _switch(
        "accept", "Whether a chunk that is sent again as it was is answered as the first time, or a 422."
    )
    complete_twice: Literal[404, 201] = _switch(
        404, "Status for completing an upload again: it is gone, or answered with its media again."
    )
    remote_background_bytes: int = _switch(
        10_485_760, "Remote files of at least this size are fetched in the background."
    )
    remote_fetch_anywhere: bool = _switch(
        False, "Whether remote files are fetched from any host, or from this machine only."
    )
    remote_timeout_seconds: float = _switch(30.0, "How long fetching a remote file may take, in seconds.")
    webhook_deliver_anywhere: bool = _switch(
        False, "Whether webhooks are delivered to any host, or to this machine only."
    )
    webhook_timeout_seconds: float = _switch(5.0, "How long a webhook's receiver may take, in seconds.")
    webhook_retry_seconds: float = _switch(
        1.0, "Seconds from the first attempt to deliver a webhook to the second; to the third, twice as many."
    )
    folder_depth: int = _switch(5, "Levels of media folders.")
    daily_cap: int = _switch(25, "Posts that an account may publish per UTC day.")
    x_enforced: bool = _switch(False, "Whether the monthly allowance of X posts refuses, or only counts.")
    x_monthly_limit: int = _switch(500, "X posts per UTC month and workspace; a thread part is a post.")
    approval_required_for: tuple[str, ...] = _switch((), "Roles whose scheduled posts need approval.")
    report_exports: Literal["ready", "failed"] = _switch(
        "ready", "Whether the files of report exports can be made, or fail."
    )
    repurpose_seconds: float = _switch(
        0.0, "How long a repurpose run takes; more than 20 s is a 202, ten minutes fail."
    )
    repurpose_result: Literal["ok", "partial", "failed"] = _switch("ok", "What becomes of a repurpose run.")
    ai_text_credits: int = _switch(200, "Text credits per billing cycle.")
    ai_image_credits: int = _switch(50, "Image credits per month of UTC.")
    ai_image_pool: bool = _switch(True, "Whether images have credits of their own, or cost text credits.")
    ai_codes: bool = _switch(True, "Whether used up AI credits are a 429 with a `code`, or with words alone.")
    ai_unlimited: bool = _switch(False, "Whether AI credits have no limit.")
    requests_per_minute: int = _switch(0, "Requests per minute and token before 429; 0 is no limit.")
    unknown_workspace: Literal[404, 403] = _switch(404, "Status for a workspace that does not exist.")
    foreign_workspace: Literal[403, 404] = _switch(403, "Status for a workspace the caller is no member of.")
    edit_published_status: Literal[400, 422] = _switch(400, "Status for editing a published post.")
    put_schedule: Literal["keep", "drop"] = _switch(
        "keep", "Whether a scheduled post stays scheduled when an update does not say `schedule`."
    )
    put_owner: Literal["keep", "drop"] = _switch(
        "keep", "Whether a workspace keeps its owner when the panel's update does not say `owner_id`."
    )
    member_again: Literal[422, 201] = _switch(
        422, "Status for adding a user who is a member already; 201 changes the membership."
    )
    canceled_status: Literal["canceled", "active"] = _switch(
        "canceled", "Status of a canceled subscription until its period ends."
    )
    panel_timezone: str = _switch("UTC", "The zone of the panel's dates.")
    panel_clock: Literal[24, 12] = _switch(24, "Hours of the clock in the panel's dates.")
    idempotency_fingerprint: Literal["raw", "parsed"] = _switch(
        "raw", "Whether the same body means the same bytes, or the same JSON values and multipart parts."
    )
    store_4xx: bool = _switch(True, "Whether 4xx answers (429 apart) are stored for an Idempotency-Key.")
    conflict_code: bool = _switch(False, "Whether an idempotency 409 and 422 carry a `code`.")
    duplicate_check_trashed: bool = _switch(False, "Whether a post in the trash still counts as a duplicate.")
    expired_keys: Literal["listed", "hidden"] = _switch(
        "listed", "Whether expired API keys stay in their list."
    )
    listed_keys: Literal["workspace", "caller"] = _switch(
        "workspace", "Whose API keys an admin sees and revokes: everybody's in the workspace, or their own."
    )
    inbox: Literal["on", "off"] = _switch(
        "on", "Whether the workspaces have an inbox, or its paths are a 404."
    )
    reconnect_links: Literal["on", "off"] = _switch("on", "Whether there are reconnect links, or a 404.")
    reseller_clients: int = _switch(
        10, "Client workspaces on a reseller's plan; 0 is no such plan, and a 403."
    )
    reconnect_reason: Literal["null", "object"] = _switch(
        "null", "What a healthy account has there: null as documented, or the object SDK 1.66.3 demands."
    )

    def changed(self, values: Mapping[str, Any]) -> Settings:
        """Return a copy with these values.

        :raises SettingsError: a name is unknown or a value is not one that the setting can take.
        """
        hints = get_type_hints(Settings)
        for name in values:
            if name not in hints:
                raise SettingsError(f"There is no setting {name!r}. The settings are: {', '.join(hints)}.")
        return replace(self, **{name: _accepted(name, hints[name], value) for name, value in values.items()})

    def as_dict(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}


def _accepted(name: str, kind: Any, value: Any) -> Any:
    """Return the value as the setting's type, or refuse it."""
    if get_origin(kind) is Literal:
        if value in get_args(kind) and not isinstance(value, bool):
            return value
        raise SettingsError(f"{name} is one of {', '.join(map(str, get_args(kind)))}, not {value!r}.")
    if kind is bool:
        if isinstance(value, bool):
            return value
        raise SettingsError(f"{name} is true or false, not {value!r}.")
    if kind in (int, float):
        if (
            isinstance(value, (int, float) if kind is float else int)
            and not isinstance(value, bool)
            and value >= 0
        ):
            return kind(value)
        raise SettingsError(f"{name} is a number of at least 0, not {value!r}.")
    if kind is str:
        try:
            return ZoneInfo(value).key
        except (KeyError, ValueError, TypeError, OSError):
            raise SettingsError(f"{name} is a zone such as Europe/Berlin, not {value!r}.") from None
    roles = ("admin", "member", "viewer")
    if isinstance(value, (list, tuple)) and all(role in roles for role in value):
        return tuple(value)
    raise SettingsError(f"{name} is a list of {', '.join(roles)}, not {value!r}.")

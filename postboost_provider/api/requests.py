"""A call, checked against the table of operations -> a request that can be sent. Pure: no clock, no I/O."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
import uuid
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from postboost_provider.api.credentials import Expiry
from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.operations import Operation, get_operation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEFAULT_BASE_URL = "https://postboost.co/app/api"
DEFAULT_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """What a client must know to talk to PostBoost for one connection.

    :param token: the access token or scoped key; never shown. Empty for the free tools that need none.
    :param base_url: scheme, host and path that every operation's path is appended to.
    :param workspace_uuid: what workspace operations take when none is given.
    :param expiry: what is known of the token's end; it explains a 401 and never stops a request.
    :param scoped_key_id: PostBoost's number of the key, where the token is a scoped key.
    :param timeout_seconds: for each attempt: to connect, to send, and between two parts of the answer.
    :param client_label: what PostBoost's activity log calls this client.
    :param name: how messages call where the token came from, e.g. ``connection 'postboost_default'``.
    """

    token: str = field(repr=False)
    base_url: str = DEFAULT_BASE_URL
    workspace_uuid: str | None = None
    expiry: Expiry = field(default_factory=lambda: Expiry("unknown"))
    scoped_key_id: int | None = None
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    client_label: str = "airflow-provider-postboost"
    proxy: str | None = field(default=None, repr=False)
    ca_bundle: str | None = None
    name: str = "the connection"

    def __post_init__(self) -> None:
        # Headers can't carry it, and the errors about that would show it.
        if re.search(r"[^\x21-\x7e]", self.token):
            raise PostBoostConfigError(
                f"The token of {self.name} holds a space, a line break or a character that no token has. Copy it "
                "from PostBoost again."
            )

    def redact(self, text: str) -> str:
        """Return the text without the token, or the part of it that is the secret, wherever it stands."""
        for secret in (self.token, self.token.partition("|")[2]):
            if len(secret) >= 5:
                text = text.replace(secret, "***")
        return text


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file to upload. ``open`` gives it from its start, once for each attempt."""

    filename: str
    mime_type: str
    open: Callable[[], IO[bytes]]


@dataclass(frozen=True, slots=True)
class Request:
    """A request that is ready to be sent, again and again with the same bytes. Holds no token."""

    operation: Operation
    url: str
    headers: Mapping[str, str]
    content: bytes | None = None
    form: Mapping[str, str] | None = None
    files: Mapping[str, FilePart] | None = None

    @property
    def is_safe_to_repeat(self) -> bool:
        """A read, a write that repeats harmlessly, or one that PostBoost recognises by its key."""
        return self.operation.repeatable or "Idempotency-Key" in self.headers


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    :param replayed: it is the stored one of an earlier request with the same key.
    :param date: the server's clock, as its ``Date`` header wrote it.
    """

    payload: Any
    status: int
    replayed: bool = False
    date: str | None = None


def check_base_url(url: str) -> str:
    """Return the URL without a trailing slash.

    :raises PostBoostConfigError: it could carry the token in clear, or to somewhere that is not a plain origin.
    """
    # What is before an @ or after a ? may be the token.
    shown = re.sub(r"([?#]).*", r"\1...", url.rpartition("@")[2], flags=re.DOTALL)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise PostBoostConfigError(f"The base URL {shown!r} is not a URL. Use {DEFAULT_BASE_URL}.") from None
    if "@" in parts.netloc or "?" in url or "#" in url or not host:
        raise PostBoostConfigError(
            f"The base URL {shown!r} must be scheme, host and path alone, such as {DEFAULT_BASE_URL}; "
            "the token belongs in the password."
        )
    if re.search(r"[\s\\]", url):
        raise PostBoostConfigError(f"The base URL {shown!r} holds a space or a backslash: remove it.")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise PostBoostConfigError(
            f"The base URL {shown!r} would send the token unencrypted. Use https://; plain http:// is for a "
            "sandbox on 127.0.0.1 or localhost alone."
        )
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    return host == "localhost" or host == "::1" or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None


def prepare(
    settings: ClientSettings,
    operation: str,
    *,
    parameters: Mapping[str, Any] | None = None,
    body: Mapping[str, Any] | None = None,
    files: Mapping[str, FilePart] | None = None,
    idempotency_key: str | None = None,
    client_label: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Request:
    """Check a call against the table of operations and return the request.

    :raises PostBoostConfigError: the operation, a parameter or a body field is unknown, missing or misplaced.
    """
    op = get_operation(operation)
    path, query = _place_parameters(settings, op, parameters or {})
    all_headers = {"Accept": "application/json", **(headers or {})}
    if not op.is_read:
        all_headers["X-PostBoost-Client"] = _header_value(client_label or settings.client_label)
    if idempotency_key is not None:
        if not op.idempotency_key:
            raise PostBoostConfigError(f"{operation} does not accept an idempotency key: leave it out.")
        if not 1 <= len(idempotency_key) <= 255:
            raise PostBoostConfigError(
                f"The idempotency key of {operation} has {len(idempotency_key)} characters; PostBoost takes 1 to 255."
            )
        if not re.fullmatch(r"[\x20-\x7e]+", idempotency_key) or idempotency_key != idempotency_key.strip():
            # Replaced or stripped characters would make two keys one.
            raise PostBoostConfigError(
                f"The idempotency key of {operation} must be printable ASCII without spaces around it: hash it."
            )
        all_headers["Idempotency-Key"] = idempotency_key
    _check_body(op, body, files)
    url = settings.base_url + path + (f"?{query}" if query else "")
    if op.body == "multipart":
        # PostBoost compares the bodies of two requests with one key; a random boundary would make them differ.
        seed = idempotency_key or uuid.uuid4().hex
        boundary = hashlib.sha256(seed.encode()).hexdigest()[:32]
        all_headers["Content-Type"] = f"multipart/form-data; boundary={boundary}"
        form = {key: str(value) for key, value in (body or {}).items() if value is not None}
        return Request(op, url, all_headers, form=form, files=dict(files or {}))
    content = None
    if body is not None:
        try:
            content = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        except (TypeError, ValueError) as error:
            raise PostBoostConfigError(f"The body of {operation} can't be sent as JSON: {error}.") from error
        all_headers["Content-Type"] = "application/json"
    return Request(op, url, all_headers, content=content)


def _place_parameters(settings: ClientSettings, op: Operation, given: Mapping[str, Any]) -> tuple[str, str]:
    values = {name: value for name, value in given.items() if value is not None}
    if op.tier == "workspace" and "workspace_uuid" not in values and settings.workspace_uuid:
        values["workspace_uuid"] = settings.workspace_uuid
    known = {p.name: p for p in op.parameters}
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=2)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            raise PostBoostConfigError(
                f"{op.operation} has no parameter {name!r}; it has {', '.join(known) or 'none'}.{hint}"
            )
    missing = [name for name, p in known.items() if p.required and name not in values]
    if missing == ["workspace_uuid"] and op.tier == "workspace":
        raise PostBoostConfigError(
            f"{op.operation} needs a workspace: set workspace_uuid in the extras of {settings.name}, or pass it "
            "as a parameter."
        )
    if missing:
        raise PostBoostConfigError(f"{op.operation} needs the parameter {', '.join(missing)}.")
    path, pairs = op.path, []
    for name, value in values.items():
        if known[name].place == "path":
            path = path.replace("{" + name + "}", _path_segment(op, name, value))
        else:
            items = value if isinstance(value, (list, tuple)) else [value]
            pairs += [(known[name].wire, _query_value(item)) for item in items]
    # The official SDK leaves the brackets of array parameters as they are.
    return path, urlencode(pairs, safe="[]")


def _path_segment(op: Operation, name: str, value: Any) -> str:
    text = str(value).strip()
    if not text or text in (".", ".."):
        raise PostBoostConfigError(f"{op.operation} needs a value for {name}, not {value!r}.")
    return quote(text, safe="")


def _query_value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _header_value(value: str) -> str:
    """Return the value as printable ASCII: what HTTP carries unharmed, and no line breaks."""
    return re.sub(r"[^\x20-\x7e]", "?", value)


def _check_body(op: Operation, body: Mapping[str, Any] | None, files: Mapping[str, FilePart] | None) -> None:
    if op.body == "none" and (body or files):
        raise PostBoostConfigError(f"{op.operation} takes no body: pass its values as parameters.")
    if files and op.body != "multipart":
        raise PostBoostConfigError(f"{op.operation} takes no files.")
    given = {
        key for source in (body or {}, files or {}) for key, value in source.items() if value is not None
    }
    missing = [name for name in op.required_fields if name not in given]
    if missing:
        raise PostBoostConfigError(
            f"The body of {op.operation} lacks {', '.join(missing)}; it can hold {', '.join(op.fields)}."
        )
    # A mistyped field would be left out by PostBoost without a word: a post without its accounts.
    if unknown := [name for name in given if op.fields and name not in op.fields]:
        near = difflib.get_close_matches(unknown[0], op.fields, n=2)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise PostBoostConfigError(
            f"The body of {op.operation} has no field {unknown[0]!r}; it can hold {', '.join(op.fields)}.{hint}"
        )


def retry_after_seconds(value: str | None, now: float) -> float | None:
    """Read a ``Retry-After`` header, seconds or an HTTP date, as seconds from ``now`` (epoch seconds)."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - now
        except ValueError:
            return None
    return max(0.0, seconds) if seconds < float("inf") else None

"""Check a call against the table of operations, and turn it into a request that can be sent. No clock, no I/O."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import IO, TYPE_CHECKING, Any, TypedDict
from urllib.parse import quote, urlencode

from postboost_provider import __version__
from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.operations import Operation, did_you_mean, get_operation
from postboost_provider.api.safety import as_sent
from postboost_provider.api.settings import assumes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from postboost_provider.api.settings import ClientSettings

USER_AGENT = f"airflow-provider-postboost/{__version__}"
MAX_RETRY_AFTER_SECONDS = 86400.0


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file to upload.

    :param filename: its name in PostBoost.
    :param mime_type: such as ``image/png``.
    :param open: opens it from its start, once for each attempt.
    """

    filename: str
    mime_type: str
    open: Callable[[], IO[bytes]]


class RequestArguments(TypedDict, total=False):
    """What a request carries.

    :param parameters: path and query parameters by name; ids may be numbers or text. ``workspace_uuid`` is the
        connection's unless it is given.
    :param body: the JSON body, or the fields next to the file of an upload.
    :param files: file parts by field name, for uploads.
    """

    parameters: Mapping[str, Any] | None
    body: Mapping[str, Any] | None
    files: Mapping[str, FilePart] | None


class CallArguments(RequestArguments, total=False):
    """The arguments of the clients' ``call`` and ``download``.

    :param idempotency_key: makes the operation safe to retry, where PostBoost accepts one.
    """

    idempotency_key: str | None


class KeyedArguments(RequestArguments, total=False):
    """The arguments of a ``send`` whose idempotency key the caller does not choose.

    :param client_label: the name of this request in PostBoost's activity log.
    :param allow_duplicate: sends ``X-Allow-Duplicate``, the only way past the duplicate guard for scheduling and
        queueing, whose bodies have no such field (SDK 1.66.3).
    :param of_draft: the post that it changes was a draft when it was read: see the safety mode.
    """

    client_label: str | None
    allow_duplicate: bool
    of_draft: bool


class SendArguments(CallArguments, KeyedArguments, total=False):
    """The arguments of the clients' ``send``."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that is ready to be sent, with the same bytes in every attempt. It does not contain the token.

    :param workspace_uuid: the workspace that it is for, if its operation is one of a workspace.
    :param of_draft: the post that it changes was a draft when it was read.
    """

    operation: Operation
    url: str
    headers: Mapping[str, str]
    workspace_uuid: str | None = None
    content: bytes | None = None
    form: Mapping[str, str] | None = None
    files: Mapping[str, FilePart] | None = None
    of_draft: bool = False
    is_key_kept: bool = True

    @property
    def is_safe_to_retry(self) -> bool:
        """A read, a write that has no further effect when sent again, or one with an idempotency key that PostBoost keeps."""
        return self.operation.retryable or ("Idempotency-Key" in self.headers and self.is_key_kept)

    def __str__(self) -> str:
        """Describe the request for messages, such as ``create_post in <workspace>``."""
        name = self.operation.operation
        return f"{name} in {self.workspace_uuid}" if self.workspace_uuid else name


def prepare(
    settings: ClientSettings,
    operation: str,
    *,
    parameters: Mapping[str, Any] | None = None,
    body: Mapping[str, Any] | None = None,
    files: Mapping[str, FilePart] | None = None,
    idempotency_key: str | None = None,
    client_label: str | None = None,
    allow_duplicate: bool = False,
    of_draft: bool = False,
) -> Request:
    """Check a call against the table of operations and return the request.

    :raises PostBoostConfigError: the operation, a parameter or a body field is unknown, missing or misplaced.
    """
    op = get_operation(operation)
    values = {name: value for name, value in (parameters or {}).items() if value is not None}
    if op.tier == "workspace" and settings.workspace_uuid:
        values.setdefault("workspace_uuid", settings.workspace_uuid)
    path, query = _place_parameters(settings, op, values)
    workspace = str(values["workspace_uuid"]).strip() if op.tier == "workspace" else None
    headers = {"Accept": "application/json", "User-Agent": USER_AGENT}
    if allow_duplicate:
        headers["X-Allow-Duplicate"] = "true"
    if not op.is_read:
        # A header can only carry printable ASCII, and what follows a semicolon could count as a parameter.
        label = client_label or settings.client_label
        headers["X-PostBoost-Client"] = re.sub(r"[^\x20-\x7e]|;", "?", label)
    if idempotency_key is not None:
        _check_key(op, idempotency_key)
        headers["Idempotency-Key"] = idempotency_key
    _check_body(op, body, files)
    body = as_sent(settings, operation, body)
    is_key_kept = assumes(settings, "replay") is not False
    url = settings.base_url + path + (f"?{query}" if query else "")
    if op.body == "multipart":
        # PostBoost compares the bodies of two requests with one key; a random boundary would make them differ.
        boundary = hashlib.sha256((idempotency_key or uuid.uuid4().hex).encode()).hexdigest()[:32]
        headers["Content-Type"] = f"multipart/form-data; boundary={boundary}"
        form = {name: str(value) for name, value in (body or {}).items() if value is not None}
        return Request(op, url, headers, workspace, None, form, dict(files or {}), is_key_kept=is_key_kept)
    content = None
    if body is not None:
        try:
            content = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        except (TypeError, ValueError) as error:
            raise PostBoostConfigError(
                f"The body of {operation} can't be sent as JSON: {error}.", field="body", code="not_json"
            ) from error
        headers["Content-Type"] = "application/json"
    return Request(op, url, headers, workspace, content, is_key_kept=is_key_kept, of_draft=of_draft)


def _check_key(op: Operation, key: str) -> None:
    problem = ""
    if not op.idempotency_key:
        problem = "is not accepted by PostBoost. Leave it out."
    elif not 1 <= len(key) <= 255:
        problem = f"has {len(key)} characters; PostBoost accepts 1 to 255."
    elif not re.fullmatch(r"[\x20-\x7e]+", key) or key != key.strip():
        # Replacing or stripping characters could turn two keys into one.
        problem = "must be printable ASCII without spaces around it. Hash it."
    if problem:
        message = f"The idempotency key of {op.operation} {problem}"
        raise PostBoostConfigError(message, code="not_a_key", field="idempotency_key")


def _place_parameters(settings: ClientSettings, op: Operation, values: Mapping[str, Any]) -> tuple[str, str]:
    known = {p.name: p for p in op.parameters}
    required = [name for name, p in known.items() if p.required]
    hint = f" workspace_uuid can also be an extra of {settings.name}." if op.tier == "workspace" else ""
    _check_names(op.operation, "parameter", values, known, required, hint)
    path, pairs = op.path, []
    for name, value in values.items():
        if known[name].place == "path":
            path = path.replace("{" + name + "}", _path_segment(op, name, value))
        else:
            items = value if isinstance(value, (list, tuple)) else [value]
            texts = [str(item).lower() if isinstance(item, bool) else str(item) for item in items]
            pairs += [(known[name].wire, text) for text in texts]
    # The official SDK leaves the brackets of array parameters as they are.
    return path, urlencode(pairs, safe="[]")


def _path_segment(op: Operation, name: str, value: Any) -> str:
    text = str(value).strip()
    if not text or text in (".", ".."):
        raise PostBoostConfigError(
            f"{op.operation} needs a value for {name}, not {value!r}.", field=name, code="missing_parameter"
        )
    return quote(text, safe="")


def _check_body(op: Operation, body: Mapping[str, Any] | None, files: Mapping[str, FilePart] | None) -> None:
    if op.body == "none" and (body or files):
        raise PostBoostConfigError(
            f"{op.operation} takes no body. Pass its values as parameters.", field="body", code="no_body"
        )
    if files and op.body != "multipart":
        raise PostBoostConfigError(f"{op.operation} takes no files.", field="files", code="no_files")
    given = [key for key, value in {**(body or {}), **(files or {})}.items() if value is not None]
    # PostBoost ignores unknown fields silently: a mistyped one could be a post without its accounts.
    _check_names(f"The body of {op.operation}", "field", given, op.fields or given, op.required_fields)


def _check_names(
    where: str,
    kind: str,
    given: Collection[str],
    known: Collection[str],
    required: Iterable[str],
    hint: str = "",
) -> None:
    """Check that all given names are known, and all required ones are given."""
    it_has = f"it has {', '.join(known) or 'none'}."
    if unknown := [name for name in given if name not in known]:
        raise PostBoostConfigError(
            f"{where} has no {kind} {unknown[0]!r}; {it_has}{did_you_mean(unknown[0], known)}",
            code=f"unknown_{kind}",
            field=unknown[0],
        )
    if missing := [name for name in required if name not in given]:
        raise PostBoostConfigError(
            f"{where} lacks the {kind} {', '.join(missing)}; {it_has}{hint}",
            code=f"missing_{kind}",
            field=missing[0],
        )


def retry_after_seconds(value: str | None, now: float) -> float | None:
    """Return a ``Retry-After`` header, seconds or an HTTP date, as seconds from ``now`` (epoch seconds)."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - now
        except (ValueError, TypeError, OverflowError):
            return None
    # No pause is longer than a day: neither a mistaken server nor a hostile one stops a task for years.
    return min(max(0.0, seconds), MAX_RETRY_AFTER_SECONDS) if abs(seconds) < float("inf") else None

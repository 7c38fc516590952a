"""What a client must know about one connection, and which base URLs may receive its token."""

from __future__ import annotations

import base64
import functools
import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.expiry import Expiry
from postboost_provider.api.token_format import looks_like_token

if TYPE_CHECKING:
    from postboost_provider.api.mode import Mode

API_PATH = "/app/api"
DEFAULT_BASE_URL = f"https://postboost.co{API_PATH}"
DEFAULT_TIMEOUT_SECONDS = 30.0

# Shorter texts are too likely to be ordinary words.
LEAST_SECRET = 5
# The characters of a long token by which it could be recognized.
LEAST_SHOWN = 8
URL_SAFE = str.maketrans("+/", "-_")


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """What a client must know to talk to PostBoost for one connection.

    :param token: the access token or scoped key; never shown. Empty for the free tools that need none.
    :param base_url: scheme, host and path that every operation's path is appended to.
    :param workspace_uuid: the workspace of workspace operations that name none.
    :param expiry: what is known about when the token expires; it explains a 401 and never stops a request.
    :param scoped_key_id: PostBoost's number of the key, if the token is a scoped key.
    :param timeout_seconds: for each attempt: to connect, to send, and between two parts of the response.
    :param client_label: the name of this client in PostBoost's activity log.
    :param observed: which assumptions about PostBoost hold, as a proof has found: see :func:`assumes`.
    :param mode: ``live``, ``draft`` (nothing is published) or ``check`` (nothing is changed).
    :param mode_source: what messages call the source of the mode, if it is not that of the token.
    :param name: what messages call the source of the token, such as ``connection 'postboost_default'``.
    """

    token: str = field(repr=False)
    base_url: str = DEFAULT_BASE_URL
    workspace_uuid: str | None = None
    expiry: Expiry = field(default_factory=lambda: Expiry("unknown"))
    scoped_key_id: int | None = None
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    client_label: str = "airflow-provider-postboost"
    proxy: str | None = field(default=None, repr=False)
    ca_bundle: str | None = field(default=None, repr=False)
    name: str = "the connection"
    observed: tuple[tuple[str, bool], ...] = ()
    mode: Mode = "live"
    mode_source: str = ""

    def __post_init__(self) -> None:
        if self.token.lower().startswith("bearer "):
            raise PostBoostConfigError(
                f"The token of {self.name} begins with 'Bearer ', which belongs to the header. Remove that word and the space.",
                code="bearer_prefix",
                field="password",
            )
        # A header can't carry such a token, and httpx's error about that would show it.
        if re.search(r"[^\x21-\x7e]", self.token):
            raise PostBoostConfigError(
                f"The token of {self.name} contains a space, a line break or a character that no token has. Copy it "
                "from PostBoost again.",
                field="password",
                code="not_a_token",
            )

    def redact(self, text: str) -> str:
        """Replace the token, its secret part, a beginning of them, their encodings, and the proxy's password."""
        pattern = _secrets(self.token, self.proxy)
        return pattern.sub("***", text) if pattern else text

    def may_hold_token(self, content: bytes) -> bool:
        """Return whether a JSON text may hold the token: quickly, so rather once too often."""
        start = (self.token.partition("|")[2] or self.token)[:LEAST_SHOWN].encode()
        return bool(start) and (
            start in content or (b"\\u00" in content and bool(re.search(rb"\\u00[2-7]", content)))
        )


@functools.lru_cache(maxsize=64)
def _secrets(token: str, proxy: str | None) -> re.Pattern[str] | None:
    """Return a pattern for whatever of the token and the proxy's password must not be shown."""
    parts = [part for part in (token, token.partition("|")[2]) if len(part) >= LEAST_SECRET]
    whole = [*parts, *(word for word in proxy_passwords(proxy) if len(word) >= LEAST_SECRET)]
    # Gateways shorten what they quote, and some quote a header as it is encoded elsewhere.
    starts = [part[:LEAST_SHOWN] for part in parts if len(part) >= 2 * LEAST_SHOWN]
    for offset in range(3 if starts else 0):
        # Base64 is read in groups of three bytes: "Bearer " before the token shifts them.
        encoded = base64.b64encode(bytes(offset) + token.encode()).decode()
        starts += [form[4 : 4 + 2 * LEAST_SHOWN] for form in (encoded, encoded.translate(URL_SAFE))]
    patterns = [re.escape(word) for word in sorted(whole, key=len, reverse=True)]
    patterns += [re.escape(start) + r"[\w|%+/=~.-]*" for start in starts]
    if starts and quote(token, safe="") != token:
        patterns.append(re.escape(quote(token, safe="")[:LEAST_SHOWN]) + r"[\w%.~-]*")
    return re.compile("|".join(patterns)) if patterns else None


def assumes(settings: ClientSettings, name: str) -> bool | None:
    """Return whether an assumption about PostBoost holds, as ``postboost check --prove`` has stored it in the connection.

    :param name: one of ``connection/assumptions.py``, such as ``log_visible``.
    :returns: None where nobody has proved it.
    """
    return dict(settings.observed).get(name)


def proxy_passwords(proxy: str | None) -> set[str]:
    """Return the password in a proxy's URL, as it is written and as it is meant."""
    written = urlsplit(proxy or "").password or ""
    return {written, unquote(written)} - {""}


def check_base_url(url: str) -> str:
    """Return the URL without a trailing slash.

    :raises PostBoostConfigError: the token could be sent unencrypted, or the URL has more than scheme, host and path.
    """
    if looks_like_token(unquote(re.split("[?#]", url.rpartition("@")[2])[0])):
        # Even to look it up as a host name would send it to others.
        raise PostBoostConfigError(
            f"The base URL (not shown) contains what looks like a token. Set the host to {DEFAULT_BASE_URL}, or leave it "
            "empty. The token belongs in the password.",
            code="token_in_host",
            field="host",
        )
    # The part before an @ or after a ? may be the token.
    shown = re.sub(r"([?#]).*", r"\1...", url.rpartition("@")[2], flags=re.DOTALL)
    code, problem = "not_a_plain_url", ""
    if odd := re.search(r"[^\x20-\x7e\s]", url):
        # Some look like other characters, and some like nothing.
        char = odd.group()
        name = unicodedata.name(char, "a control character")
        raise PostBoostConfigError(
            f"The base URL {shown!a} contains the character U+{ord(char):04X} ({name}), which can make it look like "
            "another one. Type it with plain ASCII characters.",
            code="not_ascii",
            field="host",
        )
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        code, problem = "not_a_url", f"is not a URL. Use {DEFAULT_BASE_URL}."
    else:
        if "@" in parts.netloc or "?" in url or "#" in url or not host:
            problem = f"must consist of scheme, host and path, such as {DEFAULT_BASE_URL}. The token belongs in the password."
        elif re.search(r"[\s\\]", url):
            problem = "contains a space or a backslash. Remove it."
        elif parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
            code = "unencrypted"
            problem = "would send the token unencrypted. Use https://; http:// is only for a sandbox on this machine."
    if problem:
        raise PostBoostConfigError(f"The base URL {shown!r} {problem}", code=code, field="host")
    return url.rstrip("/")


def split_host(field: str, port: int | None) -> tuple[str, str, str]:
    """Return scheme, host with port, and path of a connection's host: a whole URL, or only the host part of a URI."""
    scheme, _, rest = field.strip().rpartition("://")
    authority, _, path = rest.partition("/")
    with suppress(ValueError):
        # Airflow splits a URI with an IPv6 host into the address, without its brackets, and the port.
        authority = f"[{IPv6Address(authority)}]"
    if port and ":" not in authority.rpartition("]")[2]:
        authority = f"{authority}:{port}"
    return scheme, authority, path.strip("/")


def host_of(authority: str) -> str:
    """Return the host of ``host:port``, an IPv6 address without its brackets."""
    return authority.rpartition("]")[0].lstrip("[") or authority.partition(":")[0]


def is_loopback(host: str) -> bool:
    """Return whether a host name or address, without brackets and port, is this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False

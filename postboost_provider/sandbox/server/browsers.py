"""Refuse what a browser sends for a page of another site: the control endpoints and the page need no token."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.requests import Request


def refusal(request: Request, own_host: str, *, has_body: bool = False) -> tuple[int, str] | None:
    """Return status and message for a request that another site may have caused; None if it is accepted.

    :param own_host: the address that the sandbox listens on.
    """
    host = request.headers.get("host", "")
    if not _is_own_name(_name_of(f"//{host}"), own_host):
        return (
            403,
            f"The Host {host!r} is not the sandbox's. Use an address, localhost or a name without dots.",
        )
    origin = request.headers.get("origin")
    if origin is not None and origin != f"{request.scope['scheme']}://{host}":
        return 403, f"Requests of the web page {origin!r} are not allowed."
    # A link to the page is harmless: the other site cannot read the response.
    if request.headers.get("sec-fetch-site") in ("cross-site", "same-site") and (
        request.headers.get("sec-fetch-mode") != "navigate" or request.method != "GET"
    ):
        return 403, "Requests of other web pages are not allowed."
    kind = request.headers.get("content-type")
    if (has_body or kind is not None) and (kind or "").partition(";")[
        0
    ].strip().lower() != "application/json":
        return 415, "Send JSON with the header Content-Type: application/json."
    return None


def is_loopback(host: str) -> bool:
    """Return whether the host is this machine, by its address or as localhost."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _name_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_own_name(name: str, own_host: str) -> bool:
    """Return whether no site on the Internet can have this name, so that it cannot lead its visitors here."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name == own_host.lower() or (bool(name) and "." not in name) or name.endswith(".localhost")
    return True

"""Start the sandbox from the command line: ``python -m postboost_provider.sandbox``."""

from __future__ import annotations

import argparse
import importlib.util
import json
import signal
import sys
import threading
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

from postboost_provider.sandbox.core.settings import Settings, SettingsError

if TYPE_CHECKING:
    from postboost_provider.sandbox.server import Sandbox

_NOT_LOOPBACK = (
    "Warning: the sandbox listens on {host}. Everyone who reaches this address can read and change all data without a"
    " token. Use it only in a network that you trust."
)
_REQUIRED = ("jinja2", "python_multipart", "starlette", "uvicorn")


def main(arguments: list[str] | None = None) -> int:
    options = vars(_parser().parse_args(arguments))
    missing = [name for name in _REQUIRED if importlib.util.find_spec(name) is None]
    if missing:
        print(
            f"The sandbox requires {', '.join(missing)}. Run: pip install 'airflow-provider-postboost[sandbox]'",
            file=sys.stderr,
        )
        return 1
    from postboost_provider.sandbox.server import Sandbox
    from postboost_provider.sandbox.server.browsers import is_loopback
    from postboost_provider.sandbox.server.saved_state import SavedStateError

    as_json = options.pop("json")
    if not is_loopback(options["host"]):
        print(_NOT_LOOPBACK.format(host=options["host"]), file=sys.stderr)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        with Sandbox(**options) as sandbox:
            print(_as_json(sandbox) if as_json else _as_text(sandbox, options["state"]), flush=True)
            stop.wait()
    except (SettingsError, SavedStateError) as error:
        print(error, file=sys.stderr)
        return 1
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        print(f"The sandbox cannot listen on {options['host']}:{options['port']}: {reason}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m postboost_provider.sandbox",
        description="Run a local PostBoost for development and tests. Without --state, data is kept only in memory.",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="Address to listen on (default: only this machine)."
    )
    parser.add_argument("--port", type=int, default=8765, help="Port; 0 is any free port (default: 8765).")
    parser.add_argument("--state", metavar="FILE", help="Keep all data in this file across restarts.")
    parser.add_argument(
        "--json", action="store_true", help="Print the URL, workspaces and tokens as one line of JSON."
    )
    settings = parser.add_argument_group("settings")
    hints = get_type_hints(Settings)
    for each in fields(Settings):
        flag = "--" + each.name.replace("_", "-")
        help_text = f"{each.metadata['meaning']} (default: {_shown(each.default)})"
        settings.add_argument(
            flag, dest=each.name, default=each.default, help=help_text, **_argparse_type(hints[each.name])
        )
    return parser


def _argparse_type(kind: Any) -> dict[str, Any]:
    """Return the arguments with which argparse reads a setting of that type."""
    if kind is bool:
        return {"action": argparse.BooleanOptionalAction}
    if kind in (int, float, str):
        return {"type": kind}
    if get_origin(kind) is Literal:
        values = get_args(kind)
        return {"type": type(values[0]), "choices": values}
    return {"nargs": "+", "choices": ("admin", "member", "viewer")}


def _shown(value: Any) -> str:
    return "none" if value == () else str(value)


def _as_json(sandbox: Sandbox) -> str:
    return json.dumps(
        {"base_url": sandbox.base_url, "workspaces": sandbox.workspaces, "tokens": sandbox.tokens}
    )


def _as_text(sandbox: Sandbox, state: str | None) -> str:
    lines = [
        "PostBoost sandbox",
        "",
        f"  base URL   {sandbox.base_url}",
        f"  page       {sandbox.page_url}",
        f"  control    {sandbox.control_url}",
        "",
    ]
    lines += [f"  workspace  {each['uuid']}  {each['name']}" for each in sandbox.workspaces]
    lines += ["", *(f"  token      {name:9} {token}" for name, token in sandbox.tokens.items()), ""]
    lines += [
        f"  curl -H 'Authorization: Bearer {sandbox.tokens['member']}' {sandbox.base_url}/workspaces",
        "",
        "Press Ctrl-C to stop. All data will be lost."
        if state is None
        else f"Press Ctrl-C to stop. {state} keeps all data.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

"""A token that is made for one test, and the search for it in whatever a test can get hold of."""

from __future__ import annotations

import base64
import json
import secrets
import string
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

# Frames of tests know the token by right.
OWN_FRAMES = str(Path(__file__).parents[1])


def make_token() -> str:
    """Return a token in PostBoost's format, at random: no token stands in the repository."""
    alphabet = string.ascii_letters + string.digits
    return f"{secrets.randbelow(9000) + 1000}|{''.join(secrets.choice(alphabet) for _ in range(48))}"


def forms(token: str) -> dict[str, str]:
    """Return every form in which the token would be readable to whoever sees it."""
    secret = token.partition("|")[2] or token
    escaped = json.dumps({"": token}).partition(": ")[2].strip('"}').replace("|", "\\u007c")
    found = {
        "whole": token,
        "secret part": secret,
        "first 8": token[:8],
        "first 8 of the secret part": secret[:8],
        "URL-encoded": quote(token, safe=""),
        "JSON-escaped": escaped,
    }
    for offset in range(3):
        # Within a longer text, such as "Bearer <token>", base64 starts at one of three offsets.
        encoded = base64.b64encode(b"\0" * offset + token.encode()).decode()
        found[f"base64 at {offset}"] = encoded[4:-4]
    return found


def find_token(token: str, text: str) -> list[str]:
    """Return the forms of the token in the text, each with what is around it."""
    hits = []
    # Host names and names of encodings are made lower case.
    folded = text.lower()
    for name, form in forms(token).items():
        if (at := folded.find(form.lower())) >= 0:
            around = text[max(0, at - 120) : at] + f"<{name}>" + text[at + len(form) : at + len(form) + 20]
            hits.append(around.replace("\n", " "))
    return hits


def find_in_files(token: str, folder: Path) -> list[str]:
    """Search every file below the folder, whatever its kind."""
    return [
        f"{path.relative_to(folder)}: {hit}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for hit in find_token(token, path.read_bytes().decode("latin-1"))
    ]


def shown(error: BaseException | None) -> Iterator[str]:
    """Yield all that an error could show: its words, fields and notes, and the same of all that it came from."""
    for one in _chain(error):
        yield f"{one} {one!r} {one.args!r} {_render(vars(one))} {getattr(one, '__notes__', '')}"


def variables(error: BaseException | None) -> Iterator[str]:
    """Yield the variables of every frame of its tracebacks, as a tracker of errors would render them."""
    for one in _chain(error):
        yield from _frames(one.__traceback__)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    pending = [error]
    while pending:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        pending += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]


def _frames(trace: TracebackType | None) -> Iterator[str]:
    while trace is not None:
        code = trace.tb_frame.f_code
        if not code.co_filename.startswith(OWN_FRAMES):
            for name, value in trace.tb_frame.f_locals.items():
                yield f"{code.co_filename}:{trace.tb_lineno} {name} = {_render(value)}"
        trace = trace.tb_next


def _render(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001
        return f"(no repr: {error})"

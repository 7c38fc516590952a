"""Run the commands: read from PostBoost and print a table, lines or JSON, never a token."""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any, NoReturn

from postboost_provider.api.clean_text import clean_text
from postboost_provider.api.errors import PostBoostError
from postboost_provider.hooks.postboost import PostBoostHook

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from postboost_provider.api.client import PostBoostClient
    from postboost_provider.connection.check import Finding

# Wide enough for a uuid next to a URL, for output that is not a terminal.
PIPED_WIDTH = 200
# The environment variable by which Airflow decides whether a process may read connections from its database.
CONTEXT = "_AIRFLOW_PROCESS_CONTEXT"


def check(args: Namespace) -> None:
    """Print the diagnosis of each connection, and exit with 1 if any finding is an error."""
    from postboost_provider.connection.diagnosis import diagnose

    if args.prove:
        _prove(args)
        return
    if args.account or args.store:
        _fail("--account and --store belong to --prove. Add --prove, or leave them out.")
    found: list[dict[str, str]] = []
    for conn_id in dict.fromkeys(args.conn_ids or [PostBoostHook.default_conn_name]):
        hook = PostBoostHook(conn_id)
        findings = diagnose(
            hook.read,
            args.min_validity,
            args.admin_conn_id,
            _admin,
            posting=args.posting,
            remarks=hook.remarks,
        )
        for finding in _each(findings):
            found.append({"conn_id": conn_id, **finding.as_dict()})
            if not args.json:
                print(f"{finding.level:<8} {conn_id}  {finding.topic}: {finding}", flush=True)
    if args.json:
        _print_json(found)
    if any(finding["level"] == "error" for finding in found):
        sys.exit(1)


def _prove(args: Namespace) -> None:
    """Print which assumptions about PostBoost hold. Exit with 2 if one does not, and with 1 if that is not known."""
    from postboost_provider.connection.prove import prove

    conn_ids = args.conn_ids or [PostBoostHook.default_conn_name]
    if not args.account or len(conn_ids) > 1:
        _fail("--prove needs --account NAME, for its draft, and one connection. Nothing is published.")
    try:
        hook = PostBoostHook(conn_ids[0])
        with (
            _airflow_context(),
            hook.client(attempts=1) as api,
            hook.client(deadline_seconds=60) as cleaner,
        ):
            proof = prove(api, args.account, cleaner=cleaner)
    except PostBoostError as error:
        _fail(str(error))
    rows = [result.as_dict() for result in proof.results]
    if args.json:
        _print_json({"assumptions": rows, "observed": proof.observed, "left": proof.left})
    else:
        shown = {True: "holds", False: "otherwise", None: "not seen"}
        for row in rows:
            print(
                f"{shown[row['holds']]:<10} {row['name']}: {row['expected']}. Seen: {row['seen']}.",
                flush=True,
            )
            if row["holds"] is False:
                print(f"{'':<10} {row['otherwise']}.")
        for left in proof.left:
            print(f"{'left':<10} Delete it in PostBoost: {left}")
    if args.store:
        _store(conn_ids[0], proof.observed, quiet=args.json)
    if proof.left:
        sys.exit(1)
    if not all(proof.observed.values()):
        sys.exit(2)


def _store(conn_id: str, observed: dict[str, bool], quiet: bool) -> None:
    """Write what was observed to the connection, or print what to write there."""
    from postboost_provider.rotation.stores.airflow_database import AirflowDatabaseStore
    from postboost_provider.rotation.stores.connection import TargetConnection

    text = json.dumps(observed, sort_keys=True)
    try:
        with _airflow_context():
            target = TargetConnection(conn_id, AirflowDatabaseStore())
            target.read()
            target.write(None, lambda extras: {**extras, "observed": text})
    except PostBoostError as error:
        _fail(f"{error}\nTo store it yourself, set the extra observed to {json.dumps(text)}.")
    if not quiet:
        print(f"{'stored':<10} in the extra observed of connection {conn_id!r}")


def _fail(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(1)


def _admin(conn_id: str) -> PostBoostClient:
    return PostBoostHook(conn_id).client(attempts=1)


def accounts(args: Namespace) -> None:
    """Print the accounts of a workspace."""
    with _connected(args) as api:
        listed = list(api.pages("list_accounts", parameters={"workspace_uuid": args.workspace}))
    keys = ("id", "provider", "username", "name", "authorized", "uuid")
    rows = [{key: account.get(key) for key in keys} for account in sorted(listed, key=lambda a: int(a["id"]))]
    _print(args, rows, keys)


def workspaces(args: Namespace) -> None:
    """Print the workspaces that the token's user is a member of."""
    with _connected(args) as api:
        listed = list(api.pages("list_my_workspaces"))
    keys = ("name", "uuid", "role", "can_approve")
    flat = [
        {**(each.get("pivot") or {}), "name": each.get("name"), "uuid": each.get("uuid")} for each in listed
    ]
    _print(args, [{key: each.get(key) for key in keys} for each in flat], keys)


def post(args: Namespace) -> None:
    """Print a post, account by account."""
    from postboost_provider.polling.outcome import read_post, require_post

    with _connected(args) as api:
        found = api.call("get_post", parameters={"post_uuid": args.uuid, "workspace_uuid": args.workspace})
        outcome = read_post(require_post(found, args.uuid))
    if args.json:
        _print_json(outcome.as_dict())
        return
    times = (outcome.scheduled_at, outcome.published_at)
    scheduled, published = (f"{at:%Y-%m-%d %H:%M} UTC" if at else "-" for at in times)
    status = f"{outcome.status}{', in trash' if outcome.trashed else ''}"
    print(f"{outcome.uuid}: {status}; scheduled {scheduled}, published {published}")
    rows = [{**each.as_dict(), "errors": " ".join(each.errors)} for each in outcome.accounts]
    _print(args, rows, ("provider", "name", "status", "external_url", "errors"))


@contextmanager
def _connected(args: Namespace) -> Iterator[PostBoostClient]:
    """Yield a client of the connection. An error is printed and ends the command."""
    try:
        with _airflow_context(), PostBoostHook(args.conn_id).client(deadline_seconds=60) as api:
            yield api
    except PostBoostError as error:
        _fail(str(error))


def _each(findings: Iterator[Finding]) -> Iterator[Finding]:
    """Yield the findings, each found in Airflow's context and printed outside of it."""
    while True:
        with _airflow_context():
            finding = next(findings, None)
        if finding is None:
            return
        yield finding


@contextmanager
def _airflow_context() -> Iterator[None]:
    """Read connections as Airflow's own commands do, also from the database, and keep log lines out of the output."""
    before = os.environ.get(CONTEXT)
    os.environ[CONTEXT] = "server"
    # Airflow 2 logs each connection that it reads, and httpx logs each request.
    logging.disable(logging.INFO)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        logging.disable(logging.NOTSET)
        del os.environ[CONTEXT]
        if before is not None:
            os.environ[CONTEXT] = before


def _print(args: Namespace, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    if args.json:
        _print_json(rows)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        # As Text, because PostBoost's values are not markup.
        table.add_row(*(Text(_shown(row[column])) for column in columns))
    Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False).print(table)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None or value == "" else clean_text(value)


def _print_json(value: Any) -> None:
    # The values are what they are; JSON can write what a terminal would obey in another way.
    text = json.dumps(value, indent=2, ensure_ascii=False)
    print("".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text))

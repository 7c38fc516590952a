"""The commands for a terminal: ``airflow postboost ...`` (Airflow 3.2 or newer), ``python -m postboost_provider ...``.

Import-light: every ``airflow`` command reads this module.
"""

from __future__ import annotations

import argparse
import importlib
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from postboost_provider.connection.form import DEFAULT_CONN_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow.cli.cli_config import GroupCommand

UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def get_cli_commands() -> list[GroupCommand]:
    """Return the group ``postboost`` for Airflow's own command line."""
    from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand

    def command(name: str, text: str, *args: Arg, description: str | None = None) -> ActionCommand:
        return ActionCommand(name=name, help=text, description=description, func=_lazy(name), args=args)

    default = f"Default {DEFAULT_CONN_ID}."
    conn_id = Arg(("-c", "--conn-id"), default=DEFAULT_CONN_ID, help=f"The connection. {default}")
    conn_ids = Arg(("conn_ids",), nargs="*", metavar="CONN_ID", help=f"The connections to check. {default}")
    json = Arg(("--json",), action="store_true", help="Print JSON.")
    workspace = Arg(("-w", "--workspace"), metavar="UUID", help="The workspace. Default: the connection's.")
    uuid = Arg(("uuid",), help="The post's uuid.")
    validity = "How long a token must last: a number with d, h or m. Default 7d."
    min_validity = Arg(
        ("--min-validity",), type=duration, default=timedelta(days=7), metavar="7d", help=validity
    )
    lookup = (
        "An admin's connection, used to look up when scoped keys expire (connections with a scoped_key_id)."
    )
    admin = Arg(("--admin-conn-id",), metavar="CONN_ID", help=lookup)
    posting = Arg(("--posting",), action="store_true", help="Report whatever prevents posting as an error.")
    prove = Arg(
        ("--prove",),
        action="store_true",
        help="Create a draft and a tag, find out how PostBoost works, and delete both. Needs --account.",
    )
    account = Arg(("--account",), metavar="NAME", help="The account of the draft, such as twitter:northwind.")
    store = Arg(
        ("--store",),
        action="store_true",
        help="Store what --prove finds in the connection, where tasks read it.",
    )
    check = command(
        "check",
        "Check connections: token, expiry, workspace, role, abilities, accounts, clock",
        *(conn_ids, min_validity, admin, posting, prove, account, store, json),
        description="Prints one line per finding, with what to do. Exits with 1 if any finding is an error. With --prove, "
        "prints one line per assumption instead, and exits with 2 if one does not hold, 1 if it could not be run.",
    )
    return [
        GroupCommand(
            name="postboost",
            help="Check PostBoost connections, and show accounts, workspaces and posts",
            subcommands=[
                check,
                command("accounts", "List the accounts of the workspace", conn_id, workspace, json),
                command("workspaces", "List the workspaces of the token's user", conn_id, json),
                command("post", "Show a post, account by account", uuid, conn_id, workspace, json),
            ],
        )
    ]


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command of the group without Airflow's own command line."""
    (group,) = get_cli_commands()
    parser = argparse.ArgumentParser(prog="python -m postboost_provider", description=group.help)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in group.subcommands:
        sub: Any = commands.add_parser(
            command.name, help=command.help, description=getattr(command, "description", None) or command.help
        )
        for arg in getattr(command, "args", ()):
            arg.add_to_parser(sub)
        sub.set_defaults(func=getattr(command, "func", None))
    args = parser.parse_args(argv)
    args.func(args)


def duration(text: str) -> timedelta:
    """Read a duration such as ``7d``, ``36h`` or ``90m``."""
    found = re.fullmatch(r"(\d{1,6})([dhm])", text.strip(), re.ASCII)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a valid duration. Write a number with d, h or m, such as 7d."
        )
    return timedelta(**{UNITS[found[2]]: int(found[1])})


def _lazy(name: str) -> Callable[[argparse.Namespace], None]:
    def run(args: argparse.Namespace) -> None:
        getattr(importlib.import_module("postboost_provider.cli.commands"), name)(args)

    return run

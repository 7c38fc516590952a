"""Rewrite ``docs/operations.md`` from the table of operations.

python scripts/refresh_operations_page.py            # write the page
python scripts/refresh_operations_page.py --check    # exit 1 when the page is stale
"""

from __future__ import annotations

import re
import sys
from itertools import groupby
from pathlib import Path

from generated_files import write_or_check

from postboost_provider.api.operations import Operation, load_operations

PAGE = Path(__file__).parent.parent / "docs" / "operations.md"

# What has an operator or a sensor of its own, which does more than send it.
OPERATORS = {
    "add_generic_subscription": "PostBoostCreateSubscriptionOperator",
    "add_post_to_queue": "PostBoostSchedulePostOperator",
    "add_user_to_workspace": "PostBoostAddMemberOperator",
    "approve_post": "PostBoostApprovePostOperator",
    "cancel_subscription": "PostBoostCancelSubscriptionOperator",
    "change_subscription_plan": "PostBoostChangeSubscriptionOperator",
    "create_api_key": "PostBoostRotateKeyOperator",
    "create_post": "PostBoostCreatePostOperator",
    "create_receipt": "PostBoostCreateReceiptOperator",
    "create_report_export": "PostBoostReportOperator",
    "create_subscription": "PostBoostCreateSubscriptionOperator",
    "create_user": "PostBoostCreateUserOperator",
    "create_workspace": "PostBoostCreateWorkspaceOperator",
    "delete_api_key": "PostBoostRotateKeyOperator",
    "delete_post": "PostBoostDeletePostOperator",
    "delete_user": "PostBoostDeleteUserOperator",
    "delete_workspace": "PostBoostDeleteWorkspaceOperator",
    "download_report_export": "PostBoostReportOperator",
    "get_account_analytics": "PostBoostAnalyticsToStorageOperator",
    "get_account_health": "PostBoostAccountHealthSensor",
    "get_analytics_summary": "PostBoostAnalyticsToStorageOperator",
    "get_post": "PostBoostPostSensor",
    "get_post_analytics": "PostBoostAnalyticsToStorageOperator",
    "initiate_chunked_upload": "PostBoostUploadMediaOperator",
    "initiate_remote_upload": "PostBoostUploadMediaOperator",
    "remove_user_from_workspace": "PostBoostRemoveMemberOperator",
    "repurpose_content": "PostBoostRepurposeOperator",
    "resume_subscription": "PostBoostResumeSubscriptionOperator",
    "retry_post_account": "PostBoostRetryPostOperator",
    "schedule_post": "PostBoostSchedulePostOperator",
    "update_post": "PostBoostUpdatePostOperator",
    "update_receipt": "PostBoostCreateReceiptOperator",
    "update_subscription": "PostBoostChangeSubscriptionOperator",
    "update_user": "PostBoostUpdateUserOperator",
    "update_workspace": "PostBoostUpdateWorkspaceOperator",
    "update_workspace_user": "PostBoostAddMemberOperator",
    "upload_media": "PostBoostUploadMediaOperator",
}
TIERS = {
    "workspace": "Workspace",
    "account": "The token's own",
    "panel": "Panel",
    "tools": "Free tools",
}
ABOUT = {
    "workspace": "Their path begins with the workspace, which is the connection's unless `workspace_uuid` is given.",
    "account": "Whatever workspaces the token opens.",
    "panel": "They need an admin's unscoped access token ([The panel](panel.md)).",
    "tools": "They know no workspace. Those that need a token spend AI credits.",
}
START = """# Operations

All {count} operations of PostBoost's API {version}. `PostBoostOperator` sends any of them, and so does
`@task.postboost` ([Any operation](any-operation.md)); in Python it is the hook's client:

```python
from postboost_provider.hooks.postboost import PostBoostHook

with PostBoostHook("postboost_default").client() as api:
    tag = api.call("create_tag", body={{"name": "autumn", "hex_color": "#f59e0b"}})
    same = api.call("get_tag", parameters={{"tag_uuid": tag["uuid"]}})
    names = [account["username"] for account in api.pages("list_accounts")]
```

Under **parameters** and **body** is what an operation takes; what is in brackets may be left out. **list** means that
`all_pages=True` and `api.pages()` read it to its end.

**Again** says what a repeated task does. *key*: it carries an idempotency key, and within 24 hours PostBoost gives the
former answer again. *safe*: it is sent again, which does no more than once. *look*: it is looked for in PostBoost's
activity log first. *ask*: nothing tells, so that a person is asked for. *once*: its last answer is given only once.

This page is made by `python scripts/refresh_operations_page.py`.
"""


def render() -> str:
    operations = load_operations()
    page = [START.format(count=len(operations), version="1.66.3")]
    for tier, title in TIERS.items():
        mine = [op for op in operations.values() if op.tier == tier]
        page.append(f"## {title}\n\n{ABOUT[tier]}\n")
        if tier == "workspace":
            for family, found in groupby(sorted(mine, key=family_of), key=family_of):
                page.append(f"### {heading(family)}\n\n{table(list(found))}")
        else:
            page.append(table(mine))
    return "\n".join(page)


def heading(family: str) -> str:
    words = family.replace("-", " ").capitalize()
    return re.sub(r"^(Ai|Api|Rss)\b", lambda found: found[0].upper(), words)


def family_of(op: Operation) -> str:
    return op.path.split("/")[2]


def table(operations: list[Operation]) -> str:
    lines = [
        "| operation | call | parameters | body | again | on its own |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [f"| {' | '.join(row(op))} |" for op in sorted(operations, key=lambda op: op.operation)]
    return "\n".join(lines) + "\n"


def row(op: Operation) -> list[str]:
    own = OPERATORS.get(op.operation)
    notes = ["list" if op.is_list else "", "file: `save_to`" if op.reply == "binary" else ""]
    notes += ["shows a secret: `secret_sink`" if op.secret else "", "" if op.needs_token else "no token"]
    said = "; ".join(note for note in notes if note)
    given = [
        (p.name, p.required) for p in op.parameters if (p.name, op.tier) != ("workspace_uuid", "workspace")
    ]
    return [
        f"`{op.operation}`{f' ({said})' if said else ''}",
        f"{op.method} `{op.path.removeprefix('/{workspace_uuid}')}`",
        names(given),
        names([(name, name in op.required_fields) for name in op.fields], files=op.files),
        again(op),
        f"`{own}`" if own else "",
    ]


def names(fields: list[tuple[str, bool]], files: tuple[str, ...] = ()) -> str:
    """Return the names, what is needed first and the rest in brackets."""
    shown = {name: f"`{name}` (a file)" if name in files else f"`{name}`" for name, _ in fields}
    needed = ", ".join(shown[name] for name, required in fields if required)
    optional = ", ".join(shown[name] for name, required in fields if not required)
    return " ".join(part for part in (needed, f"[{optional}]" if optional else "") if part)


def again(op: Operation) -> str:
    if op.idempotency_key:
        return "key"
    if op.repeatable:
        return "safe"
    if op.is_read:
        return "once"
    return "look" if op.tier == "workspace" else "ask"


def main() -> int:
    return write_or_check({PAGE: render()}, Path(__file__).name)


if __name__ == "__main__":
    sys.exit(main())

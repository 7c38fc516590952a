"""The provider's metadata. Import-light: every Airflow process reads it."""

from __future__ import annotations

from typing import Any

from postboost_provider import __version__
from postboost_provider.connection import form as connection_form

MODULES = {
    "hooks": "postboost",
    "operators": "ai analytics api approval billing calendar keys media panel post_actions posts reports tokens",
    "sensors": "accounts expiry posts",
    "triggers": "accounts ai expiry posts",
}


def get_provider_info() -> dict[str, Any]:
    """Return the provider's metadata, as Airflow's provider schema describes it."""
    name = "PostBoost"
    return {
        "package-name": "airflow-provider-postboost",
        "name": name,
        "description": "Publish and schedule social media posts with PostBoost (https://postboost.co), exactly once.",
        "versions": [__version__],
        "integrations": [
            {"integration-name": name, "external-doc-url": "https://postboost.co/docs/", "tags": ["service"]}
        ],
        **{kind: [{"integration-name": name, "python-modules": _modules(kind)}] for kind in MODULES},
        "task-decorators": [
            {"name": "postboost", "class-name": "postboost_provider.decorators.postboost.postboost_task"}
        ],
        "cli": ["postboost_provider.cli.parser.get_cli_commands"],
        "connection-types": [
            {
                "connection-type": connection_form.CONNECTION_TYPE,
                "hook-class-name": connection_form.HOOK_CLASS,
                "hook-name": connection_form.HOOK_NAME,
                "conn-fields": connection_form.conn_fields(),
                "ui-field-behaviour": connection_form.provider_ui_behaviour(),
            }
        ],
    }


def _modules(kind: str) -> list[str]:
    return [f"postboost_provider.{kind}.{name}" for name in MODULES[kind].split()]

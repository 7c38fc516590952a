"""Schemathesis over the schema rebuilt from the official SDK, against a sandbox: no 5xx, and no response outside the schema.

    python -m tests.contract.fuzz

Seed and number of cases are fixed, so a run can be reproduced. Everything stays on this machine.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from postboost_provider.api.operations import load_operations
from postboost_provider.sandbox.server import Sandbox
from postboost_provider.sandbox.server.handlers import HANDLERS
from tests import clients
from tests.contract.schema import UNDECLARED, document
from tests.contract.world import NAMED, World

SEED, CASES, LONGEST_SECONDS = 20, 3, 900
CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    *("response_headers_conformance", "response_schema_conformance"),
)
# Deletions name objects created for them, so nothing that others need is deleted, except by chance.
_SPARE = {"/panel/workspaces/{workspaceUuid}": "delete"}
# Minimum successful operations among the recorded requests (the last 10,000).
_FEWEST_SERVED = 150
_NOTHING = "00000000-0000-4000-8000-000000000000"
_MESSAGE = {"type": "object", "required": ["message"], "properties": {"message": {"type": "string"}}}


def narrowed(world: World) -> dict[str, Any]:
    """Return the document with paths of existing objects, and with the status codes that it lacks everywhere."""
    found = copy.deepcopy(document())
    named = _Named(world)
    spare = world.do("create_workspace", {"name": "Spare", "access_status": "unlimited"})["uuid"]
    for path, methods in found["paths"].items():
        for method, operation in list(methods.items()):
            if operation["operationId"] not in HANDLERS:
                del methods[method]
                continue
            for parameter in operation["parameters"]:
                if parameter["in"] == "path":
                    value = spare if _SPARE.get(path) == method else named[parameter["name"]]
                    unknown = [] if parameter["name"] == "workspaceUuid" else [type(value)(_NOTHING[-1])]
                    parameter["schema"] = {"enum": [value, *unknown]}
            for code in UNDECLARED:
                declared = operation["responses"].get(code, {}).get("content", {}).get("application/json", {})
                schema = {"anyOf": [_MESSAGE, *([declared["schema"]] if declared else [])]}
                content = {"application/json": {"schema": schema}}
                operation["responses"][code] = {"description": code, "content": content}
    return found


class _Named(dict[str, Any]):
    """Objects for path parameters by the parameter's name, created on demand."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._names = {p.wire: p.name for each in load_operations().values() for p in each.parameters}

    def __missing__(self, wire: str) -> Any:
        self[wire] = NAMED[self._names[wire]](self._world)
        return self[wire]


def main() -> int:
    with Sandbox(publish_seconds=0) as sandbox, tempfile.TemporaryDirectory() as folder:
        with clients.client(sandbox, "admin") as api:
            narrow = narrowed(World(sandbox, api))
        file = Path(folder) / "openapi.json"
        file.write_text(json.dumps(narrow), encoding="utf-8")
        options = {
            "url": sandbox.base_url,
            "header": f"Authorization: Bearer {sandbox.tokens['admin']}",
            "checks": ",".join(CHECKS),
            "phases": "coverage,fuzzing",
            "seed": SEED,
            "max-examples": CASES,
            "warnings": "off",
        }
        run = [
            Path(sys.executable).with_name("schemathesis"),
            "--no-color",
            "run",
            file,
            "--continue-on-failure",
        ]
        run += [f"--{name}={value}" for name, value in options.items()]
        code = subprocess.run(run, cwd=folder, check=False, timeout=LONGEST_SECONDS).returncode
        served = {each["operation"] for each in sandbox.requests() if each["status"] in range(200, 300)}
    print(f"{len(served)} of {len(HANDLERS)} operations succeeded within the last requests.")
    return code or len(served) < _FEWEST_SERVED


if __name__ == "__main__":
    sys.exit(main())

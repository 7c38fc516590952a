from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

from postboost_provider.sandbox.core.faults import KINDS
from postboost_provider.sandbox.core.settings import Settings

PAGE = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text(encoding="utf-8")


def test_the_table_of_switches_is_true_and_complete():
    rows = re.findall(r"^\| `(\w+)` \| `(.*?)`(?: \(or `(.*?)`\))? \| (.*) \|$", PAGE, flags=re.MULTILINE)
    hints = get_type_hints(Settings)
    expected = []
    for each in fields(Settings):
        kind = hints[each.name]
        values = get_args(kind) if get_origin(kind) is Literal else ()
        other = "`, `".join(json.dumps(value) for value in values if value != each.default)
        expected.append((each.name, json.dumps(each.default), other, each.metadata["meaning"]))
    assert rows == expected


def test_every_kind_of_fault_is_explained():
    assert set(re.findall(r"^\| `(\w+)` \| .* \| .*\|$", PAGE, flags=re.MULTILINE)) >= set(KINDS)


def test_the_example_runs_as_it_stands():
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    subprocess.run([sys.executable, "-c", example], check=True, timeout=30)

from __future__ import annotations

import importlib
import importlib.metadata
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import postboost_provider
from postboost_provider.connection import form as connection_form
from postboost_provider.get_provider_info import get_provider_info
from tests.connection.test_form import schema

PACKAGE = Path(postboost_provider.__file__).parent
KINDS = ("hooks", "operators", "sensors")


@pytest.fixture(scope="module")
def info() -> dict[str, Any]:
    return get_provider_info()


def modules(info: dict[str, Any], kind: str) -> list[str]:
    return [module for entry in info[kind] for module in entry["python-modules"]]


def test_provider_info_fits_airflows_schema(info):
    jsonschema.validate(info, schema("provider_info.schema.json"))


def test_provider_info_names_the_distribution_and_its_version(info):
    installed = importlib.metadata.distribution("airflow-provider-postboost")
    assert info["package-name"] == installed.name
    assert info["versions"] == [postboost_provider.__version__] == [installed.version]


def test_airflow_finds_provider_info_by_its_entry_point():
    found = importlib.metadata.entry_points(group="apache_airflow_provider")
    (mine,) = [point for point in found if point.dist and point.dist.name == "airflow-provider-postboost"]
    assert mine.load() is get_provider_info


def test_the_connection_is_named_alike_by_provider_info_and_hook(info):
    (connection,) = info["connection-types"]
    module, _, name = connection["hook-class-name"].rpartition(".")
    hook = getattr(importlib.import_module(module), name)
    assert (hook.hook_name, hook.conn_type) == (connection["hook-name"], connection["connection-type"])
    assert (hook.conn_name_attr, hook.default_conn_name) == ("postboost_conn_id", "postboost_default")
    assert hook.get_ui_field_behaviour() == connection_form.hook_ui_behaviour()
    assert hook.get_connection_form_widgets() == connection_form.form_widgets()
    assert connection["conn-fields"] == connection_form.conn_fields()


@pytest.mark.parametrize("kind", KINDS)
def test_every_module_that_is_named_can_be_imported(info, kind):
    for module in modules(info, kind):
        assert importlib.import_module(module)


@pytest.mark.parametrize("kind", KINDS)
def test_every_module_with_a_public_class_of_that_kind_is_named(info, kind):
    suffix = {"hooks": "Hook(", "operators": "Operator(", "sensors": "Sensor("}[kind]
    public = [
        f"postboost_provider.{kind}.{path.stem}"
        for path in sorted((PACKAGE / kind).glob("*.py"))
        if any(
            line.startswith("class PostBoost") and suffix in line for line in path.read_text().splitlines()
        )
    ]
    assert modules(info, kind) == public


def test_every_task_decorator_that_is_named_is_a_function_of_that_module(info):
    for decorator in info["task-decorators"]:
        module, _, name = decorator["class-name"].rpartition(".")
        assert callable(getattr(importlib.import_module(module), name))
    assert [decorator["name"] for decorator in info["task-decorators"]] == ["postboost"]


def test_every_integration_that_is_referred_to_exists(info):
    known = {integration["integration-name"] for integration in info["integrations"]}
    assert {entry["integration-name"] for kind in KINDS for entry in info[kind]} == known


def test_discovering_the_provider_imports_nothing_heavy():
    """Every Airflow process discovers it: with the client or Airflow itself each would start more slowly."""
    code = (
        "import sys, postboost_provider.get_provider_info as p; p.get_provider_info();"
        "print(sorted({'airflow', 'httpx', 'pendulum', 'tenacity', 'fastapi', 'starlette'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""The package as it is installed: what the wheel holds, what Airflow finds, what an import costs, what is public."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from postboost_provider import __version__

if TYPE_CHECKING:
    from email.message import Message

ROOT = Path(__file__).parents[1]


def build(kind: str, source: Path, target: Path) -> Path:
    program = f"from hatchling.build import build_{kind}; import sys; print(build_{kind}(sys.argv[1]))"
    command = [sys.executable, "-c", program, str(target)]
    done = subprocess.run(command, cwd=source, check=True, capture_output=True, text=True)
    return target / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the sdist unpacks to."""
    target = tmp_path_factory.mktemp("sdist")
    with tarfile.open(build("sdist", ROOT, target)) as archive:
        archive.extractall(target, filter="data")
    return target / f"airflow_provider_postboost-{__version__}"


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Return the wheel as it is released: built from the sdist."""
    path = build("wheel", sdist, tmp_path_factory.mktemp("wheel"))
    assert path.name == f"airflow_provider_postboost-{__version__}-py3-none-any.whl"
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    return message_from_bytes(wheel.read(f"airflow_provider_postboost-{__version__}.dist-info/METADATA"))


def test_the_wheel_contains_only_the_package(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert {name.split("/")[0] for name in names} == {
        "postboost_provider",
        f"airflow_provider_postboost-{__version__}.dist-info",
    }
    assert not [name for name in names if "test" in name]
    package = ROOT / "postboost_provider"
    files = {path.relative_to(ROOT).as_posix() for path in package.rglob("*") if path.is_file()}
    missing = {name for name in files if "__pycache__" not in name} - set(names)
    assert missing == set()


def test_the_sdist_contains_what_the_readme_and_a_contributor_need(sdist: Path) -> None:
    assert {path.name for path in sdist.iterdir()} == {
        ".github",
        ".gitignore",
        "LICENSE",
        "Makefile",
        "PKG-INFO",
        *(page.name for page in ROOT.glob("*.md")),
        "benchmarks",
        "constraints",
        "dags_examples",
        "docs",
        "mkdocs.yml",
        "postboost_provider",
        "pyproject.toml",
        "scripts",
        "tests",
    }
    for folder in ("docs", "dags_examples", "constraints", "tests"):
        files = {path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file()}
        missing = {path for path in files if "__pycache__" not in path.parts and not (sdist / path).exists()}
        assert missing == set()


def test_the_index_shows_a_readme_without_links_that_break_there(metadata: Message, sdist: Path) -> None:
    assert metadata["Description-Content-Type"] == "text/markdown"
    readme = str(metadata.get_payload())
    assert not re.findall(r"\]\((?!https://)[^)]*\)", readme)
    paths = re.findall(r"\(`([^`]+)`\)", readme)
    assert "docs/quickstart.md" in paths
    assert [path for path in paths if "/" in path and not (sdist / path).exists()] == []


def test_the_metadata_names_only_addresses_that_exist(metadata: Message) -> None:
    assert metadata.get_all("Project-URL") == ["PostBoost, https://postboost.co"]
    assert metadata["Author"]
    assert "@" not in f"{metadata['Author']}{metadata['Author-email']}"


def test_the_lowest_versions_are_those_that_the_metadata_allows(metadata: Message) -> None:
    """``make matrix`` installs them."""
    lines = (ROOT / "constraints" / "airflow-lowest.txt").read_text(encoding="utf-8").splitlines()
    lowest = dict(line.split("==") for line in lines)
    needs = [Requirement(each) for each in metadata.get_all("Requires-Dist") or ()]
    needs = [each for each in needs if each.marker is None or 'extra == "sandbox"' in str(each.marker)]
    assert len(needs) == 10
    for each in needs:
        (bound,) = (Version(part.version) for part in each.specifier if part.operator == ">=")
        assert Version(lowest[each.name]) == bound, each.name


def test_the_version_is_that_of_the_distribution() -> None:
    assert version("airflow-provider-postboost") == __version__


def test_airflow_finds_the_provider_and_its_connection_type() -> None:
    (entry,) = [
        e for e in entry_points(group="apache_airflow_provider") if e.value.startswith("postboost_provider")
    ]
    assert entry.load()()["connection-types"][0]["connection-type"] == "postboost"
    from airflow.providers_manager import ProvidersManager

    manager = ProvidersManager()
    assert "airflow-provider-postboost" in manager.providers
    hook = manager.hooks["postboost"]
    assert hook is not None
    assert (hook.hook_name, hook.connection_id_attribute_name) == ("PostBoost", "postboost_conn_id")


COUNT = """
import sys
import airflow.sdk, airflow.providers.common.compat.sdk as compat
import airflow.triggers.base
from airflow.sdk.execution_time import task_runner
compat.BaseHook, compat.BaseOperator, compat.BaseSensorOperator
before = set(sys.modules)
{imports}
print(*sorted(set(sys.modules) - before))
"""


def test_importing_everything_public_loads_few_foreign_modules_and_nothing_that_only_a_task_needs() -> None:
    """What a DAG file imports, it imports at every parse."""
    program = COUNT.format(imports="\n".join(f"import {name}" for name in PUBLIC))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    foreign = [name for name in loaded if not name.startswith("postboost_provider")]
    assert len(foreign) <= 15, foreign
    assert not {"fastapi", "starlette", "requests", "aiohttp", "uvicorn"} & set(foreign)
    # A module that is missing here is imported by the task that needs it; add one only if it costs next to nothing.
    light = {
        "airflow_support",
        "airflow_support.compat",
        "airflow_support.hitl",
        "airflow_support.storage",
        "connection",
        "connection.form",
        "hooks",
        "operators",
        "operators.base",
        "operators.post_wait",
        "operators.publishing",
        "retry_policy",
        "rotation",
        "rotation.stores",
        "rotation.stores.airflow_api",
        "rotation.stores.airflow_database",
        "rotation.stores.base",
        "rotation.stores.env_file",
        "sensors",
        "sensors.base",
        "triggers",
        "triggers.base",
    }
    allowed = {*PUBLIC, *(f"postboost_provider.{name}" for name in light)}
    assert sorted(set(loaded) - set(foreign) - allowed) == []


@pytest.mark.parametrize("name", ["postboost_provider", "postboost_provider.get_provider_info"])
def test_what_every_airflow_process_imports_needs_neither_airflow_nor_httpx(name: str) -> None:
    program = f"import sys, {name}; print(*(m for m in ('airflow', 'httpx', 'pendulum', 'tenacity') if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


PUBLIC = {
    "postboost_provider.hooks.postboost": {"PostBoostHook"},
    "postboost_provider.operators.ai": {"PostBoostRepurposeOperator"},
    "postboost_provider.operators.analytics": {"PostBoostAnalyticsToStorageOperator"},
    "postboost_provider.operators.api": {"PostBoostOperator"},
    "postboost_provider.key_stores": {"KeyStore"},
    "postboost_provider.key_stores.airflow_api": {"AirflowApiStore"},
    "postboost_provider.key_stores.airflow_database": {"AirflowDatabaseStore"},
    "postboost_provider.key_stores.env_file": {"EnvFileStore"},
    "postboost_provider.operators.approval": {"PostBoostApprovePostOperator"},
    "postboost_provider.operators.billing": {
        "PostBoostCancelSubscriptionOperator",
        "PostBoostChangeSubscriptionOperator",
        "PostBoostCreateReceiptOperator",
        "PostBoostCreateSubscriptionOperator",
        "PostBoostResumeSubscriptionOperator",
    },
    "postboost_provider.operators.calendar": {"PostBoostPublishCalendarOperator"},
    "postboost_provider.operators.keys": {"PostBoostRotateKeyOperator"},
    "postboost_provider.operators.media": {"PostBoostUploadMediaOperator"},
    "postboost_provider.operators.panel": {
        "PostBoostAddMemberOperator",
        "PostBoostCreateUserOperator",
        "PostBoostCreateWorkspaceOperator",
        "PostBoostDeleteUserOperator",
        "PostBoostDeleteWorkspaceOperator",
        "PostBoostRemoveMemberOperator",
        "PostBoostUpdateUserOperator",
        "PostBoostUpdateWorkspaceOperator",
    },
    "postboost_provider.operators.post_actions": {
        "PostBoostDeletePostOperator",
        "PostBoostRetryPostOperator",
        "PostBoostSchedulePostOperator",
        "PostBoostUpdatePostOperator",
    },
    "postboost_provider.operators.posts": {"PostBoostCreatePostOperator"},
    "postboost_provider.operators.reports": {"PostBoostReportOperator"},
    "postboost_provider.operators.tokens": {"PostBoostRotateTokenOperator"},
    "postboost_provider.sensors.accounts": {"PostBoostAccountHealthSensor"},
    "postboost_provider.retry_policy": {"PostBoostFailException", "PostBoostRetryPolicy", "RetryPolicyMixin"},
    "postboost_provider.sensors.expiry": {"PostBoostTokenExpirySensor"},
    # A function: token_guard.
    "postboost_provider.sensors.guard": set(),
    "postboost_provider.sensors.posts": {"PostBoostPostSensor"},
    "postboost_provider.triggers.accounts": {"PostBoostAccountHealthTrigger"},
    "postboost_provider.triggers.ai": {"PostBoostRepurposeTrigger"},
    "postboost_provider.triggers.expiry": {"PostBoostTokenTrigger"},
    "postboost_provider.triggers.posts": {"PostBoostPostTrigger"},
}


@pytest.mark.parametrize("name", PUBLIC)
def test_each_module_has_the_public_classes_that_dags_import_from_it(name: str) -> None:
    """The golden list: a name that leaves it breaks somebody's DAG."""
    module = importlib.import_module(name)
    # A module that says what it offers passes on what is defined elsewhere.
    offered = set(getattr(module, "__all__", ()))
    classes = {
        key
        for key, value in vars(module).items()
        if inspect.isclass(value) and (key in offered or value.__module__ == name) and not key.startswith("_")
    }
    assert classes == PUBLIC[name]

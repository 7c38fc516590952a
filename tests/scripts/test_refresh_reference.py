"""The reference pages say what the code says, and all of it."""

from __future__ import annotations

import inspect
import re
from typing import Any, Literal

import docstring_fields
import pytest
import refresh_reference
from airflow.providers.common.compat.sdk import AirflowOptionalProviderFeatureException
from docstring_fields import Argument, XCom, describe, split

from postboost_provider.api import errors
from postboost_provider.api.client import PostBoostClient
from tests.test_package import PUBLIC

FOLDER = refresh_reference.FOLDER
LINK = re.compile(r"\]\(([^)\s#]*)(?:#([^)]*))?\)")


def public_subjects() -> list[Any]:
    try:
        return [
            each for page in refresh_reference.PAGES for each in refresh_reference.subjects(page).values()
        ]
    except AirflowOptionalProviderFeatureException as error:
        pytest.skip(str(error), allow_module_level=True)


SUBJECTS = public_subjects()


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {path.name: text for path, text in refresh_reference.render().items()}


def test_the_pages_are_up_to_date_and_there_are_no_others(pages):
    stored = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert stored == pages, "run python scripts/refresh_reference.py"


def test_every_public_class_is_on_one_page(pages):
    headings = [line[3:] for text in pages.values() for line in text.splitlines() if line.startswith("## ")]
    # What operators and sensors have in common is said of each of them.
    public = {name for names in PUBLIC.values() for name in names} - {"RetryPolicyMixin"}
    assert {name: headings.count(name) for name in public} == dict.fromkeys(public, 1)
    assert len(headings) == len(set(headings))


def test_every_error_is_in_the_table_of_errors(pages):
    rows = re.findall(r"^\| `(\w+)` \|", pages["hook.md"].split("## Errors\n")[1], re.MULTILINE)
    assert set(rows) >= set(errors.__all__)


def test_the_index_links_to_every_section(pages):
    links = LINK.findall(pages["README.md"])
    anchors = {
        (name, refresh_reference.anchor(line[3:]))
        for name, text in pages.items()
        for line in text.splitlines()
        if line.startswith("## ")
    }
    assert set(links) == anchors


def test_links_resolve_to_pages_that_exist(pages):
    paths = {path for text in pages.values() for path, _ in LINK.findall(text)}
    assert {path for path in paths if not (FOLDER / path).exists()} == set()


def test_every_table_has_as_many_cells_in_each_row(pages):
    for text in pages.values():
        for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
            cells = [re.sub(r"\\\|", "", line).count("|") for line in table.splitlines()]
            assert len(set(cells)) == 1, table


@pytest.mark.parametrize("subject", [s for s in SUBJECTS if inspect.isclass(s)], ids=lambda s: s.__name__)
def test_every_argument_has_a_meaning_and_no_other_is_explained(subject):
    about = describe(subject)
    assert about.summary
    assert [each.name for each in about.arguments if not each.meaning] == []
    taken = {
        name
        for each in subject.__mro__
        if "__init__" in vars(each)
        for name in inspect.signature(vars(each)["__init__"]).parameters
    }
    assert {name for kind, name, _ in split(subject)[1] if kind == "param"} <= taken


@pytest.mark.parametrize(
    "task",
    [s for s in SUBJECTS if inspect.isclass(s) and s.__name__.endswith(("Operator", "Sensor"))],
    ids=lambda s: s.__name__,
)
def test_every_operator_and_sensor_says_what_it_returns(task):
    (returned,) = [x for x in describe(task).xcoms if x.key == "return_value"]
    assert returned.type
    assert returned.meaning


def test_no_argument_of_a_table_lacks_its_meaning(pages):
    assert [line for text in pages.values() for line in text.splitlines() if line.endswith("| |")] == []


def test_the_arguments_that_send_takes_as_keywords_are_those_of_call_and_three_more():
    known = {each.name: each for each in describe(PostBoostClient.call).arguments}
    found = {each.name: each for each in describe(PostBoostClient.send).arguments}
    assert found.keys() - known.keys() == {"client_label", "allow_duplicate", "of_draft"}
    assert not known.keys() - found.keys()
    assert {name: found[name].type for name in known} == {name: each.type for name, each in known.items()}
    assert (found["operation"].default, found["body"].default) == ("required", "optional")


@pytest.mark.parametrize("drift, code", [("", 0), (" ", 1)])
def test_the_check_fails_on_drift_and_changes_nothing(monkeypatch, tmp_path, capsys, drift, code):
    fresh, other = tmp_path / "fresh.md", tmp_path / "other.md"
    fresh.write_text("a")
    other.write_text("b" + drift)
    monkeypatch.setattr(refresh_reference, "render", lambda: {fresh: "a", other: "b"})
    monkeypatch.setattr("sys.argv", ["refresh_reference.py", "--check"])
    assert refresh_reference.main() == code
    assert other.read_text() == "b" + drift
    printed = capsys.readouterr().out
    assert ("other.md" in printed, "fresh.md" in printed) == (bool(code), False)


def test_a_page_that_is_not_there_yet_is_stale_and_then_written(monkeypatch, tmp_path):
    page = tmp_path / "page.md"
    monkeypatch.setattr(refresh_reference, "render", lambda: {page: "a"})
    monkeypatch.setattr("sys.argv", ["refresh_reference.py", "--check"])
    assert refresh_reference.main() == 1
    monkeypatch.setattr("sys.argv", ["refresh_reference.py"])
    assert refresh_reference.main() == 0
    assert page.read_text() == "a"


Mode = Literal["a", "b"]


class Airflows:
    """Stand for a class of Airflow's.

    :param task_id: not ours to explain.
    """

    def __init__(self, task_id: str, **kwargs: Any) -> None: ...


class Base(Airflows):
    """Hold what several have in common.

    :param conn: the connection. Templated.
    :param mode: of the base.
    :xcom uuid: (str; there is one) the uuid.
    :raises ValueError: of the base.
    :raises KeyError: of the base.
    """

    template_fields = ("conn",)

    def __init__(self, *, conn: str = "default", mode: Mode = "a", **kwargs: Any) -> None: ...


class Child(Base):
    """Do one thing.
    In one paragraph.

    With a second one.

    :param size: how large
        it is.
    :param mode: of the child.
    :param task_id: known to everybody.
    :xcom return_value: (dict[str, Any]) the result.
    :raises ValueError: once.
    :raises ValueError: twice.
    """

    def __init__(
        self, size: int | None, *, mode: Mode = "b", deferrable: bool = False, **kwargs: Any
    ) -> None: ...


class Closed(Child):
    """Take nothing else."""

    def __init__(self, only: int = 1) -> None: ...


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docstring_fields, "PACKAGE", "tests")
    monkeypatch.setattr(Airflows, "__module__", "airflow")


@pytest.mark.usefixtures("ours")
def test_a_class_has_the_arguments_and_fields_of_its_base_classes_and_not_those_of_airflow():
    about = describe(Child)
    assert (about.summary, about.has_templates) == ("Do one thing. In one paragraph.", True)
    assert about.arguments == [
        Argument("size", "int | None", "required", False, "how large it is."),
        Argument("mode", '"a" | "b"', '`"b"`', False, "of the child."),
        Argument("deferrable", "bool", "`[operators] default_deferrable`", False, ""),
        Argument("conn", "str", '`"default"`', True, "the connection."),
        Argument("task_id", "", "", False, "known to everybody."),
    ]
    assert about.xcoms == [
        XCom("return_value", "dict[str, Any]", "always", "the result."),
        XCom("uuid", "str", "there is one", "the uuid."),
    ]
    assert about.errors == [("ValueError", "once."), ("ValueError", "twice."), ("KeyError", "of the base.")]


@pytest.mark.usefixtures("ours")
def test_a_class_that_passes_nothing_on_has_its_own_arguments_only():
    assert [each.name for each in describe(Closed).arguments] == ["only"]


def test_an_xcom_without_a_type_is_an_error():
    def task() -> None:
        """Do it.

        :xcom uuid: the uuid.
        """

    with pytest.raises(ValueError, match="uuid"):
        describe(task)


@pytest.mark.parametrize(
    "text, markdown",
    [
        ("``a|b``", "`a|b`"),
        (":class:`~postboost_provider.key_stores.KeyStore`", "`KeyStore`"),
        (":meth:`client`", "`client()`"),
        (":meth:`PostBoostClient.call`", "`PostBoostClient.call()`"),
        (":meth:`~postboost_provider.api.client.PostBoostClient.call`", "`PostBoostClient.call()`"),
    ],
)
def test_the_markup_of_docstrings_becomes_markdown(text, markdown):
    assert refresh_reference.markdown(text) == markdown

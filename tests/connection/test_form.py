from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.expiry import Expiry
from postboost_provider.api.settings import ClientSettings, assumes
from postboost_provider.connection import form as connection_form
from postboost_provider.connection.form import FIELDS, read_extras

WHERE = "connection 'mine'"
NAMES = [field.name for field in FIELDS]
# Airflow 3.3 masks the values of extras that have one of these in their names: in its form, its API and its logs.
MASKED = (
    *(
        "access_key",
        "access_token",
        "api_key",
        "apikey",
        "auth_header",
        "authorization",
        "bearer",
        "dsn",
        "token",
    ),
    *(
        "connection_string",
        "keyfile_dict",
        "passphrase",
        "passwd",
        "password",
        "private_key",
        "proxies",
        "proxy",
    ),
    *("proxy_password", "secret", "service_account", "service_key", "webhook_url"),
)


def schema(name: str) -> dict[str, Any]:
    """Return one of the schemas that Airflow ships."""
    found = importlib.util.find_spec("airflow")
    assert found
    assert found.origin
    return json.loads((Path(found.origin).parent / name).read_text())


def refused(name: str, value: Any) -> str:
    with pytest.raises(PostBoostConfigError, match=f"^{WHERE}: {name} ") as caught:
        read_extras({name: value}, WHERE)
    assert caught.value.field == name
    return str(caught.value)


@pytest.mark.parametrize("empty", [None, "", "  ", [], {}, "[]", "{}", 0, 0.0, False], ids=repr)
@pytest.mark.parametrize("name", NAMES)
def test_the_value_of_an_empty_field_in_a_saved_form_is_not_set(name, empty):
    assert read_extras({name: empty}, WHERE) == ({}, [])


@pytest.mark.parametrize(
    "name, value, read",
    [
        ("workspace_uuid", " b0a7d2c4 ", "b0a7d2c4"),
        ("expires_on", "2026-10-16", Expiry("date", date(2026, 10, 16))),
        ("expires_on", "never", Expiry("never")),
        ("scoped_key_id", 42, 42),
        ("scoped_key_id", "42", 42),
        ("timeout_seconds", 12.5, 12.5),
        ("timeout_seconds", "600", 600.0),
        ("timeout_seconds", "0.5", 0.5),
        ("client_label", " team a ", "team a"),
        ("client_label", "x" * 100, "x" * 100),
        ("proxy", "http://proxy.example.com:3128", "http://proxy.example.com:3128"),
        ("proxy", "https://me:p%2Fw@proxy", "https://me:p%2Fw@proxy"),
        ("ca_bundle", "/etc/ssl/company.pem", "/etc/ssl/company.pem"),
        ("ca_bundle", "/etc/ssl/our company.pem", "/etc/ssl/our company.pem"),
    ],
)
def test_a_value_is_read_as_what_it_means(name, value, read):
    values, unknown = read_extras({name: value}, WHERE)
    assert values == {name: read}
    assert type(values[name]) is type(read)
    assert unknown == []


@pytest.mark.parametrize(
    "name, value, word",
    [
        ("workspace_uuid", "b0a7 d2c4", "space"),
        ("workspace_uuid", "https://postboost.co/w/b0a7", "URL"),
        ("expires_on", "2026-02-30", "date"),
        ("scoped_key_id", "abc", "number"),
        ("scoped_key_id", 4.5, "number"),
        ("scoped_key_id", -1, "number"),
        ("scoped_key_id", "0", "number"),
        ("scoped_key_id", "\u0664\u0662", "number"),
        ("timeout_seconds", "soon", "600"),
        ("timeout_seconds", "nan", "600"),
        ("timeout_seconds", -1, "600"),
        ("timeout_seconds", 601, "600"),
        ("timeout_seconds", [30], "600"),
        ("timeout_seconds", True, "600"),
        ("client_label", "ü", "ASCII"),
        ("client_label", "a\nb", "ASCII"),
        ("client_label", "x" * 101, "100"),
        ("ca_bundle", "/a\n/b", "line break"),
    ],
)
def test_a_wrong_value_is_shown_with_what_is_expected(name, value, word):
    message = refused(name, value)
    assert repr(value) in message
    assert word in message


@pytest.mark.parametrize(
    "proxy",
    [
        "hidden.example.com:3128",
        "socks5://hidden:1080",
        "http://",
        "http://me:hidden word@proxy:3128",
        "http://me:hid/den@proxy:3128",
        "http://me:hid#den@proxy:3128",
        "http://me:hidden℀@proxy:3128",
        "http://me:hidden@[::1",
        "http://me:hidden@proxy:port",
        "http://me:hidden@proxy:99999",
    ],
)
def test_a_wrong_proxy_is_refused_without_showing_any_of_it(proxy):
    message = refused("proxy", proxy)
    assert "http://host:port" in message
    assert "hid" not in message
    assert "netloc" not in message


def test_an_error_in_a_proxy_chains_to_nothing_that_shows_it():
    with pytest.raises(PostBoostConfigError) as caught:
        read_extras({"proxy": "http://me:hidden@proxy:port"}, WHERE)
    assert caught.value.__suppress_context__
    assert "hidden" not in repr(caught.value.__context__)


def test_unknown_extras_are_listed_in_order_and_the_known_ones_are_read():
    extras = {"zone": "x", "workspace_uuid": "w", "Proxy": "http://p", "api_version": None}
    assert read_extras(extras, WHERE) == ({"workspace_uuid": "w"}, ["Proxy", "api_version", "zone"])


def test_airflow_masks_the_proxy_which_may_hold_a_password_and_no_other_extra():
    assert [name for name in NAMES if any(word in name for word in MASKED)] == ["proxy"]


def test_every_field_is_rendered_for_the_form_in_its_order():
    fields = connection_form.conn_fields()
    assert list(fields) == NAMES
    for field in FIELDS:
        assert fields[field.name]["label"] == field.label
        assert fields[field.name]["description"] == field.description


def test_the_fields_fit_airflows_schema_of_a_provider():
    one = schema("provider.yaml.schema.json")["properties"]["connection-types"]["items"]["properties"]
    if "conn-fields" not in one:
        pytest.skip("this Airflow's form does not read fields from provider info")
    jsonschema.validate(connection_form.conn_fields(), one["conn-fields"])
    jsonschema.validate(connection_form.provider_ui_behaviour(), one["ui-field-behaviour"])


def test_the_older_form_fits_airflows_schema_too():
    jsonschema.validate(
        connection_form.hook_ui_behaviour(), schema("customized_form_field_behaviours.schema.json")
    )


@pytest.mark.parametrize("field", FIELDS, ids=lambda f: f.name)
def test_a_field_takes_nothing_and_its_own_example(field):
    check = jsonschema.Draft7Validator(field.schema)
    example = json.loads(field.placeholder) if field.placeholder.isdecimal() else field.placeholder
    assert set(field.schema) <= {"type", "examples", "minimum", "maximum", "maxLength", "section"}
    assert check.is_valid(None)
    assert check.is_valid(example)
    assert field.check(field.placeholder)


@pytest.mark.parametrize(
    "name, value, fits",
    [
        ("scoped_key_id", 0, False),
        ("scoped_key_id", 1, True),
        ("timeout_seconds", 600, True),
        ("timeout_seconds", 601, False),
        ("client_label", "x" * 100, True),
        ("client_label", "x" * 101, False),
    ],
)
def test_the_form_has_the_limits_of_the_check(name, value, fits):
    found = connection_form.conn_fields()[name]["schema"]
    assert jsonschema.Draft7Validator(found).is_valid(value) is fits
    if fits:
        read_extras({name: value}, WHERE)


class Widget:
    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.arguments, self.options = arguments, options


@pytest.fixture
def older_airflow(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The modules that Airflow below 3.2 has, or stands in for."""
    wtforms = SimpleNamespace(StringField=Widget)
    monkeypatch.setitem(sys.modules, "wtforms", wtforms)
    monkeypatch.setitem(sys.modules, "flask_appbuilder", SimpleNamespace())
    monkeypatch.setitem(
        sys.modules, "flask_appbuilder.fieldwidgets", SimpleNamespace(BS3TextFieldWidget=Widget)
    )
    connection_form.form_widgets.cache_clear()
    yield
    connection_form.form_widgets.cache_clear()


def test_the_older_form_has_the_fields_that_people_fill_in(older_airflow):
    """Its page breaks on a placeholder for a field that it does not have."""
    widgets = connection_form.form_widgets()
    assert list(widgets) == [name for name in NAMES if name not in ("rotation", "observed")]
    assert widgets["expires_on"].arguments == ("Expires on",)
    older, newer = connection_form.hook_ui_behaviour(), connection_form.provider_ui_behaviour()
    assert set(older["placeholders"]) == {"host", "password", *widgets}
    assert set(newer["placeholders"]) == {"host", "password", *NAMES}
    assert older["relabeling"] == newer["relabeling"]
    assert older["hidden_fields"] == newer["hidden-fields"] == ["login", "schema", "port", "extra"]


def test_without_widgets_the_extras_are_entered_as_json(monkeypatch):
    monkeypatch.setitem(sys.modules, "flask_appbuilder.fieldwidgets", None)
    connection_form.form_widgets.cache_clear()
    found = connection_form.hook_ui_behaviour()
    assert connection_form.form_widgets() == {}
    assert set(found["placeholders"]) == {"host", "password"}
    assert found["hidden_fields"] == ["login", "schema", "port"]
    connection_form.form_widgets.cache_clear()


def test_what_this_package_writes_is_out_of_peoples_way():
    sections = {field.name: field.schema.get("section") for field in FIELDS}
    assert {name for name, section in sections.items() if section} == {"rotation", "observed"}
    assert NAMES[-2:] == ["rotation", "observed"]


def test_the_texts_of_the_form_are_plain():
    assert not [field.name for field in FIELDS if "`" in field.description]
    assert "YYYY-MM-DD" in next(f.description for f in FIELDS if f.name == "expires_on")


@pytest.mark.parametrize(
    "value", [{"log_visible": True, "replay": False}, '{"replay": false, "log_visible": true}']
)
def test_what_was_observed_is_read_as_json_or_as_text(value):
    values, unknown = read_extras({"observed": value}, WHERE)
    assert values == {"observed": (("log_visible", True), ("replay", False))}
    assert unknown == []
    settings = ClientSettings("token", observed=values["observed"])
    assert [assumes(settings, name) for name in ("log_visible", "replay", "times_utc")] == [True, False, None]


@pytest.mark.parametrize("value", ["yes", "[1]", ["log_visible"], {"log_visible": 1}, "{x", '{"a": null}'])
def test_what_was_observed_is_true_or_false(value):
    assert "JSON" in refused("observed", value)

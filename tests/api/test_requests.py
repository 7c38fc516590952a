from __future__ import annotations

import json
import re
from typing import Any

import pytest

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.api.operations import get_operation
from postboost_provider.api.requests import prepare
from tests.api.support import BASE, TOKEN, WORKSPACE, Upload, request, settings


def refused(operation: str, **call: Any) -> PostBoostConfigError:
    with pytest.raises(PostBoostConfigError, match=operation) as caught:
        request(operation, **call)
    return caught.value


def query(operation: str, parameters: dict[str, Any]) -> str:
    return request(operation, parameters=parameters).url.partition("?")[2]


@pytest.mark.parametrize(
    "name, near", [("creat_post", "create_post"), ("list_post", "list_posts"), ("tag_create", "create_tag")]
)
def test_the_error_for_an_unknown_operation_lists_the_nearest_names(name, near):
    with pytest.raises(PostBoostConfigError, match=rf"\b{near}\b") as caught:
        get_operation(name)
    assert caught.value.code == "unknown_operation"


def test_an_operation_like_no_other_gets_no_suggestion():
    with pytest.raises(PostBoostConfigError, match=r"'qqqq'\.$"):
        get_operation("qqqq")


def test_the_error_for_an_unknown_parameter_lists_the_nearest_and_all_others():
    error = refused("list_accounts", parameters={"provider": ["x"]})
    assert (error.code, error.field) == ("unknown_parameter", "provider")
    assert "keyword, group, providers, unauthorized" in str(error)
    assert str(error).endswith("providers?")


def test_the_wire_name_of_a_parameter_is_not_its_name():
    assert refused("get_post", parameters={"postUuid": "p"}).field == "postUuid"


def test_an_operation_without_parameters_says_so():
    error = refused("list_my_workspaces", parameters={"page": 1})
    assert (error.code, error.field) == ("unknown_parameter", "page")
    assert "none" in str(error)


@pytest.mark.parametrize("parameters", [{}, {"post_uuid": "p", "account_uuid": None}])
def test_a_missing_parameter_is_named_before_anything_is_sent(parameters):
    error = refused("retry_post_account", parameters=parameters)
    assert (error.code, error.field in ("post_uuid", "account_uuid")) == ("missing_parameter", True)


def test_a_workspace_operation_takes_the_workspace_of_the_connection():
    assert request("list_tags").url == f"{BASE}/{WORKSPACE}/tags"


def test_a_given_workspace_wins_over_that_of_the_connection():
    made = request("list_tags", parameters={"workspace_uuid": "other"})
    assert (made.url, str(made)) == (f"{BASE}/other/tags", "list_tags in other")


@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_workspace_is_not_that_of_the_connection(value):
    assert refused("list_tags", parameters={"workspace_uuid": value}).field == "workspace_uuid"


def test_without_any_workspace_the_message_says_where_to_set_it():
    with pytest.raises(PostBoostConfigError, match="connection 'mine'") as caught:
        prepare(settings(workspace_uuid=None, name="connection 'mine'"), "list_tags")
    assert (caught.value.code, caught.value.field) == ("missing_parameter", "workspace_uuid")


@pytest.mark.parametrize("operation", ["get_workspace", "delete_workspace", "update_subscription"])
def test_a_panel_operation_never_takes_the_workspace_of_the_connection(operation):
    assert refused(operation).field == "workspace_uuid"


def test_a_panel_list_is_not_narrowed_to_the_workspace_of_the_connection():
    assert request("list_receipts").url == f"{BASE}/panel/receipts"


@pytest.mark.parametrize("value", [12, "12", " 12 "])
def test_an_id_may_be_a_number_or_text(value):
    made = request("reset_account_posting_schedule", parameters={"account_id": value})
    assert made.url == f"{BASE}/{WORKSPACE}/posting-schedule/12"


@pytest.mark.parametrize(
    "value, segment",
    [
        ("a/b", "a%2Fb"),
        ("../panel", "..%2Fpanel"),
        ("a b", "a%20b"),
        ("a?b#c", "a%3Fb%23c"),
        ("%2e%2e", "%252e%252e"),
        ("{workspace_uuid}", "%7Bworkspace_uuid%7D"),
        ("@evil:1", "%40evil%3A1"),
        ("ü", "%C3%BC"),
    ],
)
def test_a_path_parameter_stays_one_segment(value, segment):
    assert request("get_post", parameters={"post_uuid": value}).url == f"{BASE}/{WORKSPACE}/posts/{segment}"


@pytest.mark.parametrize("value", ["", "  ", ".", "..", " .. "])
def test_a_path_parameter_that_would_change_the_path_is_refused(value):
    assert refused("get_post", parameters={"post_uuid": value}).field == "post_uuid"


@pytest.mark.parametrize(
    "parameters, expected",
    [
        ({"unauthorized": True}, "unauthorized=true"),
        ({"unauthorized": False}, "unauthorized=false"),
        ({"providers": ["twitter", "linkedin"]}, "providers[]=twitter&providers[]=linkedin"),
        ({"providers": ("twitter",)}, "providers[]=twitter"),
        ({"providers": "twitter"}, "providers[]=twitter"),
        ({"providers": []}, ""),
        ({"keyword": None, "group": 3}, "group=3"),
        ({"keyword": "a&b=c d/ü"}, "keyword=a%26b%3Dc+d%2F%C3%BC"),
    ],
)
def test_query_parameters_are_written_as_postboost_reads_them(parameters, expected):
    assert query("list_accounts", parameters) == expected


def test_a_parameter_that_python_reserves_is_sent_under_its_own_name():
    assert query("list_awareness_days", {"var_from": "2026-10-01"}) == "from=2026-10-01"


@pytest.mark.parametrize(
    "operation, call, code, field",
    [
        ("create_post", {"body": None}, "missing_field", "versions"),
        ("create_post", {"body": {"accounts": [1]}}, "missing_field", "versions"),
        ("create_tag", {"body": {"name": "a", "hex_color": None}}, "missing_field", "hex_color"),
        ("upload_media", {"body": {"alt_text": "a"}}, "missing_field", "file"),
        ("create_post", {"body": {"versions": [], "acounts": [1]}}, "unknown_field", "acounts"),
        ("get_post", {"body": {"a": 1}}, "no_body", "body"),
        ("get_post", {"files": Upload().part()}, "no_body", "body"),
        ("create_post", {"files": Upload().part()}, "no_files", "files"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_before_anything_is_sent(operation, call, code, field):
    error = refused(operation, **call)
    assert (error.code, error.field) == (code, field)


def test_a_json_body_is_sent_as_utf_8_without_padding():
    made = request("create_tag", body={"name": "Grüße 🚀", "hex_color": "#fff"})
    assert made.content == '{"name":"Grüße 🚀","hex_color":"#fff"}'.encode()
    assert made.headers["Content-Type"] == "application/json"


def test_an_operation_without_a_body_sends_none():
    made = request("delete_post")
    assert made.content is None
    assert "Content-Type" not in made.headers


def test_an_optional_body_of_a_delete_is_sent():
    made = request("delete_post", body={"trash": True})
    assert json.loads(made.content or b"") == {"trash": True}


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, "\ud83d"], ids=["nan", "a set", "half a character"])
def test_what_json_lacks_is_refused(value):
    assert refused("create_post", body={"versions": [value]}).field == "body"


def test_a_mistyped_field_of_a_body_is_refused_with_the_nearest():
    assert str(refused("create_post", body={"versions": [], "acounts": [1]})).endswith("accounts?")


def test_an_idempotency_key_is_sent_where_it_is_accepted():
    assert request("create_post", idempotency_key="k").headers["Idempotency-Key"] == "k"
    assert "Idempotency-Key" not in request("create_post").headers


def test_an_idempotency_key_is_refused_where_postboost_takes_none():
    assert refused("update_post", idempotency_key="k").field == "idempotency_key"


@pytest.mark.parametrize("length", [1, 255])
def test_an_idempotency_key_may_have_1_to_255_characters(length):
    assert request("create_post", idempotency_key="k" * length).headers["Idempotency-Key"] == "k" * length


@pytest.mark.parametrize("length", [0, 256])
def test_an_idempotency_key_of_another_length_is_refused(length):
    error = refused("create_post", idempotency_key="k" * length)
    assert error.field == "idempotency_key"
    assert f"{length} characters" in str(error)


@pytest.mark.parametrize("key", ["grün", "a\nb", "a\x00", " a", "a "])
def test_an_idempotency_key_is_refused_rather_than_changed_into_another(key):
    assert refused("create_post", idempotency_key=key).field == "idempotency_key"


@pytest.mark.parametrize(
    "label, sent",
    [
        ("airflow/scope~1/row~2 intent", "airflow/scope~1/row~2 intent"),
        ("a\r\nX-Allow-Duplicate: true", "a??X-Allow-Duplicate: true"),
        ("Grüße\x00\x7f🚀", "Gr??e???"),
    ],
)
def test_a_label_can_add_no_header(label, sent):
    assert request("create_post", client_label=label).headers["X-PostBoost-Client"] == sent


def test_a_write_carries_the_label_of_the_connection_and_a_read_none():
    changed = settings(client_label="team-a")
    assert request("create_post", changed=changed).headers["X-PostBoost-Client"] == "team-a"
    assert "X-PostBoost-Client" not in request("list_tags", changed=changed).headers


@pytest.mark.parametrize("operation", ["create_post", "list_tags"])
def test_a_request_asks_for_json_and_holds_no_token(operation):
    made = request(operation)
    assert made.headers["Accept"] == "application/json"
    assert "Authorization" not in made.headers
    assert TOKEN.partition("|")[2] not in repr(made)


def boundary(idempotency_key: str | None) -> str:
    made = request("upload_media", files=Upload().part(), idempotency_key=idempotency_key)
    found = re.fullmatch(r"multipart/form-data; boundary=([0-9a-f]{32})", made.headers["Content-Type"])
    assert found
    return found[1]


def test_the_boundary_of_an_upload_comes_from_its_key():
    assert boundary("k") == boundary("k") != boundary("other")


def test_uploads_without_a_key_have_boundaries_of_their_own():
    assert boundary(None) != boundary(None)


def test_the_fields_beside_a_file_are_sent_as_text_and_none_is_left_out():
    made = request("upload_media", files=Upload().part(), body={"alt_text": "ü", "folder": None})
    assert (made.form, made.content) == ({"alt_text": "ü"}, None)

"""The official SDK against the sandbox: every response must pass the SDK's own models."""

from __future__ import annotations

import base64
import datetime
import json
import re
import sys
import types
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import httpx
import pytest

from postboost_provider.sandbox.server import Sandbox
from tests.contract.schema import problems
from tests.remote_files import PNG

# The SDK 1.66.3 imports a module that its wheel lacks.
_missing = types.ModuleType("postboost.models.object")
_missing.object = object  # type: ignore[attr-defined]
sys.modules.setdefault("postboost.models.object", _missing)

postboost = pytest.importorskip("postboost")


@pytest.fixture
def workspace(sandbox: Sandbox) -> str:
    # The SDK cannot parse the documented null reason of a healthy account.
    sandbox.reset(reconnect_reason="object")
    return sandbox.workspaces[0]["uuid"]


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Any]:
    # Without retries=False, urllib3 would sleep on 429 and 503 and hide them.
    configuration = postboost.Configuration(
        host=sandbox.base_url, access_token=sandbox.tokens["admin"], retries=False
    )
    with postboost.ApiClient(configuration) as client:
        yield client


@pytest.fixture
def posts(client: Any) -> Any:
    return postboost.PostsApi(client)


def draft(text: str, *accounts: int, **more: Any) -> Any:
    version = postboost.PostVersion(
        account_id=0, is_original=True, content=[postboost.PostContent(body=text)]
    )
    return postboost.PostInput(versions=[version], accounts=list(accounts), **more)


def account_id(client: Any, workspace: str, provider: str) -> int:
    listed = postboost.AccountsApi(client).list_accounts(workspace, providers=[provider]).data
    return listed[0].id


def test_workspaces(client, sandbox):
    found = postboost.WorkspacesApi(client).list_my_workspaces().data
    assert [each.uuid for each in found] == [each["uuid"] for each in sandbox.workspaces]
    assert found[0].pivot.role == "admin"


def test_accounts_and_their_health(client, workspace):
    api = postboost.AccountsApi(client)
    listed = api.list_accounts(workspace).data
    assert len(listed) == 12
    assert api.get_account(workspace, listed[0].uuid).id == listed[0].id
    assert [each.provider for each in api.list_accounts(workspace, unauthorized=True).data] == [
        "facebook_page"
    ]
    health = api.get_account_health(workspace).data
    assert sorted(each.id for each in health) == sorted(each.id for each in listed)


def test_account_groups(client, workspace):
    api = postboost.AccountGroupsApi(client)
    twitter = account_id(client, workspace, "twitter")
    group = api.create_account_group(
        workspace, postboost.AccountGroupInput(name="New", accounts=[twitter])
    ).data
    assert api.get_account_group(workspace, group.uuid).data.account_ids == [twitter]
    changed = api.update_account_group(
        workspace, group.uuid, postboost.AccountGroupInput(name="Newer", accounts=[])
    )
    assert (changed.data.name, changed.data.account_ids) == ("Newer", [])
    assert api.list_account_groups(workspace).meta.total == 3
    assert api.delete_account_group(workspace, group.uuid) is None


def test_the_life_of_a_post(client, posts, sandbox, workspace):
    threads = account_id(client, workspace, "threads")
    created = posts.create_post(workspace, draft("x" * 501, threads), idempotency_key="one")
    assert (created.status, created.warnings[0].code) == ("draft", "threads_too_long")
    assert posts.update_post(workspace, created.uuid, draft("short", threads)).success is True
    listed = posts.list_posts(workspace, page=1)
    assert (listed.data[0].uuid, listed.meta.total) == (created.uuid, 1)
    at = postboost.SchedulePostRequest(postNow=False, var_date=datetime.date(2030, 1, 1), time="10:00")
    assert posts.schedule_post(workspace, created.uuid, at).scheduled_at == "2030-01-01 09:00:00"
    now = postboost.SchedulePostRequest(postNow=True)
    posts.schedule_post(workspace, created.uuid, now)
    assert posts.get_post(workspace, created.uuid).publish_progress.total == 1
    sandbox.advance(2)
    done = posts.get_post(workspace, created.uuid)
    assert (done.status, done.accounts[0].publish_status) == ("published", "published")
    request = postboost.DeletePostRequest(trash=True)
    assert posts.delete_post(workspace, created.uuid, delete_post_request=request).to_trash is True
    bulk = postboost.DeletePostsBulkRequest(posts=[created.uuid])
    assert posts.delete_posts_bulk(workspace, bulk).deleted is True


def test_queue_approval_and_retry(client, posts, sandbox, workspace):
    threads = postboost.AccountsApi(client).list_accounts(workspace, providers=["threads"]).data[0]
    uuid = posts.create_post(workspace, draft("queued", threads.id)).uuid
    assert posts.add_post_to_queue(workspace, uuid).success is True
    sandbox.change(approval_required_for=["admin"])
    at = {"date": datetime.date(2030, 1, 1), "time": "10:00", "schedule": True}
    waiting = posts.create_post(
        workspace, postboost.PostInput.model_validate({**draft("b", threads.id).to_dict(), **at})
    )
    assert waiting.status == "needs_approval"
    assert posts.approve_post(workspace, waiting.uuid).scheduled_at == "2030-01-01 09:00:00"
    sandbox.faults({"kind": "fail_account", "provider": "threads", "code": "190", "raw": {"error": 1}})
    sandbox.change(approval_required_for=[])
    posts.schedule_post(workspace, waiting.uuid, postboost.SchedulePostRequest(postNow=True))
    sandbox.advance(2)
    failed = posts.get_post(workspace, waiting.uuid)
    assert (failed.status, len(failed.accounts[0].errors)) == ("failed", 2)
    assert posts.retry_post_account(workspace, waiting.uuid, threads.uuid).publish_progress.total == 1


def test_the_dry_run(client, posts, workspace):
    threads = account_id(client, workspace, "threads")
    report = posts.validate_post(workspace, draft("fine", threads))
    assert (report.valid, report.errors, report.issues) == (True, {}, [])
    posts.create_post(workspace, draft("fine", threads))
    assert posts.validate_post(workspace, draft("fine", threads)).issues[0].code == "duplicate_post"


def test_the_dry_run_as_documented_is_more_than_the_sdk_can_parse(client, posts, sandbox, workspace):
    sandbox.change(reconnect_reason="null")
    response = posts.validate_post_without_preload_content(
        workspace, draft("fine", account_id(client, workspace, "threads"))
    )
    health = json.loads(response.data)["accounts"][0]
    assert (health["healthy"], health["connection"]["reconnect_reason"]) == (True, None)
    with pytest.raises(ValueError, match="reconnect_reason"):
        postboost.AccountsApi(client).get_account_health(workspace)


def test_a_guardrails_response_is_the_sdks_guardrail_error(client, posts, sandbox, workspace):
    threads = account_id(client, workspace, "threads")
    first = posts.create_post(workspace, draft("same", threads))
    with pytest.raises(postboost.ApiException) as refused:
        posts.create_post(workspace, draft("same", threads))
    assert refused.value.status == 409
    assert refused.value.data.existing_post_uuid == first.uuid
    assert posts.create_post(workspace, draft("same", threads), _headers={"X-Allow-Duplicate": "true"}).id
    sandbox.change(daily_cap=0)
    with pytest.raises(postboost.ApiException) as capped:
        posts.create_post(workspace, draft("other", threads, schedule_now=True))
    assert (capped.value.status, capped.value.data.limit) == (429, 0)


def test_tags(client, workspace):
    api = postboost.TagsApi(client)
    tag = api.create_tag(workspace, postboost.TagInput(name="New", hex_color="#123456"))
    assert api.get_tag(workspace, tag.uuid) == tag
    api.update_tag(workspace, tag.uuid, postboost.TagInput(name="Newer", hex_color="#123456"))
    assert api.list_tags(workspace).data[0].name == "Newer"
    api.delete_tag(workspace, tag.uuid)
    with pytest.raises(postboost.exceptions.NotFoundException):
        api.get_tag(workspace, tag.uuid)


def test_media(client, posts, workspace):
    api = postboost.MediaApi(client)
    media = api.upload_media(workspace, ("bean.png", PNG), alt_text="A bean", idempotency_key="m")
    assert api.get_media(workspace, media.uuid) == media
    assert api.list_media(workspace, limit=10, mime_types=["image/png"]).data == [media]
    api.update_media(workspace, media.uuid, postboost.UpdateMediaRequest(alt_text="Beans"))
    body = draft("picture")
    body.versions[0].content[0].media = [int(media.id)]
    assert posts.create_post(workspace, body).versions[0].content[0].media == [int(media.id)]
    items = [postboost.DeleteMediaBulkRequestItemsInner(media.uuid)]
    api.delete_media_bulk(workspace, postboost.DeleteMediaBulkRequest(items=items))
    assert api.list_media(workspace).data == []


def test_media_in_chunks(client, sandbox, workspace):
    sandbox.change(chunk_size=50)
    api = postboost.MediaApi(client)
    wanted = postboost.InitiateChunkedUploadRequest(
        filename="clip.mp4", mime_type="video/mp4", total_size=len(PNG)
    )
    started = api.initiate_chunked_upload(workspace, wanted, idempotency_key="c")
    assert (started.chunk_size, started.total_chunks) == (50, 2)
    for index in range(started.total_chunks):
        chunk = ("blob", PNG[50 * index : 50 * (index + 1)])
        sent = api.upload_chunk(workspace, started.upload_uuid, chunk_index=index, chunk=chunk)
        assert sent.received == index + 1
    request = postboost.CompleteChunkedUploadRequest(alt_text="A clip")
    media = api.complete_chunked_upload(workspace, started.upload_uuid, request)
    assert (media.name, media.size, media.alt_text) == ("clip.mp4", len(PNG), "A clip")
    other = api.initiate_chunked_upload(workspace, wanted)
    assert api.abort_chunked_upload(workspace, other.upload_uuid) is None


def test_media_from_a_url(client, sandbox, workspace):
    api = postboost.MediaApi(client)
    source = api.upload_media(workspace, ("bean.png", PNG)).url
    request = postboost.InitiateRemoteUploadRequest(url=source)
    done = api.initiate_remote_upload(workspace, request, idempotency_key="r")
    assert (done.status, done.media.size) == ("completed", None)
    assert api.get_media(workspace, done.media.uuid).size == len(PNG)
    nothing = postboost.InitiateRemoteUploadRequest(url=f"{sandbox.control_url}/nothing.png")
    failed = api.initiate_remote_upload(workspace, nothing)
    assert (failed.status, failed.media, bool(failed.error)) == ("failed", None, True)
    sandbox.change(remote_background_bytes=1)
    started = api.initiate_remote_upload(workspace, request)
    assert started.status == "pending"
    responses = []
    while not responses or responses[-1].status != "completed":
        responses.append(api.get_remote_upload_status(workspace, started.download_id))
    assert (responses[0].status, responses[0].progress) == ("downloading", 0)
    assert (responses[-1].progress, responses[-1].media.size) == (100, len(PNG))
    with pytest.raises(postboost.exceptions.NotFoundException) as forgotten:
        api.get_remote_upload_status(workspace, started.download_id)
    assert forgotten.value.data.status == "failed"


def test_media_as_base64_and_folders(client, workspace):
    api = postboost.MediaApi(client)
    outer = api.create_media_folder(
        workspace, postboost.CreateMediaFolderRequest(name="Outer"), idempotency_key="f"
    )
    inner = api.create_media_folder(
        workspace, postboost.CreateMediaFolderRequest(name="Inner", parent=outer.uuid)
    )
    content = base64.b64encode(PNG).decode()
    media = api.upload_media_base64(
        workspace,
        postboost.MediaBase64Input(content=content, filename="bean.png", folder=inner.uuid),
        idempotency_key="b",
    )
    assert (media.folder.uuid, media.folder.name) == (inner.uuid, "Inner")
    assert [(each.name, each.media_count) for each in api.list_media_folders(workspace).data] == [
        ("Inner", 1),
        ("Outer", 1),
    ]
    assert api.list_media(workspace, folder=inner.uuid).data == [media]
    moved = api.update_media_folder(
        workspace, inner.uuid, postboost.MediaFolderInput(name="Top", parent=None)
    )
    assert (moved.name, moved.parent) == ("Top", None)
    api.update_media(workspace, media.uuid, postboost.UpdateMediaRequest(folder=outer.uuid))
    assert api.get_media(workspace, media.uuid).folder.uuid == outer.uuid
    api.delete_media_folder(workspace, outer.uuid, postboost.DeleteMediaFolderRequest(delete_media=True))
    api.delete_media_folder(workspace, inner.uuid)
    assert api.list_media_folders(workspace).data == api.list_media(workspace).data == []


def test_api_keys_and_the_log(client, workspace):
    api = postboost.WorkspacesApi(client)
    wanted = postboost.ApiKeyInput(name="bot", abilities=["read"], expires_at=datetime.date(2040, 1, 1))
    created = api.create_api_key(workspace, wanted).data
    assert created.token
    assert [each.name for each in api.list_api_keys(workspace).data] == ["bot", "Sandbox key"]
    api.delete_api_key(workspace, created.id)
    log = postboost.ActivityApi(client).list_api_activity(workspace, since=datetime.datetime(2020, 1, 1)).data
    assert [entry.outcome for entry in log] == ["deleted", "created"]


def test_the_panel(client, sandbox):
    users = postboost.UsersApi(client)
    listed = users.list_users().data
    assert users.get_user(listed[0].id) == listed[0]
    spaces = postboost.WorkspacesApi(client)
    assert spaces.get_workspace(spaces.list_workspaces().data[0].uuid).owner.is_admin is True


def test_the_sdk_as_published_misses_a_module_that_it_imports():
    folder = Path(postboost.__file__).parent
    assert not (folder / "models" / "object.py").exists()
    assert any("from postboost.models.object import" in each.read_text() for each in folder.glob("api/*.py"))


def test_nobody_needs_the_sdk_to_use_this_package():
    needed = [each for each in requires("airflow-provider-postboost") or () if "extra ==" not in each]
    assert needed
    assert not any(re.match(r"postboost\b", each) for each in needed)


def test_a_date_is_more_than_the_sdk_can_write_as_json_itself(posts, workspace):
    body = draft("dated", var_date=datetime.date(2030, 1, 1), time="10:00")
    with pytest.raises(TypeError, match="not JSON serializable"):
        body.to_json()
    assert posts.create_post(workspace, body).scheduled_at == "2030-01-01 09:00:00"


def test_tiktoks_privacy_is_more_than_the_sdk_can_parse(client, posts, workspace):
    account = account_id(client, workspace, "tiktok")
    options = {"tiktok": {"privacy_level": {f"account-{account}": "SELF_ONLY"}}}
    content = [{"body": "A clip", "media": []}]
    body = {"versions": [{"account_id": 0, "is_original": True, "content": content, "options": options}]}
    headers = {"Authorization": f"Bearer {client.configuration.access_token}"}
    url = f"{client.configuration.host}/{workspace}/posts"
    created = httpx.post(url, json={**body, "accounts": [account]}, headers=headers).json()
    assert created["versions"][0]["options"] == options
    assert problems("create_post", 201, created) == []
    with pytest.raises(TypeError, match="unhashable"):
        posts.get_post(workspace, created["uuid"])


@pytest.mark.parametrize(
    "model, values",
    [
        ("Media", {"id": 7}),
        ("PostContent", {"media": ["7"]}),
        ("Post", {"status": "archived"}),
        ("Account", {"data": []}),
        ("Account", {"username": None}),
        ("PreflightResult", {"errors": []}),
    ],
)
def test_the_sdks_models_are_closed(model, values):
    """Responses that our own client reads and the SDK's models reject."""
    with pytest.raises(ValueError, match=next(iter(values))):
        getattr(postboost, model).from_dict(values)

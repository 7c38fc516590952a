"""A sandbox restores its data from the state file."""

from __future__ import annotations

import os
import pickle
import stat
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from postboost_provider.sandbox.__main__ import main
from postboost_provider.sandbox.server import Sandbox, saved_state as saved
from tests.remote_files import PNG
from tests.sandbox.bodies import post


def workspace(sandbox: Sandbox, token: str = "admin") -> httpx.Client:
    return httpx.Client(
        base_url=f"{sandbox.base_url}/{sandbox.workspaces[0]['uuid']}",
        headers={"Authorization": f"Bearer {sandbox.tokens[token]}", "Accept": "application/json"},
    )


def everything(sandbox: Sandbox) -> dict[str, Any]:
    """Return the responses of GETs, without the sandbox's address."""
    paths = ("posts", "tags", "media", "api-keys", "webhooks/subscriptions", "activity", "account-groups")
    with workspace(sandbox) as api:
        found = {path: api.get(f"/{path}").json()["data"] for path in paths}
    for item in found["media"]:
        item["url"] = item["thumb_url"] = None
    for key in found["api-keys"]:
        key["last_used_at"] = None
    return found


def test_all_data_is_restored(tmp_path: Path) -> None:
    file = tmp_path / "postboost.state"
    scheduled = post(accounts=[1, 2], schedule=True, date="2099-01-01", time="09:00", timezone="UTC")
    with Sandbox(state=file) as first, workspace(first) as api:
        first.advance(86400)
        uuid = api.post("/posts", json=scheduled, headers={"Idempotency-Key": "one"}).json()["uuid"]
        media = api.post("/media", files={"file": ("bean.png", PNG)}).json()
        api.post("/tags", json={"name": "New", "hex_color": "#123456"})
        key = api.post("/api-keys", json={"name": "k", "abilities": ["read"]}).json()["data"]
        hook = {"callback_url": "http://127.0.0.1:1/", "events": ["post.deleted"]}
        api.post("/webhooks/subscriptions", json=hook)
        begun = {"filename": "a.png", "mime_type": "image/png", "total_size": len(PNG)}
        api.post("/media/chunked/initiate", json=begun)
        before, tokens, now = everything(first), first.tokens, first.state()["now"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [file.name]
    with Sandbox(state=file) as again, workspace(again) as api:
        assert again.tokens == tokens
        assert again.state()["now"] >= now
        assert everything(again) == before
        url = api.get(f"/media/{media['uuid']}").json()["url"]
        assert httpx.get(url).content == PNG
        replay = api.post("/posts", json=scheduled, headers={"Idempotency-Key": "one"})
        assert (replay.json()["uuid"], replay.headers["Idempotent-Replayed"]) == (uuid, "true")
        assert int(api.post("/media", files={"file": ("b.png", PNG)}).json()["id"]) == int(media["id"]) + 1
        assert again.state()["workspaces"][0]["uploads"] == 0
        with workspace(again, "viewer") as viewer:
            viewer.headers["Authorization"] = f"Bearer {key['token']}"
            assert viewer.get("/posts").status_code == 200
        # It is published on time, as without the restart.
        again.advance(80 * 366 * 86400)
        assert api.get(f"/posts/{uuid}").json()["status"] == "published"


def test_settings_are_those_of_each_start(tmp_path: Path) -> None:
    file = tmp_path / "state"
    with Sandbox(state=file, publish_seconds=7) as first:
        assert first.state()["settings"]["publish_seconds"] == 7
    with Sandbox(state=file) as again:
        assert again.state()["settings"]["publish_seconds"] == 2


def test_it_is_written_while_it_runs(tmp_path: Path) -> None:
    """Little is lost when the process is killed."""
    file = tmp_path / "state"
    with Sandbox(state=file) as sandbox, workspace(sandbox) as api:
        api.post("/tags", json={"name": "New", "hex_color": "#123456"})
        ends = time.monotonic() + 20
        while not file.exists() or b"#123456" not in file.read_bytes():
            assert time.monotonic() < ends
            time.sleep(0.02)


class Command:
    def __reduce__(self) -> Any:
        return os.system, ("touch ran",)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "not a saved state"),
        (b"{}", "not a saved state"),
        (pickle.dumps({"format": "other"}), "another version"),
        (b"\x80\x04cpostboost_provider.sandbox.core.gone\nStore\n.", "another version"),
        (pickle.dumps({"format": Command()}), "system"),
        (pickle.dumps([1]), "not a saved state"),
    ],
)
def test_another_file_is_rejected_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, content: bytes, word: str
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "state"
    file.write_bytes(content)
    with pytest.raises(saved.SavedStateError, match=word):
        Sandbox(state=file)
    assert main(["--port", "0", "--state", str(file)]) == 1
    assert word in capsys.readouterr().err
    assert file.read_bytes() == content
    assert not (tmp_path / "ran").exists()


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(saved.SavedStateError, match="nowhere"):
        Sandbox(state=tmp_path / "nowhere" / "state")


def test_reads_are_not_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postboost_provider.sandbox.server.sandbox.SAVED_EVERY_TICKS", 1)
    file = tmp_path / "state"

    def written() -> int:
        time.sleep(0.35)
        return file.stat().st_mtime_ns

    with Sandbox(state=file) as sandbox, workspace(sandbox) as api:
        first = written()
        for path in ("/posts", "/tags", "/activity", "/account-health"):
            assert api.get(path).status_code == 200
        assert written() == first
        api.post("/tags", json={"name": "New", "hex_color": "#123456"})
        assert written() > first

from __future__ import annotations

import pytest

from tests.remote_files import PNG
from tests.sandbox.bodies import fields_with_errors, post


@pytest.fixture
def make(member):
    def create(name, parent=None):
        response = member.post("/media/folders", json={"name": name, "parent": parent and parent["uuid"]})
        assert response.status_code == 201, response.text
        return response.json()

    return create


@pytest.fixture
def upload(member):
    def send(folder=None, name="bean.png"):
        data = {"folder": folder["uuid"]} if folder else {}
        return member.post("/media", files={"file": (name, PNG)}, data=data).json()

    return send


def listed(member):
    return {folder["name"]: folder for folder in member.get("/media/folders").json()["data"]}


def test_the_tree_is_listed_by_name_and_counts_what_is_below(member, make, upload):
    outer = make("Outer")
    inner = make("inner", outer)
    upload(outer)
    upload(inner)
    upload()
    assert list(listed(member)) == ["inner", "Outer"]
    assert listed(member)["Outer"] == {**outer, "parent": None, "media_count": 2}
    assert listed(member)["inner"] == {**inner, "parent": outer["uuid"], "media_count": 1}


def test_siblings_have_different_names(member, make):
    outer = make("Beans")
    assert fields_with_errors(member.post("/media/folders", json={"name": "BEANS"})) == {"name"}
    inner = make("beans", outer)
    url = f"/media/folders/{inner['uuid']}"
    assert fields_with_errors(member.put(url, json={"parent": None})) == {"name"}
    assert member.put(url, json={"name": "Beans"}).json()["name"] == "Beans"
    assert member.put(url, json={"name": "More", "parent": None}).json()["parent"] is None


@pytest.mark.parametrize(
    "body, named",
    [({}, {"name"}), ({"name": "x" * 256}, {"name"}), ({"name": "x", "parent": "nope"}, {"parent"})],
)
def test_a_folder_needs_a_name_and_a_parent_that_exists(member, body, named):
    assert fields_with_errors(member.post("/media/folders", json=body)) == named


def test_folders_nest_to_a_limited_depth(sandbox, member, make):
    sandbox.change(folder_depth=3)
    one = make("1")
    two = make("2", one)
    three = make("3", two)
    assert fields_with_errors(member.post("/media/folders", json={"name": "4", "parent": three["uuid"]})) == {
        "parent"
    }
    other = make("other")
    url = f"/media/folders/{one['uuid']}"
    assert fields_with_errors(member.put(url, json={"parent": other["uuid"]})) == {"parent"}
    assert member.put(f"/media/folders/{two['uuid']}", json={"parent": other["uuid"]}).status_code == 200


def test_a_folder_is_not_moved_into_itself(member, make):
    one = make("1")
    two = make("2", one)
    for target in (one, two):
        response = member.put(f"/media/folders/{one['uuid']}", json={"parent": target["uuid"]})
        assert fields_with_errors(response) == {"parent"}


def test_an_update_changes_only_the_fields_it_names(member, make):
    one = make("1")
    two = make("2", one)
    url = f"/media/folders/{two['uuid']}"
    assert member.put(url, json={"name": "3"}).json() == {**two, "name": "3"}
    assert member.put(url, json={"name": None, "parent": None}).json() == {**two, "name": "3", "parent": None}


def test_content_of_a_deleted_folder_moves_up(member, make, upload):
    outer = make("outer")
    middle = make("middle", outer)
    make("inner", middle)
    media = upload(middle)
    response = member.delete(f"/media/folders/{middle['uuid']}")
    assert (response.status_code, response.json()) == (200, {"success": True})
    assert listed(member)["inner"]["parent"] == outer["uuid"]
    assert member.get(f"/media/{media['uuid']}").json()["folder"] == {"uuid": outer["uuid"], "name": "outer"}
    member.delete(f"/media/folders/{outer['uuid']}")
    assert member.get(f"/media/{media['uuid']}").json()["folder"] is None


def test_a_folder_is_not_deleted_if_its_content_cannot_move_up(member, make):
    outer = make("same")
    make("Same", outer)
    other = make("other", outer)
    make("SAME", other)
    assert member.delete(f"/media/folders/{outer['uuid']}").status_code == 200
    assert fields_with_errors(member.delete(f"/media/folders/{other['uuid']}")) == {"name"}
    assert len(listed(member)) == 3


def test_a_folder_is_deleted_with_everything_below_and_posts_lose_it(member, make, upload):
    outer = make("outer")
    gone, stays = upload(make("inner", outer)), upload()
    created = member.post("/posts", json=post(media=[int(gone["id"]), int(stays["id"])])).json()
    response = member.request("DELETE", f"/media/folders/{outer['uuid']}", json={"delete_media": True})
    assert response.status_code == 200
    assert listed(member) == {}
    assert [each["uuid"] for each in member.get("/media").json()["data"]] == [stays["uuid"]]
    content = member.get(f"/posts/{created['uuid']}").json()["versions"][0]["content"]
    assert content[0]["media"] == [int(stays["id"])]


def test_unknown_folders_are_not_found(member, connect, make):
    for uuid in ("nope", make("mine")["uuid"]):
        client = connect("member", 1)
        assert client.put(f"/media/folders/{uuid}", json={"name": "x"}).status_code == 404
        assert client.delete(f"/media/folders/{uuid}").status_code == 404
    assert fields_with_errors(
        member.request("DELETE", f"/media/folders/{make('x')['uuid']}", json={"delete_media": 2})
    ) == {"delete_media"}


def test_media_is_listed_by_folder_and_moved(member, make, upload):
    outer = make("outer")
    inner = make("inner", outer)
    filed, deeper, unfiled = upload(outer, "a.png"), upload(inner, "b.png"), upload(None, "c.png")

    def names(**params):
        return {each["name"] for each in member.get("/media", params=params).json()["data"]}

    assert names() == {"a.png", "b.png", "c.png"}
    assert (names(folder=outer["uuid"]), names(folder="root")) == ({"a.png"}, {"c.png"})
    assert names(folder=outer["uuid"], keyword="C.") == {"c.png"}
    assert names(folder="nope") == set()
    member.put(f"/media/{unfiled['uuid']}", json={"folder": outer["uuid"]})
    member.put(f"/media/{filed['uuid']}", json={"folder": None})
    member.put(f"/media/{deeper['uuid']}", json={"name": "d.png"})
    assert (names(folder=outer["uuid"]), names(folder="root")) == ({"c.png"}, {"a.png"})
    assert names(folder=inner["uuid"]) == {"d.png"}
    assert fields_with_errors(member.put(f"/media/{filed['uuid']}", json={"folder": "nope"})) == {"folder"}


def test_a_viewer_reads_and_changes_nothing(connect, make):
    viewer, folder = connect("viewer"), make("x")
    assert viewer.get("/media/folders").status_code == 200
    assert viewer.post("/media/folders", json={"name": "y"}).status_code == 403
    assert viewer.delete(f"/media/folders/{folder['uuid']}").status_code == 403
    assert viewer.post("/media/remote/initiate", json={"url": "http://127.0.0.1/"}).status_code == 403

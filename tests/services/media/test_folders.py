from __future__ import annotations

import pytest

from postboost_provider.api.errors import PostBoostConfigError, ValidationError
from postboost_provider.services.media import folders
from postboost_provider.services.media.folders import folder_uuid
from tests.clients import VARIANTS, client, variant_name


@pytest.fixture
def api(sandbox):
    with client(sandbox) as api:
        yield api


def tree(api) -> list[tuple[str, str]]:
    found = list(api.pages("list_media_folders"))
    names = {folder["uuid"]: folder["name"] for folder in found}
    return sorted((folder["name"], names.get(folder["parent"], "")) for folder in found)


@pytest.mark.parametrize("variant", VARIANTS, ids=variant_name)
def test_what_is_missing_of_a_path_is_made_once(sandbox, api, variant):
    sandbox.reset(**variant)
    first = folder_uuid(api, "Campaigns/Autumn")
    assert folder_uuid(api, " campaigns / AUTUMN/ ") == first
    assert folder_uuid(api, "Campaigns/Spring") != first
    assert tree(api) == [("Autumn", "Campaigns"), ("Campaigns", ""), ("Spring", "Campaigns")]


def test_the_same_name_elsewhere_is_another_folder(api):
    assert folder_uuid(api, "A/B") != folder_uuid(api, "B")
    assert tree(api) == [("A", ""), ("B", ""), ("B", "A")]


@pytest.mark.parametrize("variant", VARIANTS, ids=variant_name)
def test_a_deleted_folder_is_created_again(sandbox, api, variant):
    sandbox.reset(**variant)
    for _ in range(3):
        api.call("delete_media_folder", parameters={"folder_uuid": folder_uuid(api, "A")})
    assert folder_uuid(api, "A")
    assert tree(api) == [("A", "")]


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "server_error"])
@pytest.mark.parametrize("operation", ["create_media_folder", "list_media_folders"])
def test_a_fault_makes_no_second_folder(sandbox, api, kind, operation):
    sandbox.faults({"operation": operation, "kind": kind})
    folder_uuid(api, "A")
    assert tree(api) == [("A", "")]


def test_a_folder_that_another_task_makes_at_the_same_time_is_taken(sandbox, api, monkeypatch):
    real, reads = folders._tree, []

    def read(api):
        reads.append(real(api))
        if len(reads) == 1:
            api.call("create_media_folder", body={"name": "a"})
        return reads[-1]

    monkeypatch.setattr(folders, "_tree", read)
    folder_uuid(api, "A")
    assert tree(api) == [("a", "")]


def test_folders_that_are_too_deep_are_refused_and_can_be_corrected(sandbox, api):
    sandbox.change(folder_depth=1)
    for _ in range(2):
        with pytest.raises(ValidationError, match="levels"):
            folder_uuid(api, "A/B")
    sandbox.change(folder_depth=2)
    folder_uuid(api, "A/B")
    assert tree(api) == [("A", ""), ("B", "A")]


@pytest.mark.parametrize("path", ["", " ", "/", "A//B", "A/ /B"])
def test_a_path_with_an_empty_part_is_refused(api, path):
    with pytest.raises(PostBoostConfigError) as caught:
        folder_uuid(api, path)
    assert (caught.value.field, caught.value.code) == ("folder", "not_a_path")

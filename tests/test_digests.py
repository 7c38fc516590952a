"""The digests that outlive an upgrade. A version that computes another one does again what an earlier version has done.

``test_golden`` has those of posts, rows, actions, operations, uploads, folders, tags and repurpose runs as they are sent.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from postboost_provider.idempotency.identity import Actor, digest, intent_hash, normal
from postboost_provider.idempotency.label import HeldAct, Kept, Label, OperationAct, PostAct
from postboost_provider.rotation.plan import Maker, reference
from postboost_provider.services.repurpose import resolve_accounts

PLAIN = SimpleNamespace(dag_id="dag", run_id="manual__1", task_id="publish", map_index=-1)
ODD = SimpleNamespace(dag_id="Frühling/2026", run_id="lauf ☕", task_id="veröffentlichen", map_index=3)
COMPOSED, DECOMPOSED = "Caf\u00e9", "Cafe\u0301"


@pytest.mark.parametrize(
    ("actor", "label", "keys"),
    [
        (
            Actor.of_task(PLAIN),
            "airflow/e04ded12/18391c7f9914 approve",
            ("202b6183e2ee06b9", "738a6c891e64e748"),
        ),
        (
            Actor.of_task(ODD),
            "airflow/27d9fedb/edb2ca2e3dd2 approve",
            ("dca3f2d04328ea35", "5e72924755052915"),
        ),
        (
            Actor.of_task(ODD, "søl", COMPOSED),
            "airflow/27d9fedb/31b1c5ba4cf3 approve",
            ("f065a137f5ce6514", "fa056d89d0d9ff3c"),
        ),
        (
            Actor.of_task(ODD, "søl", DECOMPOSED),
            "airflow/27d9fedb/31b1c5ba4cf3 approve",
            ("f065a137f5ce6514", "fa056d89d0d9ff3c"),
        ),
        (
            Actor.of_task(PLAIN, 2, 1.0),
            "airflow/e04ded12/e14f66c1a823 approve",
            ("5462723623269e23", "59fc3399740f9ccd"),
        ),
        (
            Actor.of_task(PLAIN, iteration=2),
            "airflow/e04ded12/0ec6d9cabddb approve",
            ("a28624426a610c30", "3bde7f45e88abd70"),
        ),
        (
            Actor.of_row("dag.task", "monday"),
            "airflow/ea9a9b10/4c54fda6ea75 approve",
            ("c32de2ee752cd427", "35cfed6c593d6633"),
        ),
        (
            Actor.of_row("Frühling", normal(f"{DECOMPOSED} ☕")),
            "airflow/ef2c2db8/85ab42c7ff53 approve",
            ("e120cb6c379674dc", "33e248ea73308282"),
        ),
    ],
)
def test_labels_and_keys_of_tasks_and_rows(actor: Actor, label: str, keys: tuple[str, str]) -> None:
    act = actor.act("approve", "approve", "p-1")
    assert (str(act.label), (act.key(0)[:16], act.key(1)[:16])) == (label, keys)


def test_a_task_is_looked_up_under_what_version_0_1_0_called_it() -> None:
    owners = Actor.of_task(ODD, "søl", DECOMPOSED).owners
    assert [owner.starts for owner in owners] == [
        (
            "airflow/27d9fedb/31b1c5ba4cf3",
            "airflow/Fr-hling-2026.ver-ffentlichen~27d9fedb/ver-ffentlichen~31b1c5ba4cf3",
        ),
        (
            "airflow/27d9fedb/a5cecc905243",
            "airflow/Fr-hling-2026.ver-ffentlichen~27d9fedb/ver-ffentlichen~a5cecc905243",
        ),
    ]


@pytest.mark.parametrize(
    ("act", "text"),
    [
        (PostAct(intent_hash({"text": "Grüße ☕", "at": None}), "queue", 3), "319cca6ced4258fc queue r0003"),
        (
            OperationAct.of("create_tag", intent_hash({}), intent_hash({"name": '"Grüße"'}), "r2"),
            "b7f762fd 02d10b86 r2",
        ),
        (HeldAct(intent_hash({"text": "Grüße ☕"}), 1), "held 795b866043155462 r0001"),
        (
            Kept("b0a7d2c4-0000-4000-8000-000000000001", intent_hash({"text": "Grüße"}), "schedule"),
            "ssKfSxAAAQACAAAAAAAAAAZihj2o8pBwU",
        ),
    ],
)
def test_acts_in_the_activity_log(act: object, text: str) -> None:
    assert str(act) == text
    label = Label("0" * 8, "0" * 12, text)
    assert act in (label.post, label.operation, label.held, label.kept)


def test_names_of_rotated_keys_and_references_of_tokens() -> None:
    actor = Actor.of_task(ODD)
    maker = Maker(actor.scope, "für_berlin", digest(actor.identity)[:8])
    assert (
        maker.name(7)
        == "airflow/Fr-hling-2026.ver-ffentlichen~27d9fedb/f-r-berlin~7e34e7dc after 7 run edb2ca2e"
    )
    assert reference("1|geheim-ä") == "068e0ca23b17"


def test_names_in_airflows_task_state_store() -> None:
    assert digest(Actor.of_task(ODD).identity)[:16] == "edb2ca2e3dd230ec"
    assert digest("calendar", "Frühling")[:16] == "3c55f60081f475b2"


def test_the_note_of_a_repurpose_run_for_a_group_of_accounts() -> None:
    accounts: list[dict[str, Any]] = [
        {"id": 7, "uuid": "a", "provider": "twitter", "name": "Ä", "username": "ä"},
        {"id": 1000, "uuid": "b", "provider": "twitter", "name": "B", "username": "b"},
    ]
    api: Any = SimpleNamespace(pages=lambda *_, **__: iter(accounts), settings=None)
    assert resolve_accounts(api, "twitter:*", None) == ([7, 1000], "e06af0:7.rs")

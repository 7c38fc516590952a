"""Reseller clients."""

from __future__ import annotations


def test_a_client_is_a_workspace_of_its_own(sandbox, admin, connect, scoped):
    assert scoped.get("/clients").status_code == 403
    sandbox.change(reseller_clients=1)
    client = admin.post("/clients", json={"name": "Fabrikam"})
    assert client.status_code == 201
    uuid = client.json()["data"]["uuid"]
    assert connect("admin", None).get(f"/{uuid}/tags").json() == {"data": []}
    listed = admin.get("/clients").json()
    assert ([each["name"] for each in listed["data"]], listed["meta"]) == (
        ["Fabrikam"],
        {"used": 1, "limit": 1},
    )
    full = admin.post("/clients", json={"name": "Other"})
    assert (full.status_code, full.json()["code"]) == (422, "client_limit_reached")
    sandbox.change(reseller_clients=0)
    assert admin.get("/clients").json()["code"] == "not_a_reseller"

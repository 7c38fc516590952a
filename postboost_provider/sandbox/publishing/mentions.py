"""The mention book: people and pages with their identities on the networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.resources import Record, Resource, enveloped, listed
from postboost_provider.sandbox.core.responses import Response
from postboost_provider.sandbox.core.shapes import read_body

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.validation import Fields


def _complete(call: Call, fields: Fields, record: Record) -> None:
    """Normalize the identities; one that belongs to another mention is an error."""
    accounts = {account.uuid: account for account in call.workspace.accounts.values()}
    identities = []
    for index, sent in enumerate(record["identities"]):
        account = accounts.get(sent.get("account_uuid") or "")
        if sent.get("account_uuid") and account is None:
            fields.add_error(f"identities.{index}.account_uuid", "The selected account is invalid.")
        identities.append(
            {
                "provider": sent["provider"],
                # Never taken from clients: it comes from a connected account or a lookup (SDK 1.66.3).
                "provider_id": account.uuid if account else sent.get("provider_id"),
                "handle": sent["handle"].removeprefix("@"),
                "label": sent.get("label"),
            }
        )
    if len({each["provider"] for each in identities}) < len(identities):
        fields.add_error("identities", "Only one identity per provider is allowed.")
    record["identities"] = identities
    owner = _owner_of(call, identities, exclude=record["id"])
    if owner is not None:
        fields.add_error("identities", f"An identity already belongs to {owner['name']}.")


def _owner_of(call: Call, identities: list[Record], *, exclude: str | None = None) -> Record | None:
    """Return the mention that already has one of these identities."""
    wanted = {(each["provider"], each["handle"].removeprefix("@").casefold()) for each in identities}
    for mention in MENTIONS.records(call).values():
        existing = {(each["provider"], each["handle"].casefold()) for each in mention["identities"]}
        if mention["id"] != exclude and wanted & existing:
            return mention
    return None


MENTIONS = Resource(
    "mention",
    key="id",
    fields={"avatar": None, "identities": []},
    per_page=25,
    complete=_complete,
    verbs=("get", "update"),
).register()


@handles("create_mention")
def create_mention(call: Call) -> Response:
    """Create a mention, or extend the one that has one of the identities: 200 instead of 201 (SDK 1.66.3)."""
    sent = read_body(call)
    identities = sent.get("identities") or []
    known = _owner_of(call, identities)
    if known is None:
        new = MENTIONS.new(call, sent)
        record = MENTIONS.save(call, {**new, "reference": call.store.next_id("mention_reference")})
        return enveloped(call, record, 201)
    existing = {each["provider"] for each in known["identities"]}
    added = [each for each in identities if each["provider"] not in existing]
    record = MENTIONS.save(call, {**known, "identities": [*known["identities"], *added]})
    return enveloped(call, record, 200)


@handles("list_mentions")
def list_mentions(call: Call) -> Response:
    """List mentions that contain ``q``; names that start with it come first."""
    wanted = (call.parameter("q") or "").casefold()
    ranked = []
    for mention in MENTIONS.visible(call):
        words = [mention["name"], *(each["handle"] for each in mention["identities"])]
        if any(wanted in word.casefold() for word in words):
            name = mention["name"].casefold()
            ranked.append((not name.startswith(wanted), name, mention["reference"], mention))
    return listed(call, MENTIONS, [mention for *_, mention in sorted(ranked, key=lambda each: each[:3])])


@handles("delete_mention")
def delete_mention(call: Call) -> Response:
    """Delete a mention. A missing one gets ``success: false``, not an error (SDK 1.66.3)."""
    deleted = MENTIONS.records(call).pop(call.path["mention_id"], None)
    return Response.of({"success": deleted is not None})

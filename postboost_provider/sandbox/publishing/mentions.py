"""The mention book: people and pages with their identities on the networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postboost_provider.sandbox.core.calls import answers
from postboost_provider.sandbox.core.replies import Reply
from postboost_provider.sandbox.core.resources import Record, Resource, enveloped, listed
from postboost_provider.sandbox.core.shapes import read_body

if TYPE_CHECKING:
    from postboost_provider.sandbox.core.calls import Call
    from postboost_provider.sandbox.core.validation import Fields


def _finish(call: Call, fields: Fields, record: Record) -> None:
    """Take identities over as the server keeps them; one that another mention holds is refused."""
    accounts = {account.uuid: account for account in call.workspace.accounts.values()}
    identities = []
    for index, sent in enumerate(record["identities"]):
        account = accounts.get(sent.get("account_uuid") or "")
        if sent.get("account_uuid") and account is None:
            fields.refuse(f"identities.{index}.account_uuid", "The selected account is invalid.")
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
        fields.refuse("identities", "There can be one identity per provider.")
    record["identities"] = identities
    holder = _holder(call, identities, but=record["id"])
    if holder is not None:
        fields.refuse("identities", f"An identity belongs to {holder['name']} already.")


def _holder(call: Call, identities: list[Record], *, but: str | None = None) -> Record | None:
    """Return the mention that one of these identities belongs to."""
    wanted = {(each["provider"], each["handle"].removeprefix("@").casefold()) for each in identities}
    for mention in MENTIONS.records(call).values():
        held = {(each["provider"], each["handle"].casefold()) for each in mention["identities"]}
        if mention["id"] != but and wanted & held:
            return mention
    return None


MENTIONS = Resource(
    "mention",
    key="id",
    fields={"avatar": None, "identities": []},
    per_page=25,
    finish=_finish,
    verbs=("get", "update"),
).register()


@answers("create_mention")
def create_mention(call: Call) -> Reply:
    """Add one, or add to the one that has one of the identities already: 200 instead of 201 (SDK 1.66.3)."""
    sent = read_body(call)
    identities = sent.get("identities") or []
    known = _holder(call, identities)
    if known is None:
        new = MENTIONS.new(call, sent)
        record = MENTIONS.keep(call, {**new, "reference": call.store.next_id("mention_reference")})
        return enveloped(call, record, 201)
    held = {each["provider"] for each in known["identities"]}
    added = [each for each in identities if each["provider"] not in held]
    record = MENTIONS.keep(call, {**known, "identities": [*known["identities"], *added]})
    return enveloped(call, record, 200)


@answers("list_mentions")
def list_mentions(call: Call) -> Reply:
    """List them, those whose name starts with ``q`` before those that only have it somewhere."""
    wanted = (call.parameter("q") or "").casefold()
    ranked = []
    for mention in MENTIONS.visible(call):
        words = [mention["name"], *(each["handle"] for each in mention["identities"])]
        if any(wanted in word.casefold() for word in words):
            name = mention["name"].casefold()
            ranked.append((not name.startswith(wanted), name, mention["reference"], mention))
    return listed(call, MENTIONS, [mention for *_, mention in sorted(ranked, key=lambda each: each[:3])])


@answers("delete_mention")
def delete_mention(call: Call) -> Reply:
    """Delete it; one that is not there is no error, but no success either (SDK 1.66.3)."""
    gone = MENTIONS.records(call).pop(call.path["mention_id"], None)
    return Reply.of({"success": gone is not None})

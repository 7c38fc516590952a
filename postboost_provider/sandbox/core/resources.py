"""The generic store: things that are kept as PostBoost shows them, and the operations on them.

A :class:`Resource` says what is particular to a kind of thing. The rest follows from tables: ``operations.json``
has paths, status codes and envelopes, ``shapes.json`` the fields of bodies with their limits and defaults.
"""

from __future__ import annotations

import functools
import math
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from postboost_provider.api.operations import load_operations
from postboost_provider.sandbox.core.calls import Call, answers
from postboost_provider.sandbox.core.clock import rfc3339
from postboost_provider.sandbox.core.replies import (
    NO_CONTENT,
    SUCCESS,
    Reply,
    forbidden,
    not_found,
    page_of,
    page_size,
)
from postboost_provider.sandbox.core.shapes import defaults, read_body
from postboost_provider.sandbox.core.store import new_uuid
from postboost_provider.sandbox.core.validation import Fields
from postboost_provider.sandbox.rules.auth import OUT_OF_SCOPE, require_accounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Record = dict[str, Any]


def _complete(call: Call, fields: Fields, record: Record) -> None:
    """Find nothing missing and nothing wrong."""


def _free(call: Call, record: Record) -> None:
    """Let it be changed and deleted."""


def _as_it_is(call: Call, record: Record) -> Record:
    return record


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of thing.

    :param noun: names its operations, such as ``create_template`` and ``list_templates``.
    :param key: the field that paths name; a number where ``numbered``, else a UUID.
    :param fields: what a new one has besides its key, unless it was sent.
    :param dated: it has a ``created_at``.
    :param hidden: what may be sent and is not shown.
    :param order: ``newest`` first, or by this field.
    :param per_page: items on a page unless ``per_page`` says otherwise.
    :param latest: how many of them a list without pages has.
    :param filters: query parameters that have to equal the field of that name.
    :param finish: completes a new or changed one, and refuses what is wrong with it.
    :param guard: refuses to change or delete one in its present state.
    :param show: what it looks like at the moment.
    :param verbs: what this store answers; other functions answer the rest.
    """

    noun: str
    key: str = "uuid"
    numbered: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)
    dated: bool = True
    hidden: tuple[str, ...] = ()
    order: str = "newest"
    per_page: int = 100
    latest: int | None = None
    filters: tuple[str, ...] = ()
    finish: Callable[[Call, Fields, Record], None] = _complete
    guard: Callable[[Call, Record], None] = _free
    show: Callable[[Call, Record], Record] = _as_it_is
    verbs: tuple[str, ...] = ("create", "list", "get", "update", "delete")

    def register(self) -> Resource:
        """Answer the operations that there are."""
        for verb in self.verbs:
            name = f"{verb}_{self.noun}" + ("s" if verb == "list" else "")
            if name in load_operations():
                answers(name)(functools.partial(_VERBS[verb], self))
        return self

    def records(self, call: Call) -> dict[str, Record]:
        """Return the workspace's things of this kind by key, oldest first."""
        return call.workspace.records.setdefault(self.noun, {})

    def find(self, call: Call, key: str) -> Record:
        """Return one of them; a key that is limited to other accounts may not have it."""
        record = self.records(call).get(key)
        if record is None:
            raise not_found()
        require_accounts(call, _accounts_of(record))
        return record

    def of_path(self, call: Call) -> Record:
        """Return the one that the path names."""
        return self.find(call, *(value for name, value in call.path.items() if name != "workspace_uuid"))

    def visible(self, call: Call) -> list[Record]:
        """Return those that the caller may see, in order."""
        limit = call.caller.key.account_ids if call.caller.key else None
        found = [
            record
            for record in self.records(call).values()
            if limit is None or set(_accounts_of(record)) <= set(limit)
        ]
        if self.order == "newest":
            return found[::-1]
        return sorted(found, key=lambda record: record[self.order] or 0, reverse=self.order.endswith("count"))

    def new(self, call: Call, sent: Mapping[str, Any]) -> Record:
        """Return a new one that is not kept yet. Null is the same as absent."""
        given = {name: value for name, value in sent.items() if value is not None}
        key = call.store.next_id(self.noun) if self.numbered else new_uuid()
        created = {"created_at": rfc3339(call.now)} if self.dated else {}
        initial = deepcopy(dict(self.fields))
        return {self.key: key, **initial, **defaults(call.operation.operation), **given, **created}

    def keep(self, call: Call, record: Record) -> Record:
        """Keep a new one, or the changed copy of an old one, unless something is wrong with it."""
        fields = Fields({})
        for name, known in (
            ("account_ids", call.workspace.accounts),
            ("account_id", call.workspace.accounts),
        ):
            if record.get(name) is not None:
                named = record[name] if isinstance(record[name], list) else [record[name]]
                if not set(named) <= set(known):
                    fields.refuse(name, "The selected account is invalid.")
        self.finish(call, fields, record)
        fields.finish()
        self.require_named_accounts(call, record)
        self.records(call)[str(record[self.key])] = record
        return record

    def require_named_accounts(self, call: Call, record: Record) -> None:
        """Refuse a limited key that names no accounts, or others than its own (SDK 1.66.3, ``create_api_key``)."""
        if (
            call.caller.key
            and call.caller.key.account_ids is not None
            and record.get("account_ids", ...) is None
        ):
            raise forbidden(OUT_OF_SCOPE)
        require_accounts(call, _accounts_of(record))

    def shown(self, call: Call, record: Record) -> Record:
        return {k: v for k, v in self.show(call, record).items() if k not in self.hidden}


def _accounts_of(record: Record) -> Iterable[int]:
    named = record.get("account_ids", record.get("account_id"))
    if named is None:
        return ()
    return named if isinstance(named, list) else (named,)


def _create(resource: Resource, call: Call) -> Reply:
    record = resource.keep(call, resource.new(call, read_body(call)))
    return enveloped(call, resource.shown(call, record))


def _list(resource: Resource, call: Call) -> Reply:
    found = resource.visible(call)
    for name in resource.filters:
        if wanted := call.parameter(name):
            found = [record for record in found if str(record[name]) == wanted]
    return listed(call, resource, found)


def _get(resource: Resource, call: Call) -> Reply:
    return enveloped(call, resource.shown(call, resource.of_path(call)))


def _update(resource: Resource, call: Call) -> Reply:
    """Change what was sent; null sets it back to what a new one has, where that is anything."""
    record, sent = resource.of_path(call), read_body(call)
    resource.guard(call, record)
    fresh = {**resource.fields, **defaults(f"create_{resource.noun}")}
    changes = {
        name: fresh[name] if value is None else value
        for name, value in sent.items()
        if value is not None or name in fresh
    }
    record = resource.keep(call, {**record, **changes})
    return enveloped(call, resource.shown(call, record))


def _delete(resource: Resource, call: Call) -> Reply:
    record = resource.of_path(call)
    resource.guard(call, record)
    del resource.records(call)[str(record[resource.key])]
    return enveloped(call, {"deleted": True})


_VERBS: dict[str, Callable[[Resource, Call], Reply]] = {
    "create": _create,
    "list": _list,
    "get": _get,
    "update": _update,
    "delete": _delete,
}


def enveloped(call: Call, value: Any, status: int | None = None) -> Reply:
    """Return the value in the envelope and with the status code that the operation has."""
    operation = call.operation
    if operation.reply == "none":
        return NO_CONTENT
    if operation.reply == "untyped":
        return SUCCESS
    return Reply.of({"data": value} if operation.reply == "data" else value, status or operation.status)


def listed(call: Call, resource: Resource, found: Sequence[Record]) -> Reply:
    """Return a page of them, or all, or the latest, as the operation has it."""
    if call.operation.reply != "page":
        return Reply.of({"data": [resource.shown(call, record) for record in found[: resource.latest]]})
    return page_of(
        found,
        url=call.origin + call.url,
        query=call.query,
        per_page=page_size(call.parameter("per_page"), default=resource.per_page),
        render=lambda record: resource.shown(call, record),
    )


def small_page(call: Call, found: Sequence[Record]) -> Reply:
    """Return a page in the smaller envelope that the lists of agents have: no links, four numbers."""
    per_page = page_size(call.parameter("per_page"), default=25)
    page = max(1, int(text)) if (text := call.parameter("page") or "").isdecimal() else 1
    meta = {
        "current_page": page,
        "last_page": max(1, math.ceil(len(found) / per_page)),
        "per_page": per_page,
        "total": len(found),
    }
    return Reply.of({"data": found[(page - 1) * per_page : page * per_page], "meta": meta})

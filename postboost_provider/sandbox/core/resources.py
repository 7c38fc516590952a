"""Generic resources: JSON records with create, list, get, update and delete.

A :class:`Resource` states what is particular to one kind. The rest follows from tables: ``operations.json`` has
paths, status codes and envelopes, ``shapes.json`` has the fields of bodies with their limits and defaults.
"""

from __future__ import annotations

import functools
import math
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from postboost_provider.api.operations import load_operations
from postboost_provider.sandbox.core.calls import Call, handles
from postboost_provider.sandbox.core.clock import rfc3339
from postboost_provider.sandbox.core.responses import (
    NO_CONTENT,
    SUCCESS,
    Response,
    not_found,
    page_number,
    page_size,
)
from postboost_provider.sandbox.core.scope import ids_are_visible, require_accounts, require_named_accounts
from postboost_provider.sandbox.core.shapes import defaults, read_body
from postboost_provider.sandbox.core.store import new_uuid
from postboost_provider.sandbox.core.validation import Fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Record = dict[str, Any]


def _complete_nothing(call: Call, fields: Fields, record: Record) -> None:
    """Accept the record as it is."""


def _allow(call: Call, record: Record) -> None:
    """Allow changing and deleting the record."""


def _unchanged(call: Call, record: Record) -> Record:
    return record


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of record.

    :param noun: the noun of its operations, such as ``create_template`` and ``list_templates``.
    :param key: the identifying field; a number if ``numbered``, else a UUID.
    :param fields: fields of a new record and their defaults.
    :param dated: whether it has a ``created_at``.
    :param hidden: fields that are accepted but not shown.
    :param order: ``newest`` first, or sorted by this field.
    :param per_page: default page size.
    :param latest: the length of a list without pages.
    :param filters: query parameters that must equal the field of that name.
    :param complete: completes a new or changed record, and reports what is invalid.
    :param check_editable: raises an error if the record cannot be changed or deleted now.
    :param render: returns the record as the API shows it.
    :param verbs: the operations to handle; other functions handle the rest.
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
    complete: Callable[[Call, Fields, Record], None] = _complete_nothing
    check_editable: Callable[[Call, Record], None] = _allow
    render: Callable[[Call, Record], Record] = _unchanged
    verbs: tuple[str, ...] = ("create", "list", "get", "update", "delete")

    def register(self) -> Resource:
        """Handle those of the operations that exist."""
        for verb in self.verbs:
            name = f"{verb}_{self.noun}" + ("s" if verb == "list" else "")
            if name in load_operations():
                handles(name)(functools.partial(_VERBS[verb], self))
        return self

    def records(self, call: Call) -> dict[str, Record]:
        """Return the workspace's records of this kind by key, oldest first."""
        return call.workspace.records.setdefault(self.noun, {})

    def find(self, call: Call, key: str) -> Record:
        """Return a record; a key that is limited to other accounts gets a 403."""
        record = self.records(call).get(key)
        if record is None:
            raise not_found()
        require_accounts(call, _accounts_of(record))
        return record

    def of_path(self, call: Call) -> Record:
        """Return the record of the path."""
        return self.find(call, *(value for name, value in call.path.items() if name != "workspace_uuid"))

    def visible(self, call: Call) -> list[Record]:
        """Return the records that the caller may see, in order."""
        found = [each for each in self.records(call).values() if ids_are_visible(call, _accounts_of(each))]
        if self.order == "newest":
            return found[::-1]
        return sorted(found, key=lambda record: record[self.order] or 0, reverse=self.order.endswith("count"))

    def new(self, call: Call, sent: Mapping[str, Any]) -> Record:
        """Return a new record that is not saved yet. Null is the same as absent."""
        given = {name: value for name, value in sent.items() if value is not None}
        key = call.store.next_id(self.noun) if self.numbered else new_uuid()
        created = {"created_at": rfc3339(call.now)} if self.dated else {}
        initial = deepcopy(dict(self.fields))
        return {self.key: key, **initial, **defaults(call.operation.operation), **given, **created}

    def save(self, call: Call, record: Record) -> Record:
        """Validate and save a new record, or the changed copy of an existing one."""
        fields = Fields({})
        if not set(_accounts_of(record)) <= set(call.workspace.accounts):
            name = "account_ids" if "account_ids" in record else "account_id"
            fields.add_error(name, "The selected account is invalid.")
        self.complete(call, fields, record)
        fields.raise_errors()
        require_named_accounts(
            call, record["account_ids"] if "account_ids" in record else _accounts_of(record)
        )
        self.records(call)[str(record[self.key])] = record
        return record

    def shown(self, call: Call, record: Record) -> Record:
        return {k: v for k, v in self.render(call, record).items() if k not in self.hidden}


def _accounts_of(record: Record) -> Sequence[int]:
    ids = record.get("account_ids", record.get("account_id"))
    if ids is None:
        return ()
    return ids if isinstance(ids, list) else (ids,)


def _create(resource: Resource, call: Call) -> Response:
    record = resource.save(call, resource.new(call, read_body(call)))
    return enveloped(call, resource.shown(call, record))


def _list(resource: Resource, call: Call) -> Response:
    found = resource.visible(call)
    for name in resource.filters:
        if wanted := call.parameter(name):
            found = [record for record in found if str(record[name]) == wanted]
    return listed(call, resource, found)


def _get(resource: Resource, call: Call) -> Response:
    return enveloped(call, resource.shown(call, resource.of_path(call)))


def _update(resource: Resource, call: Call) -> Response:
    """Change the fields that were sent; null resets a field to its default, if it has one."""
    record, sent = resource.of_path(call), read_body(call)
    resource.check_editable(call, record)
    fresh = {**resource.fields, **defaults(f"create_{resource.noun}")}
    changes = {
        name: fresh[name] if value is None else value
        for name, value in sent.items()
        if value is not None or name in fresh
    }
    record = resource.save(call, {**record, **changes})
    return enveloped(call, resource.shown(call, record))


def _delete(resource: Resource, call: Call) -> Response:
    record = resource.of_path(call)
    resource.check_editable(call, record)
    del resource.records(call)[str(record[resource.key])]
    return enveloped(call, {"deleted": True})


_VERBS: dict[str, Callable[[Resource, Call], Response]] = {
    "create": _create,
    "list": _list,
    "get": _get,
    "update": _update,
    "delete": _delete,
}


def enveloped(call: Call, value: Any, status: int | None = None) -> Response:
    """Return the value in the operation's envelope, with its status code."""
    operation = call.operation
    if operation.response == "none":
        return NO_CONTENT
    if operation.response == "untyped":
        return SUCCESS
    return Response.of({"data": value} if operation.response == "data" else value, status or operation.status)


def listed(call: Call, resource: Resource, found: Sequence[Record]) -> Response:
    """Return a page of the records, all of them or the latest, as the operation requires."""
    if call.operation.response != "page":
        return Response.of({"data": [resource.shown(call, record) for record in found[: resource.latest]]})
    return call.page(
        found,
        lambda record: resource.shown(call, record),
        per_page=resource.per_page,
        size_parameter="per_page",
    )


def small_page(
    call: Call, items: Sequence[Record], *, per_page: int = 25, maximum: int = 100
) -> tuple[list[Record], Record]:
    """Return the items of the page and its ``meta``: the small envelope without links."""
    size = page_size("per_page", call.parameter("per_page"), default=per_page, maximum=maximum)
    page = page_number(call.parameter("page"))
    last = max(1, math.ceil(len(items) / size))
    meta = {"current_page": page, "last_page": last, "per_page": size, "total": len(items)}
    return list(items[(page - 1) * size : page * size]), meta

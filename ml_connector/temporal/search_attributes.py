"""The search attributes the workflows write, and whether a namespace knows them.

A workflow that writes an unregistered attribute hangs: its task fails and is retried for ever,
while the workflow looks "Running". So a worker asks first.

Search attributes are not encrypted. They hold ids and codes, never names or addresses.
A namespace has room for ten keywords on an SQL visibility store; we take four and one list.
"""

from typing import Any

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
)
from temporalio.service import RPCError, RPCStatusCode

from ml_connector.temporal.errors import SearchAttributesMissing

TENANT = SearchAttributeKey.for_keyword("Tenant")
PURCHASE_ORDER = SearchAttributeKey.for_keyword("PurchaseOrder")
STAGE = SearchAttributeKey.for_keyword("Stage")
TRACKING_NUMBER = SearchAttributeKey.for_keyword_list("TrackingNumber")
ATTENTION = SearchAttributeKey.for_keyword("Attention")
"""The reason's code while an order needs attention, else unset."""

KEYS: tuple[SearchAttributeKey[Any], ...] = (
    TENANT,
    PURCHASE_ORDER,
    STAGE,
    TRACKING_NUMBER,
    ATTENTION,
)

_TYPES: dict[str, IndexedValueType.ValueType] = {
    key.name: IndexedValueType.ValueType(key.indexed_value_type) for key in KEYS
}


def of_tenant(tenant: str) -> TypedSearchAttributes:
    """What a workflow that belongs to a tenant, and to no order, starts with."""
    return TypedSearchAttributes([SearchAttributePair(TENANT, tenant)])


def of_order(tenant: str, order: str) -> TypedSearchAttributes:
    """What a purchase order's workflow starts with."""
    return TypedSearchAttributes(
        [SearchAttributePair(TENANT, tenant), SearchAttributePair(PURCHASE_ORDER, order)]
    )


def registration_command(names: list[str], namespace: str) -> str:
    """The command line that registers attributes, to be shown to a person."""
    by_type: dict[str, list[str]] = {}
    for name in names:
        by_type.setdefault(_type_name(name), []).append(f"--name {name}")
    # The command takes many names and one type.
    return " && ".join(
        f"temporal operator search-attribute create --namespace {namespace} "
        f"--type {type_name} {' '.join(flags)}"
        for type_name, flags in by_type.items()
    )


async def missing(client: Client, namespace: str | None = None) -> list[str]:
    """The names of our attributes that a namespace lacks.

    Raises SearchAttributesMissing when one is there with another type: it cannot be used, and
    only a person can remove it.
    """
    where = namespace or client.namespace
    reply = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=where)
    )
    known = reply.custom_attributes
    for name, wanted in _TYPES.items():
        if name in known and known[name] != wanted:
            raise SearchAttributesMissing(
                f"Search attribute {name} of namespace {where!r} is not of type "
                f"{_type_name(name)}.",
                remedy=f"Remove it (temporal operator search-attribute remove --namespace {where} "
                f"--name {name}), then: {registration_command([name], where)}",
            )
    return [name for name in _TYPES if name not in known]


async def register(client: Client, namespace: str | None = None) -> list[str]:
    """Register what is missing, and say what that was. Safe to repeat and to race."""
    where = namespace or client.namespace
    names = await missing(client, where)
    if names:
        try:
            await client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(
                    namespace=where,
                    search_attributes={name: _TYPES[name] for name in names},
                )
            )
        except RPCError as error:
            if error.status is not RPCStatusCode.ALREADY_EXISTS:
                raise
    return names


async def require(client: Client) -> None:
    """Raise SearchAttributesMissing, with the command to run, unless all are registered."""
    names = await missing(client)
    if names:
        raise SearchAttributesMissing(
            f"Namespace {client.namespace!r} lacks the search attributes {', '.join(names)}.",
            why="A workflow that sets one would hang.",
            remedy=f"Run: {registration_command(names, client.namespace)}",
        )


def _type_name(name: str) -> str:
    """`Keyword`, `KeywordList`: as the `temporal` command spells it."""
    words = IndexedValueType.Name(_TYPES[name]).removeprefix("INDEXED_VALUE_TYPE_").split("_")
    return "".join(word.capitalize() for word in words)

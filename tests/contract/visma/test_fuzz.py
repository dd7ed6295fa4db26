"""Whatever arrives: a right result or a named error, never a crash, never a silent success."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ml_connector.http.transport import Transport
from ml_connector.visma.client import VismaClient
from ml_connector.visma.errors import VismaError
from ml_connector.visma.tokens import VismaTokens
from tests.contract.visma.conftest import CREDENTIAL
from tests.contract.visma.samples import VERSION, batch, journal, order, receipt

Call = Callable[[VismaClient], Awaitable[object]]


async def _list_orders(client: VismaClient) -> object:
    return [page async for page in client.orders(modified_since="2026-11-20", status="Open")]


async def _list_receipts(client: VismaClient) -> object:
    return [page async for page in client.receipts(po_order="500254")]


CALLS: dict[str, Call] = {
    "get_order": lambda client: client.get_order("500254"),
    "orders": _list_orders,
    "update_order_fields": lambda client: client.update_order_fields(
        "500254", {"customStr1": "x"}, version=VERSION
    ),
    "get_receipt": lambda client: client.get_receipt("R1"),
    "receipts": _list_receipts,
    "create_journal": lambda client: client.create_journal(journal(), override_number=False),
    "get_journal": lambda client: client.get_journal("11"),
    "find_journals": lambda client: client.find_journals("F500254-a1b2", period="202611"),
    "release_journal": lambda client: client.release_journal("11", version=VERSION),
    "supplier": lambda client: client.supplier("1"),
    "supplier_locations": lambda client: client.supplier_locations("1"),
    "item": lambda client: client.item("1"),
    "packaging_types": lambda client: client.packaging_types(),
    "carriers": lambda client: client.carriers(),
    "warehouse": lambda client: client.warehouse("1"),
    "branch": lambda client: client.branch("1"),
    "organizations": lambda client: client.organizations(),
    "accounts": lambda client: client.accounts(),
    "subaccounts": lambda client: client.subaccounts(),
    "dimension": lambda client: client.dimension(),
    "ledgers": lambda client: client.ledgers(),
    "financial_periods": lambda client: client.financial_periods(),
    "currencies": lambda client: client.currencies(),
    "rate": lambda client: client.rate("EUR", "NOK", date(2026, 11, 20)),
    "project_tasks": lambda client: client.project_tasks("P1"),
    "background": lambda client: client.background("job"),
}

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["500254", "2026-11-20T10:00:00", "1e999999", "9" * 5000]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["value", "id", "number", "lines", "message", "metadata", "error"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["ETag", "Location", "Retry-After", "Date", "X-RateLimit-Remaining", "X-RateLimit-Reset"]
    ),
    st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=30),
)
STATUSES = st.sampled_from([200, 200, 200, 201, 202, 204, 302, 400, 401, 403, 404, 412, 429, 500])
DOCUMENTS: list[Any] = [
    order(),
    receipt(),
    batch("11", (1, "F500254-a1b2", "1", "0"), (2, "F500254-a1b2", "0", "1"), total="1"),
    {
        "year": 2026,
        "period": "202611",
        "startDate": "2026-11-01T00:00:00",
        "endDate": "2026-11-30T00:00:00",
        "active": True,
    },
    {
        "fromCurrencyId": "EUR",
        "toCurrencyId": "NOK",
        "rate": 11.5,
        "effectiveDate": "2026-11-20T00:00:00",
        "multDiv": "Divide",
    },
    {"status": "Finished", "statusCode": 201, "hasResponseContent": True, "responseHeaders": {}},
    {"actionResult": "Done", "errorInfo": ""},
    {"packaging": {"baseItemWeight": 2, "weightUOM": "KG"}, "inventoryNumber": "1"},
]


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found: list[tuple[Any, ...]] = []
    for key, each in inner:
        found.append((*path, key))
        if isinstance(each, dict | list):
            found += _leaves(each, (*path, key))
    return found


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real document with one place replaced by anything."""
    document = json.loads(json.dumps(draw(st.sampled_from(DOCUMENTS))))
    *way, last = draw(st.sampled_from(_leaves(document)))
    place = document
    for step in way:
        place = place[step]
    place[last] = draw(JSON)
    body = [document | {"metadata": draw(JSON)}] if draw(st.booleans()) else document
    return json.dumps(body).encode()


def _client(status: int, headers: dict[str, str], body: bytes) -> tuple[VismaClient, Any]:
    """A client whose Visma always says the same, and stops a client that never ends asking."""
    left = iter(range(200))

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/connect/token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 3600})
        assert next(left, None) is not None, "the client asks without end"
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        return httpx.Response(status, headers=raw, content=body)

    pool = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    transport = Transport("visma", "https://visma.example", client=pool)
    return VismaClient(transport, tokens=VismaTokens(transport, CREDENTIAL)), pool


@pytest.mark.parametrize("name", sorted(CALLS))
@given(
    status=STATUSES,
    headers=HEADERS,
    body=st.one_of(damaged(), JSON.map(lambda value: json.dumps(value).encode()), st.binary()),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_reply(name: str, status: int, headers: dict[str, str], body: bytes) -> None:
    async def run() -> None:
        client, pool = _client(status, headers, body)
        try:
            await CALLS[name](client)
        except VismaError as exc:
            assert "s3cret-value" not in str(exc)
        else:
            assert 200 <= status < 300
        await pool.aclose()

    asyncio.run(run())


@given(body=st.one_of(JSON.map(lambda value: json.dumps(value).encode()), st.binary()))
@settings(max_examples=40, deadline=None)
def test_a_write_is_never_taken_for_done_without_a_number(body: bytes) -> None:
    async def run() -> None:
        client, pool = _client(201, {}, body)
        with pytest.raises(VismaError):
            await client.create_journal(journal(), override_number=False)
        await pool.aclose()

    asyncio.run(run())


@given(value=JSON)
@settings(max_examples=40, deadline=None)
def test_any_token_reply(value: object) -> None:
    assume(not isinstance(value, dict) or "access_token" not in value)

    async def run() -> None:
        def answer(_: httpx.Request) -> httpx.Response:
            return httpx.Response(200, content=json.dumps(value).encode())

        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as pool:
            transport = Transport("visma", "https://visma.example", client=pool)
            with pytest.raises(VismaError):
                await VismaTokens(transport, CREDENTIAL).token()

    asyncio.run(run())

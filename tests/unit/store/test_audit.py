"""The audit trail: what it keeps, what the database refuses, and what tampering looks like."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from ml_connector.store import BrokenLink, Store
from ml_connector.store.columns import canonical_json
from tests.unit.store.conftest import FakeClock
from tests.unit.store.raw import query, run, tamper


async def _append(store: Store, tenant: str, *orders: str, body: bytes | None = None) -> None:
    for order in orders:
        async with store.write(tenant) as view:
            view.audit.append(
                "shipment:created",
                actor="workflow po",
                order=order,
                operation=f"{tenant}/{order}/ship/1",
                detail={"cost": "12.50", "grüße": ["æ", None, 1]},
                body=body,
                expires_at=None if body is None else datetime.now(UTC) + timedelta(days=90),
            )


async def _verify(store: Store, tenant: str = "nordic") -> BrokenLink | None:
    async with store.read(tenant) as view:
        return await view.audit.verify()


async def test_events_are_chained_and_shown_as_written(store: Store, clock: FakeClock) -> None:
    assert await _verify(store) is None
    await _append(store, "nordic", "PO1", "PO2")
    async with store.read("nordic") as view:
        first, second = await view.audit.show()
        assert await view.audit.head() == (2, second.hash)
    assert (first.seq, second.seq) == (1, 2)
    assert first.detail == {"cost": "12.50", "grüße": ["æ", None, 1]}
    assert (first.actor, first.order, first.at) == ("workflow po", "PO1", clock.now)
    assert second.prev_hash == first.hash
    assert await _verify(store) is None


async def test_several_events_of_one_transaction_keep_their_order(store: Store) -> None:
    async with store.write("nordic") as view:
        for number in range(5):
            view.audit.append("order:seen", actor="test", detail={"number": number})
    async with store.read("nordic") as view:
        assert [event.detail["number"] for event in await view.audit.show()] == [0, 1, 2, 3, 4]
    assert await _verify(store) is None


async def test_filters(store: Store, clock: FakeClock) -> None:
    async with store.write("nordic") as view:
        view.audit.append("shipment:created", actor="workflow", order="PO1", operation="op")
        clock.advance(timedelta(hours=1))
        view.audit.append("shipment:cancelled", actor="kari", order="PO1")
        view.audit.append("shipments:listed", actor="kari", order="PO2")
    later = clock.now
    async with store.read("nordic") as view:
        show = view.audit.show
        assert [event.seq for event in await show(order="PO1")] == [1, 2]
        assert [event.seq for event in await show(actor="kari")] == [2, 3]
        assert [event.seq for event in await show(operation="op")] == [1]
        assert [event.seq for event in await show(action="shipment:")] == [1, 2]
        assert [event.seq for event in await show(action="shipment:cancelled")] == [2]
        assert [event.seq for event in await show(since=later)] == [2, 3]
        assert [event.seq for event in await show(until=later)] == [1]
        assert [event.seq for event in await show(after=1, limit=1)] == [2]


async def test_exported_lines_prove_themselves(store: Store) -> None:
    await _append(store, "nordic", "PO1", "PO2", body=b"{}")
    async with store.read("nordic") as view:
        lines = [json.loads(line) async for line in view.audit.export()]
    prev_hash = "0" * 64
    for line in lines:
        claimed = line.pop("hash")
        assert line["prev_hash"] == prev_hash
        prev_hash = hashlib.sha256(canonical_json(line).encode()).hexdigest()
        assert claimed == prev_hash
    assert len(lines) == 2


@pytest.mark.parametrize("action", ["created", "Shipment:created", "a:b:c", ":x", "a b:c", ""])
async def test_actions_have_one_form(store: Store, action: str) -> None:
    async with store.write("nordic") as view:
        with pytest.raises(ValueError, match="subject:action"):
            view.audit.append(action, actor="test")


async def test_what_cannot_be_kept_is_refused_at_once(store: Store) -> None:
    async with store.write("nordic") as view:
        with pytest.raises(ValueError, match="expires"):
            view.audit.append("a:b", actor="test", body=b"x")
        with pytest.raises(TypeError):
            view.audit.append("a:b", actor="test", detail={"when": object()})
    async with store.read("nordic") as view:
        assert await view.audit.show() == ()


async def test_bodies_are_sealed_and_expire_without_breaking_the_chain(
    store: Store, url: str, clock: FakeClock
) -> None:
    past, future = clock.now - timedelta(days=1), clock.now + timedelta(days=1)
    async with store.write("nordic") as view:
        view.audit.append("call:made", actor="test", body=b"Storgata 1", expires_at=past)
        view.audit.append("call:made", actor="test", body=b"Storgata 2", expires_at=future)
    async with store.read("nordic") as view:
        assert await view.audit.body(1) == b"Storgata 1"
    assert b"Storgata" not in repr(await query(url, "SELECT * FROM audit_bodies")).encode()
    async with store.write("nordic") as view:
        assert await view.audit.purge_bodies(clock.now) == 1
    async with store.read("nordic") as view:
        assert await view.audit.body(1) is None
        assert await view.audit.body(2) == b"Storgata 2"
    assert await _verify(store) is None


async def test_purging_ahead_of_time_keeps_what_the_database_would_refuse(
    store: Store, clock: FakeClock
) -> None:
    await _append(store, "nordic", "PO1", body=b"kept")
    async with store.write("nordic") as view:
        assert await view.audit.purge_bodies(clock.now + timedelta(days=365)) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET actor = 'nobody'",
        "DELETE FROM audit_events WHERE seq = 2",
        "UPDATE audit_bodies SET body_sealed = body_sealed",
        "DELETE FROM audit_bodies",
        "UPDATE audit_heads SET seq = 1",
        "DELETE FROM audit_heads",
    ],
)
async def test_the_database_refuses_changes(store: Store, url: str, statement: str) -> None:
    await _append(store, "nordic", "PO1", "PO2", body=b"x")
    with pytest.raises(DBAPIError):
        await run(url, statement)
    assert await _verify(store) is None


_AROUND = {
    "sqlite": [
        "INSERT OR REPLACE INTO audit_events SELECT tenant, seq, at, action, 'nobody', order_nbr, "
        "operation, detail, body_digest, body_expires_at, prev_hash, hash FROM audit_events",
        "INSERT OR REPLACE INTO audit_bodies SELECT tenant, seq, x'00', expires_at "
        "FROM audit_bodies",
        "INSERT OR REPLACE INTO audit_heads SELECT tenant, 0, hash, mac FROM audit_heads",
        "UPDATE OR REPLACE audit_events SET seq = 1 WHERE seq = 2",
    ],
    "postgresql": [
        f"TRUNCATE {table} CASCADE" for table in ("audit_events", "audit_bodies", "audit_heads")
    ],
}
"""Each database has ways to remove a row that are no DELETE."""


async def test_the_database_refuses_its_own_ways_around(store: Store, url: str) -> None:
    await _append(store, "nordic", "PO1", "PO2", body=b"x")
    for statement in _AROUND[make_url(url).get_backend_name()]:
        with pytest.raises(DBAPIError, match=r"append-only|never"):
            await run(url, statement)
    assert await _verify(store) is None


_N = "tenant = 'nordic'"


@pytest.mark.parametrize(
    ("tampering", "seq", "reason"),
    [
        ([f"UPDATE audit_events SET actor = 'kari' WHERE {_N} AND seq = 2"], 2, "changed"),
        ([f"UPDATE audit_events SET detail = '{{}}' WHERE {_N} AND seq = 3"], 3, "changed"),
        (
            [
                f"DELETE FROM audit_bodies WHERE {_N} AND seq = 2",
                f"DELETE FROM audit_events WHERE {_N} AND seq = 2",
            ],
            2,
            "missing",
        ),
        (
            [
                f"DELETE FROM audit_bodies WHERE {_N} AND seq = 4",
                f"DELETE FROM audit_events WHERE {_N} AND seq = 4",
            ],
            4,
            "cut off",
        ),
        (
            [
                f"UPDATE audit_events SET seq = 9 WHERE {_N} AND seq = 2",
                f"UPDATE audit_events SET seq = 2 WHERE {_N} AND seq = 3",
                f"UPDATE audit_events SET seq = 3 WHERE {_N} AND seq = 9",
            ],
            2,
            "does not follow",
        ),
        (
            [
                "UPDATE audit_events SET tenant = 'x' WHERE tenant = 'nordic' AND seq = 3",
                "UPDATE audit_events SET tenant = 'nordic' WHERE tenant = 'sur' AND seq = 3",
                "UPDATE audit_events SET tenant = 'sur' WHERE tenant = 'x'",
            ],
            3,
            "does not follow",
        ),
        (
            [
                "UPDATE audit_bodies SET body_sealed = (SELECT body_sealed FROM audit_bodies "
                f"WHERE {_N} AND seq = 1) WHERE {_N} AND seq = 3"
            ],
            3,
            "body was changed",
        ),
        ([f"DELETE FROM audit_bodies WHERE {_N} AND seq = 1"], 1, "dropped too early"),
        ([f"UPDATE audit_events SET body_digest = 'x' WHERE {_N} AND seq = 1"], 1, "changed"),
        (["DELETE FROM audit_heads WHERE tenant = 'nordic'"], 0, "head of the chain is missing"),
        (
            [
                f"DELETE FROM audit_bodies WHERE {_N} AND seq = 4",
                f"DELETE FROM audit_events WHERE {_N} AND seq = 4",
                "UPDATE audit_heads SET seq = 3, hash = (SELECT hash FROM audit_events "
                f"WHERE {_N} AND seq = 3) WHERE {_N}",
            ],
            3,
            "forged",
        ),
        (
            [
                "INSERT INTO audit_events SELECT tenant, 5, at, action, actor, order_nbr, "
                "operation, detail, NULL, NULL, prev_hash, hash FROM audit_events "
                f"WHERE {_N} AND seq = 4"
            ],
            5,
            "does not follow",
        ),
    ],
    ids=[
        "row changed",
        "detail changed",
        "row removed",
        "tail cut",
        "rows reordered",
        "rows swapped between tenants",
        "bodies swapped",
        "body removed early",
        "digest changed",
        "head removed",
        "tail cut with its head",
        "row added",
    ],
)
async def test_verify_names_the_first_broken_link(
    store: Store, url: str, tampering: list[str], seq: int, reason: str
) -> None:
    for tenant in ("nordic", "sur"):
        await _append(store, tenant, "PO1", "PO2", "PO3", "PO4", body=b"exchange")
    await tamper(url, *tampering)
    broken = await _verify(store)
    assert broken is not None
    assert (broken.seq, reason in broken.reason) == (seq, True), broken


async def test_a_chain_written_anew_without_the_key_is_forged(store: Store, url: str) -> None:
    await _append(store, "nordic", "PO1", "PO2")
    async with store.read("nordic") as view:
        lines = [json.loads(line) async for line in view.audit.export()]
    prev_hash, forgery = "0" * 64, []
    for line in lines:
        line.pop("hash")
        line.update(actor="somebody else", prev_hash=prev_hash)
        new_hash = hashlib.sha256(canonical_json(line).encode()).hexdigest()
        forgery.append(
            f"UPDATE audit_events SET actor = 'somebody else', prev_hash = '{prev_hash}', "
            f"hash = '{new_hash}' WHERE {_N} AND seq = {line['seq']}"
        )
        prev_hash = new_hash
    await tamper(url, *forgery, f"UPDATE audit_heads SET hash = '{prev_hash}' WHERE {_N}")
    assert await _verify(store) == BrokenLink(
        2, "the head is forged: the chain was cut or written anew"
    )


async def test_a_long_trail_is_walked_page_by_page(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml_connector.store.audit._PAGE", 3)
    async with store.write("nordic") as view:
        for _ in range(10):
            view.audit.append("order:seen", actor="test")
    assert await _verify(store) is None
    async with store.read("nordic") as view:
        assert len([line async for line in view.audit.export()]) == 10


async def test_many_tasks_append_without_gaps_or_deadlock(store: Store) -> None:
    async def one(number: int) -> None:
        async with store.write("nordic") as view:
            # The audit head is locked last, whatever a transaction touches and when.
            if number % 2:
                view.audit.append("order:seen", actor="test", order=f"PO{number % 3}")
            await view.orders.save(f"PO{number % 3}", stage="shipping")
            if not number % 2:
                view.audit.append("order:seen", actor="test", order=f"PO{number % 3}")

    await asyncio.gather(*(one(number) for number in range(40)))
    async with store.read("nordic") as view:
        assert (await view.audit.head())[0] == 40
    assert await _verify(store) is None

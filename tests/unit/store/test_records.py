"""Journals, receipts, cursors, findings, quotes, documents and counted calls."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.exc import IntegrityError

from ml_connector.domain.findings import Finding
from ml_connector.security.vault import SealBroken
from ml_connector.store import (
    IllegalTransition,
    JournalKind,
    JournalState,
    RecordConflict,
    Store,
    UnknownRecord,
)
from tests.unit.store.conftest import FakeClock
from tests.unit.store.raw import query, run
from tests.unit.store.samples import add_shipment, call_window, journal


async def test_a_journal_is_kept_with_what_explains_it(store: Store) -> None:
    async with store.write("nordic") as view:
        await add_shipment(view)
        await view.journals.add(journal(amount=Decimal("99.00")))
        draft = await view.journals.add(journal())
        assert (draft.state, draft.batch) == (JournalState.DRAFT, None)
        await view.journals.set_state("PO1-abc-1", JournalState.CREATED, batch="GL1")
        released = await view.journals.set_state("PO1-abc-1", JournalState.RELEASED)
    assert (released.state, released.batch) == (JournalState.RELEASED, "GL1")
    assert (released.amount, released.exchange_rate) == (Decimal("100.10"), Decimal("11.2345"))
    assert released.lines == journal().lines
    assert released.weights == {"1": "60.00", "2": "40.00"}
    async with store.read("nordic") as view:
        assert await view.journals.get("PO1-abc-1") == released
        assert await view.journals.by_batch("GL1") == (released,)
        assert await view.journals.by_order("PO1") == (released,)
        assert await view.journals.list("202611") == (released,)
        assert await view.journals.list("202612") == ()
        assert await view.journals.get("other") is None


async def test_a_posted_journal_is_not_written_anew(store: Store) -> None:
    async with store.write("nordic") as view:
        await add_shipment(view)
        await view.journals.add(journal())
        await view.journals.set_state("PO1-abc-1", JournalState.RELEASED, batch="GL1")
        with pytest.raises(RecordConflict, match="posted already"):
            await view.journals.add(journal(amount=Decimal("1.00")))
        with pytest.raises(IllegalTransition):
            await view.journals.set_state("PO1-abc-1", JournalState.CREATED)
        with pytest.raises(UnknownRecord):
            await view.journals.set_state("other", JournalState.CREATED)


async def test_one_shipment_has_one_posting_and_one_reversal(store: Store) -> None:
    async with store.write("nordic") as view:
        await add_shipment(view)
        await view.journals.add(journal())
        await view.journals.add(journal("PO1-abc-1R", kind=JournalKind.REVERSAL))
        await view.journals.add(journal("PO1-abc-1-2", occurrence=2))
    with pytest.raises(IntegrityError):
        async with store.write("nordic") as view:
            await view.journals.add(journal("another reference"))


async def test_a_journal_needs_its_shipment(store: Store) -> None:
    with pytest.raises(IntegrityError):
        async with store.write("nordic") as view:
            await view.journals.add(journal())


async def test_journals_are_listed_by_posting_date(store: Store) -> None:
    async with store.write("nordic") as view:
        for generation, day in ((1, 30), (2, 1)):
            await add_shipment(view, generation=generation)
            await view.journals.add(
                journal(f"r{generation}", generation=generation, posting_date=date(2026, 11, day))
            )
        assert [entry.reference for entry in await view.journals.list()] == ["r2", "r1"]


async def test_receipts_follow_their_orders(store: Store) -> None:
    async with store.write("nordic") as view:
        await view.receipts.save("R1", orders=["PO2", "PO1"], status="Hold", version="v1")
        await view.receipts.save("R2", orders=["PO1"])
        await view.receipts.save("R1", written_fields={"customStr1": "794"})
        first = await view.receipts.get("R1")
        assert first is not None
        assert (first.orders, first.status, first.version) == (("PO1", "PO2"), "Hold", "v1")
        assert first.written_fields == {"customStr1": "794"}
        assert [receipt.number for receipt in await view.receipts.for_order("PO1")] == ["R1", "R2"]
        await view.receipts.save("R1", orders=["PO2", "PO3"])
        assert [receipt.number for receipt in await view.receipts.for_order("PO1")] == ["R2"]
        assert [receipt.number for receipt in await view.receipts.for_order("PO3")] == ["R1"]
        assert await view.receipts.get("R3") is None


async def test_cursors_move(store: Store) -> None:
    async with store.write("nordic") as view:
        assert await view.cursors.get("orders") is None
        await view.cursors.set("orders", '{"at":1}')
        await view.cursors.set("orders", '{"at":2}')
        await view.cursors.set("receipts", '{"at":9}')
        assert await view.cursors.get("orders") == '{"at":2}'


def _finding(code: str, message: str = "m") -> Finding:
    return Finding(code=code, message=message, remedy="r")


async def test_a_finding_is_open_once_until_it_is_resolved(store: Store, clock: FakeClock) -> None:
    opened = clock.now
    async with store.write("nordic") as view:
        assert await view.findings.add("PO1", _finding("no_weight"))
        clock.advance(timedelta(hours=1))
        assert not await view.findings.add("PO1", _finding("no_weight", "still"))
        (record,) = await view.findings.open("PO1")
        assert (record.message, record.opened_at, record.last_seen_at) == (
            "still",
            opened,
            clock.now,
        )
        assert await view.findings.resolve("PO1", "no_weight")
        assert not await view.findings.resolve("PO1", "no_weight")
        assert await view.findings.open("PO1") == ()
        assert await view.findings.add("PO1", _finding("no_weight"))
        assert len(await view.findings.history("PO1")) == 2


async def test_findings_of_orders_and_of_the_tenant(store: Store) -> None:
    async with store.write("nordic") as view:
        assert await view.findings.add(None, _finding("clock_skew"))
        assert not await view.findings.add(None, _finding("clock_skew"))
        await view.findings.add("PO1", _finding("no_weight"))
        await view.findings.add("PO1", _finding("no_phone"))
        await view.findings.add("PO2", _finding("no_phone"))
        assert [(found.order, found.code) for found in await view.findings.open()] == [
            (None, "clock_skew"),
            ("PO1", "no_phone"),
            ("PO1", "no_weight"),
            ("PO2", "no_phone"),
        ]
        await view.findings.resolve_all("PO1")
        assert {found.order for found in await view.findings.open()} == {None, "PO2"}
        assert await view.findings.resolve(None, "clock_skew")


async def test_quotes_are_sealed_and_listed_latest_first(
    store: Store, url: str, clock: FakeClock
) -> None:
    async with store.write("nordic") as view:
        first = await view.quotes.add("PO1", {"street": "Storgata 1"}, [{"total": "1.00"}])
        clock.advance(timedelta(seconds=1))
        second = await view.quotes.add("PO1", {}, [])
        await view.quotes.add(None, {"free": True}, [])
        quotes = await view.quotes.list("PO1")
        assert [quote.id for quote in quotes] == [second, first]
        assert quotes[1].request == {"street": "Storgata 1"}
        assert quotes[1].offers == [{"total": "1.00"}]
        assert len(await view.quotes.list()) == 3
        assert len(await view.quotes.list(limit=1)) == 1
    assert "Storgata" not in repr(await query(url, "SELECT * FROM quotes"))


async def test_the_same_document_is_kept_once(store: Store, url: str) -> None:
    label = b"%PDF-1.7 Kari Nordmann" * 1000
    async with store.write("nordic") as view:
        sha = await view.blobs.put(label, "PDF")
        assert await view.blobs.put(label, "PDF") == sha
        assert await view.blobs.put(b"another", "PNG") != sha
        blob = await view.blobs.get(sha)
        assert (blob.content, blob.media, blob.size) == (label, "PDF", len(label))
    async with store.write("sur") as view:
        assert await view.blobs.put(label, "PDF") != sha
        with pytest.raises(UnknownRecord):
            await view.blobs.get(sha)
    rows = await query(url, "SELECT * FROM blobs")
    assert len(rows) == 3
    assert "Nordmann" not in repr(rows)


async def test_a_swapped_document_does_not_open(store: Store, url: str) -> None:
    async with store.write("nordic") as view:
        sha = await view.blobs.put(b"label one", "PDF")
        other = await view.blobs.put(b"label two", "PDF")
    await run(
        url,
        "UPDATE blobs SET content_sealed = (SELECT content_sealed FROM blobs WHERE sha = :other) "
        "WHERE sha = :sha",
        sha=sha,
        other=other,
    )
    async with store.read("nordic") as view:
        assert (await view.blobs.get(other)).content == b"label two"
        with pytest.raises(SealBroken):
            await view.blobs.get(sha)


async def test_the_window_of_calls_is_the_last_one_kept(store: Store, clock: FakeClock) -> None:
    async with store.write("nordic") as view:
        assert await view.calls.get() is None
        await view.calls.keep(call_window(clock.now))
        later = replace(call_window(clock.now), remaining=None)
        await view.calls.keep(later)
        assert await view.calls.get(lock=True) == later
    async with store.read("nordic") as view:
        assert await view.calls.get() == later

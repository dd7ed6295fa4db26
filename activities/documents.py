"""The documents in Visma that say what became of a shipment: the order, and its receipts.

Several runs may want to write to one document at the same time, and any of them may die between
a write and its record. So what a document should say is read from the store before each attempt,
a value is recorded before it is sent, and Visma's row version decides who was first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from activities.observation import observe, own_receipt_fields, plain
from activities.receipts import matched_receipts, progress_of
from activities.services import Desk
from activities.trail import current_trail
from ml_connector.domain.findings import Finding
from ml_connector.domain.progress import desired_fields
from ml_connector.store.store import Store

Fields = Mapping[str, object]
"""Visma's field → value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A document as the store knows it, and what it should say."""

    version: str
    """Visma's row version, as last seen."""
    held: Fields
    """What our fields held at that version."""
    written: Fields
    """Every value of ours that was ever sent, or meant to be: a list for each field."""
    desired: Fields


class Document(Protocol):
    """One document that can be brought up to date."""

    @property
    def name(self) -> str: ...

    async def entry(self) -> Entry | None:
        """As the store has it now; None when it has nothing to say any more."""

    async def intend(self, changes: Fields) -> None:
        """Record values as ours. Before they are sent, or a lost answer makes them look foreign."""

    async def put(self, changes: Fields, version: str) -> str:
        """Send them; the new version. Raises VismaError."""

    async def wrote(self, held: Fields, version: str) -> None:
        """Record that Visma has them."""

    async def read(self) -> None:
        """Read the document, and enter its version and content."""

    async def report(self, found: tuple[Finding, ...]) -> None:
        """Record what a person should know."""


class OrderDocument:
    """A purchase order."""

    def __init__(self, store: Store, desk: Desk, number: str) -> None:
        self._store = store
        self._desk = desk
        self._number = number

    @property
    def name(self) -> str:
        return f"order {self._number}"

    async def entry(self) -> Entry | None:
        async with self._store.read(self._desk.id) as view:
            row = await view.orders.get(self._number)
        if row is None or row.generation == 0:
            return None
        return Entry(
            version=row.version or "",
            held=row.seen_fields,
            written=row.written_fields,
            desired=desired_fields(self._desk.tenant.visma.fields, [progress_of(row)]),
        )

    async def intend(self, changes: Fields) -> None:
        async with self._store.write(self._desk.id) as view:
            # Saving nothing locks the row, so that of two runs neither loses its values.
            row = await view.orders.save(self._number)
            ours = _joined(row.written_fields, changes)
            await view.orders.save(self._number, written_fields=ours)

    async def put(self, changes: Fields, version: str) -> str:
        return await self._desk.visma.update_order_fields(self._number, changes, version=version)

    async def wrote(self, held: Fields, version: str) -> None:
        async with self._store.write(self._desk.id) as view:
            await view.orders.save(self._number, version=version, seen_fields=plain(held))
            current_trail().note(view, "order:progress_written", fields=sorted(held))

    async def read(self) -> None:
        order = await self._desk.visma.get_order(self._number)
        async with self._store.write(self._desk.id) as view:
            # A person's edit met here is entered like any other discovery.
            await observe(view, self._desk, order, await view.orders.get(self._number))
            current_trail().write(view)

    async def report(self, found: tuple[Finding, ...]) -> None:
        await _report(self._store, self._desk, self._number, found)


class ReceiptDocument:
    """A purchase receipt that received goods of an order."""

    def __init__(self, store: Store, desk: Desk, number: str, *, order: str) -> None:
        self._store = store
        self._desk = desk
        self._number = number
        self._order = order

    @property
    def name(self) -> str:
        return f"receipt {self._number}"

    async def entry(self) -> Entry | None:
        async with self._store.read(self._desk.id) as view:
            row = await view.orders.get(self._order)
            matches = [] if row is None else await matched_receipts(view, self._desk, row)
        for receipt, shipments in matches:
            if receipt.number == self._number:
                return Entry(
                    version=receipt.version or "",
                    held=receipt.seen_fields,
                    written=receipt.written_fields,
                    desired=desired_fields(self._desk.tenant.visma.fields, shipments),
                )
        return None

    async def intend(self, changes: Fields) -> None:
        async with self._store.write(self._desk.id) as view:
            # Saving nothing locks the row, so that of two runs neither loses its values.
            await view.receipts.save(self._number)
            receipt = await view.receipts.get(self._number)
            ours = _joined(receipt.written_fields if receipt else {}, changes)
            await view.receipts.save(self._number, written_fields=ours)

    async def put(self, changes: Fields, version: str) -> str:
        return await self._desk.visma.update_receipt_fields(self._number, changes, version=version)

    async def wrote(self, held: Fields, version: str) -> None:
        async with self._store.write(self._desk.id) as view:
            await view.receipts.save(self._number, version=version, seen_fields=plain(held))
            current_trail().note(view, "receipt:progress_written", receipt=self._number)

    async def read(self) -> None:
        receipt = await self._desk.visma.get_receipt(self._number)
        async with self._store.write(self._desk.id) as view:
            await view.receipts.save(
                self._number,
                version=receipt.version,
                seen_fields=plain(own_receipt_fields(self._desk, receipt)),
            )
            current_trail().write(view)

    async def report(self, found: tuple[Finding, ...]) -> None:
        await _report(self._store, self._desk, self._order, found)


async def _report(store: Store, desk: Desk, order: str, found: tuple[Finding, ...]) -> None:
    if found:
        async with store.write(desk.id) as view:
            for finding in found:
                await view.findings.add(order, finding)


def _joined(written: Fields, changes: Fields) -> dict[str, Any]:
    """Every value of ours by field, each once, the latest last."""
    joined = {slot: _values(value) for slot, value in written.items()}
    for slot, value in plain(changes).items():
        before = [each for each in joined.get(slot, []) if each != value]
        joined[slot] = [*before, value]
    return joined


def _values(value: object) -> list[object]:
    return list(value) if isinstance(value, (list, tuple)) else [value]

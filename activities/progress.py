"""Write what became of a shipment into Visma's custom fields, on the order and its receipts.

Level-triggered: the store holds what should stand there (`progress_version`) and what was
written (`progress_written`); whoever comes by writes the difference. A person's edit always
survives: every PUT carries the version it was made from, and a foreign value stays.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from temporalio import activity

from activities import findings
from activities.observation import observe, own_fields, own_receipt_fields, plain
from activities.receipts import matched_receipts, progress_of
from activities.services import Desk, Services
from activities.signatures import FLUSH_PROGRESS, WRITE_PROGRESS
from activities.trail import current_trail
from ml_connector.domain.findings import Finding
from ml_connector.domain.progress import ShipmentProgress, desired_fields, diff
from ml_connector.store.orders import OrderRow
from ml_connector.store.receipts import Receipt
from ml_connector.temporal.messages import TenantInput
from ml_connector.temporal.order_messages import OrderRef
from ml_connector.visma.errors import VismaOutcomeUnknown, VismaRejected, VismaStale

STALE_LIMIT = 5
"""Refusals of an unchanged version before a person is asked (DESIGN rule 5)."""
AT_ONCE = 8
"""Parallel writes; other clients of this API cap themselves at eight requests."""
BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """What Visma holds in our fields, as far as we know."""

    version: str
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """What one attempt to bring a document up to date came to."""

    held: _Held
    fields: Mapping[str, object]
    """What we put there, this time and before."""
    sent: bool
    findings: tuple[Finding, ...] = ()


Put = Callable[[Mapping[str, object], str], Awaitable[str]]
"""Fields and version in; the new version out."""


class ProgressActivities:
    """Bring documents in Visma up to date."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @activity.defn(name=WRITE_PROGRESS.name)
    async def write_progress(self, ref: OrderRef) -> int:
        """Bring one order and its receipts up to date; how many documents were written."""
        desk = await self._services.desk(ref.tenant)
        async with self._services.store.read(desk.id) as view:
            row = await view.orders.get(ref.order)
        return 0 if row is None else await self._bring(desk, row)

    @activity.defn(name=FLUSH_PROGRESS.name)
    async def flush_progress(self, tenant: TenantInput) -> int:
        """Bring every order up to date that is behind; how many documents were written."""
        desk = await self._services.desk(tenant.tenant)
        async with self._services.store.read(desk.id) as view:
            behind = await view.orders.pending_progress(BATCH)
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(row: OrderRow) -> int:
            async with gate:
                activity.heartbeat()
                return await self._bring(desk, row)

        return sum(await asyncio.gather(*(one(row) for row in behind)))

    async def _bring(self, desk: Desk, row: OrderRow) -> int:
        """The order first; then each receipt that received its goods."""
        sent = 0
        if row.generation > 0:
            sent += await self._bring_order(desk, row)
            async with self._services.store.read(desk.id) as view:
                receipts = await matched_receipts(view, desk, row)
            for receipt, shipments in receipts:
                sent += await self._bring_receipt(desk, row, receipt, shipments)
        async with self._services.store.write(desk.id) as view:
            await view.orders.mark_progress_written(row.order, row.progress_version)
            current_trail().write(view)
        return sent

    # -- one document -----------------------------------------------------------------------

    async def _bring_order(self, desk: Desk, row: OrderRow) -> bool:
        desired = desired_fields(desk.tenant.visma.fields, [progress_of(row)])

        async def put(fields: Mapping[str, object], version: str) -> str:
            return await desk.visma.update_order_fields(row.order, fields, version=version)

        async def read() -> _Held:
            order = await desk.visma.get_order(row.order)
            async with self._services.store.write(desk.id) as view:
                # A person's edit met here is entered like any other discovery.
                await observe(view, desk, order, await view.orders.get(row.order))
                current_trail().write(view)
            return _Held(version=order.version, fields=own_fields(desk, order))

        held = _Held(version=row.version or "", fields=row.seen_fields)
        done = await _bring_up_to_date(
            f"order {row.order}", held, desired, row.written_fields, put, read
        )
        async with self._services.store.write(desk.id) as view:
            for finding in done.findings:
                await view.findings.add(row.order, finding)
            await view.orders.save(
                row.order,
                version=done.held.version,
                seen_fields=plain(done.held.fields),
                written_fields=plain(done.fields),
            )
            if done.sent:
                current_trail().note(view, "order:progress_written", fields=sorted(desired))
        return done.sent

    async def _bring_receipt(
        self,
        desk: Desk,
        row: OrderRow,
        receipt: Receipt,
        shipments: tuple[ShipmentProgress, ...],
    ) -> bool:
        desired = desired_fields(desk.tenant.visma.fields, shipments)

        async def put(fields: Mapping[str, object], version: str) -> str:
            return await desk.visma.update_receipt_fields(receipt.number, fields, version=version)

        async def read() -> _Held:
            found = await desk.visma.get_receipt(receipt.number)
            return _Held(version=found.version, fields=own_receipt_fields(desk, found))

        held = _Held(version=receipt.version or "", fields=receipt.seen_fields)
        done = await _bring_up_to_date(
            f"receipt {receipt.number}", held, desired, receipt.written_fields, put, read
        )
        async with self._services.store.write(desk.id) as view:
            for finding in done.findings:
                await view.findings.add(row.order, finding)
            await view.receipts.save(
                receipt.number,
                version=done.held.version,
                seen_fields=plain(done.held.fields),
                written_fields=plain(done.fields),
            )
            if done.sent:
                current_trail().note(view, "receipt:progress_written", receipt=receipt.number)
        return done.sent


async def _bring_up_to_date(
    document: str,
    held: _Held,
    desired: Mapping[str, object],
    written: Mapping[str, object],
    put: Put,
    read: Callable[[], Awaitable[_Held]],
) -> _Written:
    """Write what differs, at most once; read again whenever the version was not ours.

    The first attempt uses the version and values of the last reading, so that a quiet order
    costs no read of its own.
    """
    ours = dict(written)
    refused: list[str] = []
    while True:
        changes, found = diff(held.fields, desired, ours)
        if not changes:
            return _Written(held=held, fields=ours, sent=False, findings=found)
        ours |= changes
        try:
            version = await put(changes, held.version)
        except VismaStale:
            refused.append(held.version)
            if refused.count(held.version) >= STALE_LIMIT:
                always = (*found, findings.ALWAYS_STALE)
                return _Written(held=held, fields=written, sent=False, findings=always)
            held = await read()
        except VismaOutcomeUnknown:
            held = await read()
        except VismaRejected as rejected:
            why = findings.refuses_writes(document, rejected.what)
            return _Written(held=held, fields=written, sent=False, findings=(*found, why))
        else:
            now = _Held(version=version, fields={**held.fields, **changes})
            return _Written(held=now, fields=ours, sent=True, findings=found)

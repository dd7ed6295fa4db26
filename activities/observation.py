"""What an order looks like in Visma now, entered into the read model.

Whoever reads an order (discovery, planning, a write that met a newer version) enters it here, so
that a person's edit is noticed by the first reader and by nobody twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from activities import findings
from activities.services import Desk
from activities.trail import current_trail
from ml_connector.domain.eligibility import Eligible, Skipped, assess, fingerprint
from ml_connector.domain.order import PurchaseOrder
from ml_connector.domain.quotes import quote_requested
from ml_connector.domain.stage import Stage
from ml_connector.store.orders import OrderChanges, OrderRow
from ml_connector.store.view import TenantView
from ml_connector.visma.records import PurchaseReceipt

OVER = frozenset({Stage.COMPLETED, Stage.RETURNED})
"""Stages after which an edit starts nothing any more."""
SETTLED_IN_VISMA = frozenset({"Closed", "Cancelled", "Voided"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What was made of one look at an order."""

    fingerprint: str
    verdict: Eligible | Skipped
    news: bool
    """The order's workflow must hear of it."""


async def observe(
    view: TenantView, desk: Desk, order: PurchaseOrder, row: OrderRow | None
) -> Observation:
    """Enter an order's present content; `row` is what the read model held before."""
    mark = fingerprint(order)
    verdict = assess(order, desk.tenant)
    changed = row is None or row.fingerprint != mark
    request = _new_quote_request(desk, order, row)
    over = row is not None and row.stage in OVER
    news = bool(request) or (not over and _concerns(row, verdict, changed=changed))
    skipped = isinstance(verdict, Skipped) and (row is None or row.generation == 0)
    changes: OrderChanges = {
        "fingerprint": mark,
        "version": order.version,
        "last_modified": order.last_modified,
        "seen_fields": plain(own_fields(desk, order)),
        "skip_reason": verdict.code if isinstance(verdict, Skipped) and skipped else None,
        "skip_detail": verdict.message if isinstance(verdict, Skipped) and skipped else None,
    }
    if request or not _quote_is_asked_for(desk, order):
        changes["quote_request_version"] = request or None
    await view.orders.save(order.number, **changes)
    if news:
        await view.orders.progressed(order.number)
    if row is not None and row.generation > 0 and row.version != order.version:
        await _try_to_write_again(view, order.number)
    if over and changed and order.status not in SETTLED_IN_VISMA:
        await view.findings.add(order.number, findings.CHANGED_AFTER_COMPLETION)
    if changed:
        current_trail().note(
            view,
            "order:observed",
            fingerprint=mark[:16],
            eligible=isinstance(verdict, Eligible),
            reason="" if isinstance(verdict, Eligible) else verdict.code,
        )
    return Observation(fingerprint=mark, verdict=verdict, news=news)


async def _try_to_write_again(view: TenantView, order: str) -> None:
    """A document that refused to be written may take it now that the order was changed."""
    if await view.findings.resolve(order, "document_refuses_writes"):
        await view.orders.progressed(order, signal=False)


def own_fields(desk: Desk, order: PurchaseOrder) -> dict[str, object]:
    """What Visma holds in the custom fields that this tenant lent us."""
    slots = [slot for _, slot in desk.tenant.visma.fields.assigned()]
    return {slot: order.custom[slot] for slot in slots if order.custom.get(slot) is not None}


async def holds_unknown_number(view: TenantView, desk: Desk, order: PurchaseOrder) -> bool:
    """Whether Visma shows a tracking number of which our store knows nothing.

    It may be a person's; or ours, from after the backup that the store was restored from. Buying
    another shipment would then be the second one.
    """
    slot = desk.tenant.visma.fields.tracking_number
    value = str(order.custom.get(slot) or "").strip() if slot else ""
    if not value:
        return False
    shipments = await view.shipments.list(order.number)
    return all(
        (each.master_tracking or "") not in value or not each.master_tracking for each in shipments
    )


def own_receipt_fields(desk: Desk, receipt: PurchaseReceipt) -> dict[str, object]:
    """The same of a receipt."""
    slots = [slot for _, slot in desk.tenant.visma.fields.assigned()]
    return {slot: receipt.custom[slot] for slot in slots if receipt.custom.get(slot) is not None}


def plain(fields: Mapping[str, object]) -> dict[str, object]:
    """Field values as JSON holds them; amounts and times as text, cleared ones left out."""
    return {
        slot: value if isinstance(value, int | str) else _text(value)
        for slot, value in fields.items()
        if value is not None
    }


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _new_quote_request(desk: Desk, order: PurchaseOrder, row: OrderRow | None) -> str:
    """The request's identity is the version it was first seen in: the same word typed again,
    after an answer, is a new request."""
    waiting = row.quote_request_version if row else None
    if waiting or not _quote_is_asked_for(desk, order):
        return ""
    return f"{order.number}:{order.version}"


def _quote_is_asked_for(desk: Desk, order: PurchaseOrder) -> bool:
    """False also once the word was answered, or taken back."""
    slot = desk.tenant.visma.fields.quote_request
    return bool(slot) and quote_requested(order.custom.get(slot))


def _concerns(row: OrderRow | None, verdict: Eligible | Skipped, *, changed: bool) -> bool:
    """Whether the order's workflow must hear: it is to ship, or it runs already and something
    about the order is different, or what kept it from shipping is gone."""
    if row is None:
        return isinstance(verdict, Eligible)
    if isinstance(verdict, Eligible) and row.skip_reason is not None:
        return True
    runs = row.progress_version > 0
    return changed and (runs or isinstance(verdict, Eligible))

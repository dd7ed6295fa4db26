"""The truth: what both simulators hold, compared with what must have become of each order.

The connector's own database is asked for its stage, its cursor, its operations and its audit
chain only; whether something was bought or posted is read off the other side.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from ml_connector.domain.tenant import FieldMap
from ml_connector.store.orders import OrderRow
from ml_connector.store.states import TenantState
from proof.fates import NOTE_FIELD, Fate, Fated
from proof.report import Check, check
from tests.cold_start import LIMIT, crowded_windows
from tests.stage import Stage, company_of

Json = Mapping[str, Any]
Comparison = Callable[[Fated], Iterable[str]]
"""The differences of one order, in words."""

RELEASED = frozenset({"Unposted", "Posted"})
"""What Visma calls a batch that is released."""
SHOWN = {Fate.DELIVERED: "Delivered", Fate.RETURNED: "Returned to shipper"}
"""What an order says of its parcel at the end."""
EXCUSED = frozenset({"request while blocked"})
"""FedEx's simulator counts it, but who first meets a block cannot have known of it."""


class Truth:
    """Both simulators' books and our own read model, at one moment after everything settled."""

    def __init__(
        self,
        *,
        orders: Sequence[Fated],
        fedex: Json,
        visma: Json,
        rows: Mapping[tuple[str, str], OrderRow],
        stage: Stage,
    ) -> None:
        self._orders = orders
        self._fedex = fedex
        self._visma = visma
        self._rows = rows
        self._stage = stage
        self._tenants = sorted({order.tenant for order in orders})
        self._fields = FieldMap()
        self._shipments: dict[str, list[Json]] = defaultdict(list)
        for shipment in fedex["shipments"]:
            self._shipments[shipment["order_number"]].append(shipment)

    @classmethod
    async def seen(cls, stage: Stage, orders: Sequence[Fated]) -> "Truth":
        """Read everything now."""
        rows: dict[tuple[str, str], OrderRow] = {}
        for tenant in {order.tenant for order in orders}:
            async with stage.store.read(tenant) as view:
                rows |= {(tenant, row.order): row for row in await view.orders.list()}
        fedex, visma = await stage.fedex("GET", "state"), await stage.visma("GET", "state")
        return cls(orders=orders, fedex=fedex, visma=visma, rows=rows, stage=stage)

    async def judge(self, *, window: timedelta) -> list[Check]:
        """Every comparison; `window` is the one of the token budget."""
        return [
            self._each("stage", self._stage_of),
            self._each("live shipments", self._live),
            self._orphans(),
            self._each("freight journals", self._journals),
            self._each("tracking fields in Visma", self._progress),
            self._each("people's edits", self._edits),
            self._manners(),
            self._token_window(window),
            *await self._own_books(),
        ]

    def _each(self, what: str, differences: Comparison) -> Check:
        found = [f"{order.name} {text}" for order in self._orders for text in differences(order)]
        return check(what, f"{len(self._orders)} orders", found)

    # -- one order --------------------------------------------------------------------------

    def _stage_of(self, order: Fated) -> Iterator[str]:
        row = self._rows.get((order.tenant, order.number))
        if row is None:
            yield "was never discovered"
            return
        if row.stage == order.fate or _never_shipped(order, row):
            return
        why = f" ({row.attention}: {row.attention_detail})" if row.attention else ""
        yield f"is {row.stage}, not {order.fate.value}{why}"

    def _live(self, order: Fated) -> Iterator[str]:
        live = self._live_of(order)
        wanted = 0 if order.fate is Fate.CANCELLED else 1
        if len(live) != wanted:
            names = ", ".join(f"{each['master']} as {each['reference']}" for each in live)
            yield f"has {len(live)} live shipments, not {wanted}: {names}"
        for shipment in live if wanted else ():
            row = self._rows.get((order.tenant, order.number))
            if row is not None and row.master_tracking != shipment["master"]:
                yield f"travels as {shipment['master']}, we think as {row.master_tracking}"
            if not shipment["delivered"]:
                yield f"travels as {shipment['master']} and has not arrived"

    def _journals(self, order: Fated) -> Iterator[str]:
        journals = [
            journal
            for journal in self._company(order.tenant)["journals"].values()
            if any(line["reference"].startswith(f"F{order.number}-") for line in journal["lines"])
        ]
        wanted = 0 if order.fate is Fate.CANCELLED else 1
        if len(journals) != wanted:
            yield f"has {len(journals)} freight journals, not {wanted}"
            return
        live = self._live_of(order)
        for journal, shipment in zip(journals, live, strict=False):
            yield from _posted(journal, shipment)

    def _progress(self, order: Fated) -> Iterator[str]:
        held, live = self._document(order)["custom"], self._live_of(order)
        number, status = (
            held.get(self._fields.tracking_number),
            held.get(self._fields.tracking_status),
        )
        if order.fate is Fate.CANCELLED:
            if number and status != "Cancelled":
                yield f"is cancelled but says {status!r} of parcel {number}"
            return
        if len(live) != 1:
            return
        [shipment] = live
        if number != shipment["master"]:
            yield f"says {number!r}, its parcel is {shipment['master']}"
        if status != SHOWN[order.fate]:
            yield f"says {status!r} of its parcel, not {SHOWN[order.fate]!r}"
        cost = Decimal(shipment["cost"]["net_fedex_charge"])
        if Decimal(str(held.get(self._fields.freight_cost) or 0)) != cost:
            yield f"says freight {held.get(self._fields.freight_cost)}, FedEx charged {cost}"

    def _edits(self, order: Fated) -> Iterator[str]:
        """Ours touched our fields only, and whatever a person wrote last still stands."""
        document = self._document(order)
        ours = {f"custom.{slot}" for _, slot in self._fields.assigned()}
        theirs: dict[str, object] = {}
        for edit in document["edits"][1:]:
            by_us = edit["by"].startswith("api:")
            foreign = set(edit["changes"]) - ours
            if by_us and foreign:
                yield f"had {', '.join(sorted(foreign))} changed by us"
            for name, (_, new) in edit["changes"].items():
                if not by_us:
                    theirs[name] = new
                elif name in theirs and theirs[name] != new:
                    yield f"lost a person's edit of {name}"
        if order.note and document["custom"].get(NOTE_FIELD) != order.note:
            yield f"lost the note {order.note!r}: {document['custom'].get(NOTE_FIELD)!r}"
        if "supplier_ref" in document and "supplierRef" in theirs:
            held = document["supplier_ref"]
            if held != theirs["supplierRef"]:
                yield f"lost a person's supplier reference: {held!r}"

    # -- all together -----------------------------------------------------------------------

    def _orphans(self) -> Check:
        """No live parcel that we do not know of."""
        known = {row.master_tracking for row in self._rows.values()}
        everything = self._fedex["shipments"]
        orphans = [
            f"{each['master']} of order {each['order_number']} ({each['reference']})"
            for each in everything
            if not each["cancelled"] and each["master"] not in known
        ]
        return check("orphans", f"{len(everything)} shipments", orphans)

    def _manners(self) -> Check:
        """No PUT without If-Match, and nothing else that a careful client does not do."""
        fedex = [
            f"FedEx: {each['rule']}: {each['detail']}"
            for each in self._fedex["violations"]
            if each["rule"] not in EXCUSED
        ]
        visma = [
            f"Visma: {each['kind']} at {each['call']}: {each['detail']}"
            for each in self._visma["violations"]
        ]
        calls = sum(self._fedex["calls"].values()) + sum(
            count
            for operations in self._visma["calls"].values()
            for statuses in operations.values()
            for count in statuses.values()
        )
        return check("violations (If-Match, empty PUTs, …)", f"{calls} calls", [*fedex, *visma])

    def _token_window(self, window: timedelta) -> Check:
        times = [datetime.fromisoformat(each["at"]) for each in self._fedex["token_requests"]]
        crowded = crowded_windows(times, window)
        seconds = window.total_seconds()
        what = f"token requests, at most {LIMIT} in {seconds:g} s"
        return check(what, f"{len(times)} requests", crowded)

    async def _own_books(self) -> list[Check]:
        cursors: list[str] = []
        chains: list[str] = []
        operations: list[str] = []
        tenants: list[str] = []
        events = 0
        for tenant in self._tenants:
            async with self._stage.store.read(tenant) as view:
                broken = await view.audit.verify()
                events += (await view.audit.head())[0]
                open_ones = await view.operations.unfinished()
            if broken is not None:
                chains.append(f"{tenant}: {broken}")
            operations += [f"{each.key} is {each.state.value}" for each in open_ones]
            cursors += self._unseen(tenant)
            record = await self._stage.store.tenants.get(tenant)
            if record is None or record.state is not TenantState.ACTIVE:
                tenants.append(f"{tenant} is {record.state.value if record else 'gone'}")
        return [
            check("cursor: every order was discovered", f"{len(self._rows)} orders", cursors),
            check("operations with an open end", f"{len(self._rows)} orders", operations),
            check("audit chain", f"{events} events", chains),
            check("tenants at work", len(self._tenants), tenants),
        ]

    def _unseen(self, tenant: str) -> Iterator[str]:
        """Orders in Visma that the read model does not know."""
        numbers = self._company(tenant)["orders"]
        for number in numbers:
            if (tenant, number) not in self._rows:
                yield f"{tenant}/{number} was never seen"

    # -- readings ---------------------------------------------------------------------------

    def _company(self, tenant: str) -> Any:
        return self._visma["companies"][company_of(tenant)]

    def _document(self, order: Fated) -> Any:
        return self._company(order.tenant)["orders"][order.number]

    def _live_of(self, order: Fated) -> list[Json]:
        return [each for each in self._shipments[order.number] if not each["cancelled"]]


def _never_shipped(order: Fated, row: OrderRow) -> bool:
    """Cancelled in Visma before anything was bought: it is skipped, with the reason."""
    return order.fate is Fate.CANCELLED and row.generation == 0 and row.skip_reason is not None


def _posted(journal: Json, shipment: Json) -> Iterator[str]:
    """Released, balanced, and equal to the shipment's cost."""
    cost = Decimal(shipment["cost"]["net_fedex_charge"])
    debit = sum((Decimal(line["debit"]) for line in journal["lines"]), Decimal(0))
    credit = sum((Decimal(line["credit"]) for line in journal["lines"]), Decimal(0))
    if journal["status"] not in RELEASED:
        yield f"journal {journal['number']} is {journal['status']}"
    if debit != credit:
        yield f"journal {journal['number']} debits {debit} and credits {credit}"
    if debit != cost:
        yield f"journal {journal['number']} posts {debit}, FedEx charged {cost}"

"""Tell the orders' workflows what the store has learnt."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from activities.services import Desk, Services, policy_of
from activities.shipped import tracking_of
from activities.signatures import DELIVER_NEWS, RECORD_ASKED, RECORD_STAGE
from activities.trail import current_trail
from ml_connector.domain.tenant import Tenant
from ml_connector.store.orders import OrderRow
from ml_connector.temporal.ids import TaskQueue, order_workflow_id
from ml_connector.temporal.messages import TenantInput
from ml_connector.temporal.order_messages import Asked, News, OrderInput, StageRecord
from ml_connector.temporal.priorities import priority_of
from ml_connector.temporal.search_attributes import of_order
from ml_connector.visma.budget import Priority

BATCH = 100
AT_ONCE = 8
CALLS_OF_A_START = 5
"""Of Visma, from an order's start until its parcel is on the way: itself, master data nobody had
asked for yet, its tracking number, and that of an edit in between."""
MEMORY = timedelta(hours=1)
"""Orders that were told longer ago have made their calls, or wait for something else."""
HOPELESS = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.UNAUTHENTICATED,
        RPCStatusCode.PERMISSION_DENIED,
    }
)
"""What the next order would hear from Temporal as well."""


class NewsActivities:
    """The outbox between the store and Temporal.

    An order is marked in the transaction that learns something about it; the mark goes only when
    its workflow was told exactly that. Crashing between the two repeats the news, which does no
    harm.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    @activity.defn(name=DELIVER_NEWS.name)
    async def deliver_news(self, tenant: TenantInput) -> int:
        """Start or nudge the workflow of every order that has news; how many were told.

        Orders that are not shipped yet start at the pace that Visma's hourly limit allows: those
        for which it has no room stay marked, and the next run finds them. Raises the first failure
        at the end, at once where the next order would only meet the same.
        """
        desk = await self._services.desk(tenant.tenant)
        told, failures = 0, dict[str, Exception]()
        while not any(map(_is_hopeless, failures.values())):
            rows = await self._waiting(desk, failures)
            if not rows:
                break
            failures |= await self._tell_all(desk, rows)
            told += len(rows)
            activity.heartbeat(told)
        for failure in failures.values():
            raise failure
        return told

    async def _waiting(self, desk: Desk, failures: Collection[str]) -> Sequence[OrderRow]:
        """The next orders to tell, without those that could not be told."""
        async with self._services.store.read(desk.id) as view:
            urgent = await view.orders.pending_signals(BATCH, urgent=True, besides=failures)
        if urgent or (room := await self._room(desk)) <= 0:
            return urgent
        async with self._services.store.read(desk.id) as view:
            return await view.orders.pending_signals(room, besides=failures)

    async def _room(self, desk: Desk) -> int:
        """How many orders more may start; those under way have their calls still before them."""
        spare = await desk.at(Priority.BACKLOG).visma.spare_calls()
        if spare is None:
            return BATCH
        async with self._services.store.read(desk.id) as view:
            under_way = await view.orders.starting(since=datetime.now(UTC) - MEMORY)
        return min(spare // CALLS_OF_A_START - under_way, BATCH)

    async def _tell_all(self, desk: Desk, rows: Sequence[OrderRow]) -> dict[str, Exception]:
        """Those that could not be told stay marked, and keep no other from it."""
        gate = asyncio.Semaphore(AT_ONCE)
        tellings = (self._tell(desk, row, gate) for row in rows)
        outcomes = zip(rows, await asyncio.gather(*tellings, return_exceptions=True), strict=True)
        failures = dict[str, Exception]()
        async with self._services.store.write(desk.id) as view:
            for row, outcome in outcomes:
                if isinstance(outcome, Exception):
                    failures[row.order] = outcome
                elif outcome is not None:
                    raise outcome
                else:
                    await view.orders.mark_signalled(row.order, row.progress_version)
        return failures

    async def _tell(self, desk: Desk, row: OrderRow, gate: asyncio.Semaphore) -> None:
        async with gate:
            await tell_order(self._services.temporal, desk, row)

    @activity.defn(name=RECORD_STAGE.name)
    async def record_stage(self, record: StageRecord) -> bool:
        """Write a stage that only the workflow knows of into the read model."""
        attention = record.attention
        async with self._services.store.write(record.tenant) as view:
            await view.orders.save(
                record.order,
                stage=record.stage,
                attention=attention.reason if attention else None,
                attention_detail=attention.detail if attention else None,
                attention_remedy=attention.remedy if attention else None,
                attention_since=datetime.now(UTC) if attention else None,
            )
            current_trail().note(
                view,
                "order:parked" if attention else "order:stage",
                stage=record.stage.value,
                reason=attention.reason if attention else "",
            )
        return True

    @activity.defn(name=RECORD_ASKED.name)
    async def record_asked(self, asked: Asked) -> bool:
        """Write down what a person asked of the order, whatever comes of it."""
        said = {"signal": asked.signal, "by": asked.by, "reason": asked.reason, "step": asked.step}
        async with self._services.store.write(asked.tenant) as view:
            current_trail().note(
                view, "order:asked", **{key: value for key, value in said.items() if value}
            )
        return True


def _is_hopeless(failure: Exception) -> bool:
    return isinstance(failure, RPCError) and failure.status in HOPELESS


async def tell_order(temporal: Client, desk: Desk, row: OrderRow) -> None:
    """Tell the order's workflow what the store knows; start it if none runs."""
    await signal_order(temporal, desk.tenant, row.order, "news", _news(row))


async def signal_order(
    temporal: Client, tenant: Tenant, order: str, signal: str, message: object
) -> None:
    """Signal the order's workflow; start it if none runs. The store keeps a repeat harmless."""
    await temporal.start_workflow(
        "PurchaseOrderWorkflow",
        OrderInput(tenant=tenant.id, order=order, policy=policy_of(tenant)),
        id=order_workflow_id(tenant.id, order),
        task_queue=TaskQueue.MAIN,
        start_signal=signal,
        start_signal_args=[message],
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        search_attributes=of_order(tenant.id, order),
        static_summary=f"{tenant.name}: purchase order {order}",
        priority=priority_of(tenant.id),
    )


def _news(row: OrderRow) -> News:
    return News(
        version=row.progress_version,
        fingerprint=row.fingerprint or "",
        tracking=tracking_of(row),
        generation=row.generation,
        quote_request=row.quote_request_version or "",
        cutoff_period=row.cutoff_period or "",
    )

"""Many tenants without a FedEx token at once, served by worker processes of their own.

    async with Stage(home=tmp_path, work=False, token_window="5s") as stage:
        start = await cold_start(stage, tenants=50, processes=4)

Orders wait in every tenant before the first worker runs, so that all credentials are wanted
together. `make test` takes a few of them with a short window, `make proof` fifty with FedEx's own.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import History
from temporalio.client import WorkflowHistory

from tests.stage import Stage

LIMIT = 2
"""Token requests that may fall into one window."""
PATIENCE = 600.0
ORDERS = "WorkflowType = 'PurchaseOrderWorkflow'"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdStart:
    """What FedEx saw, and what the histories hold."""

    times: Sequence[datetime]
    """Of all token requests."""
    asked: Counter[str]
    """Requests by client id."""
    violations: Sequence[str]
    workers: frozenset[str]
    """Processes that shipped an order."""
    leaked_into: Sequence[str]
    """Workflows whose history holds a token."""

    @property
    def took(self) -> timedelta:
        """From the first request to the last."""
        return max(self.times) - min(self.times)

    def floor(self, window: timedelta) -> timedelta:
        """The shortest time that so many requests may take."""
        return window * (math.ceil(len(self.times) / LIMIT) - 1)


async def cold_start(stage: Stage, *, tenants: int, processes: int) -> ColdStart:
    """Ship one order for each of so many tenants, from nothing."""
    names = [f"cold-{number:02}" for number in range(tenants)]
    window = stage.token_window
    await stage.fedex("PATCH", "modes", strict_window=window, strict_requests=LIMIT)
    numbers = {}
    for name in names:
        await stage.add_tenant(name)
        numbers[name] = await stage.order(name)
    async with AsyncExitStack() as running:
        discovering = asyncio.gather(*(stage.discover(name) for name in names))
        workers = [stage.worker_process(f"worker-{at + 1}") for at in range(processes)]
        await asyncio.gather(*(running.enter_async_context(worker) for worker in workers))
        await discovering
        for name, number in numbers.items():
            await stage.at(name, number, "label_created", patience=PATIENCE)
    fedex = stage.sandbox.fedex
    histories = [
        await stage.client.get_workflow_handle(each.id, run_id=each.run_id).fetch_history()
        async for each in stage.client.list_workflows()
    ]
    tokens = [token.encode() for token in fedex.tokens]
    return ColdStart(
        times=[request.at for request in fedex.token_requests],
        asked=Counter(request.client_id for request in fedex.token_requests),
        violations=[f"{each.rule}: {each.detail}" for each in fedex.throttle.violations],
        workers=frozenset(name for each in histories for name in _buyers(each)),
        leaked_into=[
            each.workflow_id
            for each in histories
            if any(token in text for text in await _opened(stage, each) for token in tokens)
        ],
    )


def crowded_windows(times: Sequence[datetime], window: timedelta) -> list[str]:
    """Windows that hold more token requests than the budget allows."""
    ordered = sorted(times)
    return [
        f"{LIMIT + 1} within {(last - first).total_seconds():.3f} s"
        for first, last in zip(ordered, ordered[LIMIT:], strict=False)
        if last - first < window
    ]


def _buyers(history: WorkflowHistory) -> set[str]:
    """Identities of the workers that ran an order's purchase."""
    scheduled = {
        event.event_id
        for event in history.events
        if event.activity_task_scheduled_event_attributes.activity_type.name == "buy_shipment"
    }
    started = (event.activity_task_started_event_attributes for event in history.events)
    return {each.identity for each in started if each.scheduled_event_id in scheduled}


async def _opened(stage: Stage, history: WorkflowHistory) -> list[bytes]:
    """Everything a history holds: as it lies there, and each payload decrypted."""
    raw = History(events=history.events)
    codec = stage.client.data_converter.payload_codec
    assert codec is not None
    opened = await codec.decode(_payloads(raw))
    return [raw.SerializeToString(), *(each.data for each in opened)]


def _payloads(message: object) -> list[Payload]:
    """Every payload inside a protobuf message."""
    if isinstance(message, Payload):
        return [message]
    found = []
    for descriptor, value in message.ListFields():  # type: ignore[attr-defined]
        if descriptor.message_type is None:
            continue
        if descriptor.message_type.GetOptions().map_entry:
            inner = [each for each in value.values() if hasattr(each, "ListFields")]
        else:
            inner = list(value) if descriptor.is_repeated else [value]
        found += [payload for each in inner for payload in _payloads(each)]
    return found

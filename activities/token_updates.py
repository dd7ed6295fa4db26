"""Questions to the token workflow: few at a time, and none left behind.

A workflow takes ten updates in flight; more choke it. A caller who loses patience ends no update,
and nothing can take one back. So each goes on here until it is answered, keeps its place among
the few meanwhile, and is shared by whoever asks the same next.
"""

import asyncio
import os
import secrets
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio.client import Client, RPCTimeoutOrCancelledError, WithStartWorkflowOperation
from temporalio.common import Priority, WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from ml_connector.fedex.errors import FedExTransient
from ml_connector.store.coordination import Coordination
from ml_connector.temporal.ids import TaskQueue, token_workflow_id
from ml_connector.temporal.priorities import Urgency
from ml_connector.temporal.token_messages import EnsureToken, TokenAnswer, TokenInput

SLOTS = 8
"""Updates in flight at the token workflow, over all processes; more than 10 choke it."""
SLOT_LIFE = timedelta(seconds=60)
"""Of a place whose process is gone; its update may be in flight still."""
PATIENCE = timedelta(seconds=20)
"""How long an activity waits for its place in the budget before it says so and ends."""
BREATH = timedelta(milliseconds=50)

_AWAY = frozenset({RPCStatusCode.UNAVAILABLE, RPCStatusCode.RESOURCE_EXHAUSTED})

Start = WithStartWorkflowOperation[Any, Any]


class TokenUpdates:
    """One per process."""

    def __init__(
        self,
        slots: Coordination,
        temporal: Client,
        start: TokenInput,
        *,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._slots = slots
        self._temporal = temporal
        self._start = start
        self._patience = patience
        self._name = f"token-updates/{start.egress}"
        self._holder = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._flying: dict[EnsureToken, asyncio.Task[TokenAnswer]] = {}

    async def ensure(self, wanted: EnsureToken) -> TokenAnswer:
        """The workflow's answer. Raises FedExTransient when none comes in time."""
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                flying = self._flying.get(wanted) or await self._begin(wanted)
                return await asyncio.shield(flying)
        except TimeoutError as nobody:
            raise FedExTransient(
                "The token workflow did not answer.",
                why="No worker serves it, or FedEx is slow to issue a token.",
                remedy="See that a worker runs: ml-connector doctor.",
            ) from nobody

    async def _begin(self, wanted: EnsureToken) -> "asyncio.Task[TokenAnswer]":
        """Wait for a place, and ask."""
        holder = f"{self._holder}-{secrets.token_hex(4)}"
        while not await self._take_place(holder):  # noqa: ASYNC110
            # The other holders are other processes: no event of ours can tell.
            await asyncio.sleep(BREATH.total_seconds())
        flying = asyncio.create_task(self._fly(wanted, holder))
        self._flying[wanted] = flying
        flying.add_done_callback(partial(self._landed, wanted))
        return flying

    async def _take_place(self, holder: str) -> bool:
        """Or keep the one that this holder has."""
        return await self._slots.acquire_slot(self._name, SLOTS, holder, SLOT_LIFE)

    def _landed(self, wanted: EnsureToken, flying: "asyncio.Task[TokenAnswer]") -> None:
        del self._flying[wanted]
        if not flying.cancelled():
            # Perhaps nobody waits any more: asyncio would complain of it.
            flying.exception()

    async def _fly(self, wanted: EnsureToken, holder: str) -> TokenAnswer:
        """Keep the place until the answer comes, however long that takes.

        A process that ends leaves it to run out by itself, for its update goes on.
        """
        asking = asyncio.create_task(self._ask(wanted))
        try:
            while not (await asyncio.wait([asking], timeout=SLOT_LIFE.total_seconds() / 3))[0]:
                await self._take_place(holder)
        finally:
            asking.cancel()
        await self._slots.release_slot(self._name, holder)
        return asking.result()

    async def _ask(self, wanted: EnsureToken) -> TokenAnswer:
        start: Start = WithStartWorkflowOperation(
            "FedExTokenWorkflow",
            self._start,
            id=token_workflow_id(self._start.egress),
            task_queue=TaskQueue.MAIN,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=f"FedEx tokens of egress {self._start.egress}",
            # Every tenant's shipments wait for it: it goes before what is only one's.
            priority=Priority(priority_key=Urgency.QUOTE),
        )
        try:
            answer: TokenAnswer = await self._temporal.execute_update_with_start_workflow(
                "ensure", wanted, start_workflow_operation=start, result_type=TokenAnswer
            )
            return answer
        except RPCTimeoutOrCancelledError as ended:
            # What the SDK makes of a cancellation, too.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError from ended
            raise _unreachable() from ended
        except RPCError as error:
            if error.status in _AWAY:
                raise _unreachable() from error
            raise
        except RuntimeError as error:
            # What a client that connects with its first call raises when nobody listens.
            raise _unreachable() from error
        finally:
            await _heed(start)


async def _heed(start: Start) -> None:
    """The operation keeps a copy of a failure to start: unread, it ends up in the log as "Future
    exception was never retrieved"."""
    with suppress(Exception, asyncio.CancelledError):
        async with asyncio.timeout(0):
            await start.workflow_handle()


def _unreachable() -> FedExTransient:
    return FedExTransient(
        "The token workflow, which issues FedEx's tokens, cannot be reached.",
        why="Temporal does not answer.",
        remedy="Start it (`ml-connector up` brings its own), or set TEMPORAL_ADDRESS.",
    )

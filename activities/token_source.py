"""How an activity gets a FedEx token: process memory, then the store, then the token workflow.

The funnel keeps the token workflow quiet: for almost all of a token's hour nobody asks it.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import Priority, WorkflowIDConflictPolicy

from ml_connector.fedex.errors import FedExCredentials, FedExThrottled, FedExTransient
from ml_connector.fedex.tokens import Token, TokenSource
from ml_connector.store.store import Store
from ml_connector.temporal.ids import TaskQueue, token_workflow_id
from ml_connector.temporal.priorities import Urgency
from ml_connector.temporal.token_messages import EnsureToken, TokenAnswer, TokenInput

SLOTS = 8
"""Updates in flight at the token workflow, over all processes; more than 10 choke it."""
SLOT_LIFE = timedelta(seconds=60)
PATIENCE = timedelta(seconds=20)
"""How long an activity waits for its place in the budget before it says so and ends."""
BREATH = timedelta(milliseconds=50)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    token: Token
    expires_at: datetime


class TokenFunnel:
    """One per process; hands out a token source for each credential."""

    def __init__(
        self,
        *,
        store: Store,
        temporal: Client,
        egress: str,
        window: timedelta,
        block: timedelta,
        urgent: bool = False,
    ) -> None:
        """`urgent`: a person waits for whatever this process does."""
        self._urgent = urgent
        self._store = store
        self._temporal = temporal
        self._egress = egress
        self._window = window
        self._block = block
        self._held: dict[str, _Held] = {}
        self._flights: dict[str, asyncio.Lock] = {}
        self._holder = f"{os.getpid()}-{secrets.token_hex(4)}"

    def source(self, tenant: str, project: str, *, settings: int = 0) -> TokenSource:
        """The tokens of one tenant's FedEx project (`ship` or `track`).

        `settings` is the version of the tenant's settings and secrets.
        """
        wanted = EnsureToken(tenant=tenant, project=project, urgent=self._urgent, settings=settings)
        # A new source means new settings: the token at hand may be another credential's.
        self._held.pop(wanted.credential, None)
        return _Source(self, wanted)

    async def token(self, wanted: EnsureToken) -> Token:
        """A token that is valid and not the stale one.

        Raises FedExThrottled when the budget or a block makes it wait, FedExCredentials when
        FedEx refuses the credential.
        """
        async with self._flights.setdefault(wanted.credential, asyncio.Lock()):
            held = self._held.get(wanted.credential)
            if held is None or not _usable(held, wanted):
                held = await self._stored(wanted) or await self._ensured(wanted)
                self._held[wanted.credential] = held
            return held.token

    async def _stored(self, wanted: EnsureToken) -> _Held | None:
        stored = await self._store.coordination.get_token(wanted.credential)
        if stored is None:
            return None
        token = Token(value=stored.value, version=stored.version)
        held = _Held(token=token, expires_at=stored.expires_at)
        if not _usable(held, wanted):
            return None
        if not stored.used:
            await self._store.coordination.mark_token_used(wanted.credential, stored.version)
        return held

    async def _ensured(self, wanted: EnsureToken) -> _Held:
        patience = datetime.now(UTC) + PATIENCE
        while True:
            answer = await self._ask(wanted)
            if answer.version is not None:
                held = await self._stored(wanted)
                if held is not None:
                    return held
                # The workflow remembers one that the store has not: its key was retired, the
                # tenant applied again, or a backup restored.
                wanted = replace(wanted, stale_version=answer.version)
                continue
            await _wait_or_raise(answer, patience)

    async def _ask(self, wanted: EnsureToken) -> TokenAnswer:
        start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            "FedExTokenWorkflow",
            TokenInput(egress=self._egress, window=self._window, block=self._block),
            id=token_workflow_id(self._egress),
            task_queue=TaskQueue.MAIN,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=f"FedEx tokens of egress {self._egress}",
            # Every tenant's shipments wait for it: it goes before what is only one's.
            priority=Priority(priority_key=Urgency.QUOTE),
        )
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()), self._slot():
                answer: TokenAnswer = await self._temporal.execute_update_with_start_workflow(
                    "ensure", wanted, start_workflow_operation=start, result_type=TokenAnswer
                )
                return answer
        except TimeoutError as nobody:
            raise FedExTransient(
                "The token workflow did not answer.",
                why="No worker serves it, or FedEx is slow to issue a token.",
                remedy="See that a worker runs: ml-connector doctor.",
            ) from nobody
        except RuntimeError as error:
            # What a client that connects with its first call raises when nobody listens.
            raise FedExTransient(
                "The token workflow, which issues FedEx's tokens, cannot be reached.",
                why="Temporal does not answer.",
                remedy="Start it (`ml-connector up` brings its own), or set TEMPORAL_ADDRESS.",
            ) from error

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """One of the few places at the workflow, shared with every other process."""
        name = f"token-updates/{self._egress}"
        holder = f"{self._holder}-{secrets.token_hex(4)}"
        slots = self._store.coordination
        while not await slots.acquire_slot(name, SLOTS, holder, SLOT_LIFE):  # noqa: ASYNC110
            # The other holders are other processes: no event of ours can tell.
            await asyncio.sleep(BREATH.total_seconds())
        try:
            yield
        finally:
            await slots.release_slot(name, holder)


class _Source:
    """`TokenSource` of one credential."""

    def __init__(self, funnel: TokenFunnel, wanted: EnsureToken) -> None:
        self._funnel = funnel
        self._wanted = wanted

    async def token(self, *, stale: int | None = None) -> Token:
        urgent = self._wanted.urgent or _a_person_waits()
        return await self._funnel.token(replace(self._wanted, stale_version=stale, urgent=urgent))


def _a_person_waits() -> bool:
    """Whether this is an activity that its workflow has put before all background work."""
    if not activity.in_activity():
        return False
    priority = activity.info().priority.priority_key
    return priority is not None and priority < Urgency.NORMAL


def _usable(held: _Held, wanted: EnsureToken) -> bool:
    return held.token.version != wanted.stale_version and datetime.now(UTC) < held.expires_at


async def _wait_or_raise(answer: TokenAnswer, patience: datetime) -> None:
    """Wait for a near place in the budget; a far one is the workflow's to wait for."""
    now = datetime.now(UTC)
    if answer.refused:
        raise FedExCredentials(
            "FedEx refused the credential.",
            why=answer.refused,
            remedy="Check the API key, the secret and the grant type, then set them again.",
        )
    if answer.blocked_until is not None:
        raise FedExThrottled(
            f"FedEx blocks this address until {answer.blocked_until:%H:%M:%S} UTC.",
            retry_after=answer.blocked_until - now,
            remedy="Nothing to do: everything goes on by itself then.",
        )
    place = answer.not_before or now + BREATH
    if place > patience:
        raise FedExThrottled(
            "The budget for FedEx token requests is used up.", retry_after=place - now
        )
    await asyncio.sleep(max((place - now).total_seconds(), BREATH.total_seconds()))

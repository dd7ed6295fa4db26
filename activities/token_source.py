"""How an activity gets a FedEx token: process memory, then the store, then the token workflow.

The funnel keeps the token workflow quiet: for almost all of a token's hour nobody asks it.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from temporalio import activity
from temporalio.client import Client

from activities.token_updates import BREATH, PATIENCE, TokenUpdates
from ml_connector.fedex.errors import FedExCredentials, FedExThrottled, FedExTransient
from ml_connector.fedex.tokens import Token, TokenSource
from ml_connector.store.store import Store
from ml_connector.temporal.priorities import Urgency
from ml_connector.temporal.token_messages import EnsureToken, TokenAnswer, TokenInput

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    token: Token
    expires_at: datetime
    settings: int
    """Of whoever asked for it."""


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
        self._updates = TokenUpdates(
            store.coordination, temporal, TokenInput(egress=egress, window=window, block=block)
        )
        self._held: dict[str, _Held] = {}
        self._flights: dict[str, asyncio.Lock] = {}

    def source(self, tenant: str, project: str, *, settings: int = 0) -> TokenSource:
        """The tokens of one tenant's FedEx project (`ship` or `track`).

        `settings` is the version of the tenant's settings and secrets.
        """
        wanted = EnsureToken(tenant=tenant, project=project, urgent=self._urgent, settings=settings)
        return _Source(self, wanted)

    async def token(self, wanted: EnsureToken) -> Token:
        """A token that is valid and not the stale one.

        Raises FedExThrottled when the budget or a block makes it wait, FedExCredentials when
        FedEx refuses the credential, FedExTransient when nobody answers or this worker stops.
        """
        async with self._flights.setdefault(wanted.credential, asyncio.Lock()):
            held = self._held.get(wanted.credential)
            if held is None or not _usable(held, wanted):
                held = await self._stored(wanted)
                if held is None:
                    held = await _unless_stopped(self._ensured(wanted))
                self._held[wanted.credential] = held
            return held.token

    async def _stored(self, wanted: EnsureToken) -> _Held | None:
        stored = await self._store.coordination.get_token(wanted.credential)
        if stored is None:
            return None
        token = Token(value=stored.value, version=stored.version)
        held = _Held(token=token, expires_at=stored.expires_at, settings=wanted.settings)
        if not _usable(held, wanted):
            return None
        if not stored.used:
            await self._store.coordination.mark_token_used(wanted.credential, stored.version)
        return held

    async def _ensured(self, wanted: EnsureToken) -> _Held:
        patience = datetime.now(UTC) + PATIENCE
        while True:
            answer = await self._updates.ensure(wanted)
            if answer.version is not None:
                held = await self._stored(wanted)
                if held is not None:
                    return held
                # The workflow remembers one that the store has not: its key was retired, the
                # tenant applied again, or a backup restored.
                wanted = replace(wanted, stale_version=answer.version)
                continue
            await _wait_or_raise(answer, patience)


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


async def _unless_stopped(answer: Awaitable[T]) -> T:
    """Wait for it no longer than until this worker is told to stop.

    It takes no workflow tasks then. Where it is the only one, the token workflow would answer
    nobody, and each order that waits for its token would hold the worker's end up.
    """
    if not activity.in_activity():
        return await answer
    asking = asyncio.ensure_future(answer)
    stopped = asyncio.create_task(activity.wait_for_worker_shutdown())
    try:
        await asyncio.wait([asking, stopped], return_when=asyncio.FIRST_COMPLETED)
        if asking.done():
            return asking.result()
    finally:
        asking.cancel()
        stopped.cancel()
    raise FedExTransient(
        "This worker stops before the token workflow has answered.",
        remedy="Nothing to do: the next worker asks again.",
    )


def _usable(held: _Held, wanted: EnsureToken) -> bool:
    """Under other settings the token at hand may be another credential's."""
    if held.settings != wanted.settings:
        return False
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

"""Creating, changing, pausing and showing a tenant's schedules on the server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from temporalio.api.common.v1 import Payload
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleHandle,
    ScheduleOverlapPolicy,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from ml_connector.temporal.errors import UnreadablePayload
from ml_connector.temporal.ids import ScheduleId, ScheduleKind, schedule_id
from ml_connector.temporal.messages import TenantInput
from ml_connector.temporal.schedule_plan import SchedulePlan, schedules_of
from ml_connector.temporal.search_attributes import of_tenant

LOCKED = "Paused by ml-connector: the tenant needs new credentials."
"""The note of a pause that is nobody's wish."""

_AT_ONCE = 20
"""Schedules asked about at the same time."""


class Change(StrEnum):
    """What `ensure_schedules` did."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleStatus:
    """One schedule as Temporal holds it."""

    id: ScheduleId
    every: timedelta | None
    """None: at a time of day."""
    paused: bool
    note: str
    next_run: datetime | None
    last_run: datetime | None
    running: int
    skipped: int
    """Runs left out because the one before was still under way."""
    missed: int
    """Runs left out because Temporal was down for longer than the catch-up window."""


async def ensure_schedules(client: Client, plan: SchedulePlan) -> dict[ScheduleId, Change]:
    """Make a tenant's schedules what the plan says. Safe to repeat and to race.

    A paused schedule stays paused, with its note: whoever paused it had a reason.
    """
    wanted = schedules_of(plan)
    changes = {key: await _ensure(client, key, schedule) for key, schedule in wanted.items()}
    for kind in ScheduleKind:
        key = ScheduleId(kind=kind, tenant=plan.tenant)
        if key not in wanted and await _delete(client, key):
            changes[key] = Change.DELETED
    return changes


async def pause_schedules(client: Client, tenant: str, note: str) -> None:
    """Pause all schedules of a tenant; `note` tells a person why, in the Web UI too."""
    await _each(client, tenant, lambda handle: handle.pause(note=note))


async def lock_schedules(client: Client, tenant: str, *, over: bool = False) -> None:
    """Pause what runs, until the tenant may work again.

    What a person has paused stays theirs: `unlock_schedules` does not resume it. `over` says that
    the person's own pause is over.
    """

    async def lock(handle: ScheduleHandle) -> None:
        if over or not (await handle.describe()).schedule.state.paused:
            await handle.pause(note=LOCKED)

    await _each(client, tenant, lock)


async def unlock_schedules(client: Client, tenant: str) -> None:
    """Resume what `lock_schedules` has paused."""
    await resume_schedules(client, tenant, "Resumed by ml-connector.", paused_with=LOCKED)


async def resume_schedules(
    client: Client, tenant: str, note: str, *, paused_with: str | None = None
) -> None:
    """Resume a tenant's schedules, or only those that were paused with a certain note."""

    async def resume(handle: ScheduleHandle) -> None:
        state = (await handle.describe()).schedule.state
        if state.paused and paused_with in (None, state.note):
            await handle.unpause(note=note)

    await _each(client, tenant, resume)


async def trigger_schedule(client: Client, kind: ScheduleKind, tenant: str) -> bool:
    """Run one now, or right after the run that is under way. False: there is no such schedule."""
    handle = client.get_schedule_handle(schedule_id(kind, tenant))
    return await _unless_missing(handle.trigger(overlap=ScheduleOverlapPolicy.BUFFER_ONE))


async def delete_schedules(client: Client, tenant: str) -> None:
    """Remove a tenant's schedules; runs that are under way go on to their end."""
    await _each(client, tenant, lambda handle: handle.delete())


async def list_schedules(
    client: Client, tenants: Iterable[str] | None = None
) -> list[ScheduleStatus]:
    """The schedules of these tenants, or all of ours, ordered by tenant and kind.

    Naming the tenants reads the truth. Without, Temporal's index is asked which there are, and
    that lags a second behind.
    """
    if tenants is None:
        keys = [key async for key in _indexed(client)]
    else:
        keys = [ScheduleId(kind=kind, tenant=name) for name in tenants for kind in ScheduleKind]
    slots = asyncio.Semaphore(_AT_ONCE)

    async def status(key: ScheduleId) -> ScheduleStatus | None:
        async with slots:
            return await _status(client, key)

    found = await asyncio.gather(*(status(key) for key in keys))
    return sorted(
        (item for item in found if item is not None),
        key=lambda item: (item.id.tenant, list(ScheduleKind).index(item.id.kind)),
    )


async def _ensure(client: Client, key: ScheduleId, wanted: Schedule) -> Change:
    try:
        await client.create_schedule(
            str(key),
            wanted,
            # A new tenant need not wait an interval to see its first orders.
            trigger_immediately=key.kind is ScheduleKind.DISCOVERY,
            search_attributes=of_tenant(key.tenant),
        )
        return Change.CREATED
    except ScheduleAlreadyRunningError:
        pass
    handle = client.get_schedule_handle(str(key))
    if await _same(client, (await handle.describe()).schedule, wanted):
        return Change.UNCHANGED

    def update(found: ScheduleUpdateInput) -> ScheduleUpdate:
        return ScheduleUpdate(replace(wanted, state=found.description.schedule.state))

    await handle.update(update)
    return Change.UPDATED


async def _same(client: Client, found: Schedule, wanted: Schedule) -> bool:
    there, ours = found.action, wanted.action
    return (
        isinstance(there, ScheduleActionStartWorkflow)
        and isinstance(ours, ScheduleActionStartWorkflow)
        and found.spec == wanted.spec
        and found.policy == wanted.policy
        and _outline(there) == _outline(ours)
        and await _same_argument(client, there, ours)
    )


def _outline(action: ScheduleActionStartWorkflow) -> tuple[object, ...]:
    return (
        action.workflow,
        action.id,
        action.task_queue,
        action.execution_timeout,
        action.priority,
        action.typed_search_attributes,
    )


async def _same_argument(
    client: Client, found: ScheduleActionStartWorkflow, wanted: ScheduleActionStartWorkflow
) -> bool:
    """Whether the stored argument says the same, under the same key.

    A schedule keeps its argument for years. After a change of the master key it must be written
    anew, or the runs would fail once the old key is gone.
    """
    stored = [item for item in found.args if isinstance(item, Payload)]
    fresh = await client.data_converter.encode(wanted.args)
    if [item.metadata for item in stored] != [item.metadata for item in fresh]:
        return False
    try:
        return await client.data_converter.decode(stored, [TenantInput]) == list(wanted.args)
    except UnreadablePayload:
        return False


async def _status(client: Client, key: ScheduleId) -> ScheduleStatus | None:
    try:
        description = await client.get_schedule_handle(str(key)).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    schedule, info = description.schedule, description.info
    intervals = schedule.spec.intervals
    return ScheduleStatus(
        id=key,
        every=intervals[0].every if intervals else None,
        paused=schedule.state.paused,
        note=schedule.state.note or "",
        next_run=None if schedule.state.paused else next(iter(info.next_action_times), None),
        last_run=info.recent_actions[-1].started_at if info.recent_actions else None,
        running=len(info.running_actions),
        skipped=info.num_actions_skipped_overlap,
        missed=info.num_actions_missed_catchup_window,
    )


async def _indexed(client: Client) -> AsyncIterator[ScheduleId]:
    async for listed in await client.list_schedules():
        try:
            yield ScheduleId.parse(listed.id)
        except ValueError:
            continue  # somebody else's schedule in the same namespace


async def _each(
    client: Client, tenant: str, act: Callable[[ScheduleHandle], Awaitable[None]]
) -> None:
    for kind in ScheduleKind:
        await _unless_missing(act(client.get_schedule_handle(schedule_id(kind, tenant))))


async def _delete(client: Client, key: ScheduleId) -> bool:
    return await _unless_missing(client.get_schedule_handle(str(key)).delete())


async def _unless_missing(call: Awaitable[None]) -> bool:
    """Whether the schedule was there."""
    try:
        await call
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True

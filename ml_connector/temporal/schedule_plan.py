"""When a tenant's workflows run, as Temporal schedules.

Overlapping runs are skipped: the run that is under way does the work. A run that hangs would
make every later one be skipped, so Temporal ends each after two intervals. Of the runs that were
due while Temporal was down, only the recent ones are made up for.

Temporal counts schedules in whole seconds, one at least. A shorter interval in a tenant file is
accepted and means one second; anything between is rounded up.
"""

import hashlib
import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleCalendarSpec,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleState,
)

from ml_connector.domain.tenant import Tenant
from ml_connector.temporal.ids import WORKFLOW_OF_SCHEDULE, ScheduleId, ScheduleKind, TaskQueue
from ml_connector.temporal.messages import TenantInput
from ml_connector.temporal.priorities import priority_of
from ml_connector.temporal.search_attributes import of_tenant

SHORTEST_TIMEOUT = timedelta(minutes=2)
"""A run may take this long even where the interval is a test's."""

_SHORTEST_CATCH_UP = timedelta(seconds=10)
"""Temporal's own lower limit."""
_LONGEST_CATCH_UP = timedelta(minutes=15)
_LONGEST_JITTER = timedelta(minutes=1)

_CUTOFF_TIMEOUT = timedelta(hours=2)
_CUTOFF_CATCH_UP = timedelta(hours=12)
"""A cut-off missed in the night must still happen in the morning; doing it twice is harmless."""
_CUTOFF_JITTER = timedelta(minutes=5)

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulePlan:
    """When a tenant's workflows are to run."""

    tenant: str
    timezone: str
    """IANA name; the cut-off runs at this zone's time of day."""
    discovery: timedelta
    tracking: timedelta
    cutoff_delay: timedelta | None
    """After midnight, when the day before (and perhaps its period) has ended; None: no cut-off."""

    @classmethod
    def of(cls, tenant: Tenant) -> Self:
        return cls(
            tenant=tenant.id,
            timezone=tenant.timezone,
            discovery=tenant.polling.discovery,
            tracking=tenant.polling.tracking,
            cutoff_delay=tenant.freight.cutoff_delay if tenant.freight.cutoff else None,
        )


def effective_interval(interval: timedelta) -> timedelta:
    """The interval Temporal keeps: whole seconds, rounded up, one at least."""
    return timedelta(seconds=max(1, math.ceil(interval.total_seconds())))


def schedules_of(plan: SchedulePlan) -> dict[ScheduleId, Schedule]:
    """Every schedule the tenant should have, as Temporal takes it."""

    def key(kind: ScheduleKind) -> ScheduleId:
        return ScheduleId(kind=kind, tenant=plan.tenant)

    schedules = {
        key(kind): _repeating(key(kind), effective_interval(interval))
        for kind, interval in (
            (ScheduleKind.DISCOVERY, plan.discovery),
            (ScheduleKind.TRACKING, plan.tracking),
        )
    }
    if plan.cutoff_delay is not None:
        cutoff = key(ScheduleKind.CUTOFF)
        schedules[cutoff] = _daily(cutoff, plan.cutoff_delay, plan.timezone)
    return schedules


def _repeating(key: ScheduleId, every: timedelta) -> Schedule:
    return Schedule(
        action=_action(key, timeout=max(2 * every, SHORTEST_TIMEOUT)),
        spec=ScheduleSpec(
            intervals=[ScheduleIntervalSpec(every=every, offset=_offset(key, every) or None)],
            jitter=min(every / 10, _LONGEST_JITTER),
        ),
        policy=SchedulePolicy(
            overlap=ScheduleOverlapPolicy.SKIP,
            catchup_window=min(max(every, _SHORTEST_CATCH_UP), _LONGEST_CATCH_UP),
        ),
        state=_new(key),
    )


def _daily(key: ScheduleId, delay: timedelta, timezone: str) -> Schedule:
    """Every day, `delay` after midnight: whether a period has ended is the workflow's question."""
    seconds = int((delay % _DAY).total_seconds())
    at = ScheduleCalendarSpec(
        hour=(ScheduleRange(seconds // 3600),),
        minute=(ScheduleRange(seconds // 60 % 60),),
        second=(ScheduleRange(seconds % 60),),
    )
    return Schedule(
        action=_action(key, timeout=_CUTOFF_TIMEOUT),
        spec=ScheduleSpec(calendars=[at], jitter=_CUTOFF_JITTER, time_zone_name=timezone),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=_CUTOFF_CATCH_UP),
        state=_new(key),
    )


def _new(key: ScheduleId) -> ScheduleState:
    return ScheduleState(note=f"Made from the tenant file of {key.tenant}.")


def _action(key: ScheduleId, *, timeout: timedelta) -> ScheduleActionStartWorkflow:
    return ScheduleActionStartWorkflow(
        WORKFLOW_OF_SCHEDULE[key.kind],
        TenantInput(tenant=key.tenant),
        id=str(key),
        task_queue=TaskQueue.MAIN,
        execution_timeout=timeout,
        typed_search_attributes=of_tenant(key.tenant),
        priority=priority_of(key.tenant),
        static_summary=f"{key.kind} of {key.tenant}",
    )


def _offset(key: ScheduleId, every: timedelta) -> timedelta:
    """Where in the interval this schedule runs: always the same, and spread over tenants."""
    digest = int.from_bytes(hashlib.sha256(str(key).encode()).digest()[:8])
    return timedelta(seconds=digest % int(every.total_seconds()))

"""`ml-connector schedule`: the regular looks at Visma and FedEx, as Temporal keeps them."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated

import typer
from rich.console import RenderableType

from ml_connector.store.states import TenantState
from ml_connector.store.tenants import TenantRecord
from ml_connector.temporal.ids import ScheduleKind
from ml_connector.temporal.schedule_plan import SchedulePlan
from ml_connector.temporal.schedules import (
    Change,
    ScheduleStatus,
    ensure_schedules,
    list_schedules,
    lock_schedules,
    pause_schedules,
    resume_schedules,
    trigger_schedule,
)
from starter.context import Installation
from starter.errors import CredentialsRefused, Refused
from starter.groups import OneTenant, Reason, command_group
from starter.output import AsJson, show, table

app = command_group(
    "schedule", "The regular looks at Visma and FedEx: discovery, tracking, period cut-off."
)


def register(root: typer.Typer) -> None:
    root.add_typer(app)


@app.command("list")
def list_(tenant: OneTenant = None, as_json: AsJson = False) -> None:
    """Show every schedule: how often, when next, paused or not, and what was missed.

    \b
    Examples:
      ml-connector schedule list
      ml-connector schedule list --tenant nordic --json
    """
    asyncio.run(_list(tenant, as_json))


async def _list(tenant: str | None, as_json: bool) -> None:
    async with Installation.open() as here:
        client = await here.temporal()
        found = await list_schedules(client, await here.tenant_ids(tenant))
    show([_status(item) for item in found], lambda: _table(found), as_json=as_json)


@app.command()
def apply(tenant: OneTenant = None, as_json: AsJson = False) -> None:
    """Make the schedules what the tenant files say. Repeating it changes nothing.

    A running worker does the same by itself; a paused schedule stays paused.

    \b
    Examples:
      ml-connector schedule apply
      ml-connector schedule apply --tenant nordic
    """
    asyncio.run(_apply(tenant, as_json))


async def _apply(tenant: str | None, as_json: bool) -> None:
    async with Installation.open() as here:
        client = await here.temporal()
        changes: list[dict[str, str]] = []
        for config in await here.tenants(tenant):
            made = await ensure_schedules(client, SchedulePlan.of(config))
            changes += [_change(str(key), change) for key, change in made.items()]
    show(
        changes,
        lambda: table(
            "SCHEDULE",
            "CHANGE",
            rows=[(row["schedule"], row["change"]) for row in changes],
            empty=NO_TENANT,
        ),
        as_json=as_json,
    )


@app.command()
def pause(reason: Reason, tenant: OneTenant = None, as_json: AsJson = False) -> None:
    """Stop looking at Visma and FedEx. Orders that are under way keep what they know.

    It lasts until schedule resume, whatever happens to the tenant's file and credentials meanwhile.

    \b
    Examples:
      ml-connector schedule pause --tenant nordic --reason "stock-taking until Monday"
    """
    asyncio.run(_pause(tenant, reason, as_json))


@app.command()
def resume(reason: Reason, tenant: OneTenant = None, as_json: AsJson = False) -> None:
    """Go on after a pause. What changed meanwhile is found by the next look.

    \b
    Examples:
      ml-connector schedule resume --tenant nordic --reason "stock-taking is over"
    """
    asyncio.run(_resume(tenant, reason, as_json))


async def _pause(tenant: str | None, reason: str, as_json: bool) -> None:
    async with Installation.open() as here:
        client = await here.temporal()
        names = await here.tenant_ids(tenant)
        for name in names:
            await here.audit(name, "schedule:pause", reason=reason)
            await pause_schedules(client, name, f"{reason} ({here.actor})")
        found = await list_schedules(client, names)
    show([_status(item) for item in found], lambda: _table(found), as_json=as_json)


async def _resume(tenant: str | None, reason: str, as_json: bool) -> None:
    async with Installation.open() as here:
        client = await here.temporal()
        records = await here.records(tenant)
        locked = [record for record in records if record.state is not TenantState.ACTIVE]
        for record in records:
            await here.audit(record.id, "schedule:resume", reason=reason)
            if record in locked:
                # The person's pause ends; ours lasts as long as its cause.
                await lock_schedules(client, record.id, over=True)
            else:
                await resume_schedules(client, record.id, f"{reason} ({here.actor})")
        found = await list_schedules(client, [record.id for record in records])
    show([_status(item) for item in found], lambda: _table(found), as_json=as_json)
    if locked:
        raise _still_locked(locked)


def _still_locked(locked: Sequence[TenantRecord]) -> CredentialsRefused:
    names = ", ".join(record.id for record in locked)
    return CredentialsRefused(
        f"Nothing is looked at yet for {names}",
        why="Its credentials are refused",
        remedy="Set working ones, and it goes on by itself: ml-connector credentials set TENANT",
        code="needs_reauth",
    )


@app.command()
def trigger(
    kind: Annotated[ScheduleKind, typer.Argument(help="Which look to take now.")],
    tenant: OneTenant = None,
    as_json: AsJson = False,
) -> None:
    """Look now, without waiting for the next time. A look under way is followed by another.

    \b
    Examples:
      ml-connector schedule trigger discovery --tenant nordic
      ml-connector schedule trigger tracking
    """
    asyncio.run(_trigger(kind, tenant, as_json))


async def _trigger(kind: ScheduleKind, tenant: str | None, as_json: bool) -> None:
    async with Installation.open() as here:
        client = await here.temporal()
        names = await here.tenant_ids(tenant)
        for name in names:
            await here.audit(name, "schedule:trigger", kind=kind)
        done = [name for name in names if await trigger_schedule(client, kind, name)]
    rows = [{"schedule": f"{kind}/{name}", "triggered": name in done} for name in names]
    show(
        rows,
        lambda: table(
            "SCHEDULE",
            "TRIGGERED",
            rows=[(row["schedule"], row["triggered"]) for row in rows],
            empty=NO_TENANT,
        ),
        as_json=as_json,
    )
    absent = [name for name in names if name not in done]
    if absent:
        raise Refused(
            f"There is no {kind} schedule for {', '.join(absent)}",
            why="It was never made, or the tenant file turns it off",
            remedy="Start a worker or run ml-connector schedule apply",
            code="schedule_not_found",
        )


NO_TENANT = "No tenant yet. Begin with: ml-connector tenant apply FILE"


def _change(schedule: str, change: Change) -> dict[str, str]:
    return {"schedule": schedule, "change": change.value}


def _status(item: ScheduleStatus) -> dict[str, object]:
    return {
        "schedule": str(item.id),
        "tenant": item.id.tenant,
        "kind": item.id.kind,
        "every": item.every,
        "paused": item.paused,
        "note": item.note,
        "next_run": item.next_run,
        "last_run": item.last_run,
        "running": item.running,
        "skipped": item.skipped,
        "missed": item.missed,
    }


_COLUMNS: Sequence[tuple[str, Callable[[ScheduleStatus], object]]] = (
    ("SCHEDULE", lambda item: str(item.id)),
    ("EVERY", lambda item: item.every or "day"),
    ("PAUSED", lambda item: item.paused),
    ("NEXT", lambda item: item.next_run),
    ("LAST", lambda item: item.last_run),
    ("RUNNING", lambda item: item.running),
    ("SKIPPED", lambda item: item.skipped),
    ("MISSED", lambda item: item.missed),
    ("NOTE", lambda item: item.note),
)


def _table(found: Sequence[ScheduleStatus]) -> RenderableType:
    return table(
        *(title for title, _ in _COLUMNS),
        rows=[[value(item) for _, value in _COLUMNS] for item in found],
        empty="No schedule yet. A worker makes them, or: ml-connector schedule apply",
    )

"""`ml-connector audit`: who did what, to be read, proven and taken away."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import RenderableType

from ml_connector.store.audit_chain import as_json as event_json
from ml_connector.store.store import Store
from starter.context import Installation
from starter.errors import ExitCode, WrongUsage
from starter.groups import OneTenant, command_group
from starter.order_names import name_order
from starter.output import AsJson, show, table, talk

app = command_group("audit", "Who did what, when and why; append-only, and every link provable.")


def register(root: typer.Typer) -> None:
    root.add_typer(app)


_DETAIL_WIDTH = 100
"""Characters of an event's detail in the table; the whole of it is in the JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which events are wanted; everything given must hold."""

    order: str | None
    action: str | None
    actor: str | None
    operation: str | None
    since: datetime | None
    until: datetime | None
    latest: int


_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]
Since = Annotated[
    datetime | None,
    typer.Option(
        "--since", metavar="TIME", formats=_FORMATS, help="From then on; 2026-11-30T08:00:00+01:00."
    ),
]
Until = Annotated[
    datetime | None,
    typer.Option("--until", metavar="TIME", formats=_FORMATS, help="Before then."),
]


@app.command("show")
def show_(
    tenant: OneTenant = None,
    order: Annotated[
        str | None, typer.Option("--order", metavar="PO", help="Only of this order.")
    ] = None,
    action: Annotated[
        str | None,
        typer.Option("--action", help="Such as order:release, or all of a subject: order:"),
    ] = None,
    actor: Annotated[str | None, typer.Option("--actor", help="Only by this one, exactly.")] = None,
    operation: Annotated[
        str | None, typer.Option("--operation", metavar="KEY", help="Only of this operation.")
    ] = None,
    since: Since = None,
    until: Until = None,
    latest: Annotated[
        int, typer.Option("--last", metavar="N", min=1, help="At most so many a tenant.")
    ] = 50,
    bodies: Annotated[
        bool, typer.Option("--bodies", help="With what was sent and answered; needs --json.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the latest audit events, oldest first: of all tenants, or of what the filters leave.

    Times without an offset are UTC. What was exchanged with other systems is kept redacted, and
    for a limited time.

    \b
    Examples:
      ml-connector audit show --order nordic/500123
      ml-connector audit show --tenant nordic --action tenant: --since 2026-11-01
      ml-connector audit show --operation nordic/500123/ship/1 --bodies --json
    """
    if bodies and not as_json:
        raise WrongUsage("--bodies needs --json", remedy="Add --json", code="command_line")
    search = Search(
        order=order,
        action=action,
        actor=actor,
        operation=operation,
        since=_utc(since),
        until=_utc(until),
        latest=latest,
    )
    asyncio.run(_show(tenant, search, bodies, as_json))


def _utc(moment: datetime | None) -> datetime | None:
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC)


async def _show(tenant: str | None, search: Search, bodies: bool, as_json: bool) -> None:
    async with Installation.open() as here:
        order = None
        if search.order is not None:
            named = await name_order(here, search.order)
            tenant, order = named.tenant, named.number
        store = await here.store()
        found: list[dict[str, object]] = []
        for name in await _tenants(store, tenant):
            found += await _events(store, name, search, order, bodies)
    found.sort(key=lambda event: str(event["at"]))
    show(found, lambda: _table(found), as_json=as_json)


async def _tenants(store: Store, tenant: str | None) -> list[str]:
    """Removed tenants too: what was done for them stays. Raises UnknownTenant."""
    if tenant is not None:
        async with store.read(tenant):
            return [tenant]
    return [record.id for record in await store.tenants.list()]


async def _events(
    store: Store, tenant: str, search: Search, order: str | None, bodies: bool
) -> list[dict[str, object]]:
    async with store.read(tenant) as view:
        events = await view.audit.show(
            order=order,
            action=search.action,
            actor=search.actor,
            operation=search.operation,
            since=search.since,
            until=search.until,
            limit=search.latest,
            latest=True,
        )
        shown = [event_json(tenant, event) for event in events]
        if bodies:
            for event, value in zip(events, shown, strict=True):
                body = await view.audit.body(event.seq)
                value["body"] = None if body is None else json.loads(body)
    return shown


def _table(found: Sequence[dict[str, object]]) -> RenderableType:
    return table(
        "AT",
        "TENANT",
        "NO",
        "ACTION",
        "ORDER",
        "ACTOR",
        "DETAIL",
        rows=[
            (
                str(event["at"])[:19] + "+00:00",
                event["tenant"],
                event["seq"],
                event["action"],
                event["order"],
                event["actor"],
                _short(event["detail"]),
            )
            for event in found
        ],
        empty="No event matches.",
    )


def _short(detail: object) -> str:
    facts = detail if isinstance(detail, dict) else {}
    text = " ".join(f"{key}={value}" for key, value in facts.items() if value not in (None, ""))
    return text if len(text) <= _DETAIL_WIDTH else f"{text[:_DETAIL_WIDTH]}…"


@app.command()
def verify(tenant: OneTenant = None, as_json: AsJson = False) -> None:
    """Walk every chain of events, and name the first link that does not hold.

    It proves that no event was changed, removed, added or reordered. Keep the heads it prints
    somewhere else: with them a rollback of the whole database shows as well. Ends with 1 when a
    chain is broken.

    \b
    Examples:
      ml-connector audit verify
      ml-connector audit verify --tenant nordic --json
    """
    raise typer.Exit(asyncio.run(_verify(tenant, as_json)))


async def _verify(tenant: str | None, as_json: bool) -> int:
    async with Installation.open() as here:
        store = await here.store()
        rows = [await _verdict(store, name) for name in await _tenants(store, tenant)]
    show(
        rows,
        lambda: table(
            "TENANT",
            "EVENTS",
            "CHAIN",
            "HEAD",
            rows=[
                (row["tenant"], row["events"], row["broken"] or "whole", row["head"])
                for row in rows
            ],
            empty="No tenant yet. Begin with: ml-connector tenant apply FILE",
        ),
        as_json=as_json,
    )
    return ExitCode.REFUSED if any(row["broken"] for row in rows) else ExitCode.DONE


async def _verdict(store: Store, tenant: str) -> dict[str, object]:
    async with store.read(tenant) as view:
        broken = await view.audit.verify()
        events, head = await view.audit.head()
    return {
        "tenant": tenant,
        "events": events,
        "head": head,
        "broken": None if broken is None else str(broken),
    }


@app.command()
def export(
    tenant: OneTenant = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Instead of stdout.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write whole trails as JSON lines, hashes included: whoever has them can check the chain.

    The exchanges with other systems stay in the database, sealed. --json changes nothing here.

    \b
    Examples:
      ml-connector audit export --tenant nordic -o nordic-2026.jsonl
      ml-connector audit export | gzip > trails.jsonl.gz
    """
    asyncio.run(_export(tenant, output))


async def _export(tenant: str | None, output: Path | None) -> None:
    async with Installation.open() as here:
        store = await here.store()
        names = await _tenants(store, tenant)
        if output is None:
            count = await _write(store, names, sys.stdout)
        else:
            try:
                with output.open("w", encoding="utf-8") as stream:
                    count = await _write(store, names, stream)
            except OSError as error:
                raise WrongUsage(
                    f"{output} cannot be written",
                    why=error.strerror or "",
                    remedy="Name a file in a folder that may be written",
                    code="output_file",
                ) from error
    talk(f"{count} events of {len(names)} tenants.")


async def _write(store: Store, names: Sequence[str], stream: TextIO) -> int:
    count = 0
    for name in names:
        async with store.read(name) as view:
            async for line in view.audit.export():
                stream.write(f"{line}\n")
                count += 1
    stream.flush()
    return count

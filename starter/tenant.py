"""`ml-connector tenant`: the companies whose Visma and FedEx are joined."""

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from ml_connector.domain.stage import FINISHED, Stage
from ml_connector.domain.tenant import Tenant, TenantFileError, load_tenant
from ml_connector.store.states import TenantState
from ml_connector.store.store import Store
from ml_connector.store.tenants import TenantEvent, TenantMove, TenantRecord
from starter.context import Installation, stored_settings
from starter.errors import Refused, WrongUsage
from starter.groups import Reason, add_later, command_group
from starter.output import AsJson, show, table, talk
from starter.resuming import resumption, wake_orders
from starter.secret_sources import read_secrets, terminal
from starter.tenant_changes import Changed, changes_between, flat

app = command_group("tenant", "The companies whose Visma and FedEx are joined.")


def register(root: typer.Typer) -> None:
    root.add_typer(app)


_UNFINISHED = [stage for stage in Stage if stage not in FINISHED]

TenantId = Annotated[str, typer.Argument(metavar="ID", help="The tenant's id, such as nordic.")]


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The tenant file (TOML).")],
    as_json: AsJson = False,
) -> None:
    """Create or update the tenant that a file describes.

    Its secrets are read now, from where the file says, and sealed in the database. When anything
    is wrong, all of it is named and nothing changes. A running worker takes the change up by
    itself, and looks at parked orders again. Temporal need not run.

    \b
    Examples:
      ml-connector tenant apply examples/nordic.toml
      ml-connector tenant apply acme.toml --json
    """
    asyncio.run(_apply(file, as_json))


async def _apply(file: Path, as_json: bool) -> None:
    tenant = _load(file)
    secrets = read_secrets(
        tenant.secret_refs(), environ=os.environ, base=file.parent, ask=terminal(as_json=as_json)
    )
    async with Installation.open() as here:
        store = await here.store()
        before = await store.tenants.get(tenant.id)
        changed = await _changes(store, before, tenant, secrets)
        again = partial(store.tenants.update, move=_resumption(changed, here.actor))
        write = store.tenants.add if before is None else again
        record = await write(
            tenant.id,
            name=tenant.name,
            config=tenant.model_dump_json(),
            secrets=secrets,
            event=TenantEvent(
                action="tenant:create" if before is None else "tenant:update",
                actor=here.actor,
                detail={
                    "settings": [change.key for change in changed.settings],
                    "secrets": list(changed.secrets),
                },
            ),
        )
        await wake_orders(store, record)
    active = record.state is TenantState.ACTIVE
    resumed = active and before is not None and before.state is not TenantState.ACTIVE
    outcome = _outcome(before, changed, resumed)
    show(
        {
            "tenant": tenant.id,
            "outcome": outcome,
            "version": record.version,
            "changes": changed.settings,
            "secrets_changed": changed.secrets,
            "resumed": resumed,
        },
        lambda: _applied(tenant, outcome, changed, resumed),
        as_json=as_json,
    )
    if record.state is TenantState.NEEDS_REAUTH:
        talk(
            f"Tenant {tenant.id} waits still: its credentials were refused, and they are the same. "
            f"Set working ones: ml-connector credentials set {tenant.id}"
        )


def _load(file: Path) -> Tenant:
    try:
        return load_tenant(file.read_text(encoding="utf-8"))
    except TenantFileError as error:
        count = len(error.problems)
        raise WrongUsage(
            f"{file} has {count} problem{'s' if count > 1 else ''}; nothing was changed",
            remedy="Correct the file and apply it again",
            code="tenant_file",
            details=[str(problem) for problem in error.problems],
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(
            f"{file} cannot be read",
            why=error.strerror or "" if isinstance(error, OSError) else "It is not UTF-8 text",
            remedy="Name a readable tenant file",
            code="tenant_file",
        ) from error


async def _changes(
    store: Store, before: TenantRecord | None, tenant: Tenant, secrets: dict[str, str]
) -> Changed:
    if before is None:
        return changes_between(None, tenant, {}, secrets)
    async with store.read(before.id) as view:
        known = {name: await view.secrets.get(name) for name in await view.secrets.names()}
    return changes_between(before.config, tenant, known, secrets)


def _resumption(changed: Changed, actor: str) -> TenantMove:
    """A removed tenant comes back; one whose credentials were refused goes on with new ones."""
    wakes_from = {TenantState.REMOVED}
    if changed.secrets:
        wakes_from.add(TenantState.NEEDS_REAUTH)
    return resumption(actor=actor, why="applied again", only_from=wakes_from)


def _outcome(before: TenantRecord | None, changed: Changed, resumed: bool) -> str:
    if before is None:
        return "created"
    return "updated" if changed or resumed else "unchanged"


def _applied(tenant: Tenant, outcome: str, changed: Changed, resumed: bool) -> str:
    lines = [f"Tenant {tenant.id} ({tenant.name}): {outcome}."]
    if outcome == "created":
        lines.append(f"  {len(changed.secrets)} secrets sealed.")
    else:
        lines += [f"  {change}" for change in changed.settings]
        lines += [f"  {name}: new secret" for name in changed.secrets]
    if resumed:
        lines.append("  It is active again.")
    return "\n".join(lines)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the tenants: state, settings version, and how many orders need a person.

    \b
    Examples:
      ml-connector tenant list
    """
    asyncio.run(_list(as_json))


async def _list(as_json: bool) -> None:
    async with Installation.open() as here:
        store = await here.store()
        rows = [await _summary(store, record) for record in await here.records()]
    show(
        rows,
        lambda: table(
            "TENANT",
            "NAME",
            "STATE",
            "SINCE",
            "ORDERS",
            "ATTENTION",
            "VERSION",
            rows=[
                [row[key] for key in ("tenant", "name", "state", "state_since")]
                + [row[key] for key in ("orders", "attention", "version")]
                for row in rows
            ],
            empty="No tenant yet. Begin with: ml-connector tenant apply FILE",
        ),
        as_json=as_json,
    )


async def _summary(store: Store, record: TenantRecord) -> dict[str, object]:
    async with store.read(record.id) as view:
        stages = await view.orders.counts()
        parked = await view.orders.list(parked=True)
    return {
        "tenant": record.id,
        "name": record.name,
        "state": record.state,
        "state_reason": record.state_reason or None,
        "state_since": record.state_since,
        "version": record.version,
        "orders": sum(stages.values()),
        "stages": stages,
        "attention": len(parked),
    }


@app.command("show")
def show_(tenant: TenantId, as_json: AsJson = False) -> None:
    """Show one tenant's settings as they are in force, defaults included. Never its secrets.

    \b
    Examples:
      ml-connector tenant show nordic
      ml-connector tenant show nordic --json | jq .settings.polling
    """
    asyncio.run(_show(tenant, as_json))


async def _show(tenant: str, as_json: bool) -> None:
    async with Installation.open() as here:
        store = await here.store()
        [record] = await here.records(tenant)
        async with store.read(tenant) as view:
            sealed = await view.secrets.names()
        summary = await _summary(store, record)
    settings = stored_settings(record).model_dump(mode="json")
    value = {**summary, "settings": settings, "secrets": sealed}
    show(value, lambda: _settings_table(value, settings), as_json=as_json)


def _settings_table(summary: dict[str, object], settings: dict[str, object]) -> RenderableType:
    facts = [(key, summary[key]) for key in ("state", "state_reason", "version", "orders")]
    shown = {key: value for key, value in flat(settings).items() if not _is_no_prompt(key, value)}
    return table("KEY", "VALUE", rows=[*facts, *shown.items()], empty="")


def _is_no_prompt(key: str, value: object) -> bool:
    """A reference to a secret says where it is from; where it is not from goes without saying."""
    return key.endswith(".prompt") and value is False


@app.command()
def remove(
    tenant: TenantId,
    reason: Reason,
    abandon: Annotated[
        bool, typer.Option("--abandon-orders", help="Also while orders are under way.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Stop working for a tenant and forget its secrets and tokens.

    Its orders, labels and audit trail stay. A running worker removes its schedules; workflows of
    orders that were abandoned wait, and do nothing. Applying its file brings it back.

    \b
    Examples:
      ml-connector tenant remove nordic --reason "contract ended"
    """
    asyncio.run(_remove(tenant, reason, abandon, as_json))


async def _remove(tenant: str, reason: str, abandon: bool, as_json: bool) -> None:
    async with Installation.open() as here:
        store = await here.store()
        [record] = await here.records(tenant)
        async with store.read(tenant) as view:
            under_way = len(await view.orders.list(stages=_UNFINISHED, skipped=False))
        if under_way and not abandon:
            raise Refused(
                f"Tenant {tenant} has {under_way} orders under way",
                why="Nobody would follow their parcels or post their freight any more",
                remedy="Wait for them, or repeat with --abandon-orders",
                code="tenant_busy",
            )
        await store.tenants.update(
            tenant,
            name=record.name,
            config=record.config,
            secrets={},
            event=TenantEvent(
                action="tenant:remove",
                actor=here.actor,
                detail={"reason": reason, "orders_under_way": under_way},
            ),
            move=TenantMove(state=TenantState.REMOVED, reason=reason),
        )
    value = {"tenant": tenant, "outcome": "removed", "orders_under_way": under_way}
    show(value, lambda: f"Tenant {tenant}: removed, its secrets are forgotten.", as_json=as_json)


add_later(
    app,
    "ping",
    "starter.ping",
    "Try both systems with a tenant's credentials: nothing is changed anywhere.",
)

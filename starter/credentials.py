"""`ml-connector credentials`: a tenant's keys and secrets, set anew, tried, exchanged.

Secrets are read from the environment, from files or from the terminal, never from the command
line, which every user of the machine can read.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ml_connector.domain.tenant import SecretRef, Tenant
from ml_connector.store.states import TenantState
from ml_connector.store.store import Store
from ml_connector.store.tenants import TenantEvent, TenantMove, TenantRecord
from ml_connector.temporal.errors import TemporalUnavailable
from ml_connector.temporal.ids import ScheduleKind
from ml_connector.temporal.schedules import trigger_schedule
from starter.context import Installation, stored_settings
from starter.errors import ExitCode, Refused, WrongUsage
from starter.groups import command_group
from starter.output import AsJson, show, talk
from starter.ping import ping_and_show, try_systems
from starter.resuming import resumption, wake_orders
from starter.secret_sources import read_secrets, terminal
from starter.tenant import TenantId

app = command_group("credentials", "A tenant's keys and secrets: set anew, tried, exchanged.")


def register(root: typer.Typer) -> None:
    root.add_typer(app)


FromEnv = Annotated[
    list[str] | None,
    typer.Option("--env", metavar="KEY=NAME", help="Read KEY from this variable; may be repeated."),
]
FromFile = Annotated[
    list[str] | None,
    typer.Option("--file", metavar="KEY=PATH", help="Read KEY from this file; may be repeated."),
]
FromPrompt = Annotated[
    list[str] | None, typer.Option("--prompt", metavar="KEY", help="Ask for KEY; may be repeated.")
]
Base = Annotated[
    Path,
    typer.Option("--base", help="The tenant file's folder, where its { file = … } names begin."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the command line says that secrets are read from, by key."""

    env: Mapping[str, str]
    file: Mapping[str, str]
    prompt: Sequence[str]

    def refs(self, tenant: Tenant) -> dict[str, SecretRef]:
        """The keys named, or else all of the tenant file with the sources it names.

        Raises WrongUsage for a key that the tenant does not have.
        """
        named = {key: SecretRef(env=name) for key, name in self.env.items()}
        named |= {key: SecretRef(file=path) for key, path in self.file.items()}
        named |= {key: SecretRef(prompt=True) for key in self.prompt}
        known = tenant.secret_refs()
        strange = sorted(named.keys() - known)
        if strange:
            raise WrongUsage(
                f"Tenant {tenant.id} has no secret {', '.join(strange)}",
                remedy=f"It has {', '.join(known)}",
                code="unknown_secret",
            )
        return named or known


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A tenant's secrets before and after."""

    record: TenantRecord
    old: Mapping[str, str]
    new: Mapping[str, str]

    @property
    def names(self) -> list[str]:
        """Of the secrets that differ; never their values."""
        return sorted(key for key in self.new if self.old.get(key) != self.new[key])


@app.command("set")
def set_(
    tenant: TenantId,
    env: FromEnv = None,
    file: FromFile = None,
    prompt: FromPrompt = None,
    base: Base = Path(),
    as_json: AsJson = False,
) -> None:
    """Read a tenant's secrets anew, and let it go on if the old ones were refused.

    Without options every secret is read from where the tenant file says; with options only those
    named, from there. A running worker takes them up by itself: schedules resume, and the orders
    that waited go on. Try them with: credentials test.

    \b
    Examples:
      ml-connector credentials set nordic
      ml-connector credentials set nordic --file visma.client_secret=/run/secrets/visma
      ml-connector credentials set nordic --prompt fedex.client_id --prompt fedex.client_secret
    """
    sources = Sources(env=_pairs("--env", env), file=_pairs("--file", file), prompt=prompt or ())
    asyncio.run(_set(tenant, sources, base, as_json))


async def _set(tenant: str, sources: Sources, base: Path, as_json: bool) -> None:
    async with Installation.open() as here:
        store = await here.store()
        change = await _read(here, store, tenant, sources, base, as_json=as_json)
        move = _resumption(here, "new credentials")
        record = await _store(store, change, change.new, "credentials:set", here.actor, move)
        waiting = await _wake(here, store, change, record)
    _show(change, "set", waiting, as_json)


@app.command()
def test(tenant: TenantId, as_json: AsJson = False) -> None:
    """Try a tenant's credentials against both systems, with a new token from each.

    The same as tenant ping, which may use a FedEx token that is kept. A tenant whose credentials
    were refused stays so: what lets it go on is credentials set.

    \b
    Examples:
      ml-connector credentials test nordic
    """
    raise typer.Exit(asyncio.run(_test(tenant, as_json)))


async def _test(tenant: str, as_json: bool) -> int:
    async with Installation.open() as here:
        return await ping_and_show(here, tenant, new_token=True, as_json=as_json)


@app.command()
def rotate(
    tenant: TenantId,
    env: FromEnv = None,
    file: FromFile = None,
    prompt: FromPrompt = None,
    base: Base = Path(),
    as_json: AsJson = False,
) -> None:
    """Exchange a tenant's secrets while it works, and take that back if they are not accepted.

    Like credentials set, but both systems are tried at once with new tokens; Temporal and a
    worker must run for FedEx's. When anything fails, the secrets from before are in force again,
    and the exit code says what it was. Killed meanwhile, it leaves the new ones in force, tried
    or not: credentials test says what they are worth, credentials set replaces them.

    \b
    Examples:
      ml-connector credentials rotate nordic --env visma.client_secret=NEW_VISMA_SECRET
      ml-connector credentials rotate nordic --prompt fedex.client_secret
    """
    sources = Sources(env=_pairs("--env", env), file=_pairs("--file", file), prompt=prompt or ())
    raise typer.Exit(asyncio.run(_rotate(tenant, sources, base, as_json)))


async def _rotate(tenant: str, sources: Sources, base: Path, as_json: bool) -> int:
    async with Installation.open() as here:
        store = await here.store()
        await here.temporal()
        change = await _read(here, store, tenant, sources, base, as_json=as_json)
        if not change.names:
            raise Refused(
                f"The secrets of tenant {tenant} are those it has already",
                remedy="Put the new ones where they are read from, then repeat. After a rotation "
                f"that was killed: ml-connector credentials test {tenant} tries them, "
                f"ml-connector credentials set {tenant} lets it go on",
                code="same_secrets",
            )
        await _store(store, change, change.new, "credentials:rotate", here.actor)
        outcome = await _tried(here, store, change)
        waiting = await _resume(here, store, change) if outcome is ExitCode.DONE else ()
    done = outcome is ExitCode.DONE
    _show(change, "rotated" if done else "taken_back", waiting, as_json)
    return outcome


async def _tried(here: Installation, store: Store, change: Change) -> ExitCode:
    """Try what is stored now; anything but success puts the old secrets back."""
    outcome = ExitCode.OUR_FAULT
    try:
        outcome = await try_systems(here, change.record.id)
    finally:
        if outcome is not ExitCode.DONE:
            # A worker may have met the new ones meanwhile, and locked the tenant out.
            was_active = change.record.state is TenantState.ACTIVE
            back = _resumption(here, "the secrets from before are back") if was_active else None
            record = await _store(
                store, change, change.old, "credentials:restore", here.actor, back
            )
            await wake_orders(store, record)
    return outcome


# -- what both do ---------------------------------------------------------------------------


def _pairs(option: str, values: Sequence[str] | None) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for value in values or ():
        key, equals, source = value.partition("=")
        if not (key and equals and source):
            raise WrongUsage(
                f"{option} {value!r} is not KEY=SOURCE",
                remedy=f"Write such as {option} visma.client_secret=SOURCE",
                code="command_line",
            )
        pairs[key] = source
    return pairs


async def _read(
    here: Installation, store: Store, tenant: str, sources: Sources, base: Path, *, as_json: bool
) -> Change:
    [record] = await here.records(tenant)
    new = read_secrets(
        sources.refs(stored_settings(record)),
        environ=os.environ,
        base=base,
        ask=terminal(as_json=as_json),
    )
    async with store.read(tenant) as view:
        old = {name: await view.secrets.get(name) for name in await view.secrets.names()}
    return Change(record=record, old=old, new={**old, **new})


async def _store(
    store: Store,
    change: Change,
    secrets: Mapping[str, str],
    action: str,
    actor: str,
    move: TenantMove | None = None,
) -> TenantRecord:
    event = TenantEvent(action=action, actor=actor, detail={"secrets": change.names})
    record = change.record
    return await store.tenants.update(
        record.id, name=record.name, config=record.config, secrets=secrets, event=event, move=move
    )


def _resumption(here: Installation, why: str) -> TenantMove:
    return resumption(actor=here.actor, why=why, only_from=(TenantState.NEEDS_REAUTH,))


async def _resume(here: Installation, store: Store, change: Change) -> tuple[str, ...]:
    """The tenant goes on with what was just accepted."""
    move = _resumption(here, "new credentials")
    await store.tenants.set_state(
        change.record.id, move.state, move.reason, only_from=move.only_from, event=move.event
    )
    [record] = await here.records(change.record.id)
    return await _wake(here, store, change, record)


async def _wake(
    here: Installation, store: Store, change: Change, record: TenantRecord
) -> tuple[str, ...]:
    """Waiting orders hear of it with the next discovery, which is asked to come now."""
    waiting = await wake_orders(store, record)
    if waiting or record.state is not change.record.state:
        try:
            await trigger_schedule(await here.temporal(), ScheduleKind.DISCOVERY, record.id)
        except TemporalUnavailable as error:
            talk(f"{error.what} The orders go on once it runs.")
    return waiting


def _show(change: Change, outcome: str, waiting: Sequence[str], as_json: bool) -> None:
    resumed = outcome != "taken_back" and change.record.state is TenantState.NEEDS_REAUTH
    value = {
        "tenant": change.record.id,
        "outcome": outcome,
        "secrets_changed": change.names,
        "resumed": resumed,
        "orders_nudged": waiting,
    }
    lines = [f"Tenant {change.record.id}: credentials {outcome.replace('_', ' ')}."]
    lines += [f"  {name}: new secret" for name in change.names]
    if resumed:
        lines.append(f"  It is active again; {len(waiting)} orders go on.")
    show(value, lambda: "\n".join(lines), as_json=as_json)

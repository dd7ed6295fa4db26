"""All tenants: the one place that looks across them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, select, true, update
from sqlalchemy.exc import IntegrityError

from ml_connector.security.vault import TenantCipher, Vault, WrappedKey
from ml_connector.store.audit import AuditTrail
from ml_connector.store.connection import Connection
from ml_connector.store.database import Database
from ml_connector.store.errors import TenantExists, UnknownTenant
from ml_connector.store.scope import Clock, TenantScope
from ml_connector.store.secrets import Secrets
from ml_connector.store.states import TenantState
from ml_connector.store.tables import CarrierToken, Tenant

_CONFIG = "tenants.config"
_BY_ID = select(Tenant).where(Tenant.id == bindparam("of"))


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRecord:
    """A tenant as it was last applied."""

    id: str
    name: str
    config: str = field(repr=False)
    """The tenant file as JSON; holds phone numbers and mail addresses, no secrets."""
    version: int
    """Rises by one whenever the tenant is applied again."""
    state: TenantState
    state_reason: str
    state_since: datetime
    created_at: datetime
    """When it was first applied: `start_from = "now"` counts from here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantEvent:
    """What the audit trail says of a change, in the transaction of the change itself."""

    action: str
    """`tenant:create`, `tenant:update`, …"""
    actor: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    """Redacted by the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantMove:
    """A change of state; a tenant in none of the states `only_from` stays where it is."""

    state: TenantState
    reason: str
    only_from: Collection[TenantState] = tuple(TenantState)
    event: TenantEvent | None = None
    """Recorded only when the state changed."""


class TenantRegistry:
    """Adds, changes and finds tenants; every call is one transaction."""

    def __init__(self, database: Database, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._ciphers: dict[str, TenantCipher] = {}

    async def add(
        self,
        tenant: str,
        *,
        name: str,
        config: str,
        secrets: Mapping[str, str],
        event: TenantEvent | None = None,
    ) -> TenantRecord:
        """A new tenant with a data key of its own. Raises `TenantExists`."""
        wrapped = self._vault.new_key(tenant)
        now = self._clock()
        async with self._database.writing(tenant) as connection:
            scope = TenantScope(connection, self._vault.cipher(wrapped), self._clock)
            try:
                await connection.execute(
                    insert(Tenant).values(
                        id=tenant,
                        name=name,
                        config_sealed=scope.seal(_CONFIG, config),
                        version=1,
                        state=TenantState.ACTIVE,
                        state_reason="",
                        state_since=now,
                        key_id=wrapped.key_id,
                        data_key_sealed=wrapped.sealed,
                        created_at=now,
                        updated_at=now,
                    )
                )
            except IntegrityError:
                raise TenantExists(tenant) from None
            await AuditTrail(scope).begin()
            await Secrets(scope).set(secrets)
            await _note(scope, event)
            return self._record(await _row(connection, tenant))

    async def update(
        self,
        tenant: str,
        *,
        name: str,
        config: str,
        secrets: Mapping[str, str],
        event: TenantEvent | None = None,
        move: TenantMove | None = None,
    ) -> TenantRecord:
        """New settings and secrets together; `secrets` is complete, others are forgotten.

        Tokens that were issued for the secrets before are forgotten with them. Without `move` the
        state stays as it is; with it both change or neither, so that nobody who dies leaves a
        tenant locked out with good credentials. Raises `UnknownTenant`.
        """
        async with self._database.writing(tenant) as connection:
            scope = TenantScope(connection, await self.cipher(connection, tenant), self._clock)
            await connection.execute(
                update(Tenant)
                .where(Tenant.id == tenant)
                .values(
                    name=name,
                    config_sealed=scope.seal(_CONFIG, config),
                    version=Tenant.version + 1,
                    updated_at=self._clock(),
                )
            )
            await Secrets(scope).replace(secrets)
            # A token of the credentials before must not be used with the new ones.
            mine = CarrierToken.credential_id.startswith(f"{tenant}/", autoescape=True)
            await connection.execute(delete(CarrierToken).where(mine))
            await _note(scope, event)
            if move is not None and await self._moved(connection, tenant, move):
                await _note(scope, move.event)
            return self._record(await _row(connection, tenant))

    async def get(self, tenant: str) -> TenantRecord | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(_BY_ID, {"of": tenant})).first()
            return None if row is None else self._record(row)

    async def list(self) -> tuple[TenantRecord, ...]:
        """All tenants by id, removed ones too."""
        async with self._database.reading() as connection:
            rows = await connection.execute(select(Tenant).order_by(Tenant.id))
            return tuple(self._record(row) for row in rows)

    async def set_state(
        self,
        tenant: str,
        state: TenantState,
        reason: str,
        *,
        only_from: Collection[TenantState] = tuple(TenantState),
        only_version: int | None = None,
        event: TenantEvent | None = None,
    ) -> bool:
        """Change the state, unless it is not among `only_from`; say whether it changed.

        `event` is recorded only when it did.

        `only_from` keeps a refused credential from waking a paused tenant as merely unwell;
        `only_version` keeps that of one that was exchanged meanwhile from stopping it. Raises
        `UnknownTenant`.
        """
        move = TenantMove(state=state, reason=reason, only_from=only_from, event=event)
        async with self._database.writing(tenant) as connection:
            moved = await self._moved(connection, tenant, move, only_version)
            await _row(connection, tenant)
            if moved:
                cipher = await self.cipher(connection, tenant)
                await _note(TenantScope(connection, cipher, self._clock), event)
            return moved

    async def _moved(
        self,
        connection: Connection,
        tenant: str,
        move: TenantMove,
        only_version: int | None = None,
    ) -> bool:
        version = Tenant.version == only_version if only_version is not None else true()
        now = self._clock()
        changed = await connection.execute(
            update(Tenant)
            .where(
                Tenant.id == tenant,
                Tenant.state.in_(move.only_from),
                Tenant.state != move.state,
                version,
            )
            .values(state=move.state, state_reason=move.reason, state_since=now, updated_at=now)
        )
        return bool(changed.rowcount == 1)

    async def cipher(self, connection: Connection, tenant: str) -> TenantCipher:
        """The tenant's cipher, unwrapped once a process. Raises `UnknownTenant`."""
        if tenant not in self._ciphers:
            self._ciphers[tenant] = self._vault.cipher(_wrapped(await _row(connection, tenant)))
        return self._ciphers[tenant]

    async def rewrap_keys(self) -> int:
        """Wrap every data key under the current master key; how many were not yet.

        The data keys stay the same, so processes that hold them go on undisturbed.
        """
        async with self._database.writing() as connection:
            moved = 0
            for row in await connection.execute(select(Tenant).with_for_update()):
                old, new = _wrapped(row), self._vault.rewrap(_wrapped(row))
                if new == old:
                    continue
                await connection.execute(
                    update(Tenant)
                    .where(Tenant.id == row.id)
                    .values(key_id=new.key_id, data_key_sealed=new.sealed)
                )
                moved += 1
            return moved

    async def key_ids(self) -> frozenset[str]:
        """Ids of the master keys that data keys are wrapped by."""
        async with self._database.reading() as connection:
            return frozenset(await connection.scalars(select(Tenant.key_id).distinct()))

    def _record(self, row: Row[Any]) -> TenantRecord:
        cipher = self._vault.cipher(_wrapped(row))
        return TenantRecord(
            id=row.id,
            name=row.name,
            config=cipher.open(_CONFIG, row.config_sealed).decode(),
            version=row.version,
            state=row.state,
            state_reason=row.state_reason,
            state_since=row.state_since,
            created_at=row.created_at,
        )


async def _note(scope: TenantScope, event: TenantEvent | None) -> None:
    if event is not None:
        trail = AuditTrail(scope)
        trail.append(event.action, actor=event.actor, detail=event.detail)
        await trail.flush()


async def _row(connection: Connection, tenant: str) -> Row[Any]:
    row = (await connection.execute(_BY_ID, {"of": tenant})).first()
    if row is None:
        raise UnknownTenant(tenant)
    return row


def _wrapped(row: Row[Any]) -> WrappedKey:
    return WrappedKey(tenant=row.id, key_id=row.key_id, sealed=row.data_key_sealed)

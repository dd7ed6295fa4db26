"""What processes share across tenants: places in limited resources, and FedEx tokens."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, func, select, text, update

from ml_connector.security.keys import UnknownMasterKey
from ml_connector.security.vault import SharedSeal
from ml_connector.store.connection import Connection
from ml_connector.store.database import Database
from ml_connector.store.scope import Clock
from ml_connector.store.statements import insert_into
from ml_connector.store.tables import CarrierToken, Slot, Tenant

_TOKEN = select(CarrierToken).where(CarrierToken.credential_id == bindparam("of"))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredToken:
    """A carrier's token."""

    value: str = field(repr=False)
    version: int
    expires_at: datetime
    used: bool
    """Somebody has taken it since it was kept."""


class Coordination:
    """Every call is one transaction. Leases end by themselves: their holder may be dead."""

    def __init__(self, database: Database, seal: SharedSeal, clock: Clock) -> None:
        self._database = database
        self._seal = seal
        self._clock = clock

    async def acquire_slot(self, name: str, limit: int, holder: str, ttl: timedelta) -> bool:
        """Take one of `limit` places of `name` for `ttl`; False while all are taken.

        A holder that has a place keeps it, renewed. Hosts that share places need clocks that
        agree to well within `ttl`.
        """
        now = self._clock()
        async with self._database.writing() as connection:
            await _in_line(connection, name)
            await connection.execute(delete(Slot).where(Slot.name == name, Slot.expires_at <= now))
            others = await connection.scalar(
                select(func.count()).where(Slot.name == name, Slot.holder != holder)
            )
            if (others or 0) >= limit:
                return False
            taken = insert_into(connection.dialect.name, Slot).values(
                name=name, holder=holder, expires_at=now + ttl
            )
            await connection.execute(
                taken.on_conflict_do_update(
                    index_elements=[Slot.name, Slot.holder], set_={"expires_at": now + ttl}
                )
            )
            return True

    async def renew_slot(self, name: str, holder: str, ttl: timedelta) -> bool:
        """Hold the place for `ttl` from now; False when it was lost, and must not be used."""
        now = self._clock()
        async with self._database.writing() as connection:
            renewed = await connection.execute(
                update(Slot)
                .where(Slot.name == name, Slot.holder == holder, Slot.expires_at > now)
                .values(expires_at=now + ttl)
            )
            return renewed.rowcount == 1

    async def release_slot(self, name: str, holder: str) -> None:
        """Give the place back; nothing happens when it was lost before."""
        async with self._database.writing() as connection:
            await connection.execute(delete(Slot).where(Slot.name == name, Slot.holder == holder))

    async def put_token(
        self,
        credential_id: str,
        value: str,
        *,
        version: int,
        expires_at: datetime,
        issued_for: tuple[str, int] | None = None,
    ) -> bool:
        """Keep a token, sealed for its credential; False when a later version is there.

        `issued_for` names the tenant and the version of its secrets: a token of secrets that were
        exchanged meanwhile is not kept either.
        """
        key_id, sealed = self._seal.seal(_field(credential_id, version), value.encode())
        values = {
            "version": version,
            "key_id": key_id,
            "value_sealed": sealed,
            "expires_at": expires_at,
            "used": False,
            "updated_at": self._clock(),
        }
        async with self._database.writing() as connection:
            if issued_for is not None and not await _in_force(connection, *issued_for):
                return False
            insert = insert_into(connection.dialect.name, CarrierToken)
            kept = await connection.execute(
                insert.values(credential_id=credential_id, **values)
                .on_conflict_do_update(
                    index_elements=[CarrierToken.credential_id],
                    set_=values,
                    where=CarrierToken.version <= version,
                )
                .returning(CarrierToken.version)
            )
            return kept.first() is not None

    async def get_token(self, credential_id: str) -> StoredToken | None:
        """The latest token, expired or not.

        A token under a retired master key counts as none: another is a request away. Raises
        `SealBroken` for one that was changed or moved here from another credential.
        """
        async with self._database.reading() as connection:
            row = (await connection.execute(_TOKEN, {"of": credential_id})).first()
        if row is None:
            return None
        try:
            value = self._seal.open(
                _field(credential_id, row.version), row.key_id, row.value_sealed
            )
        except UnknownMasterKey:
            return None
        return StoredToken(
            value=value.decode(), version=row.version, expires_at=row.expires_at, used=row.used
        )

    async def mark_token_used(self, credential_id: str, version: int) -> None:
        """Somebody relies on it: worth renewing before it expires."""
        async with self._database.writing() as connection:
            await connection.execute(
                update(CarrierToken)
                .where(CarrierToken.credential_id == credential_id)
                .where(CarrierToken.version == version)
                .values(used=True)
            )

    async def reseal_tokens(self) -> int:
        """Seal every token under the current master key; how many were not yet.

        Tokens whose key is gone are dropped.
        """
        async with self._database.writing() as connection:
            stale = await connection.execute(
                select(CarrierToken)
                .where(CarrierToken.key_id != self._seal.current_key_id)
                .with_for_update()
            )
            moved = 0
            for row in stale:
                mine = CarrierToken.credential_id == row.credential_id
                bound = _field(row.credential_id, row.version)
                try:
                    value = self._seal.open(bound, row.key_id, row.value_sealed)
                except UnknownMasterKey:
                    await connection.execute(delete(CarrierToken).where(mine))
                    continue
                key_id, sealed = self._seal.seal(bound, value)
                await connection.execute(
                    update(CarrierToken).where(mine).values(key_id=key_id, value_sealed=sealed)
                )
                moved += 1
            return moved

    async def key_ids(self) -> frozenset[str]:
        """Ids of the master keys that tokens are sealed under."""
        async with self._database.reading() as connection:
            return frozenset(await connection.scalars(select(CarrierToken.key_id).distinct()))


async def _in_force(connection: Connection, tenant: str, version: int) -> bool:
    """Held until the end of the transaction: an exchange waits, and then forgets the token."""
    mine = select(Tenant.version).where(Tenant.id == tenant).with_for_update(read=True)
    return bool(await connection.scalar(mine) == version)


async def _in_line(connection: Connection, name: str) -> None:
    """Count and insert must be one step; in SQLite every writing transaction is."""
    if connection.dialect.name == "postgresql":
        lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
        await connection.execute(lock, {"name": f"ml-connector/slots/{name}"})


def _field(credential_id: str, version: int) -> str:
    return f"carrier_tokens.value:{credential_id}:{version}"

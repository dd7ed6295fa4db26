"""Payload keys of older master keys, kept so that Temporal's histories stay readable."""

from typing import Any

from sqlalchemy import Row, select, update

from ml_connector.security.keys import MasterKeys
from ml_connector.security.payload_keys import PURPOSE
from ml_connector.security.vault import SharedSeal
from ml_connector.store.connection import Connection
from ml_connector.store.database import Database
from ml_connector.store.scope import Clock
from ml_connector.store.statements import insert_into
from ml_connector.store.tables import PayloadKey


class PayloadKeyArchive:
    """Every call is one transaction."""

    def __init__(self, database: Database, keys: MasterKeys, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._seal = SharedSeal(keys, "payload-key")
        self._clock = clock

    async def get(self, of: str) -> bytes | None:
        """The payload key that master key `of` gave, if it was kept.

        Raises `SealBroken` for a changed row, `UnknownMasterKey` when the master key that seals
        it is not here either.
        """
        async with self._database.reading() as connection:
            row = (await connection.execute(select(PayloadKey).where(PayloadKey.id == of))).first()
        return None if row is None else self._open(row)

    async def keep(self) -> int:
        """Keep the payload keys of all older master keys, sealed under the current one.

        Those kept before are sealed anew. How many rows were written.
        """
        async with self._database.writing() as connection:
            rows = (await connection.execute(select(PayloadKey))).all()
            stale = [row for row in rows if row.key_id != self._keys.current.id]
            for row in stale:
                key_id, sealed = self._sealed(row.id, self._open(row))
                await connection.execute(
                    update(PayloadKey)
                    .where(PayloadKey.id == row.id)
                    .values(key_id=key_id, value_sealed=sealed)
                )
            missing = set(self._keys.ids()[1:]) - {row.id for row in rows}
            for older in missing:
                await self._add(connection, older)
            return len(stale) + len(missing)

    async def key_ids(self) -> frozenset[str]:
        """Ids of the master keys that seal what is kept."""
        async with self._database.reading() as connection:
            return frozenset(await connection.scalars(select(PayloadKey.key_id).distinct()))

    async def _add(self, connection: Connection, older: str) -> None:
        key_id, sealed = self._sealed(older, self._keys.derive(older, PURPOSE))
        await connection.execute(
            insert_into(connection.dialect.name, PayloadKey)
            .values(id=older, key_id=key_id, value_sealed=sealed, created_at=self._clock())
            # Another process may rotate at the same time; both keep the same key.
            .on_conflict_do_nothing()
        )

    def _sealed(self, of: str, value: bytes) -> tuple[str, bytes]:
        return self._seal.seal(_field(of), value)

    def _open(self, row: Row[Any]) -> bytes:
        return self._seal.open(_field(row.id), row.key_id, row.value_sealed)


def _field(of: str) -> str:
    return f"payload_keys.value:{of}"

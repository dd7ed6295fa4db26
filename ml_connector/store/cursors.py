"""How far each of a tenant's resources was read."""

from ml_connector.store.repository import Repository
from ml_connector.store.tables import Cursor


class Cursors(Repository):
    """The value is JSON that only the reader of the resource understands."""

    __slots__ = ()

    async def get(self, resource: str) -> str | None:
        row = await self._scope.row(Cursor, resource=resource)
        return None if row is None else str(row.value)

    async def set(self, resource: str, value: str) -> None:
        values = {"value": value, "updated_at": self._scope.clock()}
        await self._scope.upsert(Cursor, {"resource": resource}, values)

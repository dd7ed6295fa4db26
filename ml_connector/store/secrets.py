"""A tenant's credentials, sealed one by one."""

from collections.abc import Mapping

from ml_connector.store.errors import UnknownRecord
from ml_connector.store.repository import Repository
from ml_connector.store.statements import delete_from, select_columns
from ml_connector.store.tables import TenantSecret


class Secrets(Repository):
    """Names are those of the tenant file, e.g. `visma.client_secret`."""

    __slots__ = ()

    async def get(self, name: str) -> str:
        """Raises `UnknownRecord` when it was never set, `SealBroken` when it was moved here."""
        row = await self._scope.row(TenantSecret, name=name)
        if row is None:
            raise UnknownRecord(f"secret {name!r} of tenant {self._scope.tenant!r}")
        return self._scope.open(_field(name), row.value_sealed)

    async def set(self, secrets: Mapping[str, str]) -> None:
        """Set these; the tenant's other secrets stay."""
        for name, secret in secrets.items():
            values = {
                "value_sealed": self._scope.seal(_field(name), secret),
                "updated_at": self._scope.clock(),
            }
            await self._scope.upsert(TenantSecret, {"name": name}, values)

    async def replace(self, secrets: Mapping[str, str]) -> None:
        """Set these, and forget every other."""
        await self._scope.execute(
            delete_from(TenantSecret).where(TenantSecret.name.not_in(list(secrets)))
        )
        await self.set(secrets)

    async def names(self) -> tuple[str, ...]:
        rows = await self._scope.all(
            select_columns(TenantSecret, TenantSecret.name).order_by(TenantSecret.name)
        )
        return tuple(row.name for row in rows)


def _field(name: str) -> str:
    return f"tenant_secrets.value:{name}"

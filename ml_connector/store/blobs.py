"""Labels and other documents, by their content: the same label twice is one blob."""

from dataclasses import dataclass, field
from datetime import datetime

from ml_connector.store.errors import UnknownRecord
from ml_connector.store.repository import Repository
from ml_connector.store.scope import into
from ml_connector.store.tables import Blob as BlobRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A document."""

    sha: str
    media: str
    """PDF, PNG, ZPLII, …"""
    size: int
    """In bytes."""
    content: bytes = field(repr=False)
    created_at: datetime


class Blobs(Repository):
    """A tenant's documents, sealed."""

    __slots__ = ()

    async def put(self, content: bytes, media: str) -> str:
        """Keep a document; its name, a hash of the content under the tenant's key."""
        sha = self._scope.cipher.mac("blob", content).hex()
        known = self._scope.select_columns(BlobRow, BlobRow.sha).where(BlobRow.sha == sha)
        if await self._scope.first(known) is None:
            values = {
                "sha": sha,
                "media": media,
                "size": len(content),
                "content_sealed": self._scope.cipher.seal(_field(sha), content),
                "created_at": self._scope.clock(),
            }
            await self._scope.execute(self._scope.insert(BlobRow, values).on_conflict_do_nothing())
        return sha

    async def get(self, sha: str) -> Blob:
        """Raises `UnknownRecord` when the tenant has no such document."""
        row = await self._scope.first(self._scope.select(BlobRow).where(BlobRow.sha == sha))
        if row is None:
            raise UnknownRecord(f"document {sha}")
        return into(Blob, row, content=self._scope.cipher.open(_field(sha), row.content_sealed))


def _field(sha: str) -> str:
    return f"blobs.content:{sha}"

"""Labels and other documents, by their content: the same label twice is one blob."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam

from ml_connector.store.errors import UnknownRecord
from ml_connector.store.repository import Repository
from ml_connector.store.scope import into
from ml_connector.store.statements import select_columns
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


_KNOWN = select_columns(BlobRow, BlobRow.sha).where(BlobRow.sha == bindparam("sha"))


class Blobs(Repository):
    """A tenant's documents, sealed."""

    __slots__ = ()

    async def put(self, content: bytes, media: str) -> str:
        """Keep a document; its name, a hash of the content under the tenant's key."""
        sha = self._scope.cipher.mac("blob", content).hex()
        if await self._scope.first(_KNOWN, sha=sha) is None:
            values = {
                "sha": sha,
                "media": media,
                "size": len(content),
                "content_sealed": self._scope.cipher.seal(_field(sha), content),
                "created_at": self._scope.clock(),
            }
            await self._scope.insert_new(BlobRow, values)
        return sha

    async def get(self, sha: str) -> Blob:
        """Raises `UnknownRecord` when the tenant has no such document."""
        row = await self._scope.row(BlobRow, sha=sha)
        if row is None:
            raise UnknownRecord(f"document {sha}")
        return into(Blob, row, content=self._scope.cipher.open(_field(sha), row.content_sealed))


def _field(sha: str) -> str:
    return f"blobs.content:{sha}"

"""The audit chain's arithmetic: what is hashed, and how a break shows.

Every event's hash covers its predecessor's, so no event can be changed, removed, inserted or
reordered without changing all that follow. The head (last number and hash) is kept under the
tenant's key, so whoever has the database but not the key cannot re-chain or cut the tail. Only a
restored older copy of the whole database still agrees with itself; compare exported heads.
"""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime

from ml_connector.security.vault import TenantCipher
from ml_connector.store.columns import canonical_json

GENESIS = "0" * 64
"""`prev_hash` of the first event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One link: who did what to which order, and when."""

    seq: int
    at: datetime
    action: str
    actor: str
    order: str | None
    operation: str | None
    detail: dict[str, object] = field(hash=False)
    body_digest: str | None
    body_expires_at: datetime | None
    """Until then the body must exist; afterwards it may have been dropped."""
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """The first place where a chain does not hold."""

    seq: int
    reason: str

    def __str__(self) -> str:
        return f"event {self.seq}: {self.reason}"


def as_json(tenant: str, event: AuditEvent) -> dict[str, object]:
    """An event as it is exported. Its `hash` is that of all the other keys."""
    expires = event.body_expires_at
    return {
        "tenant": tenant,
        "seq": event.seq,
        "at": event.at.isoformat(),
        "action": event.action,
        "actor": event.actor,
        "order": event.order,
        "operation": event.operation,
        "detail": event.detail,
        "body_digest": event.body_digest,
        "body_expires_at": expires.isoformat() if expires else None,
        "prev_hash": event.prev_hash,
        "hash": event.hash,
    }


def link_hash(tenant: str, event: AuditEvent) -> str:
    """SHA-256 over the canonical JSON of everything the event says, but the hash itself."""
    said = as_json(tenant, event)
    del said["hash"]
    return hashlib.sha256(canonical_json(said).encode()).hexdigest()


def chained(tenant: str, draft: AuditEvent, *, seq: int, prev_hash: str) -> AuditEvent:
    """The draft as the link after `prev_hash`."""
    placed = replace(draft, seq=seq, prev_hash=prev_hash)
    return replace(placed, hash=link_hash(tenant, placed))


def head_mac(cipher: TenantCipher, seq: int, last_hash: str) -> bytes:
    return cipher.mac("audit-head", canonical_json([seq, last_hash]).encode())


def body_digest(cipher: TenantCipher, body: bytes) -> str:
    """Keyed: a digest that outlives the body must not let anyone guess it."""
    return cipher.mac("audit-body", body).hex()


def broken_link(
    tenant: str, event: AuditEvent, *, expected_seq: int, prev_hash: str
) -> BrokenLink | None:
    """Does this event follow its predecessor, and is it as it was written?"""
    if event.seq != expected_seq:
        return BrokenLink(expected_seq, "it is missing")
    if event.prev_hash != prev_hash:
        return BrokenLink(event.seq, "it does not follow the event before it")
    if event.hash != link_hash(tenant, event):
        return BrokenLink(event.seq, "it was changed after it was written")
    return None

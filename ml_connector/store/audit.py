"""A tenant's audit trail: append-only, chained, with bodies that expire."""

import hmac
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row

from ml_connector.security.vault import SealBroken
from ml_connector.store.audit_chain import (
    GENESIS,
    AuditEvent,
    BrokenLink,
    as_json,
    body_digest,
    broken_link,
    chained,
    head_mac,
)
from ml_connector.store.columns import canonical_json, database_now
from ml_connector.store.errors import UnknownRecord
from ml_connector.store.repository import Repository
from ml_connector.store.scope import TenantScope, into
from ml_connector.store.statements import delete_from, select_from
from ml_connector.store.tables import AuditBody, AuditHead
from ml_connector.store.tables import AuditEvent as EventRow

_ACTION = re.compile(r"[a-z][a-z_]*:[a-z][a-z_]*")
_PAGE = 500
_HEAD = select_from(AuditHead)
_LOCKED_HEAD = _HEAD.with_for_update()


class AuditTrail(Repository):
    """Appends are chained when the transaction ends.

    The head's row lock, which puts all appends of a tenant in line, is therefore always the last
    lock a transaction takes: no two can wait for each other over it, and nobody holds it while
    working.
    """

    __slots__ = ("_pending",)

    def __init__(self, scope: TenantScope) -> None:
        super().__init__(scope)
        self._pending: list[tuple[AuditEvent, bytes | None]] = []

    def append(
        self,
        action: str,
        *,
        actor: str,
        order: str | None = None,
        operation: str | None = None,
        detail: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        expires_at: datetime | None = None,
    ) -> None:
        """Record an event; it is written, or rolled back, with the transaction.

        `action` reads `subject:action`. `detail` is stored readable, so the caller redacts it; it
        must be JSON. `body` is stored sealed until `expires_at`. Raises ValueError for an action
        of another form, for a body without an end, TypeError for a detail that is not JSON.
        """
        if not _ACTION.fullmatch(action):
            raise ValueError(f"{action!r} does not read subject:action.")
        if (body is None) != (expires_at is None):
            raise ValueError("A body needs the time when it expires, and only a body has one.")
        facts = dict(detail or {})
        canonical_json(facts)
        draft = AuditEvent(
            seq=0,
            at=self._scope.clock().astimezone(UTC),
            action=action,
            actor=actor,
            order=order,
            operation=operation,
            detail=facts,
            body_digest=None if body is None else body_digest(self._scope.cipher, body),
            body_expires_at=None if expires_at is None else expires_at.astimezone(UTC),
            prev_hash="",
            hash="",
        )
        self._pending.append((draft, body))

    async def begin(self) -> None:
        """The head of an empty chain, written with the tenant itself."""
        mac = head_mac(self._scope.cipher, 0, GENESIS)
        await self._scope.insert(AuditHead, {"seq": 0, "hash": GENESIS, "mac": mac})

    async def flush(self) -> None:
        """Chain what was appended. The view calls this last, before the commit."""
        pending, self._pending = self._pending, []
        if not pending:
            return
        head = await self._head(lock=True)
        if head is None:
            raise UnknownRecord(f"audit head of tenant {self._scope.tenant!r}")
        seq, last_hash = head.seq, head.hash
        events: list[AuditEvent] = []
        for draft, _ in pending:
            event = chained(self._scope.tenant, draft, seq=seq + 1, prev_hash=last_hash)
            events.append(event)
            seq, last_hash = event.seq, event.hash
        await self._write(events, [body for _, body in pending])
        mac = head_mac(self._scope.cipher, seq, last_hash)
        await self._scope.change(AuditHead, {}, {"seq": seq, "hash": last_hash, "mac": mac})

    async def show(
        self,
        *,
        order: str | None = None,
        operation: str | None = None,
        actor: str | None = None,
        action: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: int = 0,
        limit: int | None = None,
        latest: bool = False,
    ) -> tuple[AuditEvent, ...]:
        """Committed events in their order, from number `after` on; `until` is exclusive.

        `action` is one action, or a subject with its colon: `shipment:`. With `latest` it is the
        last `limit` of them.
        """
        found = select_from(EventRow).where(EventRow.seq > after)
        found = found.order_by(EventRow.seq.desc() if latest else EventRow.seq)
        equal = ((EventRow.order, order), (EventRow.operation, operation), (EventRow.actor, actor))
        for column, wanted in equal:
            if wanted is not None:
                found = found.where(column == wanted)
        if action is not None:
            exact = EventRow.action == action
            found = found.where(
                EventRow.action.startswith(action, autoescape=True)
                if action.endswith(":")
                else exact
            )
        if since is not None:
            found = found.where(EventRow.at >= since)
        if until is not None:
            found = found.where(EventRow.at < until)
        rows = await self._scope.all(found.limit(limit))
        events = [into(AuditEvent, row) for row in rows]
        return tuple(reversed(events) if latest else events)

    async def body(self, seq: int) -> bytes | None:
        """The raw exchange behind an event, or `None` when there is none (any more)."""
        row = await self._scope.row(AuditBody, seq=seq)
        return None if row is None else self._open_body(row)

    async def head(self) -> tuple[int, str]:
        """Number and hash of the last event: keep them elsewhere to prove a later rollback."""
        head = await self._head()
        return (0, GENESIS) if head is None else (head.seq, head.hash)

    async def export(self) -> AsyncIterator[str]:
        """The whole trail, one JSON object an event, hashes included; bodies stay here."""
        async for events in self._pages():
            for event in events:
                yield canonical_json(as_json(self._scope.tenant, event))

    async def verify(self) -> BrokenLink | None:
        """Walk the whole chain; the first link that does not hold. Use a reading view."""
        head = await self._head()
        if head is None:
            return BrokenLink(0, "the head of the chain is missing")
        seq, prev_hash = 0, GENESIS
        async for events in self._pages():
            bodies = await self._bodies(events)
            for event in events:
                broken = broken_link(
                    self._scope.tenant, event, expected_seq=seq + 1, prev_hash=prev_hash
                ) or self._broken_body(event, bodies.get(event.seq))
                if broken:
                    return broken
                seq, prev_hash = event.seq, event.hash
        return self._broken_end(head, seq, prev_hash)

    async def purge_bodies(self, now: datetime) -> int:
        """Drop bodies that expired by `now`; their events, and the chain, stay. How many.

        The database refuses what has not expired by its own clock, so that one counts too.
        """
        clock = database_now(self._scope.dialect)
        expired = delete_from(AuditBody).where(
            AuditBody.expires_at <= now, AuditBody.expires_at <= clock
        )
        return (await self._scope.execute(expired)).rowcount

    async def _head(self, *, lock: bool = False) -> Row[Any] | None:
        return await self._scope.first(_LOCKED_HEAD if lock else _HEAD)

    async def _write(self, events: list[AuditEvent], bodies: list[bytes | None]) -> None:
        columns = [column.name for column in fields(AuditEvent)]
        rows = [{name: getattr(event, name) for name in columns} for event in events]
        await self._scope.insert_all(EventRow, rows)
        sealed = [
            {
                "seq": event.seq,
                "body_sealed": self._scope.cipher.seal(_body_field(event.seq), body),
                "expires_at": event.body_expires_at,
            }
            for event, body in zip(events, bodies, strict=True)
            if body is not None
        ]
        await self._scope.insert_all(AuditBody, sealed)

    async def _pages(self) -> AsyncIterator[tuple[AuditEvent, ...]]:
        """A trail may be long: read it piece by piece."""
        page = await self.show(limit=_PAGE)
        while page:
            yield page
            page = await self.show(after=page[-1].seq, limit=_PAGE)

    async def _bodies(self, events: tuple[AuditEvent, ...]) -> dict[int, Row[Any]]:
        stored = select_from(AuditBody).where(AuditBody.seq.between(events[0].seq, events[-1].seq))
        return {row.seq: row for row in await self._scope.all(stored)}

    def _open_body(self, row: Row[Any]) -> bytes:
        return self._scope.cipher.open(_body_field(row.seq), row.body_sealed)

    def _broken_body(self, event: AuditEvent, row: Row[Any] | None) -> BrokenLink | None:
        if event.body_expires_at is None:
            return None if row is None else BrokenLink(event.seq, "a body was added to it")
        if row is None:
            kept = event.body_expires_at > self._scope.clock()
            return BrokenLink(event.seq, "its body was dropped too early") if kept else None
        try:
            same = body_digest(self._scope.cipher, self._open_body(row)) == event.body_digest
        except SealBroken:
            same = False
        return None if same else BrokenLink(event.seq, "its body was changed")

    def _broken_end(self, head: Row[Any], seq: int, last_hash: str) -> BrokenLink | None:
        if seq < head.seq:
            return BrokenLink(seq + 1, "it is missing: the end of the chain was cut off")
        if (seq, last_hash) != (head.seq, head.hash):
            return BrokenLink(head.seq + 1, "it was not written by this program")
        if not hmac.compare_digest(head.mac, head_mac(self._scope.cipher, seq, last_hash)):
            return BrokenLink(seq, "the head is forged: the chain was cut or written anew")
        return None


def _body_field(seq: int) -> str:
    return f"audit_bodies.body:{seq}"

"""Parcels on their way: when each is asked for next, and what its scans said."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Integer, Row, bindparam, func, or_

from ml_connector.domain.tracking import ParcelState, ParcelStatus, Scan
from ml_connector.store.errors import RecordConflict, UnknownRecord
from ml_connector.store.repository import Repository
from ml_connector.store.scope import into
from ml_connector.store.statements import select_columns, select_from, update_of
from ml_connector.store.tables import Parcel as ParcelRow
from ml_connector.store.tables.shipping import ON_ITS_WAY


@dataclass(frozen=True, slots=True, kw_only=True)
class NewParcel:
    """A piece to be tracked from `next_poll_at` on."""

    order: str
    generation: int
    tracking_number: str
    sequence: int
    """From 1, within its shipment."""
    shipped_on: date
    """FedEx's day of the shipment: it tells parcels apart whose number was used again."""
    next_poll_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A tracked piece."""

    order: str
    generation: int
    tracking_number: str
    sequence: int
    state: ParcelState
    code: str
    """FedEx's raw status code."""
    unique_id: str
    """FedEx's id that tells reused numbers apart; empty until it is known."""
    first_scan_at: datetime | None
    delivered_at: datetime | None
    scans: tuple[Scan, ...]
    """Oldest first."""
    last_hash: str
    next_poll_at: datetime
    claimed_until: datetime | None
    finished_at: datetime | None
    shipped_on: date
    """FedEx's day of the shipment."""
    created_at: datetime
    """When its shipment was made."""


_DUE = (
    select_from(ParcelRow)
    .where(ON_ITS_WAY, ParcelRow.next_poll_at <= bindparam("due_by"))
    .where(or_(ParcelRow.claimed_until.is_(None), ParcelRow.claimed_until <= bindparam("now")))
    .order_by(ParcelRow.next_poll_at, ParcelRow.tracking_number)
    .limit(bindparam("limit", type_=Integer))
    .with_for_update(skip_locked=True)
)
_ASKED_FOR = (
    select_from(ParcelRow)
    .where(ON_ITS_WAY, ParcelRow.tracking_number == bindparam("number"))
    .with_for_update()
)
_LATEST = (
    select_from(ParcelRow)
    .where(ParcelRow.tracking_number == bindparam("number"))
    .order_by(ParcelRow.finished_at.is_not(None), ParcelRow.created_at.desc())
    .limit(1)
)
_THESE = update_of(ParcelRow).where(
    ON_ITS_WAY, ParcelRow.tracking_number.in_(bindparam("numbers", expanding=True))
)
_CLAIM = _THESE.values(claimed_until=bindparam("until"))
_RELEASE = _THESE.values(claimed_until=None)
_POSTPONE = _THESE.values(next_poll_at=bindparam("until"), claimed_until=None)
_FINISH = _THESE.values(
    finished_at=bindparam("now"), claimed_until=None, updated_at=bindparam("now")
)


class Parcels(Repository):
    """A tenant's parcels. A tracking number means the parcel still on its way, if there is one."""

    __slots__ = ()

    async def add(self, parcels: Iterable[NewParcel]) -> None:
        """Start tracking; those that are tracked already stay as they are.

        Raises `RecordConflict` when a number is on its way for another shipment.
        """
        now = self._scope.clock()
        for parcel in parcels:
            values = {
                "order": parcel.order,
                "generation": parcel.generation,
                "tracking_number": parcel.tracking_number,
                "sequence": parcel.sequence,
                "shipped_on": parcel.shipped_on,
                "state": ParcelState.LABEL_CREATED,
                "next_poll_at": parcel.next_poll_at,
                "created_at": now,
                "updated_at": now,
            }
            if not await self._scope.insert_new(ParcelRow, values):
                await self._check_same(parcel)

    async def due(
        self,
        now: datetime,
        limit: int,
        *,
        due_by: datetime | None = None,
        claim_for: timedelta = timedelta(minutes=5),
    ) -> tuple[Parcel, ...]:
        """Claim up to `limit` parcels that were due by `due_by`, or by now; longest due first.

        Until `claim_for` has passed, or `record` ends the claim, no other sweep gets them.
        """
        rows = await self._scope.all(_DUE, due_by=due_by or now, now=now, limit=limit)
        parcels = [_parcel(row) for row in rows]
        numbers = [parcel.tracking_number for parcel in parcels]
        until = now + claim_for
        await self._scope.execute(_CLAIM, numbers=numbers, until=until)
        return tuple(replace(parcel, claimed_until=until.astimezone(UTC)) for parcel in parcels)

    async def record(
        self,
        tracking_number: str,
        status: ParcelStatus,
        *,
        unique_id: str,
        scans: Iterable[Scan],
        last_hash: str,
        next_poll_at: datetime,
    ) -> bool:
        """Keep what FedEx said, end the claim, and say whether anything is new.

        Scans and the first physical scan are only ever added to: FedEx forgets, we do not.
        Raises `UnknownRecord` when no parcel of this number is on its way.
        """
        row = await self._scope.first(_ASKED_FOR, number=tracking_number)
        if row is None:
            raise UnknownRecord(f"parcel {tracking_number} on its way")
        before = _parcel(row)
        after = replace(
            before,
            state=status.state,
            code=status.code,
            unique_id=unique_id or before.unique_id,
            first_scan_at=_earliest(before.first_scan_at, status.first_scan),
            delivered_at=status.delivered_at.astimezone(UTC) if status.delivered_at else None,
            scans=_merged(before.scans, scans),
        )
        learnt = {
            "state": after.state,
            "code": after.code,
            "unique_id": after.unique_id,
            "first_scan_at": after.first_scan_at,
            "delivered_at": after.delivered_at,
            "scans": [_scan_json(scan) for scan in after.scans],
            "last_hash": last_hash,
            "next_poll_at": next_poll_at,
            "claimed_until": None,
            "updated_at": self._scope.clock(),
        }
        # Locked above, so it is still the one on its way.
        its = {"order": before.order, "generation": before.generation}
        await self._scope.change(ParcelRow, {**its, "tracking_number": tracking_number}, learnt)
        return after != before

    async def postpone(self, tracking_numbers: Sequence[str], next_poll_at: datetime) -> None:
        """Nothing new, or no answer: ask again then, and end the claim."""
        await self._scope.execute(_POSTPONE, numbers=tracking_numbers, until=next_poll_at)

    async def release(self, tracking_numbers: Sequence[str]) -> None:
        """They were not asked for: end the claim; they are due as before."""
        await self._scope.execute(_RELEASE, numbers=tracking_numbers)

    async def ask_again(self, order: str, generation: int, at: datetime) -> tuple[str, ...]:
        """Make a shipment's pieces due at `at`, finished ones too; their numbers.

        A number that is on its way for another shipment by now is left to that one.
        """
        asked = []
        for piece in await self.by_order(order, generation):
            latest = await self.get(piece.tracking_number)
            if latest is None or (latest.order, latest.generation) != (order, generation):
                continue
            await self._scope.execute(
                update_of(ParcelRow)
                .where(ParcelRow.order == order, ParcelRow.generation == generation)
                .where(ParcelRow.tracking_number == piece.tracking_number)
                .values(next_poll_at=at, finished_at=None, claimed_until=None)
            )
            asked.append(piece.tracking_number)
        return tuple(asked)

    async def finish(self, tracking_number: str) -> None:
        """Ask no more: delivered, returned, cancelled or given up."""
        await self._scope.execute(_FINISH, numbers=[tracking_number], now=self._scope.clock())

    async def by_order(self, order: str, generation: int | None = None) -> tuple[Parcel, ...]:
        """An order's parcels by generation and piece, of one generation if it is given."""
        found = select_from(ParcelRow).where(ParcelRow.order == order)
        if generation is not None:
            found = found.where(ParcelRow.generation == generation)
        rows = await self._scope.all(found.order_by(ParcelRow.generation, ParcelRow.sequence))
        return tuple(_parcel(row) for row in rows)

    async def get(self, tracking_number: str) -> Parcel | None:
        """The parcel on its way, else the one that last had this number."""
        row = await self._scope.first(_LATEST, number=tracking_number)
        return None if row is None else _parcel(row)

    async def scans(self, tracking_number: str) -> tuple[Scan, ...]:
        """The scans of `get`, oldest first."""
        parcel = await self.get(tracking_number)
        return parcel.scans if parcel else ()

    async def counts(self) -> dict[ParcelState, int]:
        """How many parcels on their way are in each state."""
        counted = select_columns(ParcelRow, ParcelRow.state, func.count().label("n"))
        rows = await self._scope.all(counted.where(ON_ITS_WAY).group_by(ParcelRow.state))
        return {ParcelState(row.state): row.n for row in rows}

    async def _check_same(self, parcel: NewParcel) -> None:
        known = await self.by_order(parcel.order, parcel.generation)
        if parcel.tracking_number not in {piece.tracking_number for piece in known}:
            raise RecordConflict(
                f"Parcel {parcel.tracking_number} is on its way for another shipment."
            )


def _parcel(row: Row[Any]) -> Parcel:
    scans = tuple(_scan(stored) for stored in row.scans)
    return into(Parcel, row, state=ParcelState(row.state), scans=scans)


def _merged(known: Sequence[Scan], more: Iterable[Scan]) -> tuple[Scan, ...]:
    """Both, oldest first. A scan is itself again when only its wording changed."""
    by_identity = {_identity(scan): scan for scan in known}
    for scan in more:
        by_identity.setdefault(_identity(scan), replace(scan, at=scan.at.astimezone(UTC)))
    return tuple(by_identity[key] for key in sorted(by_identity))


def _identity(scan: Scan) -> tuple[datetime, str, str, str]:
    return scan.at.astimezone(UTC), scan.code, scan.exception_code, scan.place


def _earliest(known: datetime | None, told: datetime | None) -> datetime | None:
    instants = [instant.astimezone(UTC) for instant in (known, told) if instant is not None]
    return min(instants, default=None)


def _scan_json(scan: Scan) -> dict[str, str]:
    return {
        "at": scan.at.isoformat(),
        "code": scan.code,
        "description": scan.description,
        "exception_code": scan.exception_code,
        "place": scan.place,
    }


def _scan(stored: Mapping[str, str]) -> Scan:
    return Scan(
        at=datetime.fromisoformat(stored["at"]),
        code=stored["code"],
        description=stored["description"],
        exception_code=stored["exception_code"],
        place=stored["place"],
    )

"""Parcels as a shipment leaves them in the store."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from ml_connector.store.parcels import NewParcel


def new_parcels(
    order: str, numbers: Sequence[str], *, since: datetime, first: int = 1
) -> Iterator[NewParcel]:
    """An order's first shipment under these tracking numbers, handed over and due `since` then."""
    for sequence, number in enumerate(numbers, start=first):
        yield NewParcel(
            order=order,
            generation=1,
            tracking_number=number,
            sequence=sequence,
            shipped_on=since.date(),
            next_poll_at=since,
        )

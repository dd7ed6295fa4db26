"""Journals of ours in Visma from before this process began: what a restored backup has forgotten.

Whatever is posted while we run is an operation in the store. Only a store that was put back to an
earlier day knows less than Visma, and that takes another process. So one search for each tenant
and process, shared by all of its orders, stands for a search before each post (decision 0017).
"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from activities.services import Desk
from ml_connector.domain.posting import order_of_reference

AHEAD = timedelta(days=14)
"""A search begins this much earlier than it must: parcels of some days' difference arrive in any
order, and each older one would begin another."""

Books = tuple[str, int]
"""Tenant and version of its file: another one may name another company."""


@dataclass(frozen=True, slots=True)
class _Searched:
    since: date
    references: frozenset[str]


class EarlierJournals:
    """One per process."""

    def __init__(self) -> None:
        self._searched: dict[Books, _Searched] = {}
        self._flights: defaultdict[Books, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def hold(self, desk: Desk, reference: str, since: date) -> bool:
        """Whether Visma had a journal on this reference, changed since a day, when it was searched.

        Searches once, and again only for a shipment older than any before it. Raises what Visma's
        client raises.
        """
        books = desk.id, desk.version
        async with self._flights[books]:
            known = self._searched.get(books)
            if known is None or since < known.since:
                begin = since - AHEAD
                known = _Searched(begin, await _references(desk, begin))
                self._searched[books] = known
        return reference in known.references


async def _references(desk: Desk, since: date) -> frozenset[str]:
    return frozenset(
        reference
        for batch in await desk.visma.journals_since(since)
        for reference in batch.references
        if order_of_reference(reference) is not None
    )

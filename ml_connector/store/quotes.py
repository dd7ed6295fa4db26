"""Rate quotes that were asked for."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ml_connector.store.repository import Repository
from ml_connector.store.scope import into
from ml_connector.store.statements import select_from
from ml_connector.store.tables import Quote as QuoteRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What was asked and what FedEx offered, both as JSON with amounts as texts."""

    id: str
    order: str | None
    request: dict[str, Any] = field(repr=False)
    offers: list[dict[str, Any]] = field(repr=False)
    created_at: datetime


class Quotes(Repository):
    """A tenant's quotes; sealed, because a request holds addresses."""

    __slots__ = ()

    async def add(
        self, order: str | None, request: Mapping[str, Any], offers: Sequence[Mapping[str, Any]]
    ) -> str:
        """Keep a quote; its id."""
        quote = uuid.uuid4().hex
        values = {
            "id": quote,
            "order": order,
            "request_sealed": self._scope.seal_json(_field("request", quote), dict(request)),
            "offers_sealed": self._scope.seal_json(
                _field("offers", quote), [dict(offer) for offer in offers]
            ),
            "created_at": self._scope.clock(),
        }
        await self._scope.insert(QuoteRow, values)
        return quote

    async def list(self, order: str | None = None, *, limit: int = 100) -> tuple[Quote, ...]:
        """The latest quotes first; of one order if it is given."""
        found = select_from(QuoteRow)
        if order is not None:
            found = found.where(QuoteRow.order == order)
        latest = found.order_by(QuoteRow.created_at.desc(), QuoteRow.id).limit(limit)
        return tuple(
            into(
                Quote,
                row,
                request=json.loads(self._scope.open(_field("request", row.id), row.request_sealed)),
                offers=json.loads(self._scope.open(_field("offers", row.id), row.offers_sealed)),
            )
            for row in await self._scope.all(latest)
        )


def _field(part: str, quote: str) -> str:
    return f"quotes.{part}:{quote}"

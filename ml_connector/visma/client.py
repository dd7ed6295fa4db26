"""The Visma.net client of one company.

    visma = VismaClient(transport, tokens=VismaTokens(connect, credential), budget=budget)
    order = await visma.get_order("500254")
    await visma.update_order_fields(order.number, {"customStr1": "7946…"}, version=order.version)

Every method raises `VismaError` and nothing else for what happens on the other side
(`ml_connector.visma.errors` draws the tree); `ValueError` means a call that must not be made.
"""

from typing import Self

from ml_connector.http.transport import Transport
from ml_connector.visma.background import Background
from ml_connector.visma.books import Books
from ml_connector.visma.budget import Budget, Priority
from ml_connector.visma.calls import Caller
from ml_connector.visma.goods import Goods
from ml_connector.visma.journals import Journals
from ml_connector.visma.limits import RateLimit
from ml_connector.visma.orders import Orders
from ml_connector.visma.parties import Parties
from ml_connector.visma.projects import Projects
from ml_connector.visma.receipts import Receipts
from ml_connector.visma.tokens import VismaTokens


class VismaClient(Orders, Receipts, Journals, Parties, Goods, Books, Projects, Background):
    """Everything the connector asks of Visma.net; the methods live in their resource's module."""

    def __init__(
        self,
        transport: Transport,
        *,
        tokens: VismaTokens,
        budget: Budget | None = None,
        priority: Priority = Priority.STEADY,
    ) -> None:
        """`tokens` decide the company; `budget` is shared by everything that works for it."""
        super().__init__(Caller(transport, tokens, budget, priority))

    def with_priority(self, priority: Priority) -> Self:
        """The same client for more or less urgent work; tokens and budget stay shared."""
        calls = self._calls
        return type(self)(
            calls.transport, tokens=calls.tokens, budget=calls.budget, priority=priority
        )

    async def spare_calls(self) -> int | None:
        """Calls that work of this client's priority may still make in this window; `None` while
        nobody knows."""
        budget = self._calls.budget
        return None if budget is None else await budget.spare(self._calls.priority)

    @property
    def last_limits(self) -> RateLimit:
        """What Visma's last reply said about the hour's calls; empty before the first."""
        return self._calls.last_limits

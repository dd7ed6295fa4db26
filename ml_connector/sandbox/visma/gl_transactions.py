"""`/v1/GeneralLedgerTransactions`: an account's lines, whichever batch they stand in."""

from collections.abc import Iterator
from datetime import date

from ml_connector.sandbox.visma import paging, views, wire
from ml_connector.sandbox.visma.calls import MODIFIED, OLD_PAGING, PAGING, Call, Operation
from ml_connector.sandbox.visma.documents import ZERO, Journal, JournalLine
from ml_connector.sandbox.visma.errors import Refused, Reply
from ml_connector.sandbox.visma.order_views import in_base
from ml_connector.sandbox.visma.views import Body

_Entry = tuple[Journal, JournalLine]


def _list(call: Call) -> Reply:
    if not call.query.get("ledger"):
        raise Refused("The parameter ledger is mandatory.")
    rows = list(_entries(call))
    rows = paging.equal(call, "account", rows, lambda entry: entry[1].account)
    return paging.paged(
        call, "GeneralLedgerTransactions", rows, lambda entry: _render(call, *entry)
    )


def _entries(call: Call) -> Iterator[_Entry]:
    """The ledger's lines in the periods and days asked for; unposted ones only on demand."""
    shown = {"Posted"}
    if call.flag("includeUnposted"):
        shown.add("Unposted")
    if call.flag("includeUnreleased"):
        shown |= {"Hold", "Balanced"}
    first, last = call.query.get("fromPeriod", ""), call.query.get("toPeriod", "999999")
    start, end = _day(call, "fromDate", date.min), _day(call, "toDate", date.max)
    journals = paging.modified_since(call, list(call.company.journals.values()))
    for journal in journals:
        if (
            journal.status in shown
            and journal.ledger == call.query["ledger"]
            and first <= journal.period <= last
            and start <= journal.transaction_date <= end
        ):
            yield from ((journal, line) for line in journal.lines)


def _day(call: Call, name: str, default: date) -> date:
    bound = paging.since(call, name)
    return bound.date() if bound else default


def _render(call: Call, journal: Journal, line: JournalLine) -> Body:
    company = call.company
    rate = journal.exchange_rate
    return {
        "lineNumber": line.number,
        "module": journal.module,
        "batchNumber": journal.number,
        "tranDate": wire.day(journal.transaction_date),
        "period": journal.period,
        "description": line.description,
        "refNumber": line.reference,
        "branch": views.branch(company, line.branch),
        "account": views.account(company, line.account),
        "ledger": {"id": journal.ledger, "description": ""},
        "subaccount": views.subaccount_number(line.sub),
        "begBalance": ZERO,
        "debitAmount": in_base(company, line.debit, rate),
        "creditAmount": in_base(company, line.credit, rate),
        "endingBalance": ZERO,
        "currency": journal.currency,
        "currDebitAmount": line.debit,
        "currCreditAmount": line.credit,
        "lastModifiedDateTime": call.modified(journal),
    }


OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/GeneralLedgerTransactions",
        handle=_list,
        query=PAGING
        | OLD_PAGING
        | MODIFIED
        | {"branch", "ledger", "fromPeriod", "toPeriod", "account", "subaccountId"}
        | {"fromDate", "toDate", "includeUnposted", "includeUnreleased", "expandAccountInfo"}
        | {"expandBranchInfo", "includeTransactionBalance"},
    ),
)

"""Journals as GET shows them: `JournalTransactionDto`."""

from collections.abc import Iterable

from ml_connector.sandbox.visma import views, wire
from ml_connector.sandbox.visma.calls import Call
from ml_connector.sandbox.visma.company import NON_PROJECT, Company
from ml_connector.sandbox.visma.documents import Journal, JournalLine
from ml_connector.sandbox.visma.order_views import in_base
from ml_connector.sandbox.visma.views import Body


def render(call: Call, journal: Journal, lines: Iterable[JournalLine]) -> Body:
    """A journal's header with these of its lines: a page may hold only some of them."""
    company = call.company
    ledger = company.ledgers.get(journal.ledger)
    rate = journal.exchange_rate
    return {
        "module": f"Module{journal.module}",
        "batchNumber": journal.number,
        "status": journal.status,
        "hold": journal.hold,
        "transactionDate": wire.day(journal.transaction_date),
        "postPeriod": f"{journal.period[4:]}{journal.period[:4]}",
        "financialPeriod": journal.period,
        "ledger": journal.ledger,
        "ledgerDescription": ledger.description if ledger else "",
        "currencyId": journal.currency,
        "exchangeRate": rate,
        "autoReversing": journal.auto_reversing,
        "reversingEntry": False,
        "description": journal.description,
        "debitTotal": in_base(company, journal.debit_total, rate),
        "debitTotalInCurrency": journal.debit_total,
        "creditTotal": in_base(company, journal.credit_total, rate),
        "creditTotalInCurrency": journal.credit_total,
        "controlTotal": in_base(company, journal.control_total, rate),
        "controlTotalInCurrency": journal.control_total,
        "createVatTransaction": False,
        "skipVatAmountValidation": False,
        "lastModifiedDateTime": call.modified(journal),
        "branch": journal.branch,
        "timeStamp": wire.row_version(journal.version),
        "journalTransactionLines": [_line(company, journal, line) for line in lines],
        "attachments": [],
        "errorInfo": journal.error or None,
    }


def _line(company: Company, journal: Journal, line: JournalLine) -> Body:
    rate = journal.exchange_rate
    account = company.accounts.get(line.account)
    project = line.project or NON_PROJECT
    return {
        "lineNumber": line.number,
        "accountNumber": line.account,
        "description": account.description if account else "",
        "subaccount": views.subaccount(company, line.sub),
        "referenceNumber": line.reference,
        "debitAmount": in_base(company, line.debit, rate),
        "debitAmountInCurrency": line.debit,
        "creditAmount": in_base(company, line.credit, rate),
        "creditAmountInCurrency": line.credit,
        "transactionDescription": line.description,
        "branch": line.branch,
        "module": f"Module{journal.module}",
        "uom": line.uom,
        "quantity": line.quantity,
        "project": views.project(company, project),
        "projectTask": views.task(company, project, line.task),
        "note": line.note,
        "attachments": [],
    }

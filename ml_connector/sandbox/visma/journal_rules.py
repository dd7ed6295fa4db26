"""What the general ledger refuses, and building a journal from the update DTO.

The rules are Visma's documented ones (`hold`, number series, released batches) and, where the
vendor says nothing, those of the Acumatica core it is built on.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ml_connector.sandbox.visma.company import NON_PROJECT, Company, Project, Task
from ml_connector.sandbox.visma.documents import ZERO, Journal, JournalLine
from ml_connector.sandbox.visma.errors import Refused
from ml_connector.sandbox.visma.switches import LongText, Switches

CREATING = "Error creating document"
UPDATING = "Error updating document"

Values = Mapping[str, Any]


def new_journal(company: Company, switches: Switches, values: Values, today: date) -> Journal:
    """A journal of these values, not yet checked, under a number of its own."""
    journal = Journal(
        number="",
        transaction_date=today,
        period="",
        hold=company.hold_new_journals,
        ledger=next(iter(company.ledgers)),
        branch=next(iter(company.branches), ""),
        currency=company.base_currency,
    )
    change_journal(company, switches, journal, values)
    journal.number = _number(company, switches, values)
    return journal


def _number(company: Company, switches: Switches, values: Values) -> str:
    """The caller's own number where it overrides the series and may; else the series' next."""
    if not values.get("overrideNumberSeries"):
        return company.journal_number()
    wanted = values.get("batchNumber")
    if not company.manual_batch_numbers:
        raise Refused("Manual numbering is not allowed for this number series.", what=CREATING)
    if not wanted:
        raise Refused("'Batch Number' cannot be empty.", what=CREATING)
    if len(wanted) > switches.reference_length:
        raise Refused(
            f"The batch number exceeds {switches.reference_length} characters.", what=CREATING
        )
    if wanted in company.journals:
        raise Refused(
            f"Another process has added the 'Batch' record '{wanted}'. Your changes will be lost.",
            what=CREATING,
        )
    return str(wanted)


def change_journal(company: Company, switches: Switches, journal: Journal, values: Values) -> None:
    """Set what the values name; dates, periods and rates follow each other."""
    simple = {
        "hold": "hold",
        "ledger": "ledger",
        "branch": "branch",
        "description": "description",
        "controlTotalInCurrency": "control_total",
        "autoReversing": "auto_reversing",
        "currencyId": "currency",
    }
    for name, attribute in simple.items():
        if values.get(name) is not None:
            setattr(journal, attribute, values[name])
    if values.get("transactionDate") is not None:
        journal.transaction_date = _day(values["transactionDate"])
    _set_period(company, journal, values)
    _set_rate(company, journal, values)
    for row in values.get("journalTransactionLines", []):
        _change_line(switches, journal, row)
    journal.status = "Hold" if journal.hold else "Balanced"


def _day(value: datetime | date) -> date:
    return value.date() if isinstance(value, datetime) else value


def _set_period(company: Company, journal: Journal, values: Values) -> None:
    """`financialPeriod` is YYYYMM, `postPeriod` MMYYYY; without either, the date's own."""
    if values.get("financialPeriod") is not None:
        journal.period = values["financialPeriod"]
    elif values.get("postPeriod") is not None:
        text = values["postPeriod"]
        journal.period = f"{text[2:]}{text[:2]}"
    elif "transactionDate" in values or not journal.period:
        period = company.period_of(journal.transaction_date)
        journal.period = period.id if period else f"{journal.transaction_date:%Y%m}"


def _set_rate(company: Company, journal: Journal, values: Values) -> None:
    """The given rate, else the table's rate of the posting date."""
    if values.get("exchangeRate") is not None:
        journal.exchange_rate = values["exchangeRate"]
    elif {"currencyId", "transactionDate"} & values.keys():
        journal.exchange_rate = company.rate_on(journal.currency, journal.transaction_date) or ZERO


def _change_line(switches: Switches, journal: Journal, row: Values) -> None:
    number = row.get("lineNumber")
    operation = row.get("operation", "Insert")
    line = next((line for line in journal.lines if line.number == number), None)
    if operation == "Insert":
        number = max((line.number for line in journal.lines), default=0) + 1
        line = JournalLine(number=number, account="", branch=journal.branch)
        journal.lines.append(line)
    elif line is None:
        raise Refused(f"Line {number} cannot be found in batch {journal.number}.", what=UPDATING)
    elif operation == "Delete":
        journal.lines.remove(line)
        return
    _set_line(switches, line, row)


def _set_line(switches: Switches, line: JournalLine, row: Values) -> None:
    names = {
        "accountNumber": "account",
        "project": "project",
        "projectTask": "task",
        "transactionDescription": "description",
        "debitAmountInCurrency": "debit",
        "creditAmountInCurrency": "credit",
        "branch": "branch",
        "uom": "uom",
        "quantity": "quantity",
        "note": "note",
    }
    for name, attribute in names.items():
        if row.get(name) is not None:
            setattr(line, attribute, row[name])
    if row.get("subaccount") is not None:
        line.sub = {part["segmentId"]: part["segmentValue"] for part in row["subaccount"]}
    if row.get("referenceNumber") is not None:
        line.reference = _fitting(switches, row["referenceNumber"])


def _fitting(switches: Switches, text: str) -> str:
    if len(text) <= switches.reference_length:
        return text
    if switches.long_texts is LongText.TRUNCATE:
        return text[: switches.reference_length]
    raise Refused(
        f"The reference number '{text}' exceeds {switches.reference_length} characters.",
        what=CREATING,
    )


def check(company: Company, switches: Switches, journal: Journal, what: str) -> None:
    """Everything that keeps a journal from being saved. Raises Refused with all reasons."""
    reasons = list(_reasons(company, switches, journal))
    if reasons:
        raise Refused(" ".join(reasons), what=what)


def _reasons(company: Company, switches: Switches, journal: Journal) -> Iterator[str]:
    yield from period_reasons(company, journal)
    if journal.ledger not in company.ledgers:
        yield f"Ledger '{journal.ledger}' cannot be found in the system."
    if journal.branch not in company.branches:
        yield f"Branch '{journal.branch}' cannot be found in the system."
    yield from _currency_reasons(company, switches, journal)
    for line in journal.lines:
        for reason in _line_reasons(company, journal, line):
            yield f"Line {line.number}: {reason}"
    if not journal.hold:
        yield from balance_reasons(journal)


def period_reasons(company: Company, journal: Journal) -> Iterator[str]:
    """Why nothing can be posted into the journal's period."""
    period = company.periods.get(journal.period)
    shown = f"{journal.period[4:]}-{journal.period[:4]}"
    if period is None:
        yield f"Financial period '{shown}' cannot be found in the system."
    elif period.closed:
        yield f"The {shown} financial period is closed in the general ledger."
    elif not period.active:
        yield f"The {shown} financial period is inactive."


def balance_reasons(journal: Journal) -> Iterator[str]:
    """Why the batch cannot be taken off hold."""
    if journal.debit_total != journal.credit_total:
        yield (
            "The batch is not balanced. Review the debit and credit amounts: "
            f"{journal.debit_total} and {journal.credit_total}."
        )
    elif not journal.lines or not journal.debit_total:
        yield "The batch has no amounts."
    elif journal.control_total and journal.control_total != journal.debit_total:
        yield "The control total must equal the batch's debit total."


def _currency_reasons(company: Company, switches: Switches, journal: Journal) -> Iterator[str]:
    if journal.currency not in company.currencies:
        yield f"Currency '{journal.currency}' cannot be found in the system."
        return
    table = company.rate_on(journal.currency, journal.transaction_date)
    if table is None:
        yield (
            f"The currency rate of {journal.currency} is not defined on {journal.transaction_date}."
        )
        return
    own = journal.currency == company.base_currency
    tolerance = Decimal(0) if own else Decimal(str(switches.rate_variance_percent)) / 100
    if abs(journal.exchange_rate - table) > table * tolerance:
        yield (
            f"The currency rate {journal.exchange_rate} is not the rate of {journal.currency} "
            f"on {journal.transaction_date}, {table:.6f}."
        )


def _line_reasons(company: Company, journal: Journal, line: JournalLine) -> Iterator[str]:
    yield from _account_reasons(company, line)
    yield from _subaccount_reasons(company, line)
    yield from _project_reasons(company, line)
    yield from _amount_reasons(company, journal, line)


def _account_reasons(company: Company, line: JournalLine) -> Iterator[str]:
    account = company.accounts.get(line.account)
    if account is None:
        yield f"Account '{line.account}' cannot be found in the system."
    elif not account.active:
        yield f"Account '{line.account}' is inactive."
    elif not account.allow_manual_entry:
        yield f"Account '{line.account}' is a control account: manual entry is not allowed."


def _subaccount_reasons(company: Company, line: JournalLine) -> Iterator[str]:
    for segment_id in line.sub.keys() - company.segments.keys():
        yield f"Segment {segment_id} of the subaccount does not exist."
    for segment_id, segment in company.segments.items():
        given = line.sub.get(segment_id)
        value = segment.values.get(given or "")
        if given is None:
            yield f"Segment {segment_id} ({segment.description}) of the subaccount is missing."
        elif value is None:
            yield f"Subaccount segment {segment_id} has no value '{given}'."
        elif not value.active:
            yield f"The value '{given}' of subaccount segment {segment_id} is inactive."


def _project_reasons(company: Company, line: JournalLine) -> Iterator[str]:
    if line.project in ("", NON_PROJECT):
        if line.task:
            yield "A project task needs a project."
        return
    project = company.projects.get(line.project)
    if project is None:
        yield f"Project '{line.project}' cannot be found in the system."
        return
    yield from _posting_reasons("Project", project)
    account = company.accounts.get(line.account)
    if account is not None and account.account_group is None:
        yield f"Account '{line.account}' is not in an account group: it takes no project."
    task = project.tasks.get(line.task or "")
    if not line.task:
        yield f"Project '{line.project}' needs a project task."
    elif task is None:
        yield f"Project task '{line.task}' cannot be found in project '{line.project}'."
    else:
        yield from _posting_reasons("Project task", task)


def _posting_reasons(kind: str, row: Project | Task) -> Iterator[str]:
    if row.status != "Active":
        yield f"{kind} '{row.id}' is not active: its status is {row.status}."
    elif not row.visible_in_gl:
        yield f"{kind} '{row.id}' is not visible in the general ledger."


def _amount_reasons(company: Company, journal: Journal, line: JournalLine) -> Iterator[str]:
    if line.debit < 0 or line.credit < 0:
        yield "An amount cannot be negative."
    elif line.debit and line.credit:
        yield "A line has either a debit or a credit amount."
    currency = company.currencies.get(journal.currency)
    if currency is not None:
        quantum = Decimal(1).scaleb(-currency.precision)
        if any(amount % quantum for amount in (line.debit, line.credit)):
            yield f"An amount in {currency.id} has at most {currency.precision} decimals."

"""General-ledger batches (`/v2/journaltransaction`).

Batches carry no reference of their own and cannot be searched by text, so a batch is found again
by its own number or by the `referenceNumber` on its lines. The list counts and pages *lines*: one
batch may come in several pieces (operation description in Visma's API document).
"""

from collections.abc import Iterable
from contextlib import aclosing
from datetime import date
from decimal import Decimal

from ml_connector.domain.freight import Journal, JournalLine
from ml_connector.http.transport import Reply
from ml_connector.visma.calls import Resource
from ml_connector.visma.conversion import dimensions, version_of
from ml_connector.visma.documents import JournalDto, JournalLineDto
from ml_connector.visma.errors import VismaQueued, VismaRejected, VismaTruncated, VismaUnreadable
from ml_connector.visma.filters import check_equal, check_modified
from ml_connector.visma.paging import Listing, read_pages
from ml_connector.visma.records import CreatedJournal, PostedJournal, PostedLine, ReleaseOutcome
from ml_connector.visma.replies import unconfirmed
from ml_connector.visma.wire import (
    Row,
    entity_tag,
    located_id,
    parse,
    read_json,
    segment,
    unreadable,
    wrap,
)

PATH = "/v2/journaltransaction"
GENERAL_LEDGER = "GL"
_MODULE = f"Module{GENERAL_LEDGER}"

REFERENCE_LIMIT = 15
"""Width of batch and reference numbers in Acumatica, on which Visma.net is built; Visma documents
none. A longer one might be cut without a word and never be found again."""


class Journals(Resource):
    """Creating, reading, finding and releasing batches."""

    async def create_journal(
        self, journal: Journal, *, override_number: bool, operation: str = ""
    ) -> CreatedJournal:
        """Create a batch.

        With `override_number` Visma is asked to use the journal's own batch number, which works
        only where the company allows manual numbering; otherwise it numbers by itself. Visma
        repeats a repeated request, so `VismaOutcomeUnknown` (also `VismaQueued`) must be looked
        up. Raises `VismaRejected` with Visma's reason, `ValueError` for an unbalanced journal.
        """
        what = f"create journal {journal.reference}"
        reply = await self._calls.write(
            "POST",
            PATH,
            what,
            json=journal_body(journal, override_number=override_number),
            operation=operation or None,
        )
        batch = located_id(reply)
        if not batch or batch.casefold() == PATH.rsplit("/", 1)[-1]:
            raise unconfirmed(what, "The reply names no batch in its Location header.")
        return CreatedJournal(batch=batch, version=entity_tag(reply))

    async def get_journal(self, batch: str) -> PostedJournal:
        """One batch with its version. Raises `VismaNotFound` and what any read raises."""
        what = f"read journal {batch}"
        reply, row = await self._calls.read_versioned(f"{PATH}/{segment(batch)}", what)
        journal = parse(JournalDto, row, what)
        if journal.batch_number.casefold() != batch.strip().casefold():
            raise unreadable(what, "It is another batch.")
        return _posted([journal], version_of(reply, journal.time_stamp, what))

    async def find_journals(
        self, reference: str, *, since: date | None = None, period: str | None = None
    ) -> tuple[PostedJournal, ...]:
        """Every general-ledger batch with a line of exactly this reference, whole.

        Searches what changed since a day, or one period (YYYYMM): Visma demands one of them and
        takes not both. An empty result means that there is none: every page was read to the last
        line. Raises `VismaTruncated` otherwise, and what any read raises.
        """
        what = f"find journal {reference}"
        batches = await self._read_all(since, period, what)
        found = tuple(batch for batch in batches if reference in batch.references)
        for match in found:
            _check_whole(match, what)
        return found

    async def journals_in(self, period: str) -> tuple[PostedJournal, ...]:
        """Every general-ledger batch of a period (YYYYMM), whoever made it.

        Every page was read to the last line. Raises `VismaTruncated` otherwise, and what any
        read raises.
        """
        return await self._read_all(None, period, f"list journals of {period}")

    async def journals_since(self, day: date) -> tuple[PostedJournal, ...]:
        """Every general-ledger batch that changed since a day, whoever made it; as above."""
        return await self._read_all(day, None, f"list journals since {day.isoformat()}")

    async def _read_all(
        self, since: date | None, period: str | None, what: str
    ) -> tuple[PostedJournal, ...]:
        """The batches of a search, each put together from its pieces."""
        pieces: dict[str, list[JournalDto]] = {}
        listing = Listing(
            path=PATH, what=what, keys=_line_keys, params=_search(since, period), page_size=1000
        )
        async with aclosing(read_pages(self._calls, listing)) as pages:
            async for rows in pages:
                for row in rows:
                    _check_row(row, since, period, what)
                    journal = parse(JournalDto, row, what)
                    pieces.setdefault(journal.batch_number, []).append(journal)
        return tuple(_posted(parts, parts[-1].time_stamp) for parts in pieces.values())

    async def release_journal(
        self, batch: str, *, version: str, operation: str = ""
    ) -> ReleaseOutcome:
        """Release a batch if it still has `version`.

        Visma answers at once or queues it; unless the outcome is done, only reading the batch
        again tells. Raises `VismaStale`, `VismaRejected`, `VismaOutcomeUnknown`.
        """
        what = f"release journal {batch}"
        try:
            reply = await self._calls.write(
                "POST",
                f"{PATH}/{segment(batch)}/action/release",
                what,
                version=version,
                operation=operation or None,
            )
        except VismaQueued as queued:
            return ReleaseOutcome(done=False, background_id=queued.background_id)
        return _release_outcome(reply, what)


def journal_body(journal: Journal, *, override_number: bool) -> dict[str, object]:
    """The `JournalTransactionUpdateDto` of a journal.

    `financialPeriod` is sent and `postPeriod` left out: the latter's format is contradictory in
    Visma's own documents. Raises `ValueError` for a journal that must not be sent.
    """
    _check_sendable(journal, override_number=override_number)
    body: dict[str, object] = {
        "hold": wrap(journal.hold),
        "transactionDate": wrap(f"{journal.posting_date.isoformat()}T00:00:00"),
        "financialPeriod": wrap(journal.period),
        "currencyId": wrap(journal.currency),
        "description": wrap(journal.description),
    }
    if journal.exchange_rate is not None:
        body["exchangeRate"] = wrap(journal.exchange_rate)
    if branch := journal.lines[0].branch:
        body["branch"] = wrap(branch)
    if override_number:
        body["batchNumber"] = wrap(journal.batch_number)
        body["overrideNumberSeries"] = wrap(True)
    body["journalTransactionLines"] = [
        _line_body(line, journal.reference) for line in journal.lines
    ]
    return body


def _check_sendable(journal: Journal, *, override_number: bool) -> None:
    debits = sum((line.debit for line in journal.lines), Decimal(0))
    credits = sum((line.credit for line in journal.lines), Decimal(0))
    if not journal.lines or debits != credits:
        raise ValueError(f"journal {journal.reference} is not balanced: {debits} and {credits}")
    if any((line.debit == 0) == (line.credit == 0) for line in journal.lines):
        raise ValueError(f"journal {journal.reference} has a line without exactly one amount")
    if override_number and not journal.batch_number:
        raise ValueError(f"journal {journal.reference} has no batch number of its own")
    for number in (journal.reference, journal.batch_number or "-"):
        if not 0 < len(number) <= REFERENCE_LIMIT:
            raise ValueError(f"'{number}' is no reference of 1 to {REFERENCE_LIMIT} characters")


def _line_body(line: JournalLine, reference: str) -> dict[str, object]:
    body: dict[str, object] = {
        "operation": "Insert",
        "accountNumber": wrap(line.account),
        "referenceNumber": wrap(reference),
        "transactionDescription": wrap(line.text),
    }
    if line.dimensions.subaccount:
        body["subaccount"] = [
            {"segmentId": number, "segmentValue": value}
            for number, value in line.dimensions.subaccount
        ]
    if line.dimensions.project:
        body["project"] = wrap(line.dimensions.project)
    if line.dimensions.task:
        body["projectTask"] = wrap(line.dimensions.task)
    if line.branch:
        body["branch"] = wrap(line.branch)
    if line.debit:
        body["debitAmountInCurrency"] = wrap(line.debit)
    else:
        body["creditAmountInCurrency"] = wrap(line.credit)
    return body


def _search(since: date | None, period: str | None) -> dict[str, str | int]:
    params: dict[str, str | int] = {"module": GENERAL_LEDGER}
    if since is not None and period is None:
        return params | {"lastModifiedDateTime": since.strftime("%Y-%m-%d")}
    if period is not None and since is None:
        return params | {"periodId": period}
    raise ValueError("a search for journals needs a day or a period, and not both")


def _check_row(row: Row, since: date | None, period: str | None, what: str) -> None:
    check_equal(row.get("module"), _MODULE, "module", what)
    if since is not None:
        check_modified(row.get("lastModifiedDateTime"), since.isoformat(), what)
    if period is not None and row.get("financialPeriod"):
        check_equal(row["financialPeriod"], period, "periodId", what)


def _line_keys(row: Row) -> list[tuple[object, ...]]:
    """One key a line, because the list counts lines; a batch without any still counts once."""
    batch = (str(row.get("module")), str(row.get("batchNumber")))
    lines = row.get("journalTransactionLines")
    if not isinstance(lines, list) or not lines:
        return [batch]
    return [
        (*batch, str(line.get("lineNumber")) if isinstance(line, dict) else position)
        for position, line in enumerate(lines)
    ]


def _posted(parts: list[JournalDto], version: str) -> PostedJournal:
    """One batch out of its pieces; the latest piece speaks for the header."""
    head = parts[-1]
    lines: dict[int, PostedLine] = {}
    for part in parts:
        for line in _lines(part):
            lines[line.number] = line
    return PostedJournal(
        batch=head.batch_number,
        module=head.module,
        status=head.status,
        on_hold=bool(head.hold) or head.status == "Hold",
        period=head.financial_period,
        posting_date=head.transaction_date,
        currency=head.currency_id,
        exchange_rate=head.exchange_rate,
        description=head.description,
        debit_total=head.debit_total_in_currency,
        credit_total=head.credit_total_in_currency,
        lines=tuple(lines[number] for number in sorted(lines)),
        last_modified=head.last_modified_date_time,
        version=version,
    )


def _lines(journal: JournalDto) -> Iterable[PostedLine]:
    for line in journal.journal_transaction_lines:
        yield _line(line, journal.batch_number)


def _line(line: JournalLineDto, batch: str) -> PostedLine:
    if line.line_number is None:
        raise unreadable(f"read journal {batch}", "A line has no lineNumber.")
    return PostedLine(
        number=line.line_number,
        account=line.account_number,
        dimensions=dimensions(
            line.account_number, line.subaccount, line.project, line.project_task
        ),
        debit=line.debit_amount_in_currency or Decimal(0),
        credit=line.credit_amount_in_currency or Decimal(0),
        reference=line.reference_number,
        text=line.transaction_description,
    )


def _check_whole(journal: PostedJournal, what: str) -> None:
    """A batch that was pieced together must add up to Visma's own totals."""
    debits = sum((line.debit for line in journal.lines), Decimal(0))
    credits = sum((line.credit for line in journal.lines), Decimal(0))
    if journal.debit_total not in (None, debits) or journal.credit_total not in (None, credits):
        raise VismaTruncated(
            f"Journal {journal.batch} is not whole: {what}.",
            why="Its lines do not add up to its totals.",
            remedy="It is read again later.",
        )


def _release_outcome(reply: Reply, what: str) -> ReleaseOutcome:
    version = entity_tag(reply)
    if not reply.content.strip():
        return ReleaseOutcome(done=False, version=version)
    try:
        body = read_json(reply, what)
    except VismaUnreadable as exc:
        raise unconfirmed(what, exc.why) from None
    if not isinstance(body, dict):
        raise unconfirmed(what, "An action result was expected.")
    if body.get("actionResult") == "Failed":
        reason = body.get("errorInfo")
        raise VismaRejected(
            f"Visma refused to {what}.",
            quote=f"Visma says: {reason[:500]}" if isinstance(reason, str) else "",
            code="Failed",
        )
    return ReleaseOutcome(done=body.get("actionResult") == "Done", version=version)

"""`/v2/journaltransaction`: the general ledger's batches.

Status: Hold or Balanced when saved, Unposted once released, Posted when posted (at once where
the company posts automatically). A released batch never changes again.
"""

from datetime import timedelta

from ml_connector.sandbox.visma import paging
from ml_connector.sandbox.visma.calls import (
    PAGING,
    Call,
    Operation,
    created,
    etag,
    found,
    updated,
)
from ml_connector.sandbox.visma.company import Company
from ml_connector.sandbox.visma.documents import Journal, JournalLine
from ml_connector.sandbox.visma.errors import NotFound, Refused, Reply
from ml_connector.sandbox.visma.history import content, difference, transaction
from ml_connector.sandbox.visma.journal_rules import (
    CREATING,
    UPDATING,
    balance_reasons,
    change_journal,
    check,
    new_journal,
    period_reasons,
)
from ml_connector.sandbox.visma.journal_views import render
from ml_connector.sandbox.visma.switches import ReleaseMode
from ml_connector.sandbox.visma.wire import (
    OPERATION,
    SEGMENTS,
    Kind,
    Rows,
    Shape,
    Wrapped,
    numbers,
    texts,
)
from ml_connector.sandbox.visma.world import VismaWorld

MODULES = frozenset({"GL", "AP", "AR", "CM", "CA", "IN", "DR", "FA", "PM"})
STATUSES = frozenset({"Hold", "Balanced", "Unposted", "Posted", "Voided", "Scheduled"})
UNRELEASED = "Unreleased"
_LINE: Shape = {
    "operation": OPERATION,
    "lineNumber": Wrapped(Kind.INTEGER),
    **texts("accountNumber", "project", "projectTask", "referenceNumber"),
    **texts("transactionDescription", "vatCodeId", "vatId", "branch", "uom", "note"),
    **numbers("debitAmountInCurrency", "creditAmountInCurrency", "quantity"),
    "subaccount": SEGMENTS,
}
_JOURNAL: Shape = {
    **texts("batchNumber", "postPeriod", "financialPeriod", "ledger", "currencyId"),
    **texts("description", "transactionCode", "branch"),
    **numbers("exchangeRate", "controlTotalInCurrency"),
    "hold": Wrapped(Kind.BOOLEAN),
    "transactionDate": Wrapped(Kind.MOMENT),
    "autoReversing": Wrapped(Kind.BOOLEAN),
    "createVatTransaction": Wrapped(Kind.BOOLEAN),
    "skipVatAmountValidation": Wrapped(Kind.BOOLEAN),
    "overrideNumberSeries": Wrapped(Kind.BOOLEAN),
    "journalTransactionLines": Rows(_LINE),
}


def _list(call: Call) -> Reply:
    """Pages count lines, so that a batch may be split over pages."""
    rows = [row for journal in _listed(call) for row in _rows(journal)]
    page = paging.page_of(call, "journaltransaction")
    metadata = page.metadata(len(rows))
    split: dict[str, tuple[Journal, list[JournalLine]]] = {}
    for journal, line in page.cut(rows):
        lines = split.setdefault(journal.number, (journal, []))[1]
        if line is not None:
            lines.append(line)
    return Reply(
        body=[
            {**render(call, journal, lines), "metadata": metadata}
            for journal, lines in split.values()
        ]
    )


def _rows(journal: Journal) -> list[tuple[Journal, JournalLine | None]]:
    """A batch's rows in the list; one that has no lines yet still shows."""
    return [(journal, line) for line in journal.lines] or [(journal, None)]


def _listed(call: Call) -> list[Journal]:
    since, period = paging.since(call, "lastModifiedDateTime"), call.query.get("periodId")
    if since is None and period is None:
        raise Refused("Either periodId or lastModifiedDateTime must be specified.")
    module = call.choice("module", MODULES)
    status = call.choice("status", STATUSES | {UNRELEASED})
    wanted = {"Hold", "Balanced"} if status == UNRELEASED else {status}
    branch = call.query.get("branch")
    return [
        journal
        for journal in call.company.journals.values()
        if period in (None, journal.period)
        and module in (None, journal.module)
        and branch in (None, journal.branch)
        and (status is None or journal.status in wanted)
        and (since is None or paging.stored_time(call, journal) >= since)
    ]


def _get(call: Call) -> Reply:
    journal = _journal(call)
    return found(journal, render(call, journal, journal.lines))


def _post(call: Call) -> Reply:
    company, switches = call.company, call.world.switches
    values = call.values(_JOURNAL)
    today = company.today(call.world.clock.now())
    journal = new_journal(company, switches, values, today)
    check(company, switches, journal, CREATING)
    company.journals[journal.number] = journal
    call.world.touch(journal, call.caller, "create", {})
    return created(call, journal)


def _put(call: Call) -> Reply:
    journal = _journal(call)
    values = call.values(_JOURNAL)
    call.check_if_match(journal)
    if journal.released:
        raise Refused("The batch can't be updated because it is already released.")
    before = content(journal)
    with transaction(journal) as draft:
        change_journal(call.company, call.world.switches, draft, values)
        check(call.company, call.world.switches, draft, UPDATING)
    changes = difference(before, content(journal))
    if changes:
        call.world.touch(journal, call.caller, "update", changes)
    else:
        call.world.blame("empty_put", call, journal.number)
    return updated(journal)


def _release(call: Call) -> Reply:
    journal = _journal(call)
    if call.headers.get("if-match") is not None:
        call.check_if_match(journal)
    _check_release(call.company, journal)
    mode = call.world.switches.release_mode
    if mode is ReleaseMode.DONE:
        release(call.world, call.company, journal, call.caller)
        return Reply(body=_result("Done"), headers=etag(journal))
    delay = timedelta(seconds=call.world.switches.async_delay_s)
    journal.release_due = call.world.clock.now() + delay
    call.world.queued_releases.append((call.company, journal))
    status = 202 if mode is ReleaseMode.ACCEPTED else 200
    return Reply(status=status, body=_result("Queued"))


def _result(outcome: str) -> dict[str, str]:
    return {"actionId": "0", "actionResult": outcome, "errorInfo": ""}


def _check_release(company: Company, journal: Journal) -> None:
    if journal.released:
        raise Refused("The batch can't be released because it is already released.")
    if journal.release_due is not None:
        raise Refused("The batch is being released by another process.")
    if journal.hold:
        raise Refused("The batch is on hold and cannot be released.")
    reasons = [*period_reasons(company, journal), *balance_reasons(journal)]
    if reasons:
        raise Refused(" ".join(reasons), what="Error releasing document")


def release(world: VismaWorld, company: Company, journal: Journal, by: str) -> None:
    """Release a batch that has been checked."""
    before = journal.status
    journal.status = "Posted" if company.auto_post else "Unposted"
    world.touch(journal, by, "release", {"status": (before, journal.status)})


def post(world: VismaWorld, journal: Journal, by: str) -> None:
    """Post a released batch, where the company does not do it by itself."""
    if journal.status != "Unposted":
        raise Refused(f"Batch {journal.number} cannot be posted: it is {journal.status}.")
    journal.status = "Posted"
    world.touch(journal, by, "post", {"status": ("Unposted", "Posted")})


def run_due_releases(world: VismaWorld) -> None:
    """Execute the queued releases whose time has come; one may fail by now."""
    now = world.clock.now()
    waiting, world.queued_releases = world.queued_releases, []
    for company, journal in waiting:
        if journal.release_due is not None and journal.release_due > now:
            world.queued_releases.append((company, journal))
            continue
        journal.release_due = None
        try:
            _check_release(company, journal)
        except Refused as refusal:
            journal.error = str(refusal)
            world.touch(journal, "system", "release failed", {})
        else:
            release(world, company, journal, "system")


def _journal(call: Call) -> Journal:
    number = call.id("journalTransactionNumber")
    journal = call.company.journals.get(number)
    if journal is None:
        raise NotFound("Journal transaction", number)
    return journal


_ONE = "/v2/journaltransaction/{journalTransactionNumber}"

OPERATIONS = (
    Operation(
        method="GET",
        path="/v2/journaltransaction",
        handle=_list,
        query=PAGING
        | {"periodId", "lastModifiedDateTime", "module", "status", "branch", "expandAttachments"},
    ),
    Operation(method="GET", path=_ONE, handle=_get),
    Operation(method="POST", path="/v2/journaltransaction", handle=_post),
    Operation(method="PUT", path=_ONE, handle=_put),
    Operation(method="POST", path=f"{_ONE}/action/release", handle=_release),
)

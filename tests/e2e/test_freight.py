"""Journals that Visma refuses, queues or numbers otherwise; freight that a person takes back."""

import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from ml_connector.sandbox.faults import Seen
from ml_connector.sandbox.visma.company import Company
from ml_connector.store.journals import JournalRecord
from ml_connector.store.states import JournalKind
from ml_connector.temporal.order_messages import Replay
from tests.e2e.command_line import Operator
from tests.e2e.test_order import RELEASED
from tests.rewinding import reset, reset_points
from tests.stage import Stage, company_of, lost_answer

JOURNALS = "/v2/journaltransaction"
READ = f"visma GET {JOURNALS}/{{journalTransactionNumber}}"
RELEASE = f"visma POST {JOURNALS}/{{journalTransactionNumber}}/action/release"


async def shipped(stage: Stage, tenant: str, count: int = 1, **values: Any) -> list[str]:
    numbers = await stage.orders(tenant, count, **values)
    await stage.discover(tenant)
    for number in numbers:
        await stage.at(tenant, number, "label_created")
        await stage.idle(tenant, number)
    return numbers


async def parked(stage: Stage, tenant: str, number: str) -> str:
    """Wait until the order is parked; what it says."""
    row = await stage.at(tenant, number, "needs_attention")
    await stage.idle(tenant, number)
    return f"{row.attention}: {row.attention_detail}"


def company(stage: Stage, tenant: str) -> Company:
    return stage.sandbox.visma.companies[company_of(tenant)]


# -- refused ------------------------------------------------------------------------------------


async def test_what_visma_refused_is_posted_as_the_tenant_file_says_since(stage: Stage) -> None:
    """A repair need not be in Visma: account, date and rate are taken anew, and nobody resumes."""
    await stage.add_tenant("mended", freight={"debit_account": "7199"})
    [number] = await shipped(stage, "mended")
    await stage.deliver("mended")
    assert "7199" in await parked(stage, "mended", number)
    assert not company(stage, "mended").journals

    await stage.apply("mended", freight={"debit_account": "4360"})
    await stage.discover("mended")
    await stage.finished("mended", number)
    [journal] = await stage.journals("mended", number)
    assert journal["status"] == RELEASED
    assert {line["account"] for line in journal["lines"]} == {"4360", "2960"}


async def test_a_period_that_closes_in_the_last_moment_gives_way_to_the_next(stage: Stage) -> None:
    await stage.add_tenant("closing")
    first, second = await shipped(stage, "closing", 2)
    books = company(stage, "closing")
    await stage.fedex("POST", "journeys", pattern=second, script="label_only")
    await stage.deliver("closing")
    await stage.finished("closing", first)
    [journal] = books.journals.values()
    # The connector has just read that this period is open.
    books.periods[journal.period].closed = True
    await stage.fedex("DELETE", "journeys")
    await stage.sweep("closing")
    assert "closed" in await parked(stage, "closing", second)
    await stage.discover("closing")
    await stage.finished("closing", second)
    [moved] = await stage.journals("closing", second)
    opened = min(
        each.start for each in books.periods.values() if each.start > journal.transaction_date
    )
    assert moved["transaction_date"] == str(opened)
    assert f"(of {journal.transaction_date})" in moved["description"]


# -- queued, numbered, paged --------------------------------------------------------------------


@asynccontextmanager
async def switched(stage: Stage, **switches: object) -> AsyncIterator[None]:
    """Visma behaves otherwise for a while."""
    before = await stage.visma("GET", "switches")
    await stage.visma("PUT", "switches", **switches)
    try:
        yield
    finally:
        await stage.visma("PUT", "switches", **{name: before[name] for name in switches})


async def test_a_queued_release_is_awaited_and_not_asked_for_again(stage: Stage) -> None:
    await stage.add_tenant("queued", retry={"recovery_wait": "1m"})
    [number] = await shipped(stage, "queued")
    async with switched(stage, release_mode="queued", async_delay_s=3):
        await stage.deliver("queued")
        await stage.finished("queued", number)
    [journal] = await stage.journals("queued", number)
    assert (journal["status"], stage.calls("queued")[RELEASE]) == (RELEASED, 1)
    assert stage.calls("queued")[READ] >= 2, "too early, and in time"


async def test_a_batch_number_of_our_own_that_somebody_else_has_taken(stage: Stage) -> None:
    await stage.add_tenant("numbered", visma={"manual_batch_numbers": True})
    taken, lost = await shipped(stage, "numbered", 2)
    books = company(stage, "numbered")
    books.manual_batch_numbers = True
    rule = lost_answer("lost", f"{JOURNALS}$", lost)
    await stage.visma("POST", "faults", **rule)
    await stage.fedex("POST", "journeys", pattern=taken, script="label_only")
    await stage.deliver("numbered")
    row = await stage.finished("numbered", lost)
    assert (row.journal_batch, len(books.journals)) == (f"F{lost}-1", 1), "found by its number"

    foreign = copy.deepcopy(books.journals[f"F{lost}-1"])
    foreign.number = f"F{taken}-1"
    for line in foreign.lines:
        line.reference = "SALARIES"
    books.journals[foreign.number] = foreign
    await stage.fedex("DELETE", "journeys")
    await stage.sweep("numbered")
    assert foreign.number in await parked(stage, "numbered", taken)
    del books.journals[foreign.number]
    await stage.discover("numbered")
    assert (await stage.finished("numbered", taken)).journal_batch == f"F{taken}-1"
    assert len(books.journals) == 2


async def test_a_journal_is_found_on_pages_that_cut_it_in_two(stage: Stage) -> None:
    await stage.add_tenant("cut")
    numbers = await shipped(stage, "cut", 3, lines=2)
    pages = {**(await stage.visma("GET", "switches"))["max_page_sizes"], "journaltransaction": 2}
    lost = {
        "id": "lost",
        "match": {"method": "POST", "path": f"{JOURNALS}$"},
        "action": {"kind": "reset_after"},
        "times": 3,
    }
    await stage.visma("POST", "faults", **lost)
    async with switched(stage, max_page_sizes=pages):
        await stage.deliver("cut")
        await stage.all_finished("cut", numbers)
    assert stage.sandbox.visma.faults.counts()["lost"]["fired"] == 3
    journals = company(stage, "cut").journals.values()
    assert len(journals) == 3
    assert {(each.status, len(each.lines)) for each in journals} == {(RELEASED, 3)}


async def test_a_parcel_that_arrives_while_it_is_posted_is_completed(stage: Stage) -> None:
    """What the sweep learns while Visma is slow is not undone by the posting that began before."""
    await stage.add_tenant("meanwhile", freight={"post_on": "pickup"})
    [number] = await shipped(stage, "meanwhile")
    slow = {"kind": "slow", "delay_ms": 2500}
    path = f"{JOURNALS}/[^/]+/action/release$"
    await stage.visma(
        "POST", "faults", id="slow", match={"method": "POST", "path": path}, action=slow
    )
    stage.travel(timedelta(hours=6))
    await stage.sweep("meanwhile")

    async def releasing() -> bool:
        return bool(stage.sandbox.visma.faults.counts()["slow"]["matched"])

    await stage.until(releasing)
    await stage.deliver("meanwhile")
    row = await stage.row("meanwhile", number)
    assert row is not None
    assert (row.stage, row.journal_batch) == ("delivered", None), "the posting goes on"
    assert (await stage.finished("meanwhile", number)).stage == "completed"


# -- no rate, no cost ---------------------------------------------------------------------------


async def test_what_is_missing_is_named_and_its_coming_is_noticed(stage: Stage) -> None:
    """No cost, then no exchange rate: each is a finding, and nothing is guessed."""
    await stage.add_tenant("poor", account_currency="EUR")
    number = await stage.order("poor")
    await stage.fedex("PATCH", "modes", missing_rating_for=number)
    stages: list[str] = []

    async def look(_: Seen) -> None:
        row = await stage.row("poor", number)
        stages.append(row.stage if row else "")

    stage.sandbox.fedex.faults.hooks["look"] = look
    quotes = {
        "id": "no-quote",
        "match": {"method": "POST", "path": "/rate/v1/rates/quotes"},
        "action": {"kind": "hook", "name": "look"},
    }
    await stage.fedex("POST", "faults", **quotes)
    await stage.fedex("PATCH", "modes", quotes=False)
    await stage.discover("poor")
    await stage.at("poor", number, "label_created")
    await stage.idle("poor", number)
    assert stages[0] == "label_created", "the label is safe before a price is asked for"
    assert "cost_unknown" in await stage.findings("poor", number)
    await stage.fedex("PATCH", "modes", missing_rating_for=None)
    books = company(stage, "poor")
    rates, books.rates = books.rates, []
    await stage.deliver("poor")
    assert "cost_missing" in await parked(stage, "poor", number)

    stage.sandbox.fedex.faults.clear()
    await stage.fedex("PATCH", "modes", quotes=True)
    await stage.discover("poor")

    async def rate_is_missed() -> bool:
        row = await stage.row("poor", number)
        return row is not None and row.attention == "exchange_rate_missing"

    await stage.until(rate_is_missed)
    found = await stage.findings("poor", number)
    assert ("cost_unknown" in found, "cost_estimated" in found) == (False, True)

    books.rates = rates
    await stage.idle("poor", number)
    await stage.discover("poor")
    row = await stage.finished("poor", number)
    [posting] = await stage.postings("poor", number)
    assert (posting.cost_source, posting.currency, row.cost_source) == ("quote", "EUR", "quote")
    assert posting.rate_type
    assert posting.exchange_rate == books.rate_on("EUR", posting.posting_date)
    assert row.cost_amount == posting.amount


# -- taken back ---------------------------------------------------------------------------------


async def test_a_person_takes_freight_back_once_and_for_all(
    stage: Stage, operator: Operator
) -> None:
    await stage.add_tenant("regret")
    early, number = await shipped(stage, "regret", 2, lines=3)
    await stage.fedex("POST", "journeys", pattern=early, script="label_only")
    await stage.deliver("regret")
    await stage.finished("regret", number)
    name = f"regret/{number}"
    reverse = ("freight", "reverse", name, "--reason", "claim 4711 paid", "--json")

    nothing = await operator("freight", "reverse", f"regret/{early}", "--reason", "why")
    assert (nothing.code, "[freight_not_posted]" in nothing.err) == (1, True)
    await stage.visma("POST", "faults", **lost_answer("lost", f"{JOURNALS}$", f"R{number}"))
    done = await operator(*reverse)
    again = await operator(*reverse)
    assert (done.code, again.code, again.data) == (0, 0, done.data)
    assert stage.sandbox.visma.faults.counts()["lost"]["fired"] == 1

    kept = {each.kind: each for each in await stage.postings("regret", number)}
    posting, reversal = kept[JournalKind.POST], kept[JournalKind.REVERSAL]
    assert len(kept) == 2
    assert (done.data["reversed_batch"], done.data["batch"]) == (posting.batch, reversal.batch)
    books = company(stage, "regret").journals
    assert len(books) == 2
    original, mirror = sides(books, posting), sides(books, reversal)
    assert mirror == [(*where, credit, debit) for *where, debit, credit in original]

    refused = await operator("po", "replay", name, "--from", "post_freight", "--reason", "oops")
    assert (refused.code, "taken its freight" in refused.err) == (1, True)
    await rewound_and_asked(stage, number)
    assert len(books) == 2

    month = reversal.period
    report = await operator("freight", "report", "--period", month, "--tenant", "regret", "--json")
    [total] = report.data[0]["totals"]
    assert (report.code, total["reversed"]) == (0, str(posting.amount))
    [story] = (await operator("explain", str(reversal.batch), "--tenant", "regret", "--json")).data
    assert "freight_reversed" in {each["code"] for each in story["findings"]}
    events = (
        await operator("audit", "show", "--order", name, "--action", "freight:reverse", "--json")
    ).data
    assert [each["detail"]["reason"] for each in events] == ["claim 4711 paid"] * 2


def sides(books: Any, record: JournalRecord) -> list[tuple[Any, ...]]:
    journal = books[record.batch]
    assert journal.status == RELEASED
    return [
        (line.account, tuple(line.sub.items()), line.project, line.task, line.debit, line.credit)
        for line in journal.lines
    ]


async def rewound_and_asked(stage: Stage, number: str) -> None:
    """Neither a reset nor a replay nor a cut-off posts what was taken back."""
    first, *_ = await reset_points(stage, "regret", number)
    await reset(stage, "regret", number, first)
    await stage.finished("regret", number)
    workflow = stage.workflow("regret", number)
    await reset(stage, "regret", number, (await reset_points(stage, "regret", number))[0])
    await workflow.signal("replay", Replay(step="post_freight", by="somebody", reason="oops"))
    await stage.cut_off("regret")
    await stage.finished("regret", number)

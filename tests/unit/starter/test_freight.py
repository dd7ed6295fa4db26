"""`freight report`: the figures of a period, and the tie-out that has to come to nothing."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from activities.journal_drafts import lines_of
from ml_connector.domain.shipment import CostSource
from ml_connector.store.journals import JournalRecord
from ml_connector.store.view import TenantView
from ml_connector.visma.records import PostedJournal, PostedLine
from starter.tie_out import compare
from tests.command_line import Cli
from tests.unit.domain.builders import tenant
from tests.unit.starter.orders import BATCH, MASTER, in_store, label, post, scan

OFFLINE = ("freight", "report", "--period", "2026-11", "--offline")


async def month(view: TenantView) -> None:
    await label(view)
    await scan(view)
    await post(view)
    await label(view, "PO5")
    await scan(view, "PO5", f"{MASTER}PO5")
    await label(view, "PO8")


@pytest.fixture
def november(nordic: Cli) -> Cli:
    in_store("nordic", month)
    return nordic


def test_the_figures_of_a_month(november: Cli) -> None:
    shown = november(*OFFLINE, "--json")
    assert shown.code == 0
    [report] = shown.data
    assert report["totals"] == [
        {
            "currency": "NOK",
            "posted": "100.00",
            "estimated": "0.00",
            "unposted": "100.00",
            "reversed": "0.00",
            "net": "100.00",
        }
    ]
    assert [row["account"] for row in report["rows"]] == ["7140"]
    assert (report["unknown"], report["tie_out"]) == ([], None)
    assert "posted 100.00 NOK" in november(*OFFLINE).out


def test_another_month_is_empty(november: Cli) -> None:
    [report] = november("freight", "report", "--period", "202612", "--offline", "--json").data
    assert report["rows"] == []


def test_csv_has_one_row_a_place(november: Cli) -> None:
    [row] = csv.DictReader(io.StringIO(november(*OFFLINE, "--csv").out))
    assert (row["tenant"], row["period"], row["posted"]) == ("nordic", "202611", "100.00")


def test_a_cost_from_a_quote_is_an_estimate(nordic: Cli) -> None:
    async def quoted(view: TenantView) -> None:
        await label(view)
        await scan(view)
        await post(view, source=CostSource.QUOTE)

    in_store("nordic", quoted)
    [report] = nordic(*OFFLINE, "--json").data
    assert report["totals"][0]["estimated"] == "100.00"


def test_what_nobody_can_price_is_named_and_not_counted(nordic: Cli) -> None:
    async def unrated(view: TenantView) -> None:
        await label(view)
        await view.shipments.update("PO1", 1, cost=None)
        await scan(view)

    in_store("nordic", unrated)
    [report] = nordic(*OFFLINE, "--json").data
    assert report["rows"] == []
    [unknown] = report["unknown"]
    assert (unknown["order"], "cost_missing" in unknown["why"]) == ("PO1", True)


@pytest.mark.parametrize("period", ["2026", "2026-13", "november"])
def test_no_period(november: Cli, period: str) -> None:
    assert november("freight", "report", "--period", period).code == 2


def test_a_visma_that_does_not_answer_costs_the_tie_out_only(november: Cli) -> None:
    shown = november("freight", "report", "--period", "2026-11", "--json")
    assert shown.code == 4
    [report] = shown.data
    assert report["tie_out"]["done"] is False
    assert report["totals"][0]["posted"] == "100.00"


# -- the tie-out ------------------------------------------------------------------------------


@pytest.fixture
def record(nordic: Cli) -> JournalRecord:
    found: list[JournalRecord] = []

    async def read(view: TenantView) -> None:
        await label(view)
        await post(view)
        found.extend(await view.journals.list())

    in_store("nordic", read)
    return found[0]


def in_visma(record: JournalRecord) -> PostedJournal:
    """The journal as Visma gives it back."""
    lines = tuple(
        PostedLine(
            number=number,
            account=line.account,
            dimensions=line.dimensions,
            debit=line.debit,
            credit=line.credit,
            reference=record.reference,
            text=line.text,
        )
        for number, line in enumerate(lines_of(record), start=1)
    )
    return PostedJournal(
        batch=BATCH,
        module="ModuleGL",
        status="Posted",
        on_hold=False,
        period="202611",
        posting_date=date(2026, 11, 3),
        currency="NOK",
        exchange_rate=None,
        description="Freight",
        debit_total=record.amount,
        credit_total=record.amount,
        lines=lines,
        last_modified="",
        version="1",
    )


def tie(record: JournalRecord, *batches: PostedJournal) -> list[tuple[Decimal, bool]]:
    compared = compare([record], batches, period="202611", freight=tenant().freight)
    return [(each.difference, each.agrees) for each in compared]


def test_both_sides_agree(record: JournalRecord) -> None:
    foreign = replace(in_visma(record), batch="GL1", lines=())
    assert tie(record, in_visma(record), foreign) == [(Decimal(0), True)]


def test_a_journal_that_visma_lacks_counts_whole(record: JournalRecord) -> None:
    assert tie(record) == [(Decimal("100.00"), False)]


def test_a_journal_posted_twice_shows(record: JournalRecord) -> None:
    twin = replace(in_visma(record), batch="GL000043")
    assert tie(record, in_visma(record), twin) == [
        (Decimal(0), True),
        (Decimal("100.00"), False),
    ]


def moved_to_another_account(journal: PostedJournal) -> PostedJournal:
    first, *others = journal.lines
    return replace(journal, lines=(replace(first, account="7199"), *others))


def with_another_subaccount(journal: PostedJournal) -> PostedJournal:
    first, *others = journal.lines
    where = replace(first.dimensions, subaccount=((1, "300"), (2, "00")))
    return replace(journal, lines=(replace(first, dimensions=where), *others))


def without_a_reference(journal: PostedJournal) -> PostedJournal:
    return replace(journal, lines=tuple(replace(line, reference="") for line in journal.lines))


def with_a_further_line(journal: PostedJournal) -> PostedJournal:
    extra = replace(journal.lines[0], number=9, account="6700", debit=Decimal(5), reference="")
    return replace(journal, lines=(*journal.lines, extra))


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (moved_to_another_account, Decimal("100.00")),
        (with_another_subaccount, Decimal("100.00")),
        (without_a_reference, Decimal(0)),
        (with_a_further_line, Decimal("2.50")),
        (lambda journal: replace(journal, status="Balanced"), Decimal(0)),
        (lambda journal: replace(journal, period="202612"), Decimal(0)),
        (lambda journal: replace(journal, currency="EUR"), Decimal(0)),
    ],
    ids=["account", "subaccount", "reference", "line", "not released", "period", "currency"],
)
def test_whatever_differs_is_no_agreement(
    record: JournalRecord,
    change: Callable[[PostedJournal], PostedJournal],
    difference: Decimal,
) -> None:
    assert tie(record, change(in_visma(record))) == [(difference, False)]

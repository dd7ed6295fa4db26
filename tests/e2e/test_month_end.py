"""A month end on real parts: which freight belongs to the month, and whether the books agree.

The month ends at midnight in Tongatapu, thirteen hours before it does in Greenwich, so that a day
or a period taken in another zone shows.
"""

import copy
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ml_connector.sandbox.visma.company import Company, Period
from tests.e2e.command_line import Operator
from tests.e2e.test_order import RELEASED
from tests.installation import Json
from tests.stage import Stage, company_of

TENANT = "tonga"
ZONE = ZoneInfo("Pacific/Tongatapu")
LABELS = timedelta(hours=-3)
"""When the labels are made, seen from midnight."""
MINUTE = timedelta(minutes=1)
LATER = timedelta(minutes=40)
NEXT_DAY = timedelta(hours=2)

JOURNEYS: dict[str, tuple[tuple[int, str, str], ...]] = {
    "early": ((-120, "PU", "origin"), (-1, "DL", "destination")),
    "late": ((-2, "PU", "origin"), (30, "DL", "destination")),
    "moving": ((-1, "PU", "origin"), (10, "IT", "hub")),
    "next": ((1, "PU", "origin"), (60, "DL", "destination")),
    "label": (),
    "returned": ((-90, "PU", "origin"), (-30, "RS", "hub"), (20, "DL", "origin")),
    "cancelled": (),
    "too_late": ((-5, "PU", "origin"), (15, "IT", "hub")),
}
"""Scans in minutes from midnight."""
IN_THE_MONTH = frozenset({"early", "late", "moving", "returned", "too_late"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """The month that ends at the last midnight, the next one, and the orders around it."""

    midnight: datetime
    ending: Period
    following: Period
    orders: dict[str, str]
    """Name in `JOURNEYS` → order number."""
    company: Company


async def month_of(stage: Stage) -> Month:
    """Eight orders with labels, three hours before the month ends."""
    midnight = datetime.combine(datetime.now(ZONE).date(), time(), ZONE)
    today: date = midnight.date()
    stage.sandbox.clock.set(midnight + LABELS)
    await stage.add_tenant(TENANT, timezone=ZONE.key, freight={"cutoff_delay": "1ms"})
    company = stage.sandbox.visma.companies[company_of(TENANT)]
    ending, following = (
        Period(id=f"{today.year}01", start=today - timedelta(40), end=today - timedelta(1)),
        Period(id=f"{today.year}02", start=today, end=today + timedelta(40)),
    )
    company.periods = {each.id: each for each in (ending, following)}
    numbers = await stage.orders(TENANT, len(JOURNEYS), lines=3)
    orders = dict(zip(JOURNEYS, numbers, strict=True))
    for name, number in orders.items():
        await stage.fedex("POST", "journeys", pattern=number, **journey(JOURNEYS[name]))
    await stage.discover(TENANT)
    for number in numbers:
        await stage.at(TENANT, number, "label_created")
        await stage.idle(TENANT, number)
    return Month(
        midnight=midnight, ending=ending, following=following, orders=orders, company=company
    )


def journey(scans: tuple[tuple[int, str, str], ...]) -> Json:
    """The carrier counts from the label."""
    if not scans:
        return {"script": "label_only"}
    steps = [
        {"after": f"{at - LABELS // MINUTE}m", "code": code, "where": place}
        for at, code, place in scans
    ]
    return {"script": "custom", "steps": steps}


async def posted(stage: Stage, number: str) -> None:
    async def has_a_journal() -> bool:
        row = await stage.row(TENANT, number)
        return row is not None and row.journal_batch is not None

    await stage.until(has_a_journal)


async def test_a_month_ends(stage: Stage, operator: Operator) -> None:
    month = await month_of(stage)
    orders = month.orders
    await cancelled_in_visma(stage, orders["cancelled"], until="cancelled")

    stage.sandbox.clock.set(month.midnight + LATER)
    await stage.sweep(TENANT)
    for name in ("early", "late", "returned"):
        await stage.finished(TENANT, orders[name])
    await cancelled_in_visma(stage, orders["too_late"], until="in_transit")
    assert len(month.company.journals) == 3, "what is on its way waits for the cut-off"

    for _ in range(2):
        await stage.cut_off(TENANT)
        for name in ("moving", "too_late"):
            await posted(stage, orders[name])
            await stage.idle(TENANT, orders[name])
        assert len(month.company.journals) == len(IN_THE_MONTH)

    stage.sandbox.clock.set(month.midnight + NEXT_DAY)
    await stage.sweep(TENANT)
    await stage.finished(TENANT, orders["next"])
    await stage.cut_off(TENANT)

    last_day, first_day = month.ending.end, month.following.start
    for name, number in orders.items():
        journals = await stage.journals(TENANT, number)
        where = [(each["period"], each["transaction_date"], each["status"]) for each in journals]
        if name in IN_THE_MONTH:
            assert where == [(month.ending.id, str(last_day), RELEASED)], name
        elif name == "next":
            assert where == [(month.following.id, str(first_day), RELEASED)]
        else:
            assert where == [], name
    assert "return_charge_expected" in await stage.findings(TENANT, orders["returned"])
    assert "changed_after_pickup" in await stage.findings(TENANT, orders["too_late"])

    await the_books_agree(stage, operator, month)
    await a_line_is_explained(stage, operator, month)
    await the_tie_out_finds(operator, month)


async def cancelled_in_visma(stage: Stage, number: str, *, until: str) -> None:
    await stage.edit(TENANT, number, status="Cancelled")
    await stage.discover(TENANT)
    await stage.at(TENANT, number, until)


# -- the report -----------------------------------------------------------------------------------


async def report(operator: Operator, period: Period) -> tuple[int, Any]:
    shown = await operator("freight", "report", "--period", period.id, "--tenant", TENANT, "--json")
    [found] = shown.data
    return shown.code, found


async def the_books_agree(stage: Stage, operator: Operator, month: Month) -> None:
    for period, names in ((month.ending, IN_THE_MONTH), (month.following, {"next"})):
        numbers = [month.orders[name] for name in names]
        shipments = await stage.shipments(*numbers)
        cost = sum(Decimal(each["cost"]["net_fedex_charge"]) for each in shipments)
        code, found = await report(operator, period)
        [total] = found["totals"]
        assert (code, found["tie_out"]["agrees"]) == (0, True)
        assert [each["amount"] for each in found["tie_out"]["difference"]] == ["0.00"]
        assert (total["posted"], total["net"]) == (str(cost), str(cost))
        assert (total["unposted"], total["reversed"], found["unknown"]) == ("0.00", "0.00", [])
        assert len(found["tie_out"]["journals"]) == len(names)
        assert {row["project"] for row in found["rows"]} == {"P100", "P200"}
        assert sum(Decimal(row["posted"]) for row in found["rows"]) == cost


async def the_tie_out_finds(operator: Operator, month: Month) -> None:
    """Each way in which Visma may come to differ makes the report fail, and names the journal."""
    books = month.company.journals
    gone, other, open_again, twice, _ = (
        copy.copy(each) for each in books.values() if each.period == month.ending.id
    )
    del books[gone.number]
    books[other.number].lines[0].sub = {1: "300", 2: "00"}
    books[open_again.number].status = "Balanced"
    twin = copy.copy(books[twice.number])
    twin.number, twin.period = f"{twice.number}X", month.following.id
    books[twin.number] = twin

    code, found = await report(operator, month.ending)
    assert (code, apart(found)) == (
        1,
        {
            gone.number: (gone.debit_total, "Visma does not have it."),
            other.number: (other.lines[0].debit, ""),
            open_again.number: (
                Decimal(0),
                "It is not released in Visma; its status is Balanced.",
            ),
        },
    )
    code, found = await report(operator, month.following)
    assert (code, apart(found)) == (
        1,
        {twin.number: (twin.debit_total, "The subledger does not know this batch.")},
    )


def apart(found: Any) -> dict[str, tuple[Decimal, str]]:
    """The journals that differ: by how much, and why."""
    assert found["tie_out"]["agrees"] is False
    return {
        each["batch"]: (Decimal(each["difference"]), each["remark"] or "")
        for each in found["tie_out"]["journals"]
        if each["remark"] or Decimal(each["difference"])
    }


# -- one line -------------------------------------------------------------------------------------


async def a_line_is_explained(stage: Stage, operator: Operator, month: Month) -> None:
    """A line in Visma leads to order lines, shipment, scan, rate, request ids and operation."""
    seed = random.SystemRandom().randrange(10_000)
    print(f"\nexplained: seed {seed}")
    draw = random.Random(seed)
    journal = draw.choice(list(month.company.journals.values()))
    line = draw.choice([each for each in journal.lines if each.debit])
    [story] = (await operator("explain", journal.number, "--tenant", TENANT, "--json")).data
    [shipment] = story["shipments"]
    [told] = shipment["journals"]
    [explained] = [
        each
        for each in told["lines"]
        if (each["account"], each["project"], each["task"], Decimal(each["debit"]))
        == (line.account, line.project, line.task, line.debit)
    ]
    order = month.company.orders[story["order"]]
    shares = explained["shares"]
    assert shares
    assert sum(Decimal(each["amount"]) for each in shares) == line.debit
    for share in shares:
        [ordered] = [each for each in order.lines if each.number == share["order_line"]]
        assert (ordered.project, ordered.task) == (line.project, line.task)

    [held] = await stage.shipments(story["order"])
    assert shipment["tracking_number"] == held["master"]
    assert shipment["cost"]["net_fedex_charge"]["amount"] == held["cost"]["net_fedex_charge"]
    assert (shipment["cost"]["rate_type"], shipment["cost"]["source"]) == (
        told["rate_type"],
        "ship_reply",
    )
    [piece] = held["pieces"]
    first_scan = datetime.fromisoformat(shipment["parcels"][0]["first_scan_at"])
    assert first_scan == datetime.fromisoformat(piece["first_scan_at"]).astimezone(UTC)
    assert {scan["code"] for scan in shipment["parcels"][0]["scans"]} >= {"PU"}

    operations = {each["key"].split("/")[2]: each for each in shipment["operations"]}
    assert operations["ship"]["key"] == held["transaction"]
    assert operations["ship"]["result"]["transaction_id"]
    assert operations["post"]["result"]["batch"] == journal.number
    assert operations["post_release"]["state"] == "succeeded"
    asked = [each["detail"].get("url", "") for each in story["audit"]]
    assert any("/ship/v1/shipments" in url for url in asked)
    assert any(url.endswith(f"{journal.number}/action/release") for url in asked)

"""What people do to an order while it is on its way, and what becomes of its shipment."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from ml_connector.store.states import OperationState, ShipmentState
from ml_connector.temporal.order_messages import Command
from tests.e2e.test_order import RELEASED
from tests.stage import Stage, order_line

QUOTE_REQUEST, QUOTE_RESULT = "customStr3", "customStr4"
BUSY = {"kind": "status", "status": 429}
BUSY_A_MOMENT = {**BUSY, "headers": {"retry-after": "1"}}
"""FedEx lets nothing through, so nothing was created."""


async def shipped(stage: Stage, tenant: str, **values: Any) -> str:
    """An order with a label; its number."""
    number = await stage.order(tenant, **values)
    await stage.discover(tenant)
    await stage.at(tenant, number, "label_created")
    await stage.idle(tenant, number)
    return number


async def held_by_fedex(stage: Stage, number: str) -> list[str]:
    """The numbers of an order's shipments that are not cancelled."""
    return [each["master"] for each in await stage.shipments(number) if not each["cancelled"]]


# -- before the label ---------------------------------------------------------------------------


async def test_an_order_ships_by_itself_once_its_postcode_is_there(stage: Stage) -> None:
    await stage.add_tenant("postcode")
    address = {
        "addressLine1": "Karihaugveien 89",
        "postalCode": "",
        "city": "Oslo",
        "countryId": "NO",
    }
    number = await stage.order("postcode", shippingAddress=address)
    await stage.discover("postcode")
    parked = await stage.at("postcode", number, "needs_attention")
    assert "postcode" in f"{parked.attention_detail} {parked.attention_remedy}".lower()
    assert await stage.shipments(number) == []

    await stage.edit("postcode", number, shippingAddress={**address, "postalCode": "1086"})
    await stage.discover("postcode")
    row = await stage.at("postcode", number, "label_created")
    assert row.attention is None
    assert len(await held_by_fedex(stage, number)) == 1


async def test_a_repaired_supplier_is_noticed_though_nobody_touches_the_order(
    stage: Stage,
) -> None:
    await stage.add_tenant("supplier")
    company = "companies/company-supplier/master/suppliers/SUP-PL"
    place = "companies/company-supplier/master/supplier_locations/SUP-PL/MAIN"
    for record in (company, place):
        await stage.visma("PATCH", record, address={"postal_code": ""})
    number = await stage.order("supplier", supplier="SUP-PL")
    await stage.discover("supplier")
    await stage.at("supplier", number, "needs_attention")
    await stage.idle("supplier", number)

    for record in (company, place):
        await stage.visma("PATCH", record, address={"postal_code": "80-103"})

    async def ships() -> bool:
        await stage.discover("supplier")
        row = await stage.row("supplier", number)
        return row is not None and row.stage == "label_created"

    await stage.until(ships)
    assert len(await held_by_fedex(stage, number)) == 1


async def test_an_order_on_hold_waits_until_it_is_released(stage: Stage) -> None:
    await stage.add_tenant("hold")
    number = await stage.order("hold", hold=True)
    await stage.discover("hold")
    row = await stage.row("hold", number)
    assert row is not None
    assert (row.stage, row.skip_reason) == ("discovered", "on_hold")

    await stage.edit("hold", number, hold=False)
    await stage.discover("hold")
    row = await stage.at("hold", number, "label_created")
    assert row.skip_reason is None
    assert len(await held_by_fedex(stage, number)) == 1


async def test_a_carrier_that_the_tenant_file_learns_wakes_the_orders_it_skipped(
    stage: Stage,
) -> None:
    await stage.add_tenant("carrier", polling={"recheck": "1h"})
    number = await stage.order("carrier", shipVia="FEDEXECO")
    for _ in range(2):
        await stage.discover("carrier")
    row = await stage.row("carrier", number)
    assert row is not None
    assert row.skip_reason == "carrier_not_mapped"

    ship_via = {
        "FEDEX": "FEDEX_INTERNATIONAL_PRIORITY",
        "FEDEXECO": "INTERNATIONAL_ECONOMY",
    }
    await stage.apply("carrier", polling={"recheck": "1h"}, shipping={"ship_via": ship_via})
    await stage.discover("carrier")
    row = await stage.at("carrier", number, "label_created")
    assert row.service == "INTERNATIONAL_ECONOMY"


async def test_an_order_of_a_careful_tenant_waits_for_its_release(stage: Stage) -> None:
    await stage.add_tenant("careful", shipping={"release": "manual"})
    number = await stage.order("careful")
    await stage.discover("careful")
    await stage.at("careful", number, "waiting_release")
    assert (await stage.idle("careful", number)).waiting_for == "a release"
    assert await stage.shipments(number) == []

    await stage.command("careful", number, "release", Command(by="somebody"))
    await stage.at("careful", number, "label_created")
    assert len(await held_by_fedex(stage, number)) == 1


async def test_an_order_cancelled_while_fedex_is_down_leaves_no_purchase_open(stage: Stage) -> None:
    """And when the order is opened again it ships, as the same generation: nothing was sent."""
    await stage.add_tenant("called-off")
    number = await stage.order("called-off")
    down = {"method": "POST", "path": "/ship/v1/shipments$", "body": number}
    await stage.fedex("POST", "faults", id="down", match=down, action=BUSY_A_MOMENT)
    await stage.discover("called-off")
    await stage.at("called-off", number, "shipping")
    await stage.edit("called-off", number, status="Cancelled")
    await stage.discover("called-off")
    await stage.finished("called-off", number)
    async with stage.store.read("called-off") as view:
        assert await view.operations.unfinished() == ()
        purchase = await view.operations.get(f"called-off/{number}/ship/1")
        assert purchase is not None
        assert purchase.state is OperationState.REJECTED

    await stage.fedex("DELETE", "faults/down")
    line = {"lineNumber": 1, "completed": False, "canceled": False}
    await stage.edit("called-off", number, status="Open", lines=[line])
    await stage.discover("called-off")
    row = await stage.at("called-off", number, "label_created")
    assert row.generation == 1
    assert await held_by_fedex(stage, number) == [row.master_tracking]


async def test_a_run_that_ends_still_hears(stage: Stage) -> None:
    """An order is opened again while its workflow, for which it was cancelled, answers a last
    question."""
    await stage.add_tenant("reopened", shipping={"release": "manual"})
    number = await stage.order("reopened")
    await stage.discover("reopened")
    await stage.at("reopened", number, "waiting_release")
    busy = {**BUSY, "headers": {"retry-after": "25"}}
    await stage.fedex("POST", "faults", id="busy", match={"path": "/rate/v1/"}, action=busy)
    await stage.command("reopened", number, "request_quote", Command(by="kari"))

    async def asked() -> bool:
        return stage.sandbox.fedex.faults.counts()["busy"]["fired"] > 0

    await stage.until(asked)
    await stage.edit("reopened", number, status="Cancelled")
    await stage.discover("reopened")
    await stage.at("reopened", number, "cancelled")
    line = {"lineNumber": 1, "completed": False, "canceled": False}
    await stage.edit("reopened", number, status="Open", lines=[line])
    await stage.discover("reopened")
    await stage.at("reopened", number, "waiting_release")


# -- between label and pickup -------------------------------------------------------------------


async def test_a_cancelled_order_cancels_its_shipment(stage: Stage) -> None:
    await stage.add_tenant("cancelled")
    number = await shipped(stage, "cancelled")
    await stage.edit("cancelled", number, status="Cancelled")
    await stage.discover("cancelled")
    row = await stage.finished("cancelled", number)
    assert row.stage == "cancelled"
    assert await held_by_fedex(stage, number) == []
    stage.travel(timedelta(days=4))
    await stage.sweep("cancelled")
    assert await stage.journals("cancelled", number) == []


async def test_a_cancellation_outlives_a_wait_for_fedex(stage: Stage) -> None:
    """Whether Visma says so or a person: what waits for FedEx is not forgotten meanwhile. Nor is
    what Visma says of an order whose workflow is gone."""
    await stage.add_tenant("patient")
    edited, told, gone = numbers = await stage.orders("patient", 3)
    await stage.discover("patient")
    for number in numbers:
        await stage.at("patient", number, "label_created")
        await stage.idle("patient", number)
    cancels = {"method": "PUT", "path": "/ship/v1/shipments/cancel$"}
    busy = {**BUSY, "headers": {"retry-after": "3600"}}
    await stage.fedex("POST", "faults", id="busy", match=cancels, action=busy)
    await stage.workflow("patient", gone).terminate()
    for number in (edited, gone):
        await stage.edit("patient", number, status="Cancelled")
    await stage.discover("patient")
    await stage.command("patient", told, "cancel", Command(by="kari", reason="out of stock"))

    async def all_wait() -> bool:
        said = [await stage.status("patient", number) for number in numbers]
        return all("patience" in each.waiting_for for each in said)

    await stage.until(all_wait)
    await stage.fedex("DELETE", "faults/busy")
    for number in numbers:
        await stage.command("patient", number, "resume", Command(by="kari"))
        row = await stage.finished("patient", number)
        assert row.stage == "cancelled"
        assert await held_by_fedex(stage, number) == []


async def test_an_order_put_on_hold_loses_its_label_and_gets_another_later(stage: Stage) -> None:
    await stage.add_tenant("pause")
    number = await shipped(stage, "pause")
    await stage.edit("pause", number, hold=True)
    await stage.discover("pause")
    await stage.at("pause", number, "discovered")
    assert await held_by_fedex(stage, number) == []

    await stage.edit("pause", number, hold=False)
    await stage.discover("pause")
    row = await stage.at("pause", number, "label_created")
    assert row.generation == 2
    assert await held_by_fedex(stage, number) == [row.master_tracking]


async def test_another_quantity_before_pickup_ships_anew(stage: Stage) -> None:
    await stage.add_tenant("quantity")
    number = await shipped(stage, "quantity", lines=2)
    await stage.edit("quantity", number, lines=[{"lineNumber": 1, "orderQty": 40}])
    await stage.discover("quantity")

    async def second() -> bool:
        row = await stage.row("quantity", number)
        return row is not None and (row.generation, row.stage) == (2, "label_created")

    await stage.until(second)
    first, anew = await stage.shipments(number)
    assert (first["cancelled"], anew["cancelled"]) == (True, False)
    assert first["reference"] != anew["reference"]
    weights = [Decimal(each["pieces"][0]["weight_kg"]) for each in (first, anew)]
    assert weights[0] < weights[1]
    states = [each.state for each in await stage.generations("quantity", number)]
    assert states == [ShipmentState.CANCELLED, ShipmentState.LIVE]

    await stage.idle("quantity", number)
    await stage.deliver("quantity")
    await stage.finished("quantity", number)
    [journal] = await stage.journals("quantity", number)
    assert Decimal(journal["lines"][-1]["credit"]) == Decimal(anew["cost"]["net_fedex_charge"])


async def test_an_edit_of_the_books_keeps_the_label(stage: Stage) -> None:
    await stage.add_tenant("books")
    number = await shipped(stage, "books")
    await stage.edit("books", number, lines=[{"lineNumber": 1, "project": "P100"}])
    await stage.discover("books")
    status = await stage.idle("books", number)
    assert (status.stage, status.generation, status.attention) == ("label_created", 1, None)
    assert len(await held_by_fedex(stage, number)) == 1


# -- after pickup -------------------------------------------------------------------------------


async def test_an_edit_after_pickup_is_a_finding_and_the_parcel_goes_on(stage: Stage) -> None:
    await stage.add_tenant("late")
    number = await shipped(stage, "late")
    stage.travel(timedelta(hours=6))
    await stage.sweep("late")
    await stage.at("late", number, "in_transit")
    address = {"addressLine1": "Elsewhere 1", "postalCode": "1086", "city": "Oslo"}
    await stage.edit("late", number, shippingAddress=address)
    await stage.discover("late")

    async def noticed() -> bool:
        return "changed_after_pickup" in await stage.findings("late", number)

    await stage.until(noticed)
    status = await stage.idle("late", number)
    assert status.stage == "in_transit"
    assert status.attention is not None
    assert status.attention.reason == "changed_after_pickup"

    await stage.deliver("late")
    row = await stage.finished("late", number)
    assert row.stage == "completed"
    assert len(await stage.shipments(number)) == 1
    [journal] = await stage.journals("late", number)
    assert journal["status"] == RELEASED


async def test_a_returned_parcel_keeps_its_freight(stage: Stage) -> None:
    await stage.add_tenant("returned")
    number = await shipped(stage, "returned")
    await stage.fedex("POST", "journeys", pattern=number, script="returned")
    stage.travel(timedelta(hours=110))
    await stage.sweep("returned")
    row = await stage.finished("returned", number)
    assert row.stage == "returned"
    [journal] = await stage.journals("returned", number)
    assert journal["status"] == RELEASED
    assert "return_charge_expected" in await stage.findings("returned", number)


async def test_a_change_after_completion_ships_nothing(stage: Stage) -> None:
    await stage.add_tenant("done")
    number = await shipped(stage, "done")
    await stage.deliver("done")
    await stage.finished("done", number)
    await stage.edit("done", number, lines=[{"lineNumber": 1, "orderQty": 90}])
    await stage.discover("done")
    assert "changed_after_completion" in await stage.findings("done", number)
    await stage.closed("done", number)
    assert len(await stage.shipments(number)) == 1
    assert len(await stage.journals("done", number)) == 1


# -- money --------------------------------------------------------------------------------------


async def test_a_tenant_may_post_on_pickup(stage: Stage) -> None:
    await stage.add_tenant("pickup", freight={"post_on": "pickup"})
    number = await shipped(stage, "pickup")
    stage.travel(timedelta(hours=6))
    await stage.sweep("pickup")

    async def posted() -> bool:
        return bool((await stage.status("pickup", number)).journal_batch)

    await stage.until(posted)
    row = await stage.row("pickup", number)
    assert row is not None
    assert row.stage == "in_transit"
    [journal] = await stage.journals("pickup", number)
    assert journal["status"] == RELEASED
    await stage.deliver("pickup")
    assert (await stage.finished("pickup", number)).stage == "completed"
    assert len(await stage.journals("pickup", number)) == 1


async def test_freight_in_another_currency_has_the_days_rate(stage: Stage) -> None:
    """A Norwegian company whose FedEx account is billed in euros."""
    await stage.add_tenant("euro", account_currency="EUR")
    number = await shipped(stage, "euro")
    await stage.deliver("euro")
    row = await stage.finished("euro", number)
    assert row.cost_currency == "EUR"
    [journal] = await stage.journals("euro", number)
    rate = stage.sandbox.visma.companies["company-euro"].rate_on(
        "EUR", date.fromisoformat(journal["transaction_date"])
    )
    assert (journal["currency"], Decimal(journal["exchange_rate"])) == ("EUR", rate)
    [posting] = await stage.postings("euro", number)
    assert posting.exchange_rate == rate


async def test_a_company_in_euros_posts_without_a_rate(stage: Stage) -> None:
    await stage.add_tenant("hanse", currency="EUR")
    number = await shipped(stage, "hanse", supplier="SUP-PL")
    await stage.deliver("hanse")
    await stage.finished("hanse", number)
    [journal] = await stage.journals("hanse", number)
    assert journal["currency"] == "EUR"
    assert Decimal(journal["exchange_rate"]) == 1


# -- receipts -----------------------------------------------------------------------------------


async def test_a_receipt_booked_after_delivery_shows_both_its_parcels(stage: Stage) -> None:
    await stage.add_tenant("receipt")
    numbers = await stage.orders("receipt", 2)
    await stage.discover("receipt")
    for number in numbers:
        await stage.at("receipt", number, "label_created")
        await stage.idle("receipt", number)
    await stage.deliver("receipt")
    rows = await stage.all_finished("receipt", numbers)
    booked = await stage.visma("POST", "companies/company-receipt/receipts", orders=numbers)
    await stage.discover("receipt")
    receipt = (await stage.company("receipt"))["receipts"][booked["receipt"]]
    for number in numbers:
        assert rows[number].master_tracking in receipt["custom"]["customStr1"]
    assert receipt["custom"]["customStr2"] == "Delivered"
    assert len(await stage.shipments(*numbers)) == 2


# -- quotes -------------------------------------------------------------------------------------


async def test_a_word_in_visma_is_answered_with_rates_each_time_it_is_typed(stage: Stage) -> None:
    await stage.add_tenant("quote")
    number = await stage.order("quote", hold=True, lines=[order_line()], **{QUOTE_REQUEST: "QUOTE"})

    async def answered() -> str:
        custom = (await stage.company("quote"))["orders"][number]["custom"]
        return "" if custom.get(QUOTE_REQUEST) else str(custom.get(QUOTE_RESULT) or "")

    await stage.discover("quote")
    first = await stage.until(answered)
    assert "NOK" in first
    row = await stage.row("quote", number)
    assert row is not None
    assert (row.stage, row.skip_reason) == ("discovered", "on_hold")
    assert await stage.shipments(number) == []
    await stage.discover("quote")
    assert await _quotes(stage, number) == 1

    await stage.edit("quote", number, **{QUOTE_REQUEST: "QUOTE"})
    await stage.discover("quote")
    assert "NOK" in await stage.until(answered)
    assert await _quotes(stage, number) == 2
    assert await stage.findings("quote", number) == {}, "the answer before was ours"

    await stage.edit("quote", number, **{QUOTE_REQUEST: "QUOTE", QUOTE_RESULT: "call Kari"})
    await stage.discover("quote")
    assert await stage.until(answered) == "call Kari", "what a person wrote stays"
    assert "foreign_value" in await stage.findings("quote", number)

    own_words = {QUOTE_REQUEST: "QUOTE", QUOTE_RESULT: "Ask Kari first"}
    await stage.edit("quote", number, **own_words)
    await stage.discover("quote")
    assert await stage.until(answered) == own_words[QUOTE_RESULT]
    assert "foreign_value" in await stage.findings("quote", number)

    await stage.edit("quote", number, hold=False)
    await stage.discover("quote")
    await stage.at("quote", number, "label_created")


async def test_a_quote_that_cannot_be_had_says_so_where_it_was_asked_for(stage: Stage) -> None:
    await stage.add_tenant("noquote")
    down = {
        "id": "rates",
        "match": {"path": "/rate/v1/"},
        "action": {"kind": "status", "status": 503, "body": "html"},
    }
    await stage.fedex("POST", "faults", **down)
    number = await stage.order(
        "noquote", hold=True, lines=[order_line()], **{QUOTE_REQUEST: "quote"}
    )
    await stage.discover("noquote")

    async def said() -> str:
        custom = (await stage.company("noquote"))["orders"][number]["custom"]
        return "" if custom.get(QUOTE_REQUEST) else str(custom.get(QUOTE_RESULT) or "")

    assert (await stage.until(said)).startswith("No quote: ")
    row = await stage.row("noquote", number)
    assert row is not None
    assert row.attention is None

    await stage.fedex("DELETE", "faults/rates")
    await stage.edit("noquote", number, **{QUOTE_REQUEST: "quote", QUOTE_RESULT: ""})
    await stage.discover("noquote")
    assert "NOK" in await stage.until(said)


async def test_a_quote_that_nobody_could_answer_is_answered_later(stage: Stage) -> None:
    await stage.add_tenant("later")
    number = await stage.order("later", hold=True, lines=[order_line()], **{QUOTE_REQUEST: "QUOTE"})
    silent = {
        "id": "silent",
        "match": {"method": "PUT", "path": "/purchaseorder", "body": QUOTE_RESULT},
        "action": {"kind": "status", "status": 503},
    }
    await stage.visma("POST", "faults", **silent)
    await stage.discover("later")

    async def given_up() -> bool:
        history = await stage.history("later", number)
        return any(
            event.HasField("activity_task_failed_event_attributes") for event in history.events
        )

    async def answered() -> bool:
        await stage.discover("later")
        custom = (await stage.company("later"))["orders"][number]["custom"]
        return "NOK" in str(custom.get(QUOTE_RESULT)) and not custom.get(QUOTE_REQUEST)

    await stage.until(given_up)
    await stage.visma("DELETE", "faults/silent")

    async def not_asked_any_more() -> bool:
        row = await stage.row("later", number)
        return row is not None and row.quote_request_version is None

    await stage.until(answered)
    # Written down a moment after Visma has it.
    await stage.until(not_asked_any_more)


async def _quotes(stage: Stage, number: str) -> int:
    async with stage.store.read("quote") as view:
        return len(await view.quotes.list(number))

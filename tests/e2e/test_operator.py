"""What an operator does with the command line, against a running installation."""

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from ml_connector.store.states import ShipmentState, TenantState
from ml_connector.temporal.order_messages import Replay
from tests.e2e.command_line import Operator
from tests.e2e.test_lost_answers import lose, unclear
from tests.stage import Stage

DRY = {"fedex ship.validate", "fedex rate.quotes"}
"""All that a plan asks for beside reading Visma; neither creates anything."""
SCANNED = timedelta(hours=6)
"""After the pick-up, before the delivery."""


async def shipped(stage: Stage, tenant: str, **values: Any) -> str:
    """An order with a label; its number."""
    number = await stage.order(tenant, **values)
    await stage.discover(tenant)
    await stage.at(tenant, number, "label_created")
    await stage.idle(tenant, number)
    return number


async def delivered(stage: Stage, tenant: str, **values: Any) -> str:
    number = await shipped(stage, tenant, **values)
    await stage.deliver(tenant)
    await stage.finished(tenant, number)
    return number


async def masters(stage: Stage, number: str) -> list[str]:
    """The numbers of an order's shipments that are not cancelled."""
    return [each["master"] for each in await stage.shipments(number) if not each["cancelled"]]


async def test_from_a_plan_to_an_explained_cent(
    stage: Stage, operator: Operator, tmp_path: Path
) -> None:
    await stage.add_tenant("plan", shipping={"release": "manual"})
    number = await stage.order("plan", lines=3)
    name = f"plan/{number}"

    early = await operator("po", "plan", name, "--json")
    assert (early.code, early.data["outcome"]) == (0, "waits_for_release"), "not even discovered"
    await stage.discover("plan")
    await stage.at("plan", number, "waiting_release")
    [waits] = (await operator("attention", "list", "--tenant", "plan", "--json")).data
    assert (waits["order"], waits["reason"]) == (number, "waits_for_release")

    before = stage.calls("plan")
    planned = (await operator("po", "plan", name, "--json")).data
    made = stage.calls("plan") - before
    del made["fedex oauth"]
    assert {name for name in made if not name.startswith("visma GET")} == DRY
    told = Counter(each.split()[0] for each in planned["calls"] if "/connect/token" not in each)
    assert told == Counter(name.split()[0] for name in made.elements()), "it says each of them"
    assert any("packages/validate" in call for call in planned["calls"])
    assert any("rates/quotes" in call for call in planned["calls"])
    assert await stage.shipments(number) == []
    lines = planned["journal"]["lines"]
    assert sum(Decimal(line["debit"]) for line in lines) == Decimal(planned["cost"]["amount"])
    assert sum(Decimal(line["credit"]) for line in lines) == Decimal(planned["cost"]["amount"])
    assert planned["shipment"]["to"].keys() == {"country", "postal_code", "city"}
    assert "Calls made:" in (await operator("po", "plan", name)).out

    assert (await operator("po", "ship", name, "--reason", "checked")).code == 0
    row = await stage.at("plan", number, "label_created")
    assert str(row.cost_amount) == planned["cost"]["amount"]
    await stage.idle("plan", number)
    again = await operator("po", "ship", name)
    assert (again.code, "[already_shipped]" in again.err) == (1, True)

    bought = stage.calls("plan")
    saved = await operator("label", name, "-o", tmp_path / "label", "--json")
    [file] = saved.data["files"]
    assert file["path"] == str(tmp_path / "label.pdf")
    label = await asyncio.to_thread(Path(file["path"]).read_bytes)
    assert label.startswith(b"%PDF")
    assert stage.calls("plan") == bought, "a reprint asks nobody"

    quoted = (await operator("quote", name, "--json")).data
    assert {offer["cost"]["currency"] for offer in quoted["offers"]} == {"NOK"}
    assert quoted["cheapest"] and quoted["fastest"]

    await stage.deliver("plan")
    row = await stage.finished("plan", number)
    for called in (row.master_tracking, row.journal_batch, name):
        assert called is not None
        [story] = (
            await operator("explain", called, "--tenant", "plan", "--json")
            if "/" not in called
            else await operator("explain", called, "--json")
        ).data
        _explains(story, number, Decimal(planned["cost"]["amount"]))
    assert str(row.journal_batch) in (await operator("explain", name)).out

    [posting] = await stage.postings("plan", number)
    month = f"{posting.period[:4]}-{posting.period[4:]}"
    report = await operator("freight", "report", "--period", month, "--tenant", "plan", "--json")
    assert report.code == 0
    [found] = report.data
    assert found["tie_out"]["agrees"] is True
    assert found["totals"][0]["posted"] == planned["cost"]["amount"]
    assert {row["project"] for row in found["rows"]} == {"P100", "P200"}

    checked = await operator("audit", "verify", "--tenant", "plan", "--json")
    assert (checked.code, checked.data[0]["broken"]) == (0, None)
    released = await operator(
        "audit", "show", "--order", name, "--action", "order:release", "--json"
    )
    [event] = released.data
    assert event["actor"].startswith("cli:")
    assert event["detail"] == {"reason": "checked"}


def _explains(story: dict[str, Any], order: str, cost: Decimal) -> None:
    """Order line, share, shipment, scan, rate, request ids and operation: all are named."""
    [shipment] = story["shipments"]
    [journal] = shipment["journals"]
    shares = [share for line in journal["lines"] for share in line["shares"]]
    assert story["order"] == order
    assert sorted(share["order_line"] for share in shares) == [1, 2, 3]
    assert sum(Decimal(share["amount"]) for share in shares) == cost
    assert shipment["cost"]["rate_type"]
    assert [scan["code"] for scan in shipment["parcels"][0]["scans"]][-1] == "DL"
    operations = {each["key"].split("/")[2]: each for each in shipment["operations"]}
    assert operations["ship"]["result"]["transaction_id"]
    assert operations["post"]["result"]["batch"] == journal["batch"]
    assert "shipment:created" in {event["action"] for event in story["audit"]}


async def test_shipping_once_more_is_deliberate_and_happens_once(
    stage: Stage, operator: Operator
) -> None:
    await stage.add_tenant("again")
    number = await shipped(stage, "again")
    name = f"again/{number}"
    assert (await operator("po", "ship", name, "--again")).code == 2, "a reason is needed"
    unused = await operator("po", "ship", name, "--again", "--reason", "x")
    assert (unused.code, "[label_not_used]" in unused.err) == (1, True)

    stage.travel(SCANNED)
    await stage.sweep("again")
    await stage.at("again", number, "in_transit")
    unposted = await operator("po", "ship", name, "--again", "--reason", "x")
    assert (unposted.code, "[freight_not_posted]" in unposted.err) == (1, True)
    posted = await operator("po", "replay", name, "--from", "post_freight", "--reason", "lost")
    assert posted.code == 0

    async def is_posted() -> bool:
        row = await stage.row("again", number)
        return row is not None and row.journal_batch is not None

    await stage.until(is_posted)
    line = ("po", "ship", name, "--again", "--reason", "lost in transit")
    first, second = await asyncio.gather(operator(*line), operator(*line))
    assert {first.code, second.code} <= {0, 1}
    assert 0 in {first.code, second.code}

    async def second_label() -> bool:
        row = await stage.row("again", number)
        return row is not None and row.generation == 2 and row.stage == "label_created"

    await stage.until(second_label)
    assert len(await masters(stage, number)) == 2
    await stage.deliver("again")
    await stage.finished("again", number)
    one, two = await stage.generations("again", number)
    assert (one.state, two.state) == (ShipmentState.SUPERSEDED, ShipmentState.LIVE)
    assert len(await stage.journals("again", number)) == 2, "each parcel has its freight"

    assert (await operator("po", "ship", name, "--again", "--reason", "third")).code == 0
    await stage.at("again", number, "label_created")
    assert len(await masters(stage, number)) == 3


async def test_a_cancelled_order_ships_only_when_a_person_says_so(
    stage: Stage, operator: Operator
) -> None:
    await stage.add_tenant("cancel")
    number = await shipped(stage, "cancel")
    name = f"cancel/{number}"
    cancelled = await operator("po", "cancel", name, "--reason", "out of stock", "--json")
    assert cancelled.data["outcome"] == "cancelled"
    await stage.finished("cancel", number)
    assert await masters(stage, number) == []

    assert (await operator("quote", name)).code == 0, "asking for a price ships nothing"
    await stage.edit("cancel", number, description="edited afterwards")
    await stage.edit("cancel", number, shipVia="FEDEX", lines=[{"lineNumber": 1, "orderQty": 9}])
    await stage.discover("cancel")
    await stage.closed("cancel", number)
    refused = await operator("po", "replay", name, "--from", "ship", "--reason", "x")
    assert (refused.code, "po ship" in refused.err) == (1, True)
    assert await masters(stage, number) == []

    assert (await operator("po", "ship", name, "--reason", "back in stock")).code == 0
    await stage.at("cancel", number, "label_created")
    assert len(await masters(stage, number)) == 1

    stage.travel(SCANNED)
    await stage.sweep("cancel")
    await stage.at("cancel", number, "in_transit")
    late = await operator("po", "cancel", name, "--reason", "changed my mind")
    assert (late.code, "[too_late_to_cancel]" in late.err) == (1, True)


async def test_a_person_settles_what_fedex_does_not_say(stage: Stage, operator: Operator) -> None:
    await stage.add_tenant("settled")
    numbers = await stage.orders("settled", 2)
    for number in numbers:
        await lose(stage, number, "reset_after")
        await unclear(stage, number)
    await stage.discover("settled")
    for number in numbers:
        row = await stage.at("settled", number, "needs_attention")
        assert row.attention == "outcome_unknown"
    gone, found = numbers
    [kept] = await masters(stage, found)
    settle = ("--from", "ship", "--reason", "seen in Ship Manager", "--settled")

    foreign = await operator("po", "replay", f"settled/{gone}", *settle, "absent", "--dry-run")
    assert foreign.code == 0, "asking changes nothing"
    assert (await operator("po", "replay", f"settled/{gone}", *settle, "absent")).code == 0
    anew = await stage.at("settled", gone, "label_created")
    assert (anew.generation, anew.attention) == (2, None)
    assert len(await masters(stage, gone)) == 2, "FedEx holds what the person did not see"

    taken = await operator("po", "replay", f"settled/{found}", *settle, anew.master_tracking or "")
    assert (taken.code, f"the parcel of order {gone}" in taken.err) == (1, True)
    assert (await operator("po", "replay", f"settled/{found}", *settle, kept)).code == 0
    adopted = await stage.at("settled", found, "label_created")
    assert (adopted.generation, adopted.master_tracking) == (1, kept)
    found_to_say = (await stage.findings("settled", found)).keys()
    assert found_to_say == {"label_unavailable", "cost_estimated"}
    settled = await operator("po", "replay", f"settled/{found}", *settle, "absent")
    assert (settled.code, "nothing to settle" in settled.err) == (1, True)
    shown = await operator("audit", "show", "--order", f"settled/{found}", "--json")
    assert "seen in Ship Manager" in shown.out

    async def the_other_one_is_reported() -> bool:
        await stage.discover("settled")
        return "orphans_unclear" in await stage.findings("settled", gone)

    await stage.until(the_other_one_is_reported)
    stage.sandbox.fedex.faults.clear()

    async def it_is_cancelled() -> bool:
        await stage.discover("settled")
        return await masters(stage, gone) == [anew.master_tracking]

    await stage.until(it_is_cancelled)
    assert "orphans_unclear" not in await stage.findings("settled", gone)


async def test_signals_at_a_bad_moment_do_no_harm(stage: Stage, operator: Operator) -> None:
    """The Web UI and `temporal` send them without our command line's questions, and in plain."""
    await stage.add_tenant("signals", shipping={"release": "manual"})
    number = await stage.order("signals")
    await stage.discover("signals")
    await stage.at("signals", number, "waiting_release")
    plain = ("--name", "cancel", "--input", '{"by": "ui"}')
    named = ("--workflow-id", f"po/signals/{number}")
    assert await stage.temporal("workflow", "signal", *named, *plain) == (0, ANY)
    nonsense = ("--name", "resume", "--input", '{"why": ["not", "ours"]}')
    assert await stage.temporal("workflow", "signal", *named, *nonsense) == (0, ANY)
    await stage.idle("signals", number)

    assert (await operator("po", "ship", f"signals/{number}")).code == 0
    await stage.at("signals", number, "label_created")
    for step in ("post_freight", "ship", "track"):
        await stage.command("signals", number, "replay", Replay(step=step, by="ui", reason=""))
    status = await stage.idle("signals", number)
    assert status.stage == "label_created", "what was cancelled then is not what ships now"
    assert len(await masters(stage, number)) == 1
    assert await stage.journals("signals", number) == [], "no scan, no freight"

    stage.travel(SCANNED)
    await stage.sweep("signals")
    await stage.at("signals", number, "in_transit")
    await stage.idle("signals", number)
    assert await stage.journals("signals", number) == [], "an old wish does not post later"

    shown = await operator(
        "audit", "show", "--order", f"signals/{number}", "--action", "order:asked", "--json"
    )
    asked = [event["detail"] for event in shown.data]
    assert [each["signal"] for each in asked] == ["cancel", "release", *["replay"] * 3]
    assert asked[0] == {"signal": "cancel", "by": "ui"}, "written down, though it did nothing"
    assert asked[1]["by"].startswith("cli:")
    assert [each["step"] for each in asked[2:]] == ["post_freight", "ship", "track"]


async def test_what_is_repaired_goes_on_with_one_command(stage: Stage, operator: Operator) -> None:
    await stage.add_tenant("repair", polling={"recheck": "1h"})
    records = [
        f"companies/company-repair/master/{record}"
        for record in ("suppliers/SUP-PL", "supplier_locations/SUP-PL/MAIN")
    ]
    for record in records:
        await stage.visma("PATCH", record, address={"postal_code": ""})
    parked = await stage.order("repair", supplier="SUP-PL")
    fine = await stage.order("repair")
    await stage.discover("repair")
    await stage.at("repair", parked, "needs_attention")
    await stage.idle("repair", parked)
    listed = (await operator("attention", "list", "--tenant", "repair", "--json")).data
    assert [each["order"] for each in listed] == [parked]
    blocked = await operator("po", "plan", f"repair/{parked}", "--json")
    assert (blocked.code, blocked.data["outcome"]) == (1, "cannot_ship")

    for record in records:
        await stage.visma("PATCH", record, address={"postal_code": "80-103"})
    resumed = await operator("attention", "resume", "--tenant", "repair", "--reason", "r", "--json")
    assert [each["order"] for each in resumed.data] == [parked]
    await stage.at("repair", parked, "label_created")

    account = "companies/company-repair/master/accounts/7140"
    await stage.visma("PATCH", account, active=False)
    await stage.deliver("repair")
    for number in (parked, fine):
        await stage.at("repair", number, "needs_attention")
    await stage.visma("PATCH", account, active=True)
    again = ("po", "replay", "--from", "post_freight", "--tenant", "repair", "--attention")
    dry = await operator(*again, "--reason", "account opened", "--dry-run", "--json")
    assert {each["outcome"] for each in dry.data} == {"would_replay"}
    assert (await operator(*again, "--reason", "account opened")).code == 0
    await stage.all_finished("repair", [parked, fine])
    for number in (parked, fine):
        assert len(await stage.journals("repair", number)) == 1


async def test_dead_credentials_are_named_and_replaced(
    stage: Stage, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.add_tenant("creds")
    alive = await operator("tenant", "ping", "creds", "--json")
    assert alive.code == 0, alive.err
    assert {probe["system"] for probe in alive.data["probes"]} == {"visma", "fedex"}
    assert alive.data["visma_quota"]["remaining"] > 0

    await stage.fedex("DELETE", "credentials/fedex-creds")
    number = await stage.order("creds")
    await stage.discover("creds")

    async def locked_out() -> bool:
        record = await stage.store.tenants.get("creds")
        return record is not None and record.state is TenantState.NEEDS_REAUTH

    await stage.until(locked_out)
    dead = await operator("credentials", "test", "creds", "--json")
    assert dead.code == 3
    assert "wrong_credentials" in {probe["cause"] for probe in dead.data["probes"]}
    assert (await operator("quote", f"creds/{number}")).code == 3
    listed = (await operator("attention", "list", "--tenant", "creds", "--json")).data
    assert "needs_reauth" in {each["reason"] for each in listed}

    async with stage.store.read("creds") as view:
        account = await view.secrets.get("fedex.account_number")
    await stage.fedex(
        "POST",
        "credentials",
        client_id="fedex-new",
        client_secret="fedex-new-secret",
        accounts=[{"number": account, "currency": "NOK"}],
    )
    monkeypatch.setenv("NEW_ID", "fedex-new")
    monkeypatch.setenv("NEW_SECRET", "fedex-new-secret")
    monkeypatch.setenv("WRONG_SECRET", "no-such-secret")
    fresh = ("--env", "fedex.client_id=NEW_ID", "--env", "fedex.client_secret=NEW_SECRET")
    done = await operator("credentials", "set", "creds", *fresh, "--json")
    assert (done.code, done.data["resumed"]) == (0, True)
    assert done.data["orders_nudged"] == [number]
    assert "fedex-new" not in done.out + done.err
    await stage.at("creds", number, "label_created")
    assert (await operator("credentials", "test", "creds")).code == 0

    wrong = (
        "credentials",
        "rotate",
        "creds",
        "--env",
        "fedex.client_secret=WRONG_SECRET",
        "--json",
    )
    taken_back = await operator(*wrong)
    assert (taken_back.code, taken_back.data["outcome"]) == (3, "taken_back")
    assert (await operator("credentials", "test", "creds")).code == 0
    record = await stage.store.tenants.get("creds")
    assert record is not None and record.state is TenantState.ACTIVE


async def test_a_rotation_that_is_killed(
    stage: Stage, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new secrets stay, untried; two commands say so and mend it."""
    await stage.add_tenant("torn")
    monkeypatch.setenv("WRONG_SECRET", "no-such-secret")
    monkeypatch.setenv("RIGHT_SECRET", "fedex-secret-torn")
    from_where = ("torn", "--env", "fedex.client_secret={}_SECRET")
    wrong, right = ([each.format(name) for each in from_where] for name in ("WRONG", "RIGHT"))
    rotate = ("credentials", "rotate", *wrong)
    killed = [sys.executable, "-m", "tests.killed", "1", *rotate]
    ended = await asyncio.to_thread(subprocess.run, killed, check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr

    again = await operator(*rotate)
    assert again.code == 1
    for command in ("test", "set"):
        assert f"ml-connector credentials {command} torn" in again.err
    assert (await operator("credentials", "test", "torn")).code == 3
    assert (await operator("credentials", "set", *right)).code == 0
    assert (await operator("credentials", "test", "torn")).code == 0
    record = await stage.store.tenants.get("torn")
    assert record is not None and record.state is TenantState.ACTIVE


async def test_each_way_of_being_refused_has_its_name(stage: Stage, operator: Operator) -> None:
    await stage.add_tenant("refused")

    async def cause(system: str) -> str:
        """The one failure of a ping, and the exit code that goes with it."""
        pinged = await operator("tenant", "ping", "refused", "--json")
        assert pinged.code == 3, pinged.err
        failed = [probe for probe in pinged.data["probes"] if probe["cause"]]
        assert [probe["system"] for probe in failed] == [system]
        assert failed[0]["remedy"]
        return str(failed[0]["cause"])

    client = {"client_id": "visma-refused", "client_secret": "visma-secret-refused"}
    await stage.visma("POST", "clients", **client, tenants=[])
    assert await cause("visma") == "app_not_approved"
    await stage.visma("PATCH", "companies/company-refused", customer_tenant_id="the-customer")
    await stage.visma("POST", "clients", **client, tenants=["company-refused", "the-customer"])
    await stage.apply("refused", visma={"tenant_id": "the-customer"})
    assert await cause("visma") == "customer_tenant_id"
    await stage.visma(
        "POST",
        "clients",
        **client,
        tenants=["company-refused"],
        scopes=["vismanet_erp_service_api:create"],
    )
    await stage.apply("refused")
    assert await cause("visma") == "missing_scope"
    await stage.visma("POST", "clients", **client, tenants=["company-refused"])
    await stage.apply("refused", secrets={"fedex.account_number": "599999999"})
    assert await cause("fedex") == "wrong_account"


async def test_what_the_token_workflow_and_the_key_file_say(
    stage: Stage, operator: Operator
) -> None:
    await stage.add_tenant("tokens")
    await shipped(stage, "tokens")
    status = (await operator("token", "status", "--json")).data
    mine = [each for each in status["tokens"] if each["tenant"] == "tokens"]
    assert [(each["project"], each["valid"]) for each in mine] == [("ship", True)]
    listed = await operator("keys", "list", "--json")
    assert listed.code == 0
    assert [each["current"] for each in listed.data["keys"]] == [True]
    by_hand = await operator("keys", "rotate", "--reason", "a test")
    assert (by_hand.code, "ML_CONNECTOR_MASTER_KEY" in by_hand.err) == (2, True)


async def test_a_price_without_an_order(stage: Stage, operator: Operator) -> None:
    await stage.add_tenant("price")
    route = ("quote", "--from", "DE-20539, Hamburg", "--to", "NO-1086, Oslo", "--tenant", "price")
    priced = await operator(*route, "--weight", "12.5 kg", "--value", "900 EUR", "--json")
    assert priced.code == 0, priced.err
    assert priced.data["offers"]
    async with stage.store.read("price") as view:
        [kept] = await view.quotes.list()
    assert kept.request["from"] == "DE-20539"
    without = await operator(*route, "--weight", "12.5 kg")
    assert (without.code, "--value" in without.err) == (2, True)

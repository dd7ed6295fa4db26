"""What FedEx refuses: the right one stops, with a plain sentence, and goes on once it is mended."""

import pytest

from ml_connector.fedex.catalogue import advice_for
from ml_connector.store.states import TenantState
from tests.stage import Stage

FOR_THE_ORDER = (
    "SHIPPER.COUNTRY.INVALID",
    "SERVICE.PACKAGECOMBINATION.INVALID",
    "SERVICETYPE.NOT.ALLOWED",
    "INCOUNTRY.SERVICES.NOTALLOWED",
    "PACKAGINGTYPE.MISSING.OR.INVALID",
    "PACKAGE.WEIGHT.INVALID",
    "MAXIMUMWEIGHT.TYPE.ERROR",
    "DIMENSIONS.EXCEEDS.LIMITS",
    "COUNTRY.POSTALCODEORZIP.INVALID",
    "CITY.REQUIRED",
    "CURRENCY.TYPE.INVALID",
    "TRACKINGID.FORMID.REQUIRED",
    "RATE.LOCATION.NOSERVICE",
    "CODE.OF.TOMORROW",
)
"""What FedEx has been seen to refuse a shipment with, and one that nobody knows."""


async def test_each_refusal_parks_its_own_order_and_says_why(stage: Stage) -> None:
    await stage.add_tenant("refusals")
    good, *numbers = await stage.orders("refusals", len(FOR_THE_ORDER) + 1)
    codes = dict(zip(numbers, FOR_THE_ORDER, strict=True))
    for number, code in codes.items():
        rule = {
            "id": number,
            "match": {"method": "POST", "path": "/ship/v1/shipments$", "body": number},
            "action": {"kind": "status", "status": 400, "code": code},
        }
        await stage.fedex("POST", "faults", **rule)
    await stage.discover("refusals")
    await stage.at("refusals", good, "label_created")
    for number, code in codes.items():
        row = await stage.at("refusals", number, "needs_attention")
        assert row.attention == code.lower().replace(".", "_")
        advice = advice_for(code)
        assert (advice.meaning if advice else code) in (row.attention_detail or "")
        if advice is not None:
            assert row.attention_remedy == advice.next_step
    assert await stage.shipments(*numbers) == []


@pytest.mark.parametrize("what", ["account_number", "client_secret"])
async def test_what_is_wrong_with_the_tenant_stops_the_tenant(stage: Stage, what: str) -> None:
    tenant = f"wrong-{what.partition('_')[0]}"
    await stage.add_tenant(tenant)
    async with stage.store.read(tenant) as view:
        right = await view.secrets.get(f"fedex.{what}")
    await stage.apply(tenant, secrets={f"fedex.{what}": "740518263"})
    number = await stage.order(tenant)
    await stage.discover(tenant)

    async def locked() -> str | None:
        record = await stage.store.tenants.get(tenant)
        assert record is not None
        return record.state_reason if record.state is TenantState.NEEDS_REAUTH else None

    why = await stage.until(locked)
    assert "FedEx" in why
    assert "Check" in why
    assert "740518263" not in why
    row = await stage.row(tenant, number)
    assert row is not None
    assert row.attention is None, "it waits, and needs no person of its own"
    assert await stage.shipments(number) == []

    await stage.apply(tenant, secrets={f"fedex.{what}": right})
    await stage.store.tenants.set_state(tenant, TenantState.ACTIVE, "")
    await stage.discover(tenant)
    await stage.at(tenant, number, "label_created")
    assert len(await stage.shipments(number)) == 1

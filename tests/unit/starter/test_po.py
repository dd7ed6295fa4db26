"""`po`: the listing that scripts rely on, and how an order is named."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ml_connector.domain.findings import Finding
from ml_connector.settings import Settings
from ml_connector.store.parcels import NewParcel
from ml_connector.store.view import TenantView
from starter.context import Installation
from tests.command_line import Cli
from tests.unit.starter.conftest import NORDIC, SECRETS

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)


def store(tenant: str, write: Callable[[TenantView], Awaitable[object]]) -> None:
    """Write to the store that the command line reads."""

    async def run() -> None:
        async with (
            Installation.open(Settings.from_env()) as here,
            (await here.store()).write(tenant) as view,
        ):
            await write(view)

    asyncio.run(run())


async def shipped(view: TenantView) -> None:
    await view.orders.save(
        "PO1",
        stage="in_transit",
        generation=1,
        service="FEDEX_INTERNATIONAL_PRIORITY",
        master_tracking="794600000001",
        cost_amount=Decimal("1234.50"),
        cost_currency="NOK",
        journal_batch="000042",
        receipts=["RC1", "RC2"],
    )
    await view.shipments.add(
        "PO1",
        1,
        reference="nordic-PO1-1",
        plan={},
        service="FEDEX_INTERNATIONAL_PRIORITY",
        ship_date=NOW.date(),
    )
    numbers = ("794600000001", "794600000002")
    await view.parcels.add(
        NewParcel(
            order="PO1",
            generation=1,
            tracking_number=number,
            sequence=at,
            shipped_on=NOW.date(),
            next_poll_at=NOW,
        )
        for at, number in enumerate(numbers, start=1)
    )


async def parked(view: TenantView) -> None:
    await view.orders.save(
        "PO2",
        stage="needs_attention",
        attention="postcode_missing",
        attention_detail="The supplier's address has no postcode.",
        attention_remedy="Add it in Visma.",
        attention_since=NOW,
    )
    await view.findings.add(
        "PO2", Finding(code="postcode_missing", message="No postcode.", remedy="Add it.")
    )


@pytest.fixture
def with_orders(nordic: Cli) -> Cli:
    store("nordic", shipped)
    store("nordic", parked)
    return nordic


def test_list_has_the_agreed_shape(with_orders: Cli) -> None:
    assert with_orders("po", "list", "--json").data == [
        {
            "tenant": "nordic",
            "order": "PO1",
            "stage": "in_transit",
            "attention": None,
            "service": "FEDEX_INTERNATIONAL_PRIORITY",
            "tracking_numbers": ["794600000001", "794600000002"],
            "cost": {"amount": "1234.50", "currency": "NOK"},
            "journal_batch": "000042",
            "receipts": ["RC1", "RC2"],
        },
        {
            "tenant": "nordic",
            "order": "PO2",
            "stage": "needs_attention",
            "attention": "postcode_missing",
            "service": None,
            "tracking_numbers": [],
            "cost": None,
            "journal_batch": None,
            "receipts": [],
        },
    ]


def test_a_listing_with_findings_is_no_failure(with_orders: Cli) -> None:
    listed = with_orders("po", "list")
    assert listed.code == 0
    assert "1234.50 NOK" in listed.out
    assert "794600000001, 794600000002" in listed.out


@pytest.mark.parametrize(
    ("options", "orders"),
    [
        (("--stage", "in_transit"), ["PO1"]),
        (("--stage", "in_transit", "--stage", "needs_attention"), ["PO1", "PO2"]),
        (("--attention",), ["PO2"]),
        (("--tenant", "nordic"), ["PO1", "PO2"]),
        (("--stage", "completed"), []),
    ],
)
def test_list_filters(with_orders: Cli, options: tuple[str, ...], orders: list[str]) -> None:
    listed = with_orders("po", "list", *options, "--json").data
    assert [order["order"] for order in listed] == orders


def test_list_of_an_unknown_tenant_is_refused(with_orders: Cli) -> None:
    assert with_orders("po", "list", "--tenant", "nobody").code == 1


@pytest.mark.parametrize("name", ["PO2", "nordic/PO2"])
def test_show(with_orders: Cli, name: str) -> None:
    shown = with_orders("po", "show", name, "--json").data
    assert shown["attention_remedy"] == "Add it in Visma."
    assert shown["attention_since"] == "2026-11-02T08:00:00+00:00"
    [finding] = shown["findings"]
    assert (finding["code"], finding["remedy"]) == ("postcode_missing", "Add it.")


def test_show_for_people(with_orders: Cli) -> None:
    shown = with_orders("po", "show", "PO1").out
    assert "1234.50 NOK" in shown
    assert "794600000002" in shown
    assert "attention_detail" not in shown, "what does not apply is left out"


def test_an_unknown_order(with_orders: Cli) -> None:
    for name in ("PO9", "nordic/PO9"):
        refused = with_orders("po", "show", name, "--json")
        assert (refused.code, refused.out) == (1, "")
        assert f"no purchase order {name}" in refused.err


def test_a_number_that_two_tenants_have_must_be_told_apart(
    with_orders: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name.replace("NORDIC", "IBERIA"), value)
    assert with_orders("tenant", "apply", NORDIC.with_name("iberia.toml")).code == 0
    store("iberia", parked)
    refused = with_orders("po", "show", "PO2")
    assert refused.code == 1
    assert "iberia/PO2, nordic/PO2" in refused.err
    assert with_orders("po", "show", "iberia/PO2", "--json").data["tenant"] == "iberia"


def test_a_tenant_with_orders_under_way_is_not_removed_by_mistake(with_orders: Cli) -> None:
    refused = with_orders("tenant", "remove", "nordic", "--reason", "a mistake")
    assert refused.code == 1
    assert "2 orders under way" in refused.err
    assert with_orders("tenant", "list", "--json").data[0]["attention"] == 1
    line = ("tenant", "remove", "nordic", "--reason", "closing down", "--abandon-orders")
    assert with_orders(*line).code == 0

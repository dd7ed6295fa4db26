"""`po ship`, `po cancel` and `po replay`: what they refuse before anybody is told anything."""

import pytest

from ml_connector.store.states import ShipmentState
from ml_connector.store.view import TenantView
from starter.po_ship import superseded
from tests.command_line import Cli
from tests.unit.starter.orders import MASTER, in_store, label, park, post, scan

REASON = ("--reason", "a test")
SETTLED = ("--from", "ship", *REASON, "--settled")


async def orders(view: TenantView) -> None:
    await label(view)
    await label(view, "PO5")
    await scan(view, "PO5", f"{MASTER}PO5")
    await label(view, "PO6")
    await scan(view, "PO6", f"{MASTER}PO6")
    await post(view, "PO6")
    await label(view, "PO7")
    await view.shipments.set_state("PO7", 1, ShipmentState.WITHDRAWN)
    await park(view)


@pytest.fixture
def with_orders(nordic: Cli) -> Cli:
    in_store("nordic", orders)
    return nordic


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (("po", "ship", "PO1", "--again"), 2, "--again needs --reason"),
        (("po", "ship", "PO9"), 1, "[unknown_order]"),
        (("po", "cancel", "PO1"), 2, "--reason"),
        (("po", "replay", "PO1", "--from", "nowhere", *REASON), 2, "nowhere"),
        (("po", "replay", "PO1", "--from", "ship", *REASON), 1, "po ship --again"),
        (("po", "replay", "PO7", "--from", "ship", *REASON), 1, "to ship it anew: po ship"),
        (("po", "replay", "PO1", "--from", "post_freight", *REASON), 1, "has not scanned"),
        (("po", "replay", "PO6", "--from", "post_freight", *REASON), 1, "posted as batch"),
        (("po", "replay", "PO2", "--from", "track", *REASON), 1, "no shipment"),
        (("po", "replay", "PO1", *SETTLED, "absent"), 1, "nothing to settle"),
        (("po", "replay", "PO2", *SETTLED, "absent"), 1, "nothing to settle"),
        (("po", "replay", "PO1", *SETTLED, "none"), 2, "neither absent nor a tracking number"),
        (("po", "replay", *SETTLED, "absent"), 2, "one order's shipment"),
    ],
)
def test_refused(with_orders: Cli, line: tuple[str, ...], code: int, said: str) -> None:
    refused = with_orders(*line, "--json")
    assert (refused.code, refused.out) == (code, "")
    assert said in refused.err.replace("\n", " ")


def test_of_two_who_ship_once_more_at_once_one_gives_the_parcel_up(with_orders: Cli) -> None:
    """On PostgreSQL both have read that the shipment is alive."""

    async def both(view: TenantView) -> None:
        alive = await view.shipments.current("PO6")
        assert alive is not None
        first = await superseded(view, "cli:kari", alive, "lost")
        second = await superseded(view, "cli:ola", alive, "lost")
        assert first == second
        assert first is not None
        assert first.state is ShipmentState.SUPERSEDED

    async def told(view: TenantView) -> None:
        events = await view.audit.show(action="order:ship_again")
        assert [event.actor for event in events] == ["cli:kari"]

    in_store("nordic", both)
    in_store("nordic", told)


def test_who_ships_once_more_what_is_cancelled_meanwhile_gives_nothing_up(
    with_orders: Cli,
) -> None:
    async def both(view: TenantView) -> None:
        alive = await view.shipments.current("PO1")
        assert alive is not None
        await view.shipments.set_state("PO1", 1, ShipmentState.CANCELLED)
        now = await superseded(view, "cli:kari", alive, "lost")
        assert now is not None
        assert now.state is ShipmentState.CANCELLED

    in_store("nordic", both)


def test_a_dry_run_needs_no_temporal_and_lists_the_refused(with_orders: Cli) -> None:
    line = ("po", "replay", "--from", "post_freight", "--tenant", "nordic", "--dry-run", *REASON)
    listed = with_orders(*line, "--json")
    assert listed.code == 0
    assert {each["order"]: each["outcome"] for each in listed.data} == {
        "PO1": "refused",
        "PO2": "refused",
        "PO5": "would_replay",
        "PO6": "refused",
        "PO7": "refused",
    }
    assert listed.data[0].keys() == {"tenant", "order", "stage", "step", "outcome", "why"}
    assert with_orders("audit", "show", "--action", "order:", "--json").data == []


@pytest.mark.parametrize(
    "line",
    [
        ("po", "ship", "PO2"),
        ("po", "cancel", "PO1", *REASON),
        ("po", "ship", "PO6", "--again", *REASON),
        ("po", "replay", "PO5", "--from", "track", *REASON),
        ("quote", "PO1"),
        ("token", "status"),
    ],
    ids=" ".join,
)
def test_without_temporal_nothing_is_changed(with_orders: Cli, line: tuple[str, ...]) -> None:
    refused = with_orders(*line, "--json")
    assert (refused.code, refused.out) == (4, "")
    assert "Temporal does not answer" in refused.err
    assert with_orders("audit", "show", "--action", "order:", "--json").data == []

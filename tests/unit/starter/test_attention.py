"""`attention`: what waits for whom, and which orders a command for many is about."""

import pytest

from ml_connector.store.states import TenantState
from ml_connector.store.view import TenantView
from tests.command_line import Cli
from tests.unit.starter.orders import in_store, label, park, with_store


async def waits(view: TenantView) -> None:
    await park(view)
    await park(view, "PO3", "weight_missing")
    await view.orders.save("PO4", stage="waiting_release")
    await label(view)


@pytest.fixture
def waiting(nordic: Cli) -> Cli:
    in_store("nordic", waits)
    return nordic


def test_everything_that_waits_says_why_and_what_to_do(waiting: Cli) -> None:
    listed = waiting("attention", "list", "--json")
    assert listed.code == 0
    assert {each["order"]: each["reason"] for each in listed.data} == {
        "PO2": "postcode_missing",
        "PO3": "weight_missing",
        "PO4": "waits_for_release",
    }
    first = listed.data[0]
    assert first.keys() == {"tenant", "order", "stage", "reason", "what", "remedy", "since"}
    assert first["since"] == "2026-11-02T15:00:00+00:00", "the longest waiting first"
    assert "Add it in Visma." in waiting("attention", "list").out


def test_filters(waiting: Cli) -> None:
    listed = waiting("attention", "list", "--cause", "weight_missing", "--json").data
    assert [each["order"] for each in listed] == ["PO3"]
    assert waiting("attention", "list", "--tenant", "nobody").code == 1


def test_a_tenant_whose_credentials_are_refused(nordic: Cli) -> None:
    with_store(
        lambda store: store.tenants.set_state(
            "nordic", TenantState.NEEDS_REAUTH, "FedEx refused the key."
        )
    )
    [row] = nordic("attention", "list", "--json").data
    assert (row["tenant"], row["order"], row["what"]) == ("nordic", None, "FedEx refused the key.")
    assert "credentials set nordic" in row["remedy"]


@pytest.mark.parametrize(
    "line",
    [
        ("attention", "resume", "--reason", "x"),
        ("attention", "resume", "PO2", "--tenant", "nordic", "--reason", "x"),
        ("po", "replay", "--from", "ship", "--reason", "x"),
        ("po", "replay", "PO1", "--attention", "--from", "ship", "--reason", "x"),
    ],
    ids=" ".join,
)
def test_nobody_means_every_order_by_accident(waiting: Cli, line: tuple[str, ...]) -> None:
    assert waiting(*line).code == 2


def test_an_order_that_does_not_wait_is_not_resumed(waiting: Cli) -> None:
    refused = waiting("attention", "resume", "PO1", "--reason", "x")
    assert (refused.code, "[not_parked]" in refused.err) == (1, True)


def test_without_temporal_nothing_is_written_down(waiting: Cli) -> None:
    assert waiting("attention", "resume", "PO2", "--reason", "x").code == 4
    assert waiting("audit", "show", "--action", "order:resume", "--json").data == []

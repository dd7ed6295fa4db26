"""`quote` without an order: what it takes, and what it refuses before FedEx is asked."""

import pytest

from tests.command_line import Cli

ROUTE = ("quote", "--from", "SE-41103", "--to", "SE-11122")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (("quote",), "Name an order"),
        (("quote", "PO1", "--from", "SE-41103"), "Name an order"),
        (ROUTE, "--weight"),
        ((*ROUTE, "--weight", "heavy"), "--weight"),
        ((*ROUTE, "--weight", "0 kg"), "zero"),
        ((*ROUTE, "--weight", "3 stone"), "--weight"),
        (("quote", "--from", "Sweden", "--to", "SE-1", "--weight", "1 kg"), "--from"),
        (("quote", "--from", "DE-1", "--to", "SE-1", "--weight", "1 kg"), "--value"),
        ((*ROUTE, "--weight", "1 kg", "--value", "free"), "--value"),
        ((*ROUTE, "--weight", "1 kg", "--value", "0 EUR"), "--value"),
        ((*ROUTE, "--weight", "1 kg", "--value", "5 XXX"), "--value"),
    ],
)
def test_wrong_usage(nordic: Cli, line: tuple[str, ...], said: str) -> None:
    refused = nordic(*line, "--json")
    assert (refused.code, refused.out) == (2, "")
    assert said in refused.err


def test_without_a_tenant(cli: Cli) -> None:
    refused = cli(*ROUTE, "--weight", "1 kg")
    assert (refused.code, "[which_tenant]" in refused.err) == (2, True)

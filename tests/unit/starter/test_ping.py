"""`tenant ping`: one word for each way in which a system does not let us in."""

from datetime import timedelta

import pytest

from ml_connector.fedex.errors import FedExBlocked, FedExCredentials, FedExThrottled, FedExTransient
from ml_connector.http.faults import Fault
from ml_connector.visma.errors import VismaCredentials, VismaTransient
from starter.ping import cause_of
from tests.command_line import Cli

SOON = timedelta(minutes=10)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (VismaCredentials("x", code="invalid_client"), "wrong_credentials"),
        (VismaCredentials("x", code="invalid_tenant"), "app_not_approved"),
        (VismaCredentials("x", code="HTTP 401"), "customer_tenant_id"),
        (VismaCredentials("x", code="HTTP 403"), "missing_scope"),
        (VismaCredentials("x", code="invalid_scope"), "missing_scope"),
        (VismaCredentials("x", code="12027"), "no_license"),
        (VismaCredentials("x", code="new one"), "not_accepted"),
        (FedExCredentials("x", codes=("ACCOUNT.NUMBER.MISMATCH",)), "wrong_account"),
        (FedExCredentials("x", codes=("FORBIDDEN.ERROR",)), "missing_permission"),
        (FedExCredentials("x", codes=("NOT.AUTHORIZED.ERROR",)), "wrong_credentials"),
        (FedExCredentials("x"), "wrong_credentials"),
        (FedExBlocked("x", retry_after=SOON), "blocked_address"),
        (FedExThrottled("FedEx blocks this address", retry_after=SOON), "blocked_address"),
        (FedExThrottled("The budget is used up", retry_after=SOON), "fed_ex_throttled"),
        (FedExTransient("x"), "fed_ex_transient"),
        (VismaTransient("x"), "visma_transient"),
    ],
)
def test_causes(error: Fault, cause: str) -> None:
    assert cause_of(error) == cause


def test_nobody_answers(nordic: Cli) -> None:
    refused = nordic("tenant", "ping", "nordic", "--json")
    assert refused.code == 4
    assert [(each["system"], bool(each["cause"])) for each in refused.data["probes"]] == [
        ("visma", True),
        ("fedex", True),
    ]
    assert refused.data["visma_quota"]["remaining"] is None


def test_an_unknown_tenant(nordic: Cli) -> None:
    assert nordic("tenant", "ping", "nobody").code == 1

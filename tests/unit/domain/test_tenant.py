from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.domain.freight import Basis
from ml_connector.domain.measures import Weight, WeightUnit
from ml_connector.domain.tenant import (
    Tenant,
    TenantFileError,
    format_duration,
    load_tenant,
    parse_duration,
)
from tests.unit.domain.builders import TENANT_FILE


def edited(old: str, new: str) -> str:
    assert old in TENANT_FILE
    return TENANT_FILE.replace(old, new)


def problems(text: str) -> list[str]:
    with pytest.raises(TenantFileError) as caught:
        load_tenant(text)
    return [problem.key for problem in caught.value.problems]


def test_defaults_are_the_documented_ones() -> None:
    tenant = load_tenant(TENANT_FILE)
    assert tenant.timezone == "Europe/Oslo"
    assert tenant.visma.api_url == "https://api.finance.visma.net"
    assert tenant.visma.fields.quote_request == "customStr3"
    assert tenant.fedex.grant_type == "client_credentials"
    assert tenant.shipping.release == "automatic"
    assert tenant.shipping.max_package_weight == Weight(Decimal(30), WeightUnit.KG)
    assert tenant.freight.default_subaccount == {1: "000", 2: "00"}
    assert tenant.freight.allocate_by is Basis.AMOUNT
    assert tenant.freight.cutoff_delay == timedelta(hours=6)
    assert tenant.polling.due.out_for_delivery == timedelta(minutes=30)
    assert tenant.retry.give_up == timedelta(days=2)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ('start_from = "now"', "start_from = 2026-01-31"),
        ("[freight]", 'payment = { NO = "SENDER", "*" = "RECIPIENT" }\n[freight]'),
        ("[freight]", 'label_to = ["post@nordic.example"]\n[freight]'),
        ("[freight]", 'max_package_weight = "66 lb"\n[freight]'),
        ("[polling]", 'default_subaccount = { 1 = "007" }\n[polling]'),
        ("[polling]", 'allocate_by = "volume"\ncutoff_delay = "0s"\n[polling]'),
        ("[polling]", '[polling.due]\nin_transit = "500ms"\n[polling]'),
    ],
)
def test_a_stored_tenant_reads_back_the_same(old: str, new: str) -> None:
    text = TENANT_FILE.replace(old, new, 1) if old else TENANT_FILE
    tenant = load_tenant(text)
    assert Tenant.model_validate_json(tenant.model_dump_json()) == tenant


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('id = "nordic"', 'id = "Nordic"', "id"),
        ('id = "nordic"', f'id = "{"n" * 33}"', "id"),
        ('id = "nordic"\n', "", "id"),
        ("[visma]", 'timezone = "Europe/Olso"\n[visma]', "timezone"),
        ("[visma]", 'timezone = "Europe"\n[visma]', "timezone"),
        ("[visma]", "colour = 1\n[visma]", "colour"),
        ("[fedex]", '[fedex]\napi_url = "http://apis.fedex.example"', "fedex.api_url"),
        ("[fedex]", '[fedex]\napi_url = "ftp://localhost"', "fedex.api_url"),
        ("[fedex]", '[fedex]\napi_url = "https://user:pw@host"', "fedex.api_url"),
        ('{ env = "NORDIC_FEDEX_KEY" }', '"l7a1b2c3"', "fedex.client_id"),
        ('{ env = "NORDIC_FEDEX_KEY" }', "{ prompt = false }", "fedex.client_id"),
        ('{ env = "NORDIC_FEDEX_KEY" }', '{ env = "A", file = "b" }', "fedex.client_id"),
        ("[fedex]", '[fedex]\ngrant_type = "password"', "fedex.grant_type"),
        ("[fedex]", '[fedex]\ngrant_type = "csp_credentials"', "fedex"),
        ("[fedex]", '[fedex]\nchild_key = { env = "K" }', "fedex"),
        ("[fedex]", '[fedex]\ntrack_client_id = { env = "K" }', "fedex"),
        ("[fedex]", 'manual_batch_numbers = "no"\n[fedex]', "visma.manual_batch_numbers"),
        (
            "[fedex]",
            'fields = { tracking_number = "customDec1" }\n[fedex]',
            "visma.fields.tracking_number",
        ),
        (
            "[fedex]",
            'fields = { freight_cost = "customStr5" }\n[fedex]',
            "visma.fields.freight_cost",
        ),
        (
            "[fedex]",
            'fields = { delivered_at = "customStr5" }\n[fedex]',
            "visma.fields.delivered_at",
        ),
        ("[fedex]", 'fields = { tracking_number = "customStr2" }\n[fedex]', "visma.fields"),
        ('{ FEDEX = "FEDEX_INTERNATIONAL_PRIORITY" }', "{}", "shipping.ship_via"),
        ('"FEDEX_INTERNATIONAL_PRIORITY"', '"priority"', "shipping.ship_via.FEDEX"),
        ("[freight]", 'payment = "COLLECT"\n[freight]', "shipping.payment"),
        ("[freight]", 'payment = { NO = "SENDER" }\n[freight]', "shipping.payment"),
        (
            "[freight]",
            'payment = { Norway = "SENDER", "*" = "SENDER" }\n[freight]',
            "shipping.payment",
        ),
        ("[freight]", "label_to = []\n[freight]", "shipping.label_to"),
        ("[freight]", 'label_to = "someone"\n[freight]', "shipping.label_to"),
        ("[freight]", 'label = { format = "GIF" }\n[freight]', "shipping.label.format"),
        ("[freight]", 'max_package_weight = "0 kg"\n[freight]', "shipping.max_package_weight"),
        ("[freight]", 'max_package_weight = "30 stones"\n[freight]', "shipping.max_package_weight"),
        ("[freight]", 'default_phone = "22 00"\n[freight]', "shipping.default_phone"),
        ('"7140"', "7140", "freight.debit_account"),
        ('"7140"', '"line"', "freight"),
        ('accrual_account = "2960"\n', "", "freight.accrual_account"),
        ("[polling]", "default_subaccount = { 1 = 7 }\n[polling]", "freight.default_subaccount"),
        ("[polling]", 'default_subaccount = { a = "7" }\n[polling]', "freight.default_subaccount"),
        ("[polling]", 'allocate_by = "price"\n[polling]', "freight.allocate_by"),
        ('start_from = "now"\n', "", "polling.start_from"),
        ('start_from = "now"', 'start_from = "yesterday"', "polling.start_from"),
        ('start_from = "now"', "start_from = 2026-01-31T10:00:00", "polling.start_from"),
        ('start_from = "now"', 'start_from = "now"\ndiscovery = "5 min"', "polling.discovery"),
        ('start_from = "now"', 'start_from = "now"\ndiscovery = 5', "polling.discovery"),
        ('start_from = "now"', 'start_from = "now"\ndiscovery = "0s"', "polling.discovery"),
        ('start_from = "now"', 'start_from = "now"\ndue = { held = "1h" }', "polling.due.held"),
        ('start_from = "now"', 'start_from = "now"\n[retry]\ninitial = "1h"', "retry"),
    ],
)
def test_each_mistake_is_named_by_its_key(old: str, new: str, key: str) -> None:
    assert problems(edited(old, new)) == [key]


def test_all_problems_come_at_once_each_with_a_remedy() -> None:
    text = (
        edited('"7140"', "7140")
        .replace("accrual_account", "acrual_account")
        .replace('"now"', '"soon"')
    )
    with pytest.raises(TenantFileError) as caught:
        load_tenant(text)
    assert str(caught.value).splitlines() == [
        "freight.debit_account is not text. Put the value in quotes.",
        "freight.accrual_account is missing. Add it.",
        "freight.acrual_account is not a known key. Did you mean accrual_account?",
        'polling.start_from is not a start. Write "all", "now" or a date such as 2026-01-31.',
    ]


def test_a_secret_written_in_the_file_is_repeated_nowhere() -> None:
    with pytest.raises(TenantFileError) as caught:
        load_tenant(edited('{ env = "NORDIC_FEDEX_KEY" }', '"hunter2"'))
    error: BaseException | None = caught.value
    assert "hunter2" not in str(error)
    assert error is not None and error.__cause__ is None and error.__suppress_context__


def test_a_file_that_is_no_toml_says_where() -> None:
    with pytest.raises(TenantFileError, match="line 2"):
        load_tenant("id = 1\nname = yes\n")


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "127.3.2.1"])
def test_plain_http_reaches_this_machine_only(host: str) -> None:
    tenant = load_tenant(edited("[fedex]", f'[fedex]\napi_url = "http://{host}/"'))
    assert tenant.fedex.api_url == f"http://{host}"


def test_every_secret_reference_is_listed_by_its_key() -> None:
    refs = load_tenant(TENANT_FILE).secret_refs()
    assert sorted(refs) == [
        "fedex.account_number",
        "fedex.client_id",
        "fedex.client_secret",
        "visma.client_id",
        "visma.client_secret",
    ]
    assert refs["fedex.client_secret"].file == "/run/secrets/fedex"


def test_payment_by_shipper_country() -> None:
    text = edited("[freight]", 'payment = { NO = "SENDER", "*" = "THIRD_PARTY" }\n[freight]')
    tenant = load_tenant(text)
    assert [tenant.payment_for(country) for country in ("NO", "CN")] == ["SENDER", "THIRD_PARTY"]
    assert load_tenant(TENANT_FILE).payment_for("CN") == "SENDER"


def test_services_by_carrier() -> None:
    tenant = load_tenant(TENANT_FILE)
    assert tenant.service_for("FEDEX") == "FEDEX_INTERNATIONAL_PRIORITY"
    assert tenant.service_for("DHL") is None
    assert tenant.service_for(None) is None
    anything = load_tenant(edited("{ FEDEX =", '{ "*" = "FEDEX_PRIORITY", FEDEX ='))
    assert anything.service_for(None) == anything.service_for("DHL") == "FEDEX_PRIORITY"
    assert anything.service_for("FEDEX") == "FEDEX_INTERNATIONAL_PRIORITY"


def test_a_start_date_is_read_as_date_or_text() -> None:
    for written in ("2026-01-31", '"2026-01-31"'):
        text = edited('start_from = "now"', f"start_from = {written}")
        assert load_tenant(text).polling.start_from == date(2026, 1, 31)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("500ms", timedelta(milliseconds=500)),
        ("30s", timedelta(seconds=30)),
        ("5m", timedelta(minutes=5)),
        ("2h", timedelta(hours=2)),
        ("30d", timedelta(days=30)),
        ("0s", timedelta()),
    ],
)
def test_durations(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text", ["", "5", "5 min", "-5m", "1.5h", "1h30m", "5M", "999999999d", "3651d"]
)
def test_text_that_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|ten years"):
        parse_duration(text)


@given(st.integers(0, 999_999_999))
def test_every_whole_millisecond_can_be_written(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(duration)) == duration

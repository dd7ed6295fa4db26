"""`tenant`: a good file is applied whole, a bad one changes nothing and says all that is wrong."""

import asyncio
from pathlib import Path

import pytest

from ml_connector.settings import Settings
from starter.context import Installation
from tests.command_line import Cli
from tests.unit.starter.conftest import NORDIC, SECRETS

IBERIA = NORDIC.with_name("iberia.toml")


def edited(tmp_path: Path, *replacements: tuple[str, str]) -> Path:
    """The example file with some text replaced."""
    text = NORDIC.read_text()
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    file = tmp_path / "tenant.toml"
    file.write_text(text)
    return file


def audited(tenant: str) -> list[tuple[str, dict[str, object]]]:
    """Actions and details in a tenant's audit trail, which must hold together."""

    async def read() -> list[tuple[str, dict[str, object]]]:
        async with Installation.open(Settings.from_env()) as here:
            store = await here.store()
            async with store.read(tenant) as view:
                assert await view.audit.verify() is None
                return [(event.action, dict(event.detail)) for event in await view.audit.show()]

    return asyncio.run(read())


def test_apply_list_show_round_trip(cli: Cli, secrets: None) -> None:
    applied = cli("tenant", "apply", NORDIC, "--json")
    assert applied.code == 0
    assert applied.data["outcome"] == "created"
    assert applied.data["version"] == 1
    assert set(applied.data["secrets_changed"]) == {
        "visma.client_id",
        "visma.client_secret",
        "fedex.account_number",
        "fedex.client_id",
        "fedex.client_secret",
    }

    [listed] = cli("tenant", "list", "--json").data
    assert (listed["tenant"], listed["state"], listed["orders"]) == ("nordic", "active", 0)

    shown = cli("tenant", "show", "nordic", "--json").data
    assert shown["settings"]["shipping"]["ship_via"] == {
        "FEDEX": "FEDEX_INTERNATIONAL_PRIORITY",
        "FEDEXECO": "INTERNATIONAL_ECONOMY",
    }
    assert shown["settings"]["retry"]["give_up"] == "2d", "defaults are in force, so they show"
    assert shown["settings"]["visma"]["client_secret"]["env"] == "NORDIC_VISMA_SECRET"


def test_tables_say_the_same(nordic: Cli) -> None:
    assert "nordic  Nordic Distribusjon AS  active" in nordic("tenant", "list").out
    shown = nordic("tenant", "show", "nordic").out
    assert "polling.due.exception" in shown
    assert "client_secret.prompt" not in shown


def test_both_examples_can_be_applied(nordic: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name.replace("NORDIC", "IBERIA"), value)
    assert nordic("tenant", "apply", IBERIA).code == 0
    assert [row["tenant"] for row in nordic("tenant", "list", "--json").data] == [
        "iberia",
        "nordic",
    ]


def test_no_secret_is_shown_or_stored_readable(nordic: Cli, home: Path) -> None:
    said = nordic("tenant", "show", "nordic").out + nordic("tenant", "apply", NORDIC).out
    stored = b"".join(file.read_bytes() for file in home.rglob("*") if file.is_file())
    for secret in SECRETS.values():
        assert secret not in said
        assert secret.encode() not in stored


def test_a_repeated_apply_says_that_nothing_changed(nordic: Cli) -> None:
    again = nordic("tenant", "apply", NORDIC, "--json").data
    assert again["outcome"] == "unchanged"
    assert again["changes"] == again["secrets_changed"] == []
    # Parked orders are looked at again all the same: the worker goes by the version.
    assert again["version"] == 2


def test_an_update_names_each_change(
    nordic: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NORDIC_FEDEX_SECRET", "renewed")
    file = edited(tmp_path, ('discovery = "5m"', 'discovery = "90s"'))
    updated = nordic("tenant", "apply", file, "--json").data
    assert updated["outcome"] == "updated"
    assert updated["changes"] == [{"key": "polling.discovery", "old": "5m", "new": "90s"}]
    assert updated["secrets_changed"] == ["fedex.client_secret"]

    said = nordic("tenant", "apply", NORDIC).out
    assert 'polling.discovery: "90s" → "5m"' in said


def test_who_applied_what_is_audited_without_values(nordic: Cli, tmp_path: Path) -> None:
    nordic("tenant", "apply", edited(tmp_path, ("+4722000000", "+4799999999")))
    [(created, _), (updated, detail)] = audited("nordic")
    assert (created, updated) == ("tenant:create", "tenant:update")
    assert detail["settings"] == ["shipping.default_phone"]
    assert "+4799999999" not in str(detail)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('name = "Nordic', 'nmae = "Nordic', ["nmae", "Did you mean name?", "name is missing"]),
        ('start_from = "all"', "", ["polling.start_from is missing"]),
        ('discovery = "5m"', "discovery = 5", ["polling.discovery is not a duration"]),
        ('debit_account = "7140"', "debit_account = 7140", ["freight.debit_account is not text"]),
        ('{ env = "NORDIC_FEDEX_KEY" }', '"literal-marker"', ["fedex.client_id", "reference"]),
        ("http://127.0.0.1:18080", "http://apis.fedex.com", ["fedex.api_url", "https"]),
        ('id = "nordic"', "id = nordic", ["not TOML"]),
    ],
)
def test_a_bad_file_is_refused_and_changes_nothing(
    nordic: Cli, tmp_path: Path, old: str, new: str, named: list[str]
) -> None:
    before = nordic("tenant", "show", "nordic", "--json").data
    refused = nordic("tenant", "apply", edited(tmp_path, (old, new)), "--json")
    assert refused.code == 2
    assert refused.out == ""
    assert "nothing was changed" in refused.err
    for text in named:
        assert text in refused.err
    assert "literal-marker" not in refused.err
    assert nordic("tenant", "show", "nordic", "--json").data == before


def test_all_problems_of_a_file_are_named_at_once(nordic: Cli, tmp_path: Path) -> None:
    file = edited(
        tmp_path,
        ('start_from = "all"', ""),
        ('journal = "released"', 'jurnal = "released"'),
        ('post_on = "delivery"', "post_on = 3"),
    )
    refused = nordic("tenant", "apply", file)
    assert "has 3 problems" in refused.err
    for key in ("polling.start_from", "freight.jurnal", "freight.post_on"):
        assert f"  - {key}" in refused.err


def test_every_missing_secret_is_named_and_nothing_changes(
    cli: Cli, secrets: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NORDIC_VISMA_SECRET")
    monkeypatch.setenv("NORDIC_FEDEX_KEY", " ")
    refused = cli("tenant", "apply", NORDIC)
    assert refused.code == 2
    assert "2 of 5 secrets cannot be read" in refused.err
    assert "NORDIC_VISMA_SECRET" in refused.err
    assert "NORDIC_FEDEX_KEY" in refused.err
    assert cli("tenant", "list", "--json").data == []


def test_a_file_that_is_not_there(cli: Cli, tmp_path: Path) -> None:
    refused = cli("tenant", "apply", tmp_path / "absent.toml")
    assert refused.code == 2
    assert "absent.toml cannot be read" in refused.err
    assert "No such file" in refused.err


def test_an_unknown_tenant_is_a_refusal(cli: Cli) -> None:
    refused = cli("tenant", "show", "nobody", "--json")
    assert (refused.code, refused.out) == (1, "")
    assert "no tenant 'nobody'" in refused.err


def test_remove_forgets_the_secrets_and_apply_brings_it_back(nordic: Cli) -> None:
    removed = nordic("tenant", "remove", "nordic", "--reason", "contract ended", "--json")
    assert removed.data == {"tenant": "nordic", "outcome": "removed", "orders_under_way": 0}
    assert nordic("tenant", "list", "--json").data == []
    assert nordic("tenant", "show", "nordic").code == 1

    back = nordic("tenant", "apply", NORDIC, "--json").data
    assert back["resumed"] is True
    assert len(back["secrets_changed"]) == 5
    [listed] = nordic("tenant", "list", "--json").data
    assert listed["state"] == "active"
    assert ("tenant:remove", "contract ended") in [
        (action, detail.get("reason")) for action, detail in audited("nordic")
    ]


def test_remove_needs_a_reason(nordic: Cli) -> None:
    refused = nordic("tenant", "remove", "nordic")
    assert refused.code == 2
    assert "--reason" in refused.err

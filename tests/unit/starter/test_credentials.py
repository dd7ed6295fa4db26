"""`credentials set`: which secrets change, from where, and what goes on afterwards."""

from pathlib import Path

import pytest

from activities.waiting import begin_wait
from ml_connector.store.states import TenantState
from ml_connector.store.store import Store
from ml_connector.store.view import TenantView
from tests.command_line import Cli
from tests.unit.starter.conftest import SECRETS
from tests.unit.starter.orders import SCANNED, in_store, with_store


async def _lock_out(store: Store) -> None:
    async with store.write("nordic") as view:
        await view.orders.save("PO1", stage="shipping")
        await view.orders.save("PO2", stage="in_transit")
    await store.tenants.set_state("nordic", TenantState.NEEDS_REAUTH, "refused")
    assert await begin_wait(store, "nordic", "PO1")


@pytest.fixture
def locked_out(nordic: Cli) -> Cli:
    """A tenant whose credentials were refused; one of its two orders waits for new ones."""

    with_store(_lock_out)
    return nordic


def test_everything_from_where_the_tenant_file_says(
    locked_out: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NORDIC_FEDEX_SECRET", "new-marker")
    done = locked_out("credentials", "set", "nordic", "--json")
    assert done.code == 0
    assert done.data == {
        "tenant": "nordic",
        "outcome": "set",
        "secrets_changed": ["fedex.client_secret"],
        "resumed": True,
        "orders_nudged": ["PO1"],
    }
    assert "The orders go on once it runs" in done.err, "Temporal need not run"
    assert "new-marker" not in done.out + done.err
    assert locked_out("tenant", "list", "--json").data[0]["state"] == "active"

    async def news(view: TenantView) -> None:
        assert [row.order for row in await view.orders.pending_signals(9)] == ["PO1"]
        assert await view.findings.open("PO1") == ()

    in_store("nordic", news)


def test_only_what_is_named(nordic: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.delenv(name)
    (tmp_path / "secret").write_text("from-a-file\n")
    line = ("credentials", "set", "nordic", "--file", "visma.client_secret=secret")
    done = nordic(*line, "--base", tmp_path, "--json")
    assert done.data["secrets_changed"] == ["visma.client_secret"]
    [event] = nordic("audit", "show", "--action", "credentials:set", "--json").data
    assert event["detail"] == {"secrets": ["visma.client_secret"]}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--env", "visma.client_secret"), "KEY=SOURCE"),
        (("--env", "visma.password=X"), "visma.client_id"),
        (("--env", "visma.client_id=NOT_SET"), "NOT_SET is not set"),
        (("--prompt", "visma.client_id"), "nobody can be asked"),
    ],
)
def test_nothing_changes_when_anything_is_wrong(
    nordic: Cli, options: tuple[str, ...], said: str
) -> None:
    refused = nordic("credentials", "set", "nordic", *options, "--json")
    assert (refused.code, refused.out) == (2, "")
    assert said in refused.err
    assert nordic("tenant", "list", "--json").data[0]["version"] == 1


@pytest.mark.parametrize("removed", [False, True])
def test_tokens_of_the_secrets_before_are_forgotten(nordic: Cli, removed: bool) -> None:
    credentials = ("nordic/ship", "nordica/ship")

    async def keep(store: Store) -> None:
        for each in credentials:
            await store.coordination.put_token(each, "t", version=1, expires_at=SCANNED)

    async def kept(store: Store) -> list[str]:
        return [each for each in credentials if await store.coordination.get_token(each)]

    with_store(keep)
    line = ("tenant", "remove") if removed else ("credentials", "set")
    assert nordic(*line, "nordic", *(("--reason", "ended") if removed else ())).code == 0
    assert with_store(kept) == ["nordica/ship"], "another tenant's stays"


def test_rotate_needs_both_systems_and_changes_nothing_without(nordic: Cli) -> None:
    assert nordic("credentials", "rotate", "nordic").code == 4
    assert nordic("tenant", "list", "--json").data[0]["version"] == 1

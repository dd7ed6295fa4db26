"""What a command leaves behind that is killed between two of its transactions."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from activities.waiting import begin_wait
from ml_connector.store.states import TenantState
from ml_connector.store.store import Store
from ml_connector.store.view import TenantView
from tests.command_line import Cli
from tests.unit.starter.conftest import NORDIC, SECRETS
from tests.unit.starter.orders import in_store, with_store

APPLY = ("tenant", "apply", str(NORDIC))
SET = ("credentials", "set", "nordic")
REMOVE = ("tenant", "remove", "nordic", "--reason", "ended")


def killed(commits: int, *line: str) -> bool:
    """Whether the command came so far that it was killed."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.killed", str(commits), *line],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
    return ended.returncode != 0


async def _lock_out(store: Store) -> None:
    async with store.write("nordic") as view:
        await view.orders.save("PO1", stage="shipping")
    await store.tenants.set_state("nordic", TenantState.NEEDS_REAUTH, "refused")
    await begin_wait(store, "nordic", "PO1")


@pytest.fixture
def new_secrets(nordic: Cli, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Numbers, each with secrets that the tenant never had, and with its old ones refused."""

    def attempts() -> Iterator[int]:
        for commits in count(1):
            with_store(_lock_out)
            monkeypatch.setenv("NORDIC_FEDEX_SECRET", f"renewed-{commits}")
            yield commits

    return attempts()


@pytest.mark.parametrize("line", [APPLY, SET], ids=["tenant apply", "credentials set"])
def test_new_credentials(nordic: Cli, new_secrets: Iterator[int], line: tuple[str, ...]) -> None:
    for commits in new_secrets:
        died = killed(commits, *line)
        assert nordic(*line).code == 0
        assert nordic("tenant", "list", "--json").data[0]["state"] == "active"

        async def told(view: TenantView) -> None:
            assert await view.findings.open("PO1") == ()
            [row] = await view.orders.pending_signals(9)
            await view.orders.mark_signalled("PO1", row.progress_version)

        in_store("nordic", told)
        if not died:
            break
    assert commits > 1, "it was killed at least once"


def test_a_removed_tenant_keeps_no_secret(nordic: Cli) -> None:
    assert killed(1, *REMOVE)

    async def forgotten(store: Store) -> tuple[TenantState, tuple[str, ...]]:
        record = await store.tenants.get("nordic")
        assert record is not None
        async with store.read("nordic") as view:
            return record.state, await view.secrets.names()

    assert with_store(forgotten) == (TenantState.REMOVED, ())


def test_an_apply_that_changes_nothing_says_what_the_tenant_waits_for(nordic: Cli) -> None:
    with_store(_lock_out)
    again = nordic(*APPLY, "--json")
    assert (again.code, again.data["outcome"], again.data["resumed"]) == (0, "unchanged", False)
    assert "ml-connector credentials set nordic" in again.err
    assert not set(SECRETS.values()) & set(again.err.split())

"""`schedule` against a real Temporal server, which no worker serves here."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client

from ml_connector.store.states import TenantState
from ml_connector.temporal.dev_server import DevServer
from ml_connector.temporal.schedules import LOCKED, delete_schedules
from starter.context import Installation
from tests.command_line import Cli, Outcome
from tests.unit.starter.conftest import NORDIC

Command = Callable[..., Awaitable[Outcome]]


@pytest_asyncio.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DevServer]:
    async with DevServer(tmp_path_factory.mktemp("temporal"), ui=False) as running:
        yield running


@pytest_asyncio.fixture
async def command(
    nordic: Cli, server: DevServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Command]:
    """Runs a command line beside the event loop, since it brings a loop of its own."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", server.address)

    async def call(*arguments: str | Path) -> Outcome:
        return await asyncio.to_thread(nordic, *arguments)

    yield call
    await delete_schedules(await Client.connect(server.address), "nordic")


async def test_apply_is_repeatable_and_list_shows_it(command: Command) -> None:
    first = await command("schedule", "apply", "--json")
    assert {row["schedule"]: row["change"] for row in first.data} == {
        "discovery/nordic": "created",
        "tracking/nordic": "created",
        "cutoff/nordic": "created",
    }
    again = await command("schedule", "apply", "--tenant", "nordic", "--json")
    assert {row["change"] for row in again.data} == {"unchanged"}

    listed = (await command("schedule", "list", "--json")).data
    assert [(row["schedule"], row["every"], row["paused"]) for row in listed] == [
        ("discovery/nordic", "5m", False),
        ("tracking/nordic", "30m", False),
        ("cutoff/nordic", None, False),
    ]
    assert listed[1]["next_run"].endswith("+00:00")


async def test_a_changed_tenant_file_changes_its_schedule(command: Command, tmp_path: Path) -> None:
    await command("schedule", "apply")
    file = tmp_path / "nordic.toml"
    file.write_text(NORDIC.read_text().replace('tracking = "30m"', 'tracking = "10m"'))
    assert (await command("tenant", "apply", file)).code == 0
    changed = await command("schedule", "apply", "--json")
    assert {row["schedule"]: row["change"] for row in changed.data}["tracking/nordic"] == "updated"
    assert "10m" in (await command("schedule", "list")).out


async def test_pause_and_resume_say_who_and_why(command: Command) -> None:
    await command("schedule", "apply")
    paused = await command("schedule", "pause", "--reason", "stock-taking", "--json")
    assert {row["paused"] for row in paused.data} == {True}
    assert all("stock-taking" in row["note"] and "cli:" in row["note"] for row in paused.data)
    resumed = await command("schedule", "resume", "--reason", "it is over", "--json")
    assert {row["paused"] for row in resumed.data} == {False}


async def test_a_person_does_not_resume_what_waits_for_credentials(command: Command) -> None:
    await command("schedule", "apply")
    await command("schedule", "pause", "--reason", "stock-taking")
    async with Installation.open() as here:
        await (await here.store()).tenants.set_state("nordic", TenantState.NEEDS_REAUTH, "401")
    refused = await command("schedule", "resume", "--reason", "it is over", "--json")
    assert (refused.code, "[needs_reauth]" in refused.err) == (3, True)
    assert {(row["paused"], row["note"]) for row in refused.data} == {(True, LOCKED)}


async def test_trigger_runs_it_now(command: Command) -> None:
    await command("schedule", "apply")
    triggered = await command("schedule", "trigger", "tracking", "--tenant", "nordic", "--json")
    assert triggered.code == 0
    assert triggered.data == [{"schedule": "tracking/nordic", "triggered": True}]


async def test_trigger_of_a_schedule_that_is_not_there(command: Command, server: DevServer) -> None:
    client = await Client.connect(server.address)
    await command("schedule", "apply")
    await client.get_schedule_handle("cutoff/nordic").delete()
    refused = await command("schedule", "trigger", "cutoff", "--json")
    assert refused.code == 1
    assert refused.data == [{"schedule": "cutoff/nordic", "triggered": False}]
    assert "ml-connector schedule apply" in refused.err


async def test_the_doctor_sees_that_no_worker_runs(command: Command) -> None:
    outcome = await command(
        "doctor", "--only=temporal", "--only=search-attributes", "--only=worker"
    )
    assert outcome.code == 1
    assert "No worker serves ml-connector" in outcome.out


async def test_a_listing_of_nobody(command: Command) -> None:
    await command("tenant", "remove", "nordic", "--reason", "a test")
    listed = await command("schedule", "list")
    assert (listed.code, listed.out.strip()) == (
        0,
        "No schedule yet. A worker makes them, or: ml-connector schedule apply",
    )

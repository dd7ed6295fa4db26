import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.client import Client, ScheduleActionStartWorkflow, ScheduleOverlapPolicy

from ml_connector.domain.tenant import load_tenant
from ml_connector.security.keys import MasterKey, MasterKeys
from ml_connector.temporal.connection import connect
from ml_connector.temporal.dev_server import DevServer
from ml_connector.temporal.ids import ScheduleId, ScheduleKind
from ml_connector.temporal.messages import TenantInput
from ml_connector.temporal.schedule_plan import SchedulePlan, effective_interval, schedules_of
from ml_connector.temporal.schedules import (
    LOCKED,
    Change,
    ScheduleStatus,
    delete_schedules,
    ensure_schedules,
    list_schedules,
    lock_schedules,
    pause_schedules,
    resume_schedules,
    trigger_schedule,
    unlock_schedules,
)

DISCOVERY, TRACKING, CUTOFF = ScheduleKind


@pytest.fixture
def plan() -> SchedulePlan:
    return SchedulePlan(
        tenant=f"t-{uuid.uuid4().hex[:8]}",
        timezone="Europe/Oslo",
        discovery=timedelta(minutes=5),
        tracking=timedelta(minutes=30),
        cutoff_delay=timedelta(hours=6, minutes=30),
    )


def by_kind(changes: dict[ScheduleId, Change]) -> dict[ScheduleKind, Change]:
    return {key.kind: change for key, change in changes.items()}


async def status(client: Client, tenant: str) -> dict[ScheduleKind, ScheduleStatus]:
    return {item.id.kind: item for item in await list_schedules(client, [tenant])}


async def test_a_plan_becomes_three_schedules(temporal_client: Client, plan: SchedulePlan) -> None:
    assert by_kind(await ensure_schedules(temporal_client, plan)) == dict.fromkeys(
        ScheduleKind, Change.CREATED
    )
    found = await status(temporal_client, plan.tenant)
    assert {kind: item.every for kind, item in found.items()} == {
        DISCOVERY: timedelta(minutes=5),
        TRACKING: timedelta(minutes=30),
        CUTOFF: None,
    }
    described = await temporal_client.get_schedule_handle(f"cutoff/{plan.tenant}").describe()
    [at] = described.schedule.spec.calendars
    assert (at.hour[0].start, at.minute[0].start, at.second[0].start) == (6, 30, 0)
    assert described.schedule.spec.time_zone_name == "Europe/Oslo"
    action = described.schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)
    assert action.workflow == "PeriodCutoffWorkflow"
    assert await temporal_client.data_converter.decode(action.args, [TenantInput]) == [
        TenantInput(tenant=plan.tenant)
    ]


async def test_applying_twice_changes_nothing(temporal_client: Client, plan: SchedulePlan) -> None:
    await ensure_schedules(temporal_client, plan)
    assert by_kind(await ensure_schedules(temporal_client, plan)) == dict.fromkeys(
        ScheduleKind, Change.UNCHANGED
    )


@pytest.mark.parametrize(
    ("change", "touched"),
    [
        (lambda plan: replace(plan, discovery=timedelta(minutes=1)), DISCOVERY),
        (lambda plan: replace(plan, tracking=timedelta(hours=1)), TRACKING),
        (lambda plan: replace(plan, timezone="America/New_York"), CUTOFF),
        (lambda plan: replace(plan, cutoff_delay=timedelta(hours=2)), CUTOFF),
    ],
)
async def test_only_what_changed_is_updated(
    temporal_client: Client,
    plan: SchedulePlan,
    change: Callable[[SchedulePlan], SchedulePlan],
    touched: ScheduleKind,
) -> None:
    await ensure_schedules(temporal_client, plan)
    changes = by_kind(await ensure_schedules(temporal_client, change(plan)))
    assert changes == dict.fromkeys(ScheduleKind, Change.UNCHANGED) | {touched: Change.UPDATED}
    assert set(by_kind(await ensure_schedules(temporal_client, change(plan))).values()) == {
        Change.UNCHANGED
    }


async def test_cutoff_switched_off_removes_its_schedule(
    temporal_client: Client, plan: SchedulePlan
) -> None:
    await ensure_schedules(temporal_client, plan)
    without = replace(plan, cutoff_delay=None)
    assert by_kind(await ensure_schedules(temporal_client, without))[CUTOFF] is Change.DELETED
    assert set(await status(temporal_client, plan.tenant)) == {DISCOVERY, TRACKING}
    assert CUTOFF not in by_kind(await ensure_schedules(temporal_client, without))


async def test_an_update_leaves_a_pause_alone(temporal_client: Client, plan: SchedulePlan) -> None:
    await ensure_schedules(temporal_client, plan)
    await pause_schedules(temporal_client, plan.tenant, "credentials refused")
    await ensure_schedules(temporal_client, replace(plan, discovery=timedelta(minutes=1)))
    found = (await status(temporal_client, plan.tenant))[DISCOVERY]
    assert (found.paused, found.note, found.next_run) == (True, "credentials refused", None)
    assert found.every == timedelta(minutes=1)


async def test_resuming_leaves_other_peoples_pauses_alone(
    temporal_client: Client, plan: SchedulePlan
) -> None:
    await ensure_schedules(temporal_client, plan)
    await pause_schedules(temporal_client, plan.tenant, "credentials refused")
    by_hand = temporal_client.get_schedule_handle(f"tracking/{plan.tenant}")
    await by_hand.pause(note="stock-taking, Kari")
    await resume_schedules(
        temporal_client, plan.tenant, "credentials set", paused_with="credentials refused"
    )
    paused = {
        kind: item.paused for kind, item in (await status(temporal_client, plan.tenant)).items()
    }
    assert paused == {DISCOVERY: False, TRACKING: True, CUTOFF: False}
    await resume_schedules(temporal_client, plan.tenant, "by hand")
    found = await status(temporal_client, plan.tenant)
    assert not any(item.paused for item in found.values())
    assert found[TRACKING].note == "by hand"


async def test_a_lock_neither_takes_over_nor_lifts_a_persons_pause(
    temporal_client: Client, plan: SchedulePlan
) -> None:
    async def notes() -> dict[ScheduleKind, str]:
        found = await status(temporal_client, plan.tenant)
        return {kind: item.note for kind, item in found.items() if item.paused}

    await ensure_schedules(temporal_client, plan)
    await temporal_client.get_schedule_handle(f"tracking/{plan.tenant}").pause(note="Kari's")
    await lock_schedules(temporal_client, plan.tenant)
    await lock_schedules(temporal_client, plan.tenant)
    assert await notes() == {DISCOVERY: LOCKED, TRACKING: "Kari's", CUTOFF: LOCKED}
    await temporal_client.get_schedule_handle(f"cutoff/{plan.tenant}").pause(note="Kari's too")
    await unlock_schedules(temporal_client, plan.tenant)
    assert await notes() == {TRACKING: "Kari's", CUTOFF: "Kari's too"}

    await lock_schedules(temporal_client, plan.tenant, over=True)
    await unlock_schedules(temporal_client, plan.tenant)
    assert await notes() == {}


async def test_a_trigger_runs_now(temporal_client: Client, plan: SchedulePlan) -> None:
    await ensure_schedules(temporal_client, plan)
    assert await trigger_schedule(temporal_client, TRACKING, plan.tenant)
    handle = temporal_client.get_schedule_handle(f"tracking/{plan.tenant}")
    while not (recent := (await handle.describe()).info.recent_actions):
        pass  # each look is a call; the test's own time limit ends it
    assert recent[0].action.workflow_id.startswith(f"tracking/{plan.tenant}-")  # type: ignore[attr-defined]
    assert (await status(temporal_client, plan.tenant))[TRACKING].last_run is not None


async def test_a_new_tenants_orders_are_looked_for_at_once(
    temporal_client: Client, plan: SchedulePlan
) -> None:
    await ensure_schedules(temporal_client, plan)
    handle = temporal_client.get_schedule_handle(f"discovery/{plan.tenant}")
    while not (await handle.describe()).info.recent_actions:
        pass
    assert (await status(temporal_client, plan.tenant))[TRACKING].last_run is None


async def test_removed_and_unknown_tenants(temporal_client: Client, plan: SchedulePlan) -> None:
    await ensure_schedules(temporal_client, plan)
    await delete_schedules(temporal_client, plan.tenant)
    await delete_schedules(temporal_client, plan.tenant)
    assert await list_schedules(temporal_client, [plan.tenant]) == []
    assert not await trigger_schedule(temporal_client, DISCOVERY, plan.tenant)
    await pause_schedules(temporal_client, plan.tenant, "nothing to pause")
    await resume_schedules(temporal_client, plan.tenant, "nothing to resume")


async def test_the_index_finds_every_tenants_schedules(
    temporal_client: Client, plan: SchedulePlan
) -> None:
    await ensure_schedules(temporal_client, plan)
    kinds: list[ScheduleKind] = []
    while len(kinds) < len(ScheduleKind):  # the index lags
        found = await list_schedules(temporal_client)
        kinds = [item.id.kind for item in found if item.id.tenant == plan.tenant]
    assert kinds == list(ScheduleKind)


async def test_the_argument_is_written_anew_under_a_new_key(
    dev_server: DevServer, temporal_client: Client, master_keys: MasterKeys, plan: SchedulePlan
) -> None:
    await ensure_schedules(temporal_client, plan)
    fresh = MasterKey.of(b"\x07" * 32)
    rotated = MasterKeys([fresh, master_keys.current])
    client = await connect(rotated, environ={}, address=dev_server.address)
    assert set(by_kind(await ensure_schedules(client, plan)).values()) == {Change.UPDATED}
    # From here on the old key may be destroyed.
    client = await connect(MasterKeys([fresh]), environ={}, address=dev_server.address)
    assert set(by_kind(await ensure_schedules(client, plan)).values()) == {Change.UNCHANGED}


@pytest.mark.parametrize("milliseconds", [1, 500, 1_000, 1_500, 2_000])
async def test_short_intervals_are_accepted(
    temporal_client: Client, plan: SchedulePlan, milliseconds: int
) -> None:
    short = replace(plan, discovery=timedelta(milliseconds=milliseconds))
    await ensure_schedules(temporal_client, short)
    found = (await status(temporal_client, plan.tenant))[DISCOVERY]
    assert found.every == timedelta(seconds=2 if milliseconds > 1_000 else 1)
    assert set(by_kind(await ensure_schedules(temporal_client, short)).values()) == {
        Change.UNCHANGED
    }
    await delete_schedules(temporal_client, plan.tenant)


intervals = st.timedeltas(timedelta(milliseconds=1), timedelta(days=7))


@given(interval=intervals)
def test_temporal_never_polls_more_often_than_asked(interval: timedelta) -> None:
    effective = effective_interval(interval)
    assert effective % timedelta(seconds=1) == timedelta()
    assert max(interval, timedelta(seconds=1)) <= effective < interval + timedelta(seconds=1)


@given(tenant=st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True), interval=intervals)
def test_a_hung_run_cannot_block_for_long(tenant: str, interval: timedelta) -> None:
    plan = SchedulePlan(
        tenant=tenant, timezone="UTC", discovery=interval, tracking=interval, cutoff_delay=None
    )
    for schedule in schedules_of(plan).values():
        action, [every] = schedule.action, schedule.spec.intervals
        assert isinstance(action, ScheduleActionStartWorkflow)
        assert action.execution_timeout is not None
        assert action.execution_timeout < max(3 * every.every, timedelta(minutes=3))
        assert schedule.policy.overlap is ScheduleOverlapPolicy.SKIP
        assert schedule.policy.catchup_window is not None
        assert schedule.policy.catchup_window <= timedelta(minutes=15)
        assert (every.offset or timedelta()) < every.every
        assert schedule.spec.jitter is not None
        assert schedule.spec.jitter < every.every
        assert action.priority.fairness_key == tenant


def test_tenants_are_spread_over_the_interval() -> None:
    def offset(number: int) -> timedelta | None:
        plan = SchedulePlan(
            tenant=f"tenant-{number}",
            timezone="UTC",
            discovery=timedelta(minutes=5),
            tracking=timedelta(minutes=30),
            cutoff_delay=None,
        )
        [first, _] = schedules_of(plan).values()
        return first.spec.intervals[0].offset

    assert len({offset(number) for number in range(50)}) > 40


def test_a_plan_is_read_from_the_tenant_file() -> None:
    tenant = load_tenant(
        """
        id = "nordic"
        name = "Nordic"
        timezone = "Europe/Oslo"
        [visma]
        tenant_id = "af1140c1-52e0-46c7-b684-df894d4b8a5a"
        client_id = { env = "A" }
        client_secret = { env = "B" }
        [fedex]
        account_number = { env = "C" }
        client_id = { env = "D" }
        client_secret = { env = "E" }
        [shipping]
        ship_via = { "*" = "FEDEX_INTERNATIONAL_PRIORITY" }
        [freight]
        debit_account = "7140"
        accrual_account = "2960"
        cutoff = false
        [polling]
        start_from = "now"
        discovery = "500ms"
        """
    )
    assert SchedulePlan.of(tenant) == SchedulePlan(
        tenant="nordic",
        timezone="Europe/Oslo",
        discovery=timedelta(milliseconds=500),
        tracking=timedelta(minutes=30),
        cutoff_delay=None,
    )

"""The token workflow by itself: FedEx's real window and block, on a clock that skips the waits."""

import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio import activity
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.signatures import ISSUE_TOKEN
from ml_connector.security.keys import MasterKeys
from ml_connector.temporal.converter import data_converter
from ml_connector.temporal.ids import TaskQueue
from ml_connector.temporal.sandbox_runner import workflow_runner
from ml_connector.temporal.token_messages import (
    EnsureToken,
    IssueToken,
    TokenAnswer,
    TokenInput,
    TokenIssued,
    TokenPlace,
)
from workflows.fedex_token import FedExTokenWorkflow

WINDOW = timedelta(seconds=5)
LIMIT = 2
CREDENTIALS = 50
FLOOR = WINDOW * (CREDENTIALS // LIMIT - 1)

Handle = WorkflowHandle[FedExTokenWorkflow, None]


@dataclass(slots=True)
class FedEx:
    """Issues tokens, and writes down when it was asked for whose."""

    requests: list[tuple[str, datetime]] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    settings: int = 1
    blocks_for: timedelta | None = None

    @activity.defn(name=ISSUE_TOKEN.name)
    async def issue_token(self, issue: IssueToken) -> TokenIssued:
        """At once, as if it had waited for its turn: the server's clock does not run meanwhile."""
        now = activity.info().current_attempt_scheduled_time + issue.wait
        self.requests.append((issue.tenant, now))
        return replace(self._answer(issue, now), ago=-issue.wait)

    def _answer(self, issue: IssueToken, now: datetime) -> TokenIssued:
        if self.blocks_for is not None:
            return TokenIssued(blocked_for=self.blocks_for)
        if issue.tenant in self.refuses:
            return TokenIssued(refused="wrong secret", settings=self.settings)
        return TokenIssued(version=issue.known_version + 1, expires_at=now + timedelta(minutes=58))

    @property
    def asked(self) -> list[str]:
        return [tenant for tenant, _ in self.requests]

    @property
    def times(self) -> list[datetime]:
        return sorted(at for _, at in self.requests)


@pytest.fixture
async def fast_clock(master_keys: MasterKeys) -> AsyncIterator[WorkflowEnvironment]:
    """A server that skips the time in which nothing happens; its clock is one test's own."""
    server = Path(sys.executable).with_name("temporal-test-server")
    async with await WorkflowEnvironment.start_time_skipping(
        data_converter=data_converter(master_keys), test_server_existing_path=str(server)
    ) as environment:
        yield environment


@pytest.fixture
async def fedex(fast_clock: WorkflowEnvironment) -> AsyncIterator[FedEx]:
    fedex = FedEx()
    async with (
        Worker(
            fast_clock.client,
            task_queue=TaskQueue.MAIN,
            workflows=[FedExTokenWorkflow],
            workflow_runner=workflow_runner(),
        ),
        Worker(fast_clock.client, task_queue=TaskQueue.TOKEN, activities=[fedex.issue_token]),
    ):
        yield fedex


async def start(clock: WorkflowEnvironment, line: Sequence[TokenPlace] = ()) -> Handle:
    return await clock.client.start_workflow(
        FedExTokenWorkflow.run,
        TokenInput(egress="default", window=WINDOW, line=tuple(line)),
        id="fedex-token/default",
        task_queue=TaskQueue.MAIN,
    )


async def ensure(handle: Handle, tenant: str, *, settings: int = 1) -> TokenAnswer:
    request = EnsureToken(tenant=tenant, project="ship", settings=settings)
    return await handle.execute_update(FedExTokenWorkflow.ensure, request)


async def ensure_all(handle: Handle, tenants: Sequence[str]) -> list[TokenAnswer]:
    return [await ensure(handle, tenant) for tenant in tenants]


def most_in_a_window(times: Sequence[datetime]) -> int:
    return max(sum(first <= each < first + WINDOW for each in times) for first in times)


async def test_fifty_cold_credentials_are_served_at_the_pace_of_the_window(
    fast_clock: WorkflowEnvironment, fedex: FedEx
) -> None:
    tenants = [f"cold{number}" for number in range(CREDENTIALS)]
    handle = await start(fast_clock, [TokenPlace(credential=f"{name}/ship") for name in tenants])
    # Nobody comes back: no turn is lost on a caller that is late, or dead.
    await fast_clock.sleep(1.1 * FLOOR)
    assert sorted(fedex.asked) == sorted(tenants), "each once"
    assert most_in_a_window(fedex.times) == LIMIT
    assert fedex.times[-1] - fedex.times[0] <= 1.1 * FLOOR
    assert (await ensure(handle, tenants[-1])).version == 1
    assert len(fedex.requests) == CREDENTIALS


async def test_a_refusal_reaches_the_caller_that_comes_back_for_it(
    fast_clock: WorkflowEnvironment, fedex: FedEx
) -> None:
    fedex.refuses = {"bad"}
    handle = await start(fast_clock)
    await ensure_all(handle, ["a", "b"])
    assert (await ensure(handle, "bad")).not_before is not None
    await fast_clock.sleep(1.1 * WINDOW)
    assert (await ensure(handle, "bad")).refused == "wrong secret"
    assert sorted(fedex.asked) == ["a", "b", "bad"]

    await ensure(handle, "bad")
    assert fedex.asked[-2:] == ["bad", "bad"], "told once; FedEx may have changed its mind"


async def test_a_refusal_does_not_outlive_the_settings_it_was_about(
    fast_clock: WorkflowEnvironment, fedex: FedEx
) -> None:
    fedex.refuses = {"bad"}
    handle = await start(fast_clock)
    await ensure_all(handle, ["a", "b", "bad"])
    await fast_clock.sleep(2 * WINDOW)
    fedex.refuses, fedex.settings = set(), 2
    assert (await ensure(handle, "bad", settings=2)).version == 1


async def test_the_line_outlives_a_run_and_a_block(
    fast_clock: WorkflowEnvironment, fedex: FedEx
) -> None:
    fedex.blocks_for = timedelta(minutes=10)
    line = [TokenPlace(credential=f"{tenant}/ship") for tenant in ("a", "b", "c", "d")]
    handle = await start(fast_clock, line)
    await fast_clock.sleep(timedelta(minutes=9))
    assert set(fedex.asked) == {"a", "b"}, "only what was under way with the first refusal"
    answer = await ensure(handle, "c")
    assert answer.blocked_until is not None
    assert answer.blocked_until.astimezone(UTC) > fedex.times[0] + fedex.blocks_for

    fedex.blocks_for = None
    await fast_clock.sleep(timedelta(minutes=2))
    assert sorted(fedex.asked) == ["a", "b", "c", "d"]
    assert fedex.times[LIMIT] >= answer.blocked_until
    assert await handle.query(FedExTokenWorkflow.blocked_until) is None

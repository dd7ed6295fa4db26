"""Whose token requests go first."""

from dataclasses import replace
from datetime import timedelta
from unittest.mock import AsyncMock, Mock

import pytest
from temporalio.common import Priority
from temporalio.testing import ActivityEnvironment

from activities.token_source import TokenFunnel
from ml_connector.fedex.tokens import Token
from ml_connector.temporal.priorities import Urgency, priority_of


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> AsyncMock:
    """What the funnel is asked for."""
    ask = AsyncMock(return_value=Token(value="secret", version=1))
    monkeypatch.setattr(TokenFunnel, "token", ask)
    return ask


def funnel(*, urgent: bool = False) -> TokenFunnel:
    return TokenFunnel(
        store=Mock(),
        temporal=Mock(),
        egress="default",
        window=timedelta(seconds=5),
        block=timedelta(minutes=10),
        urgent=urgent,
    )


@pytest.mark.parametrize(
    ("priority", "urgent"),
    [
        (Priority(priority_key=Urgency.QUOTE), True),
        (Priority(priority_key=Urgency.OPERATOR), True),
        (priority_of("nordic"), False),
        (Priority(priority_key=Urgency.BACKLOG), False),
        (Priority(), False),
    ],
)
async def test_an_activity_is_as_urgent_as_its_workflow_says(
    asked: AsyncMock, priority: Priority, urgent: bool
) -> None:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, priority=priority)
    await environment.run(funnel().source("nordic", "ship", settings=1).token)
    [wanted] = asked.await_args_list[0].args
    assert wanted.urgent is urgent


@pytest.mark.parametrize("urgent", [True, False])
async def test_outside_an_activity_the_process_decides(asked: AsyncMock, urgent: bool) -> None:
    await funnel(urgent=urgent).source("nordic", "track", settings=1).token(stale=7)
    [wanted] = asked.await_args_list[0].args
    assert (wanted.urgent, wanted.stale_version) == (urgent, 7)

"""Histories that earlier code has written replay with today's."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from ml_connector.security.keys import MasterKeys
from ml_connector.temporal.converter import data_converter
from ml_connector.temporal.sandbox_runner import workflow_runner
from tests.replay.record import HISTORIES, SCENARIOS
from workflows.registry import WORKFLOWS

RECORDED = sorted(HISTORIES.glob("*.json"))
PLAIN = (b"SENSOR-9", b"Hamburg", b"FEDEX_INTERNATIONAL", b"Elbe")


@pytest.fixture
def replayer(master_keys: MasterKeys) -> Replayer:
    return Replayer(
        workflows=WORKFLOWS,
        data_converter=data_converter(master_keys),
        workflow_runner=workflow_runner(),
    )


def history_in(file: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(file.stem, file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
async def test_a_recorded_history_replays(file: Path, replayer: Replayer) -> None:
    await replayer.replay_workflow(history_in(file))


def test_each_scenario_is_recorded() -> None:
    assert {file.stem for file in RECORDED} >= SCENARIOS.keys()


def test_each_workflow_is_recorded() -> None:
    types = {
        history_in(file).events[0].workflow_execution_started_event_attributes.workflow_type.name
        for file in RECORDED
    }
    assert types == {workflow.__name__ for workflow in WORKFLOWS}


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_a_recorded_history_is_encrypted(file: Path) -> None:
    raw = b"".join(event.SerializeToString() for event in history_in(file).events)
    assert not [text for text in PLAIN if text in raw]
    assert b"binary/encrypted" in raw


async def test_code_that_does_something_else_is_noticed(replayer: Replayer) -> None:
    text = (HISTORIES / "order_normal.json").read_text(encoding="utf-8")
    changed = text.replace('"buy_shipment"', '"rent_shipment"')
    assert changed != text
    with pytest.raises(NondeterminismError):
        await replayer.replay_workflow(WorkflowHistory.from_json("changed", changed))

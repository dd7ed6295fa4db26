"""What a workflow makes of an activity's failure."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import TypeAdapter
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DataConverter
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    RetryState,
    TimeoutError,
    TimeoutType,
)

from ml_connector.security.keys import MasterKeys
from ml_connector.temporal.converter import data_converter
from ml_connector.temporal.order_messages import Attention, Wait
from workflows.stepping import REJECTED, WAITING, StepFailed, StepWaits, _reading

WAIT = Wait(kind="blocked", why="FedEx blocks.", until=datetime(2026, 11, 2, 8, tzinfo=UTC))
ATTENTION = Attention(reason="rejected", detail="No postcode.", remedy="Add it.")
GIVE_UP = timedelta(days=2)


def activity_error(cause: BaseException) -> ActivityError:
    error = ActivityError(
        "Activity task failed",
        scheduled_event_id=5,
        started_event_id=6,
        identity="",
        activity_type="buy_shipment",
        activity_id="1",
        retry_state=RetryState.NON_RETRYABLE_FAILURE,
    )
    error.__cause__ = cause
    return error


def said(details: Wait | Attention, kind: str) -> ApplicationError:
    """As the interceptor raises it: made from the error that the client raised."""
    error = ApplicationError("said", TypeAdapter(type(details)).dump_python(details), type=kind)
    error.__cause__ = ApplicationError("what FedEx's client raised", type="FedExThrottled")
    return error


@pytest.fixture
def converter(master_keys: MasterKeys) -> DataConverter:
    return data_converter(master_keys)


def test_a_wait_is_read_whatever_it_was_made_from() -> None:
    found = _reading(activity_error(said(WAIT, WAITING)), "buy_shipment", GIVE_UP)
    assert isinstance(found, StepWaits)
    assert found.wait == WAIT


def test_a_refusal_is_read_whatever_it_was_made_from() -> None:
    found = _reading(activity_error(said(ATTENTION, REJECTED)), "buy_shipment", GIVE_UP)
    assert isinstance(found, StepFailed)
    assert found.attention == ATTENTION


def test_a_step_that_runs_out_of_time_tells_its_last_failure() -> None:
    last = ApplicationError("FedEx answers 503.", type="Transient")
    timeout = TimeoutError(
        "activity ScheduleToClose timeout",
        type=TimeoutType.SCHEDULE_TO_CLOSE,
        last_heartbeat_details=[],
    )
    timeout.__cause__ = last
    found = _reading(activity_error(timeout), "buy_shipment", GIVE_UP)
    assert isinstance(found, StepFailed)
    assert found.attention.reason == "buy_shipment_gave_up"
    assert "FedEx answers 503." in found.attention.detail
    assert "2 days" in found.attention.detail


async def test_a_wait_survives_the_way_through_temporal(converter: DataConverter) -> None:
    failure = Failure()
    await converter.encode_failure(activity_error(said(WAIT, WAITING)), failure)
    received = await converter.decode_failure(failure)
    assert isinstance(received, ActivityError)
    found = _reading(received, "buy_shipment", GIVE_UP)
    assert isinstance(found, StepWaits)
    assert found.wait == WAIT

"""What Temporal stores, looked at as a thief would: raw histories and the database file."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.converter import WithSerializationContext
from temporalio.exceptions import ApplicationError
from temporalio.worker import Replayer

from ml_connector.security.keys import MasterKey, MasterKeys
from ml_connector.temporal.connection import connect
from ml_connector.temporal.converter import SharedPydanticConverter, data_converter
from ml_connector.temporal.dev_server import DevServer
from ml_connector.temporal.ids import TaskQueue
from ml_connector.temporal.sandbox_runner import workflow_runner
from ml_connector.temporal.worker import build_workers
from tests.unit.temporal.sample_workflows import (
    FailingWorkflow,
    Parcel,
    ParcelWorkflow,
    label_parcel,
    refuse_parcel,
)

MARKER = "Marit-Solbakken-Storgata-17"


def spellings(marker: str) -> list[bytes]:
    """A marker as it may lie in a file; base64 depends on what stands before it."""
    plain = marker.encode()
    shifted = [base64.b64encode(b"x" * shift + plain)[4:-4] for shift in range(3)]
    return [
        plain,
        plain.hex().encode(),
        quote(marker).encode(),
        marker.encode("utf-16-le"),
        *shifted,
    ]


def contents(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


@asynccontextmanager
async def parcel_workers(client: Client) -> AsyncIterator[None]:
    main, fedex = await build_workers(
        client,
        workflows=[ParcelWorkflow, FailingWorkflow],
        activities={TaskQueue.FEDEX: [label_parcel, refuse_parcel]},
    )
    async with main, fedex:
        yield


async def run_everything(client: Client, tenant: str) -> WorkflowHandle[ParcelWorkflow, Parcel]:
    handle = await client.start_workflow(
        ParcelWorkflow.run,
        Parcel(receiver=MARKER),
        id=f"po/{tenant}/1",
        task_queue=TaskQueue.MAIN,
        memo={"receiver": MARKER},
        static_summary=f"for {MARKER}",
        static_details=f"**{MARKER}**",
    )
    assert await handle.execute_update(ParcelWorkflow.ask, MARKER) == MARKER
    await handle.signal(ParcelWorkflow.release, MARKER)
    assert await handle.result() == Parcel(receiver=MARKER)
    return handle


async def test_no_history_shows_a_value(temporal_client: Client) -> None:
    async with parcel_workers(temporal_client):
        handle = await run_everything(temporal_client, "plain-1")
    history = await handle.fetch_history()
    raw = b"".join(event.SerializeToString() for event in history.events) + (
        history.to_json().encode()
    )
    assert b"Refused" in raw, "the failure's type stays readable"
    assert [text for text in spellings(MARKER) if text in raw] == []
    assert b"sample_workflows.py" not in raw, "stack traces are encoded too"


async def test_the_caller_still_reads_failures(temporal_client: Client) -> None:
    async with parcel_workers(temporal_client):
        with pytest.raises(WorkflowFailureError) as caught:
            await temporal_client.execute_workflow(
                FailingWorkflow.run, MARKER, id="po/plain-2/1", task_queue=TaskQueue.MAIN
            )
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError)
    assert (cause.message, cause.details, cause.type) == (MARKER, (MARKER,), "Failed")


async def test_the_database_file_shows_nothing(tmp_path: Path, master_keys: MasterKeys) -> None:
    server = DevServer(tmp_path, ui=False)
    async with server:
        client = await connect(master_keys, environ={}, address=server.address)
        async with parcel_workers(client):
            await run_everything(client, "on-disk")
    stored = contents(tmp_path)
    assert b"on-disk" in stored, "we are looking at the right files"
    assert [text for text in spellings(MARKER) if text in stored] == []


async def test_histories_replay_after_the_key_was_rotated(
    temporal_client: Client, master_keys: MasterKeys
) -> None:
    async with parcel_workers(temporal_client):
        handle = await run_everything(temporal_client, "rotated")
    history = await handle.fetch_history()
    rotated = MasterKeys([MasterKey.of(b"\x09" * 32), master_keys.current])
    replayer = Replayer(
        workflows=[ParcelWorkflow],
        workflow_runner=workflow_runner(),
        data_converter=data_converter(rotated),
    )
    assert (await replayer.replay_workflow(history)).replay_failure is None


def test_payloads_need_to_know_nothing_of_where_they_belong(master_keys: MasterKeys) -> None:
    """The workflows' runner gives them no context (`sandbox_runner.py`)."""
    converter = data_converter(master_keys)
    parts = (
        converter.payload_codec,
        converter.failure_converter,
        # The composite one only hands a context on to these.
        *SharedPydanticConverter().converters.values(),
    )
    assert not [part for part in parts if isinstance(part, WithSerializationContext)]
    assert converter.external_storage is None

"""The master key is exchanged under running orders, and the old one destroyed."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from google.protobuf.json_format import MessageToJson, Parse
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.client import Client
from temporalio.worker import Replayer

from ml_connector.security.keys import MasterKeys
from ml_connector.store.rotation import retire, rotate
from ml_connector.store.store import Store
from ml_connector.temporal.codec import ENCODING, EncryptionCodec
from ml_connector.temporal.connection import connect
from ml_connector.temporal.errors import UnreadablePayload
from ml_connector.temporal.sandbox_runner import workflow_runner
from starter.supervision import Supervised
from tests.stage import Stage
from workflows.registry import WORKFLOWS

OPERATOR = "cli:kari@host"
TENANTS = ("nordic", "sur")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """An installation whose keys come from a file, as in every real one."""
    keys = MasterKeys.load(None, None, generate_at=tmp_path / "master.key")
    async with Stage(home=tmp_path, keys=keys) as stage:
        yield stage


@asynccontextmanager
async def another_process(stage: Stage) -> AsyncIterator[tuple[Store, MasterKeys, Client]]:
    """What a command opens that starts now: the key file as it is now, and nothing in memory."""
    keys = MasterKeys.load(None, stage.home / "master.key")
    store = await Store.open(stage.settings.database_url, keys)
    try:
        client = await connect(
            keys, archive=store.payload_keys.get, environ={}, address=stage.server.address
        )
        yield store, keys, client
    finally:
        await store.close()


def started(stage: Stage, *arguments: str) -> Supervised:
    """One of our commands in a process of its own."""
    return Supervised(
        name=arguments[0],
        arguments=arguments,
        environment=stage.environment,
        log_file=stage.home / f"{arguments[0]}.log",
    )


async def test_the_master_key_is_exchanged_under_running_orders(stage: Stage) -> None:
    before: dict[str, str] = {}
    between: dict[str, str] = {}
    for tenant in TENANTS:
        await stage.add_tenant(tenant)
        before[tenant] = await stage.order(tenant)
        await stage.discover(tenant)
        await stage.at(tenant, before[tenant], "label_created")
    old = stage.keys.current.id

    # Orders are being read and shipped while the key changes.
    for tenant in TENANTS:
        between[tenant] = await stage.order(tenant)
    async with another_process(stage) as (store, keys, _):
        discovering = asyncio.gather(*(stage.discover(tenant) for tenant in TENANTS))
        rotation = await rotate(store, keys, actor=OPERATOR, reason="yearly")
        await discovering
        assert rotation.older == (old,)
        for tenant in TENANTS:
            await stage.at(tenant, between[tenant], "label_created")
        assert stage.keys.current.id == rotation.current, "the running worker follows the file"
        assert await retire(store, keys, actor=OPERATOR, reason="yearly") == (old,)
    await stage.stop_worker()

    assert MasterKeys.load(None, stage.home / "master.key").ids() == (rotation.current,)
    async with started(stage, "worker"):
        for tenant in TENANTS:
            await stage.deliver(tenant)
            rows = await stage.all_finished(tenant, [before[tenant], between[tenant]])
            assert {row.stage for row in rows.values()} == {"completed"}
            for number in rows:
                assert len(await stage.shipments(number)) == 1
                assert len(await stage.journals(tenant, number)) == 1
    await _everything_is_readable(stage, old)


async def _everything_is_readable(stage: Stage, old: str) -> None:
    async with AsyncExitStack() as opened:
        store, keys, client = await opened.enter_async_context(another_process(stage))
        codec = await opened.enter_async_context(started(stage, "codec-server", "--port", "0"))
        for tenant in TENANTS:
            async with store.read(tenant) as view:
                assert await view.secrets.get("visma.client_secret") == f"visma-secret-{tenant}"
                assert await view.audit.verify() is None
        replayer = Replayer(
            workflows=WORKFLOWS,
            workflow_runner=workflow_runner(),
            data_converter=client.data_converter,
        )
        sealed = []
        async for history in client.list_workflows().map_histories():
            assert (await replayer.replay_workflow(history)).replay_failure is None
            sealed += [each for event in history.events for each in encrypted_in(event)]
        assert {each.metadata["key"].decode() for each in sealed} == {old, keys.current.id}
        await _the_codec_server_reads(str(codec.ready_line["endpoint"]), sealed)
        with pytest.raises(UnreadablePayload, match=old):
            await EncryptionCodec(keys).decode(sealed)


async def _the_codec_server_reads(endpoint: str, sealed: list[Payload]) -> None:
    async with httpx.AsyncClient(timeout=60) as http:
        reply = await http.post(
            f"{endpoint}/decode", content=MessageToJson(Payloads(payloads=sealed))
        )
    assert reply.status_code == 200, reply.text
    opened = Parse(reply.content, Payloads()).payloads
    assert {each.metadata["encoding"] for each in opened} == {b"json/plain"}
    assert len(opened) == len(sealed)


def encrypted_in(message: Message) -> Iterator[Payload]:
    """Every encrypted payload of an event, however deep it lies."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        parts = value.values() if isinstance(value, Mapping) else value
        for part in parts if isinstance(parts, Iterable) else [parts]:
            if isinstance(part, Payload) and part.metadata["encoding"] == ENCODING:
                yield part
            elif isinstance(part, Message):
                yield from encrypted_in(part)

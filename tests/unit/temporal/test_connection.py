import asyncio
import socket
import time
from datetime import timedelta
from pathlib import Path

import pytest

from ml_connector.http.faults import RejectedFault, TransientFault
from ml_connector.security.keys import MasterKeys
from ml_connector.temporal.connection import connect, connection_settings
from ml_connector.temporal.dev_server import DevServer
from ml_connector.temporal.errors import TemporalSettingsWrong, TemporalUnavailable
from ml_connector.temporal.runtime import runtime

NO_PATIENCE = timedelta()


async def test_nobody_there(master_keys: MasterKeys, unused_tcp_port: int) -> None:
    address = f"127.0.0.1:{unused_tcp_port}"
    with pytest.raises(TemporalUnavailable) as caught:
        await connect(master_keys, environ={}, address=address, patience=NO_PATIENCE)
    assert isinstance(caught.value, TransientFault)
    assert str(caught.value) == (
        f"Temporal does not answer at {address}. Nothing listens there. "
        "Start it (`ml-connector up` brings its own), or set TEMPORAL_ADDRESS."
    )


async def test_patience_is_bounded(master_keys: MasterKeys, unused_tcp_port: int) -> None:
    begun = time.monotonic()
    with pytest.raises(TemporalUnavailable):
        await connect(
            master_keys,
            environ={},
            address=f"127.0.0.1:{unused_tcp_port}",
            patience=timedelta(seconds=0.5),
        )
    assert 0.1 <= time.monotonic() - begun < 5


async def test_somebody_else_there(master_keys: MasterKeys) -> None:
    """A server that hangs up on everybody speaks no gRPC."""

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as other:
        address = f"127.0.0.1:{other.sockets[0].getsockname()[1]}"
        with pytest.raises(TemporalUnavailable, match=address):
            await connect(master_keys, environ={}, address=address, patience=NO_PATIENCE)


async def test_a_server_that_starts_late_is_waited_for(
    master_keys: MasterKeys, tmp_path: Path
) -> None:
    server = DevServer(tmp_path, ui=False)
    connecting = asyncio.create_task(connect(master_keys, environ={}, address=server.address))
    async with server:
        client = await connecting
        assert client.namespace == "default"


@pytest.mark.parametrize("address", ["junk junk", "http://localhost:7233", "1:2:3:4"])
async def test_a_bad_address_is_refused_at_once(master_keys: MasterKeys, address: str) -> None:
    with pytest.raises(TemporalSettingsWrong, match="TEMPORAL_ADDRESS") as caught:
        await connect(master_keys, environ={}, address=address)
    assert isinstance(caught.value, RejectedFault)


async def test_an_unknown_namespace_is_named(
    master_keys: MasterKeys, dev_server: DevServer
) -> None:
    with pytest.raises(TemporalSettingsWrong, match=r"no namespace 'elsewhere'.*create"):
        await connect(
            master_keys, environ={"TEMPORAL_NAMESPACE": "elsewhere"}, address=dev_server.address
        )


def test_settings_come_from_the_environment_and_a_profile(tmp_path: Path) -> None:
    file = tmp_path / "temporal.toml"
    file.write_text(
        '[profile.cloud]\naddress = "a.example:7233"\nnamespace = "ns.acct"\n'
        'api_key = "from-file"\n'
    )
    environ = {
        "TEMPORAL_CONFIG_FILE": str(file),
        "TEMPORAL_PROFILE": "cloud",
        "TEMPORAL_NAMESPACE": "other.acct",
    }
    settings = connection_settings(environ)
    assert settings == {
        "target_host": "a.example:7233",
        "namespace": "other.acct",
        "api_key": "from-file",
        "tls": True,
    }
    assert connection_settings(environ, address="b:1", namespace="n")["target_host"] == "b:1"


def test_defaults_are_the_local_server() -> None:
    assert connection_settings({}) == {"target_host": "localhost:7233", "namespace": "default"}


@pytest.mark.parametrize(
    "environ",
    [
        {"TEMPORAL_PROFILE": "nowhere"},
        {"TEMPORAL_TLS_CLIENT_CERT_PATH": "/does/not/exist", "TEMPORAL_TLS": "true"},
    ],
)
def test_unreadable_settings_say_so(environ: dict[str, str]) -> None:
    with pytest.raises(TemporalSettingsWrong, match="TEMPORAL_"):
        connection_settings(environ)


def test_a_taken_metrics_address_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(TemporalSettingsWrong, match=address):
            runtime(address)

"""What every test can rely on: no network, a clean environment, keys, one Temporal server."""

import gc
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings
from temporalio.client import Client

from ml_connector.security.keys import MasterKey, MasterKeys
from ml_connector.security.logging import log_through_standard_library
from ml_connector.temporal.connection import connect
from ml_connector.temporal.dev_server import DevServer
from ml_connector.temporal.ports import free_port
from tests.guarded import socket_guard

# What is imported and collected stays to the end: the collector need not look at it now, nor
# later (`pytest_collection_finish`).
gc.disable()

MEMORY = Path("/dev/shm")
if os.access(MEMORY, os.W_OK):
    # A database there waits for no disk. No test can tell: processes are killed, the machine
    # is not.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")  # a busy machine is no failure

_FOREIGN_SETTINGS = ("TEMPORAL_", "ML_CONNECTOR_", "HTTP_", "HTTPS_", "ALL_", "NO_PROXY")
"""Variables of the developer's own machine that would change what is tested."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=("sqlite", "postgresql"),
        default="sqlite",
        help="what the end-to-end tests keep their data in",
    )


def pytest_xdist_auto_num_workers() -> int:
    """Of `-n auto`: one more process than there are cores, for many tests wait most of the time."""
    return (os.cpu_count() or 1) + 1


def pytest_configure(config: pytest.Config) -> None:
    """Processes that tests start are guarded as this one is."""
    attempts = tempfile.TemporaryDirectory(prefix="socket-guard-")
    config.add_cleanup(attempts.cleanup)
    socket_guard.begin(Path(attempts.name))


def pytest_collection_finish() -> None:
    """Importing the project and its tests asks no other machine for anything."""
    assert socket_guard.take_attempts() == []
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def network_guard_to_the_end() -> Iterator[None]:
    """What a process tries while all is taken down fails the run."""
    yield
    assert socket_guard.take_attempts() == []


@pytest.fixture(autouse=True)
def network_guard() -> Iterator[None]:
    """Fail the test that tried to reach another machine, even where its error was swallowed."""
    yield
    assert socket_guard.take_attempts() == []


@pytest.fixture(scope="session", autouse=True)
def clean_environment() -> Iterator[None]:
    """No Temporal profile, no own settings, no proxy from the surrounding shell."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.upper().startswith(_FOREIGN_SETTINGS):
                patch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def logs_apart_from_output() -> Iterator[None]:
    """What a worker inside the test process logs is not on the stdout of a command beside it.

    The program sets up its logging (`configure_logging`); structlog's own default prints.
    """
    log_through_standard_library()
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def master_keys() -> MasterKeys:
    """One master key, the same in every run, so that recorded histories can be read."""
    return MasterKeys([MasterKey.of(bytes(range(32)))])


@pytest.fixture(scope="session")
def unused_tcp_port_factory() -> Callable[[], int]:
    """Makes loopback ports that nobody listens on.

    In place of pytest-asyncio's, whose ports are ones an outgoing connection may take meanwhile.
    """
    return free_port


@pytest.fixture
def unused_tcp_port() -> int:
    """A loopback port that nobody listens on."""
    return free_port()


@pytest.fixture(scope="session")
async def dev_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DevServer]:
    """A real Temporal server without Web UI, one for each test process.

    Tests share it, so each takes a task queue and workflow ids of its own.
    """
    home: Path = tmp_path_factory.mktemp("temporal")
    server = DevServer(home, ui=False, time_skipping=True)
    await server.start()
    yield server
    await server.kill()  # a clean stop takes a second, and nobody needs the data


@pytest.fixture(scope="session")
async def temporal_client(dev_server: DevServer, master_keys: MasterKeys) -> Client:
    """A client of the shared server, with encryption as in production."""
    return await connect(master_keys, environ={}, address=dev_server.address)

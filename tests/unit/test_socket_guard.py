"""The guard that keeps the suite on this machine has to be trusted, so it is tested itself."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from ml_connector.temporal import die_with_parent
from tests.guarded.socket_guard import NetworkForbidden, for_children, is_local, take_attempts


@pytest.fixture
def forgiven() -> Iterator[None]:
    """Forget this test's attempts, which are on purpose."""
    yield
    take_attempts()


@pytest.mark.parametrize(
    "address", [("192.0.2.1", 443), ("203.0.113.9", 80), ("169.254.169.254", 80)]
)
@pytest.mark.usefixtures("forgiven")
def test_other_machines_are_out_of_reach(address: tuple[str, int]) -> None:
    with socket.socket() as probe, pytest.raises(NetworkForbidden):
        probe.connect(address)
    with socket.socket(type=socket.SOCK_DGRAM) as probe, pytest.raises(NetworkForbidden):
        probe.sendto(b"x", address)
    with pytest.raises(NetworkForbidden):
        socket.getaddrinfo("example.com", 443)


@pytest.mark.usefixtures("forgiven")
async def test_no_client_gets_through_and_none_hides_it() -> None:
    take_attempts()
    async with httpx.AsyncClient(trust_env=False) as http:
        with pytest.raises(NetworkForbidden):
            await http.get("https://api.example.com")
    [attempt] = take_attempts()
    assert "api.example.com" in attempt


def test_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1])).close()
    assert take_attempts() == []


SWALLOWED = """
import socket
try:
    socket.create_connection(("192.0.2.1", 443))
except BaseException as refused:
    print(type(refused).__name__)
"""
SUPERVISED = (sys.executable, "-I", "-S", die_with_parent.__file__, str(os.getpid()))


@pytest.mark.usefixtures("forgiven")
@pytest.mark.parametrize("through", [(), SUPERVISED], ids=["started", "supervised"])
@pytest.mark.parametrize("whole", [True, False], ids=["our environment", "its own"])
def test_a_child_is_guarded_and_tells_what_it_swallows(
    through: tuple[str, ...], whole: bool
) -> None:
    child = subprocess.run(
        [*through, sys.executable, "-c", SWALLOWED],
        env=None if whole else for_children(),
        capture_output=True,
        check=True,
    )
    assert child.stdout.strip() == b"NetworkForbidden"
    [attempt] = take_attempts()
    assert "'192.0.2.1'" in attempt
    assert SWALLOWED in attempt, "whose it was"


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::1%lo", True),
        (b"localhost", True),
        ("0.0.0.0", True),
        (None, True),
        ("", True),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("fe80::1", False),
    ],
)
def test_what_counts_as_this_machine(host: object, local: bool) -> None:
    assert is_local(host) is local

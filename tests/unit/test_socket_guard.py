"""The guard that keeps the suite on this machine has to be trusted, so it is tested itself."""

import socket
from collections.abc import Iterator

import httpx
import pytest

from tests import GUARD
from tests.socket_guard import NetworkForbidden, is_local


@pytest.fixture
def forgiven() -> Iterator[None]:
    """Forget this test's attempts, which are on purpose."""
    yield
    GUARD.take_attempts()


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
    GUARD.take_attempts()
    async with httpx.AsyncClient(trust_env=False) as http:
        with pytest.raises(NetworkForbidden):
            await http.get("https://api.example.com")
    [attempt] = GUARD.take_attempts()
    assert "api.example.com" in attempt


def test_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1])).close()
    assert GUARD.take_attempts() == []


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

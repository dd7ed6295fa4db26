"""The test suite. Before any of it is imported, other machines are out of reach."""

from tests.socket_guard import SocketGuard

GUARD = SocketGuard()
GUARD.install()

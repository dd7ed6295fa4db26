"""The test suite. Before any of it is imported, other machines are out of reach."""

from tests.guarded import socket_guard

socket_guard.install()

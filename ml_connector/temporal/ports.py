"""Loopback ports for the programs we start."""

import secrets
import socket

LOOPBACK = "127.0.0.1"

_OWN_RANGE = range(18_000, 32_000)
"""Below what Linux hands out to outgoing connections, so that nobody gets it by chance between
our look and the server's own bind."""


def is_free(port: int) -> bool:
    """Whether a server could listen on a loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do, or a port just closed would count as taken for a minute.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A loopback port that nobody listens on."""
    while True:
        # Not the shared generator: tests seed it, and would all draw the same ports.
        port = secrets.choice(_OWN_RANGE)
        if is_free(port):
            return port

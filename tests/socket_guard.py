"""Nothing in the test suite talks to anything but this machine.

Python reports every socket call to its audit hooks before doing it, so the guard sees them all,
whichever library makes them; a refused call never leaves. Native code that opens sockets without
Python (Temporal's core, libpq) is out of its sight: those tests name loopback addresses only.
"""

import ipaddress
import socket
import sys

_ADDRESS_AT = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1}
_HOST_AT = {
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
    "socket.gethostbyaddr": 0,
}
_LOCAL_NAMES = frozenset({"", "localhost", socket.gethostname()})


class NetworkForbidden(BaseException):
    """A test tried to leave this machine. Not an Exception, so that no handler swallows it."""


class SocketGuard:
    """Refuses and remembers every attempt to reach another machine."""

    def __init__(self) -> None:
        self._attempts: list[str] = []
        self._installed = False

    def install(self) -> None:
        """From now on, for the rest of the process: audit hooks cannot be taken out."""
        if not self._installed:
            sys.addaudithook(self._on_event)
            self._installed = True

    def take_attempts(self) -> list[str]:
        """The attempts since the last call."""
        attempts, self._attempts = self._attempts, []
        return attempts

    def _on_event(self, event: str, args: tuple[object, ...]) -> None:
        if not event.startswith("socket."):
            return
        if event in _ADDRESS_AT:
            address = args[_ADDRESS_AT[event]]
            # UNIX sockets have a path here, connected datagrams nothing.
            host = address[0] if isinstance(address, tuple) else None
        elif event in _HOST_AT:
            host = args[_HOST_AT[event]]
        else:
            return
        if not is_local(host):
            attempt = f"{event} {host!r}"
            self._attempts.append(attempt)
            raise NetworkForbidden(f"tests stay on this machine: {attempt}")


def is_local(host: object) -> bool:
    """Whether a host name or address means this machine (or nothing at all)."""
    if host is None:
        return True
    text = host.decode("ascii", errors="replace") if isinstance(host, bytes) else str(host)
    if text in _LOCAL_NAMES:
        return True
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified

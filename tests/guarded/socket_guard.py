"""Nothing in the test suite talks to anything but this machine, nor does a process it starts.

Python reports every socket call to its audit hooks before doing it, so the guard sees them all,
whichever library makes them; a refused call never leaves. A child that is Python finds this folder
on its PYTHONPATH and is guarded the same (see `sitecustomize`); what it tried is written down where
the test process reads it, for the child's own error may be swallowed. A child without PYTHONPATH
is not guarded, so an environment that a test makes up has `for_children` in it.

Native code that opens sockets without Python (Temporal's core, libpq) is out of its sight: those
tests name loopback addresses only.
"""

import os
import sys
import time
from pathlib import Path

FOLDER = "SOCKET_GUARD_ATTEMPTS"
"""The variable with the folder where each attempt becomes a file."""

_ADDRESS_AT = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1}
_HOST_AT = {
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
    "socket.gethostbyaddr": 0,
}


class NetworkForbidden(BaseException):
    """A test tried to leave this machine. Not an Exception, so that no handler swallows it."""


_installed = False


def install() -> None:
    """From now on, for the rest of the process: audit hooks cannot be taken out."""
    global _installed
    if not _installed:
        sys.addaudithook(_on_event)
        _installed = True


def begin(folder: Path) -> None:
    """Have this process and all its children write their attempts down in a folder."""
    os.environ[FOLDER] = str(folder)
    paths = [str(Path(__file__).parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(filter(None, paths)))


def for_children() -> dict[str, str]:
    """What must be in a child's environment for it to be guarded as this process is."""
    return {name: os.environ[name] for name in (FOLDER, "PYTHONPATH") if name in os.environ}


def take_attempts() -> list[str]:
    """The attempts since the last call, this process's and its children's, in their order."""
    files = sorted(Path(os.environ[FOLDER]).iterdir())
    attempts = [file.read_text(encoding="utf-8") for file in files]
    for file in files:
        file.unlink()
    return attempts


def is_local(host: object) -> bool:
    """Whether a host name or address means this machine (or nothing at all)."""
    # Not imported before somebody opens a socket: every child would pay for it.
    import ipaddress
    import socket

    if host is None:
        return True
    text = host.decode("ascii", errors="replace") if isinstance(host, bytes) else str(host)
    if text in ("", "localhost", socket.gethostname()):
        return True
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _on_event(event: str, args: tuple[object, ...]) -> None:
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
        _write_down(f"{attempt}, by {' '.join(sys.orig_argv)}")
        raise NetworkForbidden(f"tests stay on this machine: {attempt}")


def _write_down(attempt: str) -> None:
    if FOLDER in os.environ:
        file = Path(os.environ[FOLDER]) / f"{time.time_ns()}-{os.getpid()}"
        file.write_text(attempt, encoding="utf-8")

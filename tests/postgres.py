"""A throw-away PostgreSQL server, for tests that must hold on both databases.

The server listens on loopback and on a socket in its own directory, with a random password, and
everything is gone afterwards.
"""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

_INSTALLED = Path("/usr/lib/postgresql")
_UNPRIVILEGED = ("postgres", "nobody")


class PostgresUnavailable(Exception):
    """There is no PostgreSQL here; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server."""

    port: int
    password: str
    log: Path

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Make an empty database; its URL."""
        with self.connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        return self.url(database)

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """A plain connection, each statement its own transaction."""
        return psycopg.connect(self.url(database).replace("+psycopg", ""), autocommit=True)


def programs() -> Path:
    """The directory with `initdb` and `pg_ctl`. Raises `PostgresUnavailable`."""
    # The packaged directory first: what is on PATH may be lone links without their server.
    candidates = sorted(_INSTALLED.glob("*/bin"), key=_version, reverse=True)
    on_path = shutil.which("initdb")
    if on_path:
        candidates.append(Path(on_path).resolve().parent)
    for candidate in candidates:
        if all((candidate / program).exists() for program in ("initdb", "pg_ctl", "postgres")):
            return candidate
    raise PostgresUnavailable("PostgreSQL's initdb and pg_ctl are not installed.")


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Start a server and tear it down. Raises `PostgresUnavailable`."""
    bin_dir = programs()
    account = _account()
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as name:
        home = Path(name)
        server = PostgresServer(port=_free_port(), password=secrets.token_hex(16), log=home / "log")
        (home / "password").write_text(server.password, encoding="ascii")
        if account:
            for path in (home, home / "password"):
                os.chown(path, account.pw_uid, account.pw_gid)
        data, log = str(home / "data"), str(server.log)
        initdb = [str(bin_dir / "initdb"), "-D", data, "-U", "postgres", "-E", "UTF8"]
        access = ["--auth=scram-sha-256", f"--pwfile={home / 'password'}"]
        _run([*initdb, *access, "--locale=C", "--no-sync"], account, home)
        control = [str(bin_dir / "pg_ctl"), "-D", data, "-w", "-l", log]
        # Nothing here outlives the test, so nothing needs to reach the disk.
        options = f"-p {server.port} -c listen_addresses=127.0.0.1 -k {home} -c fsync=off"
        _run([*control, "-o", options, "start"], account, home)
        try:
            yield server
        finally:
            _run([*control, "-m", "immediate", "stop"], account, home)


def _account() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root; find someone else to be then."""
    if os.geteuid() != 0:
        return None
    for name in _UNPRIVILEGED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresUnavailable("PostgreSQL does not run as root, and there is no other user.")


def _run(command: Sequence[str], account: pwd.struct_passwd | None, directory: Path) -> None:
    log = directory / "output"
    # A file, not a pipe: the server inherits it from pg_ctl and would keep a pipe open.
    with log.open("ab") as output:
        done = subprocess.run(
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            timeout=60,
        )
    if done.returncode != 0:
        said = log.read_text(encoding="utf-8", errors="replace")
        raise PostgresUnavailable(f"{Path(command[0]).name} failed: {said[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _version(directory: Path) -> int:
    number = directory.parent.name
    return int(number) if number.isdigit() else 0

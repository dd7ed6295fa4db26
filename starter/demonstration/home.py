"""The demo's own folder: emptied at the start, and never one that holds anything else."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starter.errors import WrongUsage

_MARK = "made-by-ml-connector-demo"
"""A file that only we put there: a folder without it is not ours to empty."""


@contextmanager
def fresh_home(folder: Path) -> Iterator[Path]:
    """The folder, empty, for this demo alone until the end.

    It stays afterwards, with the databases and logs of the run. Raises WrongUsage.
    """
    try:
        lock = _claim(folder)
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        try:
            _empty(folder)
        except OSError as error:
            raise _unusable(folder, error) from error
        yield folder
    finally:
        os.close(lock)


def _claim(folder: Path) -> int:
    """A locked file descriptor; the lock goes with this process, however it ends."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Beside the folder, so that emptying it does not remove the lock under its owner.
    lock = os.open(folder.with_name(f"{folder.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        if not isinstance(error, BlockingIOError):
            raise
        raise WrongUsage(
            f"Another demo is running in {folder}",
            remedy="Wait for it or stop it, or name another folder with --home",
            code="home_in_use",
        ) from error
    return lock


def _empty(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()) and not (folder / _MARK).exists():
        raise WrongUsage(
            f"The folder {folder} holds files that no demo made, and a demo empties its folder",
            remedy="Name an empty or a new folder with --home",
            code="home",
        )
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    (folder / _MARK).touch()


def _unusable(folder: Path, error: OSError) -> WrongUsage:
    return WrongUsage(
        f"The demo cannot use the folder {folder}",
        why=error.strerror or "",
        remedy="Name another one with --home",
        code="home",
    )

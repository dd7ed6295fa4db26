"""A command that the kernel kills once it has committed so many transactions:

python -m tests.killed COUNT COMMAND …
"""

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ml_connector.store.connection import Connection
from ml_connector.store.database import Database
from starter.main import main

_writing = Database.writing


def die_after(commits: int) -> None:
    """Kill this process right after so many committed transactions."""
    left = commits

    @asynccontextmanager
    async def writing(self: Database, *tenant: str) -> AsyncIterator[Connection]:
        nonlocal left
        async with _writing(self, *tenant) as connection:
            yield connection
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    Database.writing = writing  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    die_after(int(sys.argv[1]))
    main(sys.argv[2:])

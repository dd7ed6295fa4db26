"""Run a program that the kernel ends when the process that started it dies.

Run by path with a bare interpreter: `python -I -S die_with_parent.py PARENT_PID PROGRAM ARG…`.
It replaces itself with the program, so it costs nothing afterwards. Doing this between fork and
exec in the parent (`preexec_fn`) may deadlock there, since the parent runs native threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""`prctl(2)`: the signal we get when our parent ends. It survives exec."""


def main(parent: int, command: list[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            # It died before we could ask to be told.
            sys.exit("the starting process is gone")
    os.umask(0o077)
    os.execv(command[0], command)  # noqa: S606 - the command is our own, no shell


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])

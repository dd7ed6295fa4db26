"""How commands that go on running are told to end."""

import asyncio
import signal


async def until_stopped() -> None:
    """Return at the first Ctrl-C (SIGINT) or SIGTERM, so that all can be closed in order.

    A second signal finds the usual handlers again and ends the process at once.
    """
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stopped.set)
    try:
        await stopped.wait()
    finally:
        for number in signals:
            loop.remove_signal_handler(number)

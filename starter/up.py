"""`ml-connector up`: all that real tenants need, on this machine, in one process tree."""

import asyncio
from contextlib import AsyncExitStack
from typing import Annotated

import typer

from ml_connector.security.logging import configure_logging
from ml_connector.temporal.codec_host import EmbeddedCodecServer
from ml_connector.temporal.dev_server import DevServer
from ml_connector.temporal.errors import DevServerFailed
from ml_connector.temporal.ports import LOOPBACK
from starter.context import Installation
from starter.log_level import LogLevel, LogLevelOption
from starter.output import AsJson, show_line, talk
from starter.stopping import until_stopped
from starter.supervision import Supervised

TEMPORAL_PORT = 7233
UI_PORT = 8233


def register(app: typer.Typer) -> None:
    app.command("up")(up)


def up(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of Temporal.")] = TEMPORAL_PORT,
    ui_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the Web UI.")] = UI_PORT,
    log_level: LogLevelOption = LogLevel.WARNING,
    as_json: AsJson = False,
) -> None:
    """Start Temporal with its Web UI, the codec server and a worker, for real tenants.

    Everything listens on this machine only and keeps its data under ML_CONNECTOR_HOME, so it may
    be stopped and killed at will. With --json it prints one line once it is ready.

    \b
    Examples:
      ml-connector up
      ml-connector up --port 17233 --ui-port 18233 --json
    """
    configure_logging(level=log_level)
    asyncio.run(_up(port, ui_port, log_level, as_json))


async def _up(port: int, ui_port: int, log_level: LogLevel, as_json: bool) -> None:
    async with AsyncExitStack() as running:
        here = await running.enter_async_context(Installation.open())
        # Asked before anything is started: a database of another version ends it here.
        await here.store()
        codec = await running.enter_async_context(
            EmbeddedCodecServer(
                here.keys,
                origin=f"http://{LOOPBACK}:{ui_port}",
                archive=here.archived_payload_key,
            )
        )
        server = await running.enter_async_context(
            DevServer(here.settings.home, port=port, ui_port=ui_port, codec_endpoint=codec.endpoint)
        )
        worker = await running.enter_async_context(
            Supervised(
                name="The worker",
                arguments=["worker", "--log-level", log_level],
                environment={
                    "ML_CONNECTOR_HOME": str(here.settings.home),
                    "TEMPORAL_ADDRESS": server.address,
                    "TEMPORAL_NAMESPACE": "default",
                },
            )
        )
        _announce(server, here, as_json)
        await _until_something_ends(server, worker)


def _announce(server: DevServer, here: Installation, as_json: bool) -> None:
    if as_json:
        show_line(
            {
                "ready": True,
                "temporal": server.address,
                "web_ui": server.ui_url,
                "home": here.settings.home,
            }
        )
    else:
        talk(
            f"Ready. Web UI: {server.ui_url}   Temporal: {server.address}   "
            f"Data: {here.settings.home}\nStop with Ctrl-C."
        )


async def _until_something_ends(server: DevServer, worker: Supervised) -> None:
    """Return when we are told to stop; raise when a part has ended that cannot be restarted."""
    stopped = asyncio.create_task(until_stopped())
    server_ended = asyncio.create_task(server.wait())
    worker_failed = asyncio.create_task(worker.failed())
    tasks = {stopped, server_ended, worker_failed}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if stopped in done:
        return
    if worker_failed in done:
        await worker_failed
    raise DevServerFailed(
        "The embedded Temporal server ended by itself.",
        remedy=f"Its log is {server.log_file}. Start again: nothing acknowledged is lost.",
    )

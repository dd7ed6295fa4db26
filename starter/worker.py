"""`ml-connector worker`: runs the workflows and their activities, until stopped."""

import asyncio
from typing import Annotated

import typer

from ml_connector.security.logging import configure_logging
from ml_connector.temporal.connection import connection_settings
from ml_connector.temporal.runtime import runtime
from starter.context import Installation
from starter.log_level import LogLevel, LogLevelOption
from starter.output import AsJson, show_line, talk
from starter.stopping import until_stopped


def register(app: typer.Typer) -> None:
    app.command("worker")(worker)


def worker(
    metrics: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Serve Prometheus metrics there."),
    ] = None,
    build_id: Annotated[
        str | None,
        typer.Option(
            "--build-id", metavar="NAME", help="Turn worker versioning on, as this version."
        ),
    ] = None,
    log_level: LogLevelOption = LogLevel.INFO,
    as_json: AsJson = False,
) -> None:
    """Run the workflows and activities of all tenants.

    Any number of workers may run side by side; with SQLite all on one host. It makes and updates
    the schedules of new and changed tenants. The first SIGTERM or Ctrl-C lets running activities
    finish; a second ends it at once, and nothing is lost either.

    With --build-id nothing is done until Temporal is told that this version is the current one
    (docs/deployment.md).

    \b
    Examples:
      ml-connector worker
      TEMPORAL_ADDRESS=temporal:7233 ml-connector worker --metrics 127.0.0.1:9464
      ml-connector worker --build-id 0.1.0
    """
    configure_logging(level=log_level)
    asyncio.run(_run(metrics, build_id, as_json))


async def _run(metrics: str | None, build_id: str | None, as_json: bool) -> None:
    # The workflows, activities and clients take a second to import: only here is it worth it.
    import worker as process
    from ml_connector.temporal.worker import deployment_of

    address = connection_settings().get("target_host")

    def ready() -> None:
        if as_json:
            show_line({"worker": "ready", "temporal": address})
        else:
            talk(f"Worker is ready, Temporal at {address}. Stop with Ctrl-C.")

    stop = asyncio.Event()
    async with Installation.open() as here, asyncio.TaskGroup() as group:
        signals = group.create_task(_stop_on_signal(stop))
        try:
            await process.run(
                settings=here.settings,
                keys=here.keys,
                store=await here.store(),
                client=await here.temporal(metrics_address=metrics),
                stop=stop,
                on_ready=ready,
                meter=runtime(metrics).metric_meter if metrics else None,
                deployment=deployment_of(build_id) if build_id else None,
            )
        finally:
            signals.cancel()


async def _stop_on_signal(stop: asyncio.Event) -> None:
    await until_stopped()
    stop.set()
    talk("Stopping: running activities finish. A second signal ends it at once.")

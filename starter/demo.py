"""`ml-connector demo`: everything on this machine, against the sandbox, checked at the end."""

import asyncio
import sys
import time
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

import typer

from ml_connector.security.logging import configure_logging
from ml_connector.settings import Settings
from starter.demonstration.home import fresh_home
from starter.demonstration.live import progress
from starter.demonstration.parts import Ports, running
from starter.demonstration.play import Play
from starter.demonstration.scenario import SCENARIO
from starter.demonstration.summary import Result, document, outcomes_of, result_table
from starter.errors import ExitCode
from starter.output import AsJson, show, talk
from starter.stopping import until_stopped

T = TypeVar("T")

_Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Else any free one.")]


def register(app: typer.Typer) -> None:
    app.command("demo")(demo)


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything running at the end, until Ctrl-C.")
    ] = False,
    port: _Port = None,
    ui_port: _Port = None,
    fedex_port: _Port = None,
    visma_port: _Port = None,
    home: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="The demo's own folder, emptied first. [demo, under the usual home]"
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=10, metavar="SECONDS", help="Give up after so long.")
    ] = 120,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Also say which process the worker is.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Play eighteen purchase orders of two companies, from Visma to FedEx to the ledger.

    It starts a Temporal server with its Web UI, simulators of Visma and FedEx, the codec server
    and a worker, all on this machine and apart from any real installation. Users, warehouse and
    carrier play along. It exits 0 only if every order came to its right end, compared with what
    the simulators hold.

    \b
    Examples:
      ml-connector demo
      ml-connector demo --keep --ui-port 8233
    """
    configure_logging(level="WARNING")
    folder = (home or Settings.from_env().home / "demo").absolute()
    ports = Ports(temporal=port, ui=ui_port, fedex=fedex_port, visma=visma_port)
    options = _Options(
        home=folder,
        ports=ports,
        limit=timedelta(seconds=limit),
        verbose=verbose,
        keep=keep,
        as_json=as_json,
    )
    raise typer.Exit(asyncio.run(_demo(options)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """The command line."""

    home: Path
    ports: Ports
    limit: timedelta
    verbose: bool
    keep: bool
    as_json: bool


async def _demo(options: _Options) -> int:
    stopped = asyncio.create_task(until_stopped())
    try:
        async with AsyncExitStack() as stack:
            result = await _unless(stopped, _play(options, stack))
            show(document(result), lambda: result_table(result), as_json=options.as_json)
            _say(result, options)
            if options.keep:
                await stopped
            else:
                talk("Stopping.")
    finally:
        stopped.cancel()
    return ExitCode.DONE if result.ok else ExitCode.REFUSED


async def _unless(stopped: "asyncio.Task[None]", work: Coroutine[Any, Any, T]) -> T:
    """Do the work to its end; Ctrl-C ends it, and the command."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            talk("Stopping.")
            raise typer.Abort
        return task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _play(options: _Options, stack: AsyncExitStack) -> Result:
    """Start the parts on the stack, where they stay up, and play the scenario."""
    talk("Starting Temporal, the simulators and a worker ...")
    started = time.monotonic()
    home = stack.enter_context(fresh_home(options.home))
    parts = await stack.enter_async_context(running(SCENARIO, home, options.ports))
    setup = time.monotonic() - started
    talk(f"Web UI: {parts.web_ui}\n")
    with progress(SCENARIO) as view:
        play = Play(SCENARIO, parts, view, limit=options.limit, verbose=options.verbose)
        played = await play.run()
    return Result(
        outcomes=await outcomes_of(SCENARIO, parts.here),
        mismatches=played.mismatches,
        finished=played.finished,
        seconds=played.seconds,
        setup_seconds=setup,
        worker_pid=parts.worker.pid,
        worker_restarts=played.restarts,
        web_ui=parts.web_ui,
        temporal=parts.server.address,
        home=home,
    )


def _say(result: Result, options: _Options) -> None:
    """The verdict, and where to look on."""
    if result.ok:
        talk(
            f"\nAll {len(result.outcomes)} orders came to their right end within "
            f"{result.seconds:.0f} s; Visma and FedEx hold what they should."
        )
    elif not result.finished:
        talk(f"\nNot finished after {result.seconds:.0f} s.")
    for mismatch in result.mismatches:
        talk(f"  {mismatch}")
    if not result.ok:
        talk(f"The logs are in {result.home}.")
    if options.keep:
        query = quote('PurchaseOrder="500102"')
        talk(
            f"Web UI: {result.web_ui}\n"
            f"One order: {result.web_ui}/namespaces/default/workflows?query={query}\n"
            f"Command line: ML_CONNECTOR_HOME={result.home} TEMPORAL_ADDRESS={result.temporal} "
            f"{_program()} po list\n"
            "Stop with Ctrl-C."
        )
    else:
        talk(f"Look around with: {_program()} demo --keep")


def _program() -> str:
    """This command as it was called, so that what is printed works as printed."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "ml-connector" else f"{sys.executable} -m starter"

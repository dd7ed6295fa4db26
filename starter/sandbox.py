"""`ml-connector sandbox`: the FedEx and Visma simulators, until stopped."""

import asyncio
from typing import Annotated

import typer

from starter.output import AsJson, show_line, talk
from starter.stopping import until_stopped

FEDEX_PORT = 18080
VISMA_PORT = 18090
"""What the tenant files under `examples/` point to."""


def register(app: typer.Typer) -> None:
    app.command("sandbox")(sandbox)


def sandbox(
    fedex_port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free port.")] = (
        FEDEX_PORT
    ),
    visma_port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free port.")] = (
        VISMA_PORT
    ),
    speed: Annotated[
        float, typer.Option(min=0.001, help="Seconds of the sandbox's clock per real second.")
    ] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Simulate FedEx and Visma.net on this machine, over real HTTP.

    Nothing is kept: stopping it forgets all orders and shipments. Both systems can be seeded,
    broken and inspected under /sandbox (docs/sandbox.md).

    \b
    Examples:
      ml-connector sandbox
      ml-connector sandbox --speed 600        # ten minutes pass in a second
      ml-connector sandbox --fedex-port 0 --visma-port 0 --json
    """
    asyncio.run(_serve(fedex_port, visma_port, speed, as_json))


async def _serve(fedex_port: int, visma_port: int, speed: float, as_json: bool) -> None:
    # A web server and two vendors: no other command needs them loaded.
    from ml_connector.sandbox.server import Sandbox

    async with Sandbox(fedex_port=fedex_port, visma_port=visma_port, speed=speed) as running:
        if as_json:
            show_line({"fedex": running.fedex_url, "visma": running.visma_url})
        else:
            talk(f"FedEx: {running.fedex_url}\nVisma: {running.visma_url}\nStop with Ctrl-C.")
        await until_stopped()

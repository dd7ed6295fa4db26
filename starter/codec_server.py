"""`ml-connector codec-server`: decrypts payloads for a Web UI or the `temporal` command."""

import asyncio
import contextlib
import errno
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from ml_connector.temporal.codec_server import create_codec_app
from ml_connector.temporal.errors import PortInUse
from starter.context import Installation
from starter.errors import WrongUsage
from starter.output import AsJson, show_line, talk
from starter.stopping import until_stopped


def register(app: typer.Typer) -> None:
    app.command("codec-server")(codec_server)


def codec_server(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free port.")] = 8234,
    ui_origin: Annotated[
        str, typer.Option(metavar="URL", help="Where the Web UI is; no other page may ask.")
    ] = "http://127.0.0.1:8233",
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File with the token every call must carry.")
    ] = None,
    path_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File with the secret first part of the path."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Decrypt what the workflows say, for a Web UI or for the `temporal` command.

    Whoever may call it can read everything. A caller is known by a token (the `temporal` command
    sends it: --codec-auth "Bearer …") or by a secret path (a Web UI without login). Without
    either file a secret path is made up and printed. `ml-connector up` brings its own.

    \b
    Examples:
      ml-connector codec-server
      ml-connector codec-server --ui-origin https://temporal.example.com --token-file token
    """
    asyncio.run(_serve(host, port, ui_origin, token_file, path_file, as_json))


async def _serve(
    host: str,
    port: int,
    ui_origin: str,
    token_file: Path | None,
    path_file: Path | None,
    as_json: bool,
) -> None:
    token = _secret(token_file, "--token-file")
    path = _secret(path_file, "--path-file")
    if token is None and path is None:
        path = secrets.token_urlsafe(24)
    async with Installation.open() as here:
        try:
            app = create_codec_app(
                here.keys,
                token=token,
                origin=ui_origin,
                secret_path=path or "",
                archive=here.archived_payload_key,
            )
        except ValueError as error:
            raise WrongUsage(f"--ui-origin cannot be used: {error}", code="command_line") from error
        with _bound(host, port) as listener:
            endpoint = f"http://{host}:{listener.getsockname()[1]}/{path or ''}".rstrip("/")
            server = _Server(
                # The access log would hold the secret path.
                uvicorn.Config(app, lifespan="off", log_config=None, access_log=False)
            )
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            if as_json:
                show_line({"endpoint": endpoint, "ui_origin": ui_origin})
            else:
                talk(f"Codec server: {endpoint}\nStop with Ctrl-C.")
            stopping = asyncio.create_task(until_stopped())
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            server.should_exit = True
            await serving


class _Server(uvicorn.Server):
    """Leaves signals to us, so that stopping is a normal end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _bound(host: str, port: int) -> socket.socket:
    """A bound socket: from then on connections wait in line instead of being refused."""
    listener = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        if listener is not None:
            listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(port, "the codec server") from error
        raise WrongUsage(
            f"The codec server cannot listen on {host}",
            why=error.strerror or "",
            remedy="Give --host an address of this machine",
            code="command_line",
        ) from error
    return listener


def _secret(file: Path | None, option: str) -> str | None:
    if file is None:
        return None
    try:
        content = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(
            f"{option} names {file}, which cannot be read",
            remedy="Name a readable file that holds the secret",
            code="secret_missing",
        ) from error
    if len(content) < 16 or "/" in content:
        raise WrongUsage(
            f"{option} names {file}, whose content is no secret",
            why="It is shorter than 16 characters or holds a slash",
            remedy="Write 32 random bytes to it, in hex",
            code="secret_missing",
        )
    return content

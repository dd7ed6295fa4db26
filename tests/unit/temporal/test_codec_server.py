import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from starlette.applications import Starlette
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.client import Client

from ml_connector.security.keys import MasterKey, MasterKeys
from ml_connector.temporal import codec_server
from ml_connector.temporal.codec import EncryptionCodec
from ml_connector.temporal.codec_host import EmbeddedCodecServer
from ml_connector.temporal.codec_server import create_codec_app, same_origins
from ml_connector.temporal.dev_server import DevServer, program
from ml_connector.temporal.errors import PortInUse
from tests.unit.temporal.sample_workflows import EchoWorkflow

UI = "http://127.0.0.1:8233"
TOKEN = "correct-horse"
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data='"Bjørn & Søn"'.encode())


@asynccontextmanager
async def caller(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://codec") as http:
        yield http


async def sealed(keys: MasterKeys) -> dict[str, object]:
    """A request body as the Web UI sends it."""
    payloads = await EncryptionCodec(keys).encode([PLAIN])
    body: dict[str, object] = MessageToDict(Payloads(payloads=payloads))
    return body


def decoded(reply: httpx.Response) -> bytes:
    assert reply.status_code == 200, reply.text
    return base64.b64decode(reply.json()["payloads"][0]["data"])


async def test_the_right_token_decodes(master_keys: MasterKeys) -> None:
    async with caller(create_codec_app(master_keys, token=TOKEN, origin=UI)) as http:
        reply = await http.post(
            "/decode",
            json=await sealed(master_keys),
            headers={"Authorization": f"Bearer {TOKEN}", "X-Namespace": "default"},
        )
    assert decoded(reply) == PLAIN.data
    assert reply.headers["cache-control"] == "no-store"


async def test_what_it_encodes_it_decodes(master_keys: MasterKeys) -> None:
    plain = MessageToDict(Payloads(payloads=[PLAIN]))
    async with caller(create_codec_app(master_keys, token=TOKEN, origin=UI)) as http:
        http.headers["Authorization"] = f"Bearer {TOKEN}"
        encoded = await http.post("/encode", json=plain)
        assert PLAIN.data not in base64.b64decode(encoded.json()["payloads"][0]["data"])
        assert decoded(await http.post("/decode", json=encoded.json())) == PLAIN.data


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer wrong", TOKEN, f"Basic {TOKEN}", "Bearer corréct"]
)
async def test_without_the_token_nothing_is_decoded(
    master_keys: MasterKeys, header: str | None
) -> None:
    headers = [] if header is None else [(b"Authorization", header.encode())]
    async with caller(create_codec_app(master_keys, token=TOKEN, origin=UI)) as http:
        reply = await http.post("/decode", json=await sealed(master_keys), headers=headers)
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"] == "Bearer"


async def test_a_server_for_everybody_cannot_be_made(master_keys: MasterKeys) -> None:
    with pytest.raises(ValueError, match="token"):
        create_codec_app(master_keys, token=None, origin=UI)
    with pytest.raises(ValueError, match="token"):
        create_codec_app(master_keys, token="", origin=UI)


async def test_a_secret_path_replaces_the_token(master_keys: MasterKeys) -> None:
    app = create_codec_app(master_keys, token=None, origin=UI, secret_path="unguessable")
    async with caller(app) as http:
        body = await sealed(master_keys)
        assert decoded(await http.post("/unguessable/decode", json=body)) == PLAIN.data
        for path in ("/decode", "/encode", "/guessed/decode", "/unguessable/"):
            assert (await http.post(path, json=body)).status_code == 404


@pytest.mark.parametrize("origin", [UI, "http://localhost:8233", "http://[::1]:8233"])
async def test_the_web_ui_may_call(master_keys: MasterKeys, origin: str) -> None:
    app = create_codec_app(master_keys, token=TOKEN, origin=UI)
    async with caller(app) as http:
        preflight = await http.options(
            "/decode",
            headers={
                "Origin": origin,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type,x-namespace,authorization",
            },
        )
        reply = await http.post(
            "/decode",
            json=await sealed(master_keys),
            headers={"Origin": origin, "Authorization": f"Bearer {TOKEN}"},
        )
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == origin
    assert reply.headers["access-control-allow-origin"] == origin
    assert decoded(reply) == PLAIN.data


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://127.0.0.1:8234",
        "https://127.0.0.1:8233",
        "http://127.0.0.1:8233.evil.example",
        "null",
        "",
    ],
)
async def test_no_other_page_may_call(master_keys: MasterKeys, origin: str) -> None:
    app = create_codec_app(master_keys, token=TOKEN, origin=UI, secret_path="known")
    async with caller(app) as http:
        preflight = await http.options(
            "/known/decode",
            headers={"Origin": origin, "Access-Control-Request-Method": "POST"},
        )
        # A form post needs no preflight, so the request itself must be refused too.
        reply = await http.post(
            "/known/decode",
            content=json.dumps(await sealed(master_keys)),
            headers={
                "Origin": origin,
                "Authorization": f"Bearer {TOKEN}",
                "Content-Type": "text/plain",
            },
        )
    assert "access-control-allow-origin" not in preflight.headers
    assert "access-control-allow-origin" not in reply.headers
    assert reply.status_code == 403


async def test_an_unknown_key_is_explained_in_plain_words(master_keys: MasterKeys) -> None:
    other = MasterKeys([MasterKey.of(b"\x05" * 32)])
    app = create_codec_app(master_keys, token=TOKEN, origin=UI)
    async with caller(app) as http:
        reply = await http.post(
            "/decode", json=await sealed(other), headers={"Authorization": f"Bearer {TOKEN}"}
        )
    assert reply.status_code == 400
    assert reply.headers["content-type"].startswith("text/plain")
    assert other.current.id in reply.text


@pytest.mark.parametrize(
    "body", [b"", b"{", b"7", b'{"payloads": 1}', b"\xff\xfe", b'{"payloads": [{"data": 7}]}']
)
async def test_junk_is_refused(master_keys: MasterKeys, body: bytes) -> None:
    app = create_codec_app(master_keys, token=TOKEN, origin=UI)
    async with caller(app) as http:
        reply = await http.post(
            "/decode", content=body, headers={"Authorization": f"Bearer {TOKEN}"}
        )
    assert reply.status_code == 400


async def test_a_flood_is_refused(master_keys: MasterKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec_server, "LARGEST_REQUEST", 100)
    app = create_codec_app(master_keys, token=TOKEN, origin=UI)
    async with caller(app) as http:
        reply = await http.post(
            "/decode", content=b"x" * 101, headers={"Authorization": f"Bearer {TOKEN}"}
        )
    assert reply.status_code == 413


async def test_health_needs_no_token(master_keys: MasterKeys) -> None:
    async with caller(create_codec_app(master_keys, token=TOKEN, origin=UI)) as http:
        assert (await http.get("/health")).text == "ok"


def test_an_origin_has_no_path() -> None:
    assert same_origins("https://ui.example.com") == ["https://ui.example.com"]
    for bad in ("ui.example.com", "*", "", "ftp://x", "https://x/path", "https://"):
        with pytest.raises(ValueError, match="not an origin"):
            same_origins(bad)


async def test_the_temporal_command_reads_and_signals_through_the_embedded_server(
    dev_server: DevServer, temporal_client: Client, master_keys: MasterKeys, tmp_path: Path
) -> None:
    handle = await temporal_client.start_workflow(
        EchoWorkflow.run, "Bjørn & Søn", id="po/cli/1", task_queue="nobody"
    )
    async with EmbeddedCodecServer(master_keys, origin=UI) as codec:
        environment = {
            "HOME": str(tmp_path),
            "TEMPORAL_ADDRESS": dev_server.address,
            "TEMPORAL_CODEC_ENDPOINT": codec.endpoint,
        }
        named = ("--workflow-id", "po/cli/1")
        signal = ("--name", "resume", "--input", PLAIN.data.decode())
        await temporal("workflow", "signal", *named, *signal, environment=environment)
        shown = await temporal(
            "workflow", "show", *named, "--output", "json", environment=environment
        )
    started, _, signalled, *_ = json.loads(shown)["events"]
    for attributes in (
        started["workflowExecutionStartedEventAttributes"],
        signalled["workflowExecutionSignaledEventAttributes"],
    ):
        [argument] = attributes["input"]["payloads"]
        assert base64.b64decode(argument["data"]) == PLAIN.data
    history = await handle.fetch_history()
    assert PLAIN.data not in b"".join(event.SerializeToString() for event in history.events)


async def temporal(*arguments: str, environment: dict[str, str]) -> str:
    """What the `temporal` command prints."""
    command = await asyncio.create_subprocess_exec(
        str(program()),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    out, err = await command.communicate()
    assert command.returncode == 0, err.decode()
    return out.decode()


async def test_each_run_has_a_path_of_its_own(master_keys: MasterKeys) -> None:
    async with (
        EmbeddedCodecServer(master_keys, origin=UI) as one,
        EmbeddedCodecServer(master_keys, origin=UI) as two,
    ):
        assert len(one.endpoint.rpartition("/")[2]) >= 32
        assert one.endpoint.rpartition("/")[2] != two.endpoint.rpartition("/")[2]
        port = int(one.endpoint.split(":")[2].partition("/")[0])
        with pytest.raises(PortInUse, match="codec server"):
            EmbeddedCodecServer(master_keys, origin=UI, port=port)

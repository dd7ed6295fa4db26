"""The transport against a real server: what arrives, what breaks off, and what is recorded."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest

from ml_connector.http import transport as transport_module
from ml_connector.http.transport import (
    AnswerLost,
    BadBody,
    Effect,
    Exchange,
    NotSent,
    Reply,
    Transport,
    encode_json,
    open_client,
)
from tests.unit.http.loopback import (
    RESET_AFTER_READING,
    RESET_BEFORE_READING,
    Answer,
    Loopback,
    answer,
    closed_port,
)


@pytest.fixture
async def pool() -> AsyncIterator[httpx.AsyncClient]:
    async with open_client() as client:
        yield client


async def send(pool: httpx.AsyncClient, url: str, **request: object) -> Reply:
    transport = Transport("Test", url, client=pool)
    return await transport.send("POST", "/thing", effect=Effect.WRITE, **request)  # type: ignore[arg-type]


async def test_request_arrives_as_it_was_given(pool: httpx.AsyncClient) -> None:
    async with Loopback([answer(201, {"total": 4448.19}, etag='"7"')]) as server:
        reply = await send(
            pool,
            server.url,
            json={"weight": Decimal("10.25"), "name": "Bærum"},
            headers={"x-id": "k"},
            params={"page": 2},
        )
    [asked] = server.asked
    assert (asked.method, asked.target) == ("POST", "/thing?page=2")
    assert asked.body == '{"weight": 10.25, "name": "Bærum"}'.encode()
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["x-id"] == "k"
    assert reply.status == 201
    assert reply.headers["ETag"] == '"7"'
    assert reply.json() == {"total": Decimal("4448.19")}


async def test_form_is_sent_url_encoded(pool: httpx.AsyncClient) -> None:
    async with Loopback([answer(200, {})]) as server:
        await send(pool, server.url, form={"child_Key": "a b&c"})
    [asked] = server.asked
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert asked.form == {"child_Key": "a b&c"}


@pytest.mark.parametrize("announced", [True, False])
async def test_gzip_is_undone_announced_or_not(pool: httpx.AsyncClient, announced: bool) -> None:
    headers = {"content-encoding": "gzip"} if announced else {}
    packed = Answer(body=gzip.compress(b'{"ok": true}'), headers=headers)
    async with Loopback([packed]) as server:
        reply = await send(pool, server.url)
    assert reply.json() == {"ok": True}


async def test_refused_connection_is_not_sent(pool: httpx.AsyncClient) -> None:
    with pytest.raises(NotSent):
        await send(pool, f"http://127.0.0.1:{closed_port()}")


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(RESET_BEFORE_READING, id="reset-before-reading"),
        pytest.param(RESET_AFTER_READING, id="reset-after-reading"),
        pytest.param(Answer(body=b'{"a": 1}', send_only=4), id="truncated"),
        pytest.param(
            Answer(body=b"no gzip", headers={"content-encoding": "gzip"}), id="broken-gzip"
        ),
    ],
)
async def test_broken_exchange_is_a_lost_answer(pool: httpx.AsyncClient, broken: Answer) -> None:
    async with Loopback([broken]) as server:
        with pytest.raises(AnswerLost):
            await send(pool, server.url)


async def test_deadline_after_sending_is_a_lost_answer(pool: httpx.AsyncClient) -> None:
    async with Loopback([Answer(silent=True)]) as server:
        slow = Transport("Test", server.url, client=pool, timeout=timedelta(seconds=1))
        with pytest.raises(AnswerLost, match="no answer in time"):
            await slow.send("GET", "/", effect=Effect.READ)
    assert len(server.asked) == 1


async def test_deadline_while_waiting_for_a_connection_is_not_sent() -> None:
    limits = httpx.Limits(max_connections=1)
    arrived = asyncio.Event()

    def silent(_: object) -> Answer:
        arrived.set()
        return Answer(silent=True)

    async with Loopback(silent) as server, httpx.AsyncClient(limits=limits) as pool:
        patient = Transport("Test", server.url, client=pool)
        hurried = Transport("Test", server.url, client=pool, timeout=timedelta(milliseconds=100))
        holder = asyncio.create_task(patient.send("GET", "/", effect=Effect.READ))
        await arrived.wait()
        with pytest.raises(NotSent):
            await hurried.send("POST", "/", effect=Effect.WRITE)
        holder.cancel()
        await asyncio.gather(holder, return_exceptions=True)
    assert len(server.asked) == 1


async def test_endless_reply_is_cut_off(
    pool: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_module, "LARGEST_REPLY", 10)
    async with Loopback([Answer(body=b"x" * 11)]) as server:
        with pytest.raises(AnswerLost, match="larger than"):
            await send(pool, server.url)


async def test_small_gzip_that_unpacks_beyond_the_limit_stays_packed(
    pool: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = gzip.compress(b"x" * 100_000)
    monkeypatch.setattr(transport_module, "LARGEST_REPLY", len(bomb))
    async with Loopback([Answer(body=bomb)]) as server:
        assert (await send(pool, server.url)).content == bomb


async def test_cookies_are_never_kept(pool: httpx.AsyncClient) -> None:
    async with Loopback([answer(200, {}, **{"set-cookie": "session=one-tenant"})]) as server:
        await send(pool, server.url)
        await send(pool, server.url)
    assert all("cookie" not in asked.headers for asked in server.asked)


async def test_loopback_never_goes_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    async with Loopback([answer(200, {})]) as server, open_client() as pool:
        assert (await send(pool, server.url)).status == 200


async def test_exchange_is_recorded_redacted(pool: httpx.AsyncClient) -> None:
    recorded: list[Exchange] = []

    async def recorder(exchange: Exchange) -> None:
        recorded.append(exchange)

    async with Loopback([answer(400, {"access_token": "T0P", "errors": []})]) as server:
        transport = Transport("Test", server.url, client=pool, recorder=recorder)
        await transport.send(
            "POST",
            "/thing",
            effect=Effect.WRITE,
            headers={"authorization": "Bearer T0P"},
            params={"client_secret": "T0P", "page": 1},
            json={"personName": "T0P", "city": "Oslo"},
            operation="t/1/ship/1",
        )
        [exchange] = recorded
        assert exchange.url == f"{server.url}/thing?client_secret=***&page=1"
    assert "T0P" not in repr(exchange)
    assert exchange.request_body == {"personName": "***", "city": "Oslo"}
    assert exchange.reply_body == {"access_token": "***", "errors": []}
    assert (exchange.status, exchange.error) == (400, None)
    assert (exchange.effect, exchange.operation) == (Effect.WRITE, "t/1/ship/1")
    assert exchange.started_at.tzinfo is not None
    assert exchange.duration > timedelta(0)


async def test_failure_is_recorded_too(pool: httpx.AsyncClient) -> None:
    recorded: list[Exchange] = []

    async def recorder(exchange: Exchange) -> None:
        recorded.append(exchange)

    async with Loopback([RESET_AFTER_READING]) as server:
        transport = Transport("Test", server.url, client=pool, recorder=recorder)
        with pytest.raises(AnswerLost) as caught:
            await transport.send("GET", "/", effect=Effect.READ)
    assert [exchange.error for exchange in recorded] == [caught.value.cause]


async def test_request_that_cannot_be_built_is_recorded_as_such(pool: httpx.AsyncClient) -> None:
    recorded: list[Exchange] = []

    async def recorder(exchange: Exchange) -> None:
        recorded.append(exchange)

    transport = Transport("Test", "https://example.test", client=pool, recorder=recorder)
    with pytest.raises(ValueError, match="more digits"):
        await transport.send(
            "POST", "/", effect=Effect.WRITE, json=Decimal("0.1234567890123456789")
        )
    assert [exchange.error for exchange in recorded] == ["the request could not be built"]


async def test_cancelled_call_is_recorded(pool: httpx.AsyncClient) -> None:
    recorded: list[Exchange] = []
    arrived = asyncio.Event()

    async def recorder(exchange: Exchange) -> None:
        recorded.append(exchange)

    def silent(_: object) -> Answer:
        arrived.set()
        return Answer(silent=True)

    async with Loopback(silent) as server:
        transport = Transport("Test", server.url, client=pool, recorder=recorder)
        call = asyncio.create_task(transport.send("POST", "/", effect=Effect.WRITE))
        await arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert [exchange.error for exchange in recorded] == ["cancelled"]


async def test_answer_survives_a_broken_recorder(
    pool: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async def recorder(exchange: Exchange) -> None:
        raise OSError("disk full, and this text may quote the body: T0P")

    async with Loopback([answer(200, {"kept": True})]) as server:
        transport = Transport("Test", server.url, client=pool, recorder=recorder)
        reply = await transport.send("POST", "/", effect=Effect.WRITE)
    assert reply.json() == {"kept": True}
    assert "was not recorded: OSError" in caplog.text
    assert "T0P" not in caplog.text


async def test_header_that_breaks_the_protocol_is_not_quoted(pool: httpx.AsyncClient) -> None:
    async with Loopback([answer(200, {})]) as server:
        with pytest.raises(NotSent) as caught:
            await send(pool, server.url, headers={"authorization": "Bearer T0P\r\nx: y"})
    assert "T0P" not in str(caught.value)
    assert caught.value.__suppress_context__


async def test_passed_pool_stays_open_and_own_pool_is_closed(pool: httpx.AsyncClient) -> None:
    await Transport("Test", "https://example.test", client=pool).aclose()
    assert not pool.is_closed
    owner = Transport("Test", "https://example.test")
    await owner.aclose()
    assert owner._client.is_closed


@pytest.mark.parametrize(
    "url",
    ["https://apis.fedex.com", "http://127.0.0.1:8080", "http://localhost", "http://[::1]:1"],
)
async def test_accepted_base_urls(pool: httpx.AsyncClient, url: str) -> None:
    assert Transport("Test", url + "/", client=pool).base_url == url


@pytest.mark.parametrize(
    "url", ["http://apis.fedex.com", "http://127.0.0.1.evil.test", "ftp://localhost", "", "https:"]
)
async def test_refused_base_urls(pool: httpx.AsyncClient, url: str) -> None:
    with pytest.raises(ValueError, match="must be https"):
        Transport("Test", url, client=pool)


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b'{"a": 1', b"NaN", b'{"a": Infinity}', b"\xff\xfe", b"[" * 100_000],
)
def test_body_that_is_no_json(content: bytes) -> None:
    with pytest.raises(BadBody):
        Reply(status=200, headers={}, content=content).json()


def test_decimal_is_sent_exactly_or_not_at_all() -> None:
    sent = {"a": Decimal("10.10"), "b": Decimal("7.00"), "c": Decimal("0.1"), "d": None}
    assert json.loads(encode_json(sent), parse_float=Decimal) == sent
    with pytest.raises(ValueError, match="more digits"):
        encode_json(Decimal("0.1234567890123456789"))
    with pytest.raises(TypeError):
        encode_json(object())

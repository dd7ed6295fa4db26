"""The sandbox as a whole: starting, stopping, ports, signals."""

import asyncio
import signal
import socket
from datetime import timedelta

import httpx
import pytest

from ml_connector.sandbox.errors import PortInUse
from ml_connector.sandbox.faults import Rule, Seen
from ml_connector.sandbox.server import LOOPBACK, Sandbox, serve


async def test_both_simulators_listen_and_stop() -> None:
    async with Sandbox(speed=0) as sandbox, httpx.AsyncClient() as http:
        urls = (sandbox.fedex_url, sandbox.visma_url)
        replies = [await http.get(f"{url}/sandbox/clock") for url in urls]

        assert [reply.status_code for reply in replies] == [200, 200]
        assert urls[0] != urls[1]

    async with httpx.AsyncClient() as http:
        for url in urls:
            with pytest.raises(httpx.ConnectError):
                await http.get(url)


async def test_the_carriers_clock_is_fast_and_the_others_are_not() -> None:
    sandbox = Sandbox(speed=1000)

    assert sandbox.clock.speed == 1000
    assert sandbox.fedex.gateway.speed == 1
    assert sandbox.visma_clock.speed == 1


async def test_a_port_in_use_is_named_and_nothing_is_left_listening() -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        sandbox = Sandbox(visma_port=port)

        with pytest.raises(PortInUse, match=str(port)):
            async with sandbox:
                raise AssertionError("not reached")

    async with httpx.AsyncClient() as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(sandbox.fedex_url)


async def test_signal_handlers_stay_as_they_were() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    async with Sandbox():
        during = {number: signal.getsignal(number) for number in before}

    assert during == before


async def test_serve_runs_until_it_is_cancelled() -> None:
    started: asyncio.Future[Sandbox] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(speed=50, ready=started.set_result))
    sandbox = await started

    async with httpx.AsyncClient() as http:
        assert (await http.get(f"{sandbox.fedex_url}/sandbox/state")).status_code == 200
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_clocks_are_moved_over_http() -> None:
    async with Sandbox(speed=0) as sandbox, httpx.AsyncClient() as http:
        start, gateway = sandbox.clock.now(), sandbox.fedex.gateway.now()
        url = sandbox.fedex_url

        await http.post(f"{url}/sandbox/clock", json={"advance": "2d"})
        await http.post(f"{url}/sandbox/gateway-clock", json={"advance": 90, "speed": 0})
        await http.post(f"{url}/sandbox/clock", json={"speed": 30})
        wrong = await http.post(f"{url}/sandbox/clock", json={"advance": "soon"})

        assert sandbox.clock.now() - start >= timedelta(days=2)
        assert sandbox.clock.speed == 30
        assert timedelta(0) <= sandbox.fedex.gateway.now() - gateway - timedelta(seconds=90)
        assert wrong.status_code == 422

        moved = await http.post(f"{url}/sandbox/clock", json={"set": "2026-01-31T23:00:00+01:00"})
        assert moved.json()["now"].startswith("2026-01-31T22:00")


async def test_it_stops_although_a_request_is_under_way() -> None:
    arrived = asyncio.Event()

    async def hang(request: Seen) -> None:
        arrived.set()
        await asyncio.Event().wait()

    async with httpx.AsyncClient() as http:
        async with Sandbox() as sandbox:
            sandbox.fedex.faults.hooks["hang"] = hang
            rule = {"id": "r", "action": {"kind": "hook", "name": "hang"}}
            sandbox.fedex.faults.add(Rule.model_validate(rule))
            pending = asyncio.create_task(http.post(f"{sandbox.fedex_url}/oauth/token"))
            await arrived.wait()

        with pytest.raises(httpx.TransportError):
            await pending

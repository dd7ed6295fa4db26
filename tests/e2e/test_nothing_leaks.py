"""Known secrets and persons go through a whole run; afterwards nobody finds them anywhere.

Two tenants: one whose orders ship, are refused, lose their answers and cannot be posted, one with
dead credentials. FedEx and Visma quote what they know in their error messages, as real systems do.
Looked through: both databases with their journals, logs, what the processes printed, their
arguments, and what Temporal shows unencrypted.
"""

import asyncio
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from ml_connector.security.keys import MasterKeys
from ml_connector.store.states import TenantState
from tests.leaks import Leak, Leaks
from tests.searched import ROWS, searched, tokens_of, written_by
from tests.stage import Stage, company_of, lost_answer

SECRETS = {
    "visma.client_id": "isv_quokka_nordic_7731",
    "visma.client_secret": "Vw9-kestrel-Osprey_44+x/Q==",
    "fedex.account_number": "612948377",
    "fedex.client_id": "l7kingfisher5f2e80b1",
    "fedex.client_secret": "plover~Heron%21&dunlin",
}
WRONG = {
    "visma.client_secret": "wrong-bittern-Godwit-90/21",
    "fedex.client_secret": "wrong-avocet-Whimbrel-17+3",
}
SUPPLIER = {
    "name": "Zephyrine Ostrowski Handels GmbH",
    "attention": "Wilhelmina Quastenberg",
    "email": "w.quastenberg@ostrowski.example",
    "phone1": "+4940771188223",
}
SUPPLIER_STREET = "Quittenbaumweg 4711"
RECEIVER = {
    "name": "Ødegård Brønn og Varme AS",
    "attention": "Åse Tvedestrand",
    "email": "aase.tvedestrand@oedegaard.example",
    "phone1": "+4791827364",
}
RECEIVER_STREET = "Rødkløverstien 83B"
PERSONS = {
    "supplier's company": SUPPLIER["name"],
    "supplier's person": SUPPLIER["attention"],
    "supplier's mail address": SUPPLIER["email"],
    "supplier's phone": SUPPLIER["phone1"].removeprefix("+49"),
    "supplier's street": SUPPLIER_STREET,
    "receiver's company": RECEIVER["name"],
    "receiver's person": RECEIVER["attention"],
    "receiver's mail address": RECEIVER["email"],
    "receiver's phone": RECEIVER["phone1"].removeprefix("+47"),
    "receiver's street": RECEIVER_STREET,
}
TALKATIVE = (
    f"{SUPPLIER['name']}, {SUPPLIER['attention']}, {SUPPLIER['phone1']}, {SUPPLIER['email']}, "
    f"{SUPPLIER_STREET}; {RECEIVER['attention']} {RECEIVER['phone1']} {RECEIVER_STREET}; "
    f"account {SECRETS['fedex.account_number']}, client_id '{SECRETS['fedex.client_id']}'"
)
"""What an error message says of us: all it knows."""
PLANTED = "planted-capercaillie/Lyrurus+88"
DATABASE = {
    "sqlite": {"ml-connector.db", "ml-connector.db-wal", "ml-connector.db, row by row"},
    "postgresql": {ROWS, "postgresql.log"},
}
TEMPORAL = {"temporal.db", "temporal.db-wal", "temporal.db, row by row"}
PLACES = {"worker.out", "worker.err", "temporal.log", *TEMPORAL}
"""What a run is known to write, its database apart; whatever else it does is looked through too."""


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    keys = MasterKeys.load(None, None, generate_at=tmp_path / "master.key")
    async with Stage(home=tmp_path, keys=keys, work=False) as stage:
        stage.sandbox.fedex.faults.error_body = _fedex_error
        stage.sandbox.visma.faults.error_body = _visma_error
        yield stage


async def test_nothing_leaks(stage: Stage, request: pytest.FixtureRequest) -> None:
    database = DATABASE[request.config.getoption("--database")]
    await _with_marked_secrets(stage, "nordic")
    await _with_marked_people(stage, "nordic")
    async with worker(stage) as pid:
        await _orders_of_every_fate(stage, "nordic")
        await _tenant_with_dead_credentials(stage, "sur")
        told = await command(stage, "tenant", "ping", "sur")
        arguments = b"\n".join(command_lines(os.getpid()))
        assert str(pid).encode() in arguments, "we look at the right processes"
        shown = await _shown_by_temporal(stage)

    leaks = Leaks({**SECRETS, **WRONG, **PERSONS, **_keys(stage), **_tokens(stage)})
    known_there = await _known_to_the_other_sides(stage)
    assert {leak.marker for leak in Leaks({**SECRETS, **PERSONS}).found_in(known_there)} == {
        *SECRETS,
        *PERSONS,
    }, "every marker was in play"
    places = {
        "process arguments": arguments,
        "what Temporal shows": shown,
        "tenant ping": told,
        **written_by(stage),
    }
    assert places.keys() >= PLACES | database
    assert leaks.found_in_places(places) == {}
    assert (await _where_planted_is_found(stage)).keys() >= {
        "process arguments",
        "what Temporal shows",
        *TEMPORAL - {"temporal.db"},
        *database - {"ml-connector.db", "postgresql.log"},
    }


async def _where_planted_is_found(stage: Stage) -> dict[str, list[Leak]]:
    """In each kind of place: that nothing was found means that nothing is there."""
    planted = Leaks({"planted": PLANTED})
    sleeper = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "import sys; sys.stdin.read()", PLANTED),
        stdin=asyncio.subprocess.PIPE,
    )
    arguments = b"\n".join(command_lines(os.getpid()))
    sleeper.kill()
    await sleeper.wait()
    unencrypted = await Client.connect(stage.server.address)
    await unencrypted.start_workflow(
        "Nobody", PLANTED, id="planted", task_queue="nobody", memo={"planted": PLANTED}
    )
    await stage.store.coordination.acquire_slot(PLANTED, 1, "nobody", timedelta(hours=1))

    async def listed() -> bytes | None:
        shown = await _shown_by_temporal(stage)
        return shown if planted.found_in(shown) else None

    shown = await stage.until(listed)
    return planted.found_in_places(
        {
            "process arguments": arguments,
            "what Temporal shows": shown,
            **written_by(stage),
        }
    )


async def test_a_stage_that_gives_something_away_ends_with_an_error(tmp_path: Path) -> None:
    """That the installations which other tests share are searched is relied on; so it is tested."""
    with pytest.raises(AssertionError) as told:
        async with searched(Stage(home=tmp_path, work=False)) as stage:
            await stage.add_tenant("chatty")
            logging.getLogger("worker").warning("asked as %s", "fedex-chatty")
            await stage.store.coordination.acquire_slot(
                "Hammer Deich 63", 1, "fedex-secret-chatty", timedelta(hours=1)
            )
    for leak in (
        "chatty's fedex.client_id",
        "chatty's fedex.client_secret",
        "street Hammer Deich 63",
        "worker-inside.log",
        ROWS if stage.database_url else "ml-connector.db",
    ):
        assert leak in str(told.value)


# -- the run ----------------------------------------------------------------------------------


async def _with_marked_secrets(stage: Stage, tenant: str) -> None:
    await stage.add_tenant(tenant)
    await stage.visma(
        "POST",
        "clients",
        client_id=SECRETS["visma.client_id"],
        client_secret=SECRETS["visma.client_secret"],
        tenants=[company_of(tenant)],
    )
    await stage.fedex(
        "POST",
        "credentials",
        client_id=SECRETS["fedex.client_id"],
        client_secret=SECRETS["fedex.client_secret"],
        accounts=[{"number": SECRETS["fedex.account_number"], "currency": "NOK"}],
    )
    await stage.apply(tenant, secrets=SECRETS)


async def _with_marked_people(stage: Stage, tenant: str) -> None:
    master = f"companies/{company_of(tenant)}/master"
    there = {"contact": SUPPLIER, "address": {"line1": SUPPLIER_STREET}}
    here = {"contact": RECEIVER, "address": {"line1": RECEIVER_STREET}}
    await stage.visma(
        "PATCH", f"{master}/suppliers/SUP-DE", name=SUPPLIER["name"], people=[SUPPLIER], **there
    )
    await stage.visma("PATCH", f"{master}/supplier_locations/SUP-DE/MAIN", **there)
    await stage.visma("PATCH", f"{master}/warehouses/1", **here)
    await stage.visma(
        "PATCH",
        f"{master}/branches/1",
        name=RECEIVER["name"],
        delivery_address=here["address"],
        delivery_contact=RECEIVER,
        **here,
    )


async def _orders_of_every_fate(stage: Stage, tenant: str) -> None:
    good, refused, lost, unposted, untracked, unread = await stage.orders(tenant, 6)
    fedex, visma = stage.fedex, stage.visma
    await fedex("POST", "faults", **_refusal("ship", "/ship/v1/shipments$", refused))
    await fedex("POST", "faults", **lost_answer("lost", "/ship/v1/shipments$", lost))
    await visma("POST", "faults", **_refusal("post", "/journaltransaction", unposted))
    await visma("POST", "faults", **_refusal("put", f"/purchaseorder/{untracked}$", "", "PUT"))
    await visma("POST", "faults", **_refusal("get", f"/purchaseorder/{unread}$", "", "GET"))
    await stage.discover(tenant)
    for number in (refused, unread):
        await stage.at(tenant, number, "needs_attention")
    for number in (good, lost, unposted, untracked):
        await stage.at(tenant, number, "label_created")
    await stage.deliver(tenant)
    await stage.at(tenant, unposted, "needs_attention")
    await stage.finished(tenant, good)
    await stage.finished(tenant, lost)


async def _tenant_with_dead_credentials(stage: Stage, tenant: str) -> None:
    await stage.add_tenant(tenant)
    await stage.apply(tenant, secrets=WRONG)
    await stage.order(tenant)
    discovering = asyncio.create_task(stage.discover(tenant))

    async def locked_out() -> bool:
        record = await stage.store.tenants.get(tenant)
        return record is not None and record.state is TenantState.NEEDS_REAUTH

    await stage.until(locked_out)
    discovering.cancel()


def _refusal(name: str, path: str, body: str, method: str = "POST") -> dict[str, Any]:
    return {
        "id": name,
        "match": {"method": method, "path": path, "body": body or None},
        "action": {"kind": "status", "status": 400},
    }


def _fedex_error(status: int, code: str) -> object:
    return {
        "transactionId": "624deea6-b709-470c-8c39-4b5511281492",
        "errors": [{"code": "SHIPPER.UNHEARD.OF", "message": f"Refused: {TALKATIVE}"}],
    }


def _visma_error(status: int, code: str) -> object:
    return {"message": f"Error: {TALKATIVE}"}


# -- the places -------------------------------------------------------------------------------


@asynccontextmanager
async def worker(stage: Stage) -> AsyncIterator[int]:
    """A worker in a process of its own, all it prints kept; it says everything it ever says."""
    with (
        (stage.home / "worker.out").open("wb") as out,
        (stage.home / "worker.err").open("wb") as err,
    ):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "starter", "worker", "--json", "--log-level", "DEBUG"),
            stdout=out,
            stderr=err,
            env=_environment(stage),
        )
    try:

        async def ready() -> bool:
            assert process.returncode is None, (stage.home / "worker.err").read_text()
            return (stage.home / "worker.out").stat().st_size > 0

        await stage.until(ready)
        yield process.pid
    finally:
        process.terminate()
        await process.wait()


async def command(stage: Stage, *arguments: str) -> bytes:
    """One of our commands; all that it prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "starter", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=_environment(stage),
    )
    printed, _ = await process.communicate()
    return printed


def _environment(stage: Stage) -> dict[str, str]:
    return {**os.environ, **stage.environment}


def command_lines(ancestor: int) -> Iterator[bytes]:
    """Process ids and arguments of a process's descendants."""
    parents = {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal():
                stat = (entry / "stat").read_text()
                # The name, in brackets, may hold blanks and brackets itself.
                parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    family = {ancestor}
    while grown := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= grown
    for pid in family - {ancestor}:
        yield str(pid).encode() + b" " + (Path("/proc") / str(pid) / "cmdline").read_bytes()


async def _shown_by_temporal(stage: Stage) -> bytes:
    """Ids, search attributes and memos as lists show them, unencrypted or not."""
    shown = [
        execution.raw_info.SerializeToString() async for execution in stage.client.list_workflows()
    ]
    assert shown
    return b"\n".join(shown)


async def _known_to_the_other_sides(stage: Stage) -> bytes:
    fedex, visma = stage.sandbox.fedex, stage.sandbox.visma
    company = visma.companies[company_of("nordic")]
    return json.dumps(
        [
            await stage.fedex("GET", "state"),
            [repr(shipment) for shipment in fedex.shipments],
            repr(fedex.credentials),
            repr(visma.clients),
            repr((company.suppliers, company.warehouses, company.branches)),
        ],
        ensure_ascii=False,
    ).encode()


def _keys(stage: Stage) -> dict[str, str | bytes]:
    key = stage.keys.current
    return {"master key": key.material}


def _tokens(stage: Stage) -> dict[str, str]:
    issued = tokens_of(stage)
    assert {*issued.values()} == {"FedEx token", "Visma token"}
    return {f"{issuer} {number}": token for number, (token, issuer) in enumerate(issued.items())}

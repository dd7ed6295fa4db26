"""The trail that real work leaves: it proves itself, and no tampering with the file goes unseen."""

import json
import os
import shutil
import sqlite3
import sys
from asyncio import create_subprocess_exec, subprocess
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from ml_connector.security.vault import SealBroken
from ml_connector.store.audit_chain import AuditEvent
from ml_connector.store.store import Store
from tests.installation import MASTER_KEY
from tests.stage import Stage
from tests.unit.store.raw import tamper

A, B = "audit-a", "audit-b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """An installation's database after two tenants' orders went from Visma to the ledger."""

    stage: Stage
    file: Path
    orders: dict[str, str]
    events: tuple[AuditEvent, ...]
    """Of the first tenant."""

    @property
    def middle(self) -> int:
        """Number of an exchange in the middle of the chain, which has a body."""
        with_body = [event.seq for event in self.events if event.body_digest]
        return with_body[len(with_body) // 2]


@pytest.fixture(scope="module")
async def work(file_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Work:
    stage, orders = file_stage, {}
    for tenant in (A, B):
        await stage.add_tenant(tenant)
        orders[tenant] = await stage.order(tenant)
        await stage.discover(tenant)
        await stage.at(tenant, orders[tenant], "label_created")
        await stage.deliver(tenant)
        await stage.finished(tenant, orders[tenant])
    async with stage.store.read(A) as view:
        events = await view.audit.show()
    file = tmp_path_factory.mktemp("audit") / "ml-connector.db"
    with (
        closing(sqlite3.connect(stage.home / "ml-connector.db")) as source,
        closing(sqlite3.connect(file)) as target,
    ):
        source.backup(target)
    return Work(stage=stage, file=file, orders=orders, events=events)


@pytest.fixture
def copy(work: Work, tmp_path: Path) -> Path:
    """A database of this test's own, to be tampered with."""
    return Path(shutil.copy(work.file, tmp_path))


def url_of(file: Path) -> str:
    return f"sqlite:///{file}"


async def verdicts(work: Work, file: Path) -> dict[str, str | None]:
    """What `verify` says of each tenant."""
    store = await Store.open(url_of(file), work.stage.keys)
    try:
        found = {}
        for tenant in (A, B):
            async with store.read(tenant) as view:
                broken = await view.audit.verify()
            found[tenant] = None if broken is None else str(broken)
        return found
    finally:
        await store.close()


async def test_real_work_leaves_a_whole_chain(work: Work) -> None:
    assert await verdicts(work, work.file) == {A: None, B: None}
    actions = Counter(event.action for event in work.events if event.order == work.orders[A])
    for once in ("shipment:planned", "shipment:created"):
        assert actions[once] == 1
    assert actions["fedex:post"] >= 1, "the purchase"
    assert actions["visma:put"] >= 1, "the tracking number in the order"
    assert actions["visma:post"] >= 1, "the journal"
    [bought] = [
        event
        for event in work.events
        if event.action == "fedex:post" and event.operation == f"{A}/{work.orders[A]}/ship/1"
    ]
    assert bought.actor == f"workflow po/{A}/{work.orders[A]}"
    assert (bought.detail["status"], bought.detail["error"]) == (200, None)


async def test_a_body_shows_the_exchange_without_persons_and_secrets(work: Work) -> None:
    async with work.stage.store.read(A) as view:
        bodies = [await view.audit.body(event.seq) for event in work.events if event.body_digest]
    text = b"\n".join(body for body in bodies if body).decode()
    assert "FEDEX_INTERNATIONAL_PRIORITY" in text
    for hidden in ("Hammer Deich", "+494030005000", "fedex-secret-", "visma-secret-"):
        assert hidden not in text


@pytest.mark.parametrize("tampering", ["changed", "removed", "swapped", "reordered", "tail cut"])
async def test_tampering_is_named(work: Work, copy: Path, tampering: str) -> None:
    n, last = work.middle, work.events[-1].seq
    statements, broken = {
        "changed": (
            [f"UPDATE audit_events SET actor = 'cli:nobody' WHERE tenant = '{A}' AND seq = {n}"],
            {A: f"event {n}: it was changed after it was written", B: None},
        ),
        "removed": (
            [
                f"DELETE FROM audit_bodies WHERE tenant = '{A}' AND seq = {n}",
                f"DELETE FROM audit_events WHERE tenant = '{A}' AND seq = {n}",
            ],
            {A: f"event {n}: it is missing", B: None},
        ),
        "swapped": (
            [
                f"UPDATE audit_events SET tenant = 'x' WHERE tenant = '{A}' AND seq = {n}",
                f"UPDATE audit_events SET tenant = '{A}' WHERE tenant = '{B}' AND seq = {n}",
                f"UPDATE audit_events SET tenant = '{B}' WHERE tenant = 'x'",
            ],
            dict.fromkeys((A, B), f"event {n}: it does not follow the event before it"),
        ),
        "reordered": (
            [
                f"UPDATE audit_events SET seq = 0 WHERE tenant = '{A}' AND seq = {n}",
                f"UPDATE audit_events SET seq = {n} WHERE tenant = '{A}' AND seq = {n + 1}",
                f"UPDATE audit_events SET seq = {n + 1} WHERE tenant = '{A}' AND seq = 0",
            ],
            {A: f"event {n}: it does not follow the event before it", B: None},
        ),
        "tail cut": (
            [
                f"DELETE FROM audit_bodies WHERE tenant = '{A}' AND seq >= {last - 1}",
                f"DELETE FROM audit_events WHERE tenant = '{A}' AND seq >= {last - 1}",
            ],
            {A: f"event {last - 1}: it is missing: the end of the chain was cut off", B: None},
        ),
    }[tampering]
    await tamper(url_of(copy), *statements)
    assert await verdicts(work, copy) == broken


async def test_the_command_says_so_too(work: Work, copy: Path) -> None:
    await tamper(
        url_of(copy),
        "UPDATE audit_events SET at = '2020-01-01T00:00:00.000000Z' "
        f"WHERE tenant = '{A}' AND seq = 2",
    )
    process = await create_subprocess_exec(
        *(sys.executable, "-m", "starter", "audit", "verify", "--tenant", A, "--json"),
        stdout=subprocess.PIPE,
        env={
            **os.environ,
            "ML_CONNECTOR_HOME": str(copy.parent),
            "ML_CONNECTOR_MASTER_KEY": MASTER_KEY.hex(),
        },
    )
    printed, _ = await process.communicate()
    assert process.returncode == 1
    [verdict] = json.loads(printed)
    assert verdict["broken"] == "event 2: it was changed after it was written"


async def test_the_vault_refuses_what_was_moved(work: Work, copy: Path) -> None:
    """A blob, a plan and a secret of one tenant do not open as another's."""
    for table, sealed in (
        ("tenant_secrets", "value_sealed"),
        ("shipments", "plan_sealed"),
        ("blobs", "content_sealed"),
    ):
        await tamper(
            url_of(copy),
            f"UPDATE {table} SET {sealed} = (SELECT {sealed} FROM {table} WHERE tenant = '{B}' "
            f"LIMIT 1) WHERE tenant = '{A}'",
        )
    store = await Store.open(url_of(copy), work.stage.keys)
    try:
        async with store.read(A) as view:
            with pytest.raises(SealBroken):
                await view.secrets.get("fedex.client_secret")
            with pytest.raises(SealBroken):
                await view.shipments.current(work.orders[A])
    finally:
        await store.close()


async def test_the_running_database_lets_nobody_change_the_past(work: Work) -> None:
    """Not even by hand: the database itself refuses."""
    with closing(sqlite3.connect(work.stage.home / "ml-connector.db", timeout=30)) as connection:
        for statement in (
            f"UPDATE audit_events SET actor = 'x' WHERE tenant = '{A}'",
            f"DELETE FROM audit_events WHERE tenant = '{A}'",
            f"DELETE FROM audit_bodies WHERE tenant = '{A}'",
            f"DELETE FROM audit_heads WHERE tenant = '{A}'",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="audit"):
                connection.execute(statement)
            connection.rollback()

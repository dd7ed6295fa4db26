"""The checks of `ml-connector doctor`. None of them changes anything."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from urllib.parse import urlsplit

import httpx
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue as TaskQueueMessage
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from ml_connector.domain.tenant import Tenant
from ml_connector.store.states import TenantState
from ml_connector.temporal import search_attributes
from ml_connector.temporal.ids import TaskQueue
from starter.context import Installation, stored_settings
from starter.errors import CommandError, ExitCode, explain

SKEW_WARNS = timedelta(seconds=10)
SKEW_FAILS = timedelta(minutes=2)
"""Discovery reads a little further back than it must; more than this it does not make up for."""

_ANSWER_WITHIN = 5.0
"""Seconds."""


class CheckName(StrEnum):
    """What can be checked, in this order: a later check may fail because of an earlier one."""

    KEYS = "keys"
    DATABASE = "database"
    TEMPORAL = "temporal"
    SEARCH_ATTRIBUTES = "search-attributes"
    WORKER = "worker"
    CLOCK = "clock"
    TENANTS = "tenants"
    MAIL = "mail"


class Status(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the doctor."""

    check: str
    status: Status
    message: str
    next_step: str = ""
    exit_code: ExitCode = ExitCode.DONE
    """What the command ends with if this is the first cause."""


async def examine(here: Installation, names: list[CheckName]) -> list[Finding]:
    """Run the checks; one that cannot be run is a finding like any other."""
    findings: list[Finding] = []
    for name in CheckName:
        failed = {item.check for item in findings if item.status is Status.FAIL}
        if name in names and not failed & _NEEDS[name]:
            findings += await _run(name, here)
    return findings


async def _run(name: CheckName, here: Installation) -> list[Finding]:
    try:
        return [finding async for finding in _CHECKS[name](here)]
    except Exception as error:
        problem = explain(error)
        if problem is None:
            raise
        return [_failed(name, problem)]


def _failed(name: str, problem: CommandError) -> Finding:
    return Finding(
        check=name,
        status=Status.FAIL,
        message=" ".join(part for part in (problem.what, problem.why) if part),
        next_step=problem.remedy,
        exit_code=problem.exit_code,
    )


async def _keys(here: Installation) -> AsyncIterator[Finding]:
    keys = here.keys
    origin = f"from {keys.source}" if keys.source else "from the environment"
    yield Finding(
        check=CheckName.KEYS,
        status=Status.OK,
        message=f"Master key {keys.current.id} {origin}, {len(keys.ids()) - 1} older ones.",
    )


async def _database(here: Installation) -> AsyncIterator[Finding]:
    store = await here.store(migrate=False)
    if await store.schema_current():
        yield Finding(
            check=CheckName.DATABASE, status=Status.OK, message="It answers, its tables are right."
        )
        lost = await store.master_keys_in_use() - set(here.keys.ids())
        if lost:
            yield Finding(
                check=CheckName.KEYS,
                status=Status.FAIL,
                message=f"Data is sealed under master keys not loaded here: {', '.join(lost)}.",
                next_step="Add them below the current key.",
                exit_code=ExitCode.REFUSED,
            )
    else:
        yield Finding(
            check=CheckName.DATABASE,
            status=Status.WARN,
            message="It answers, its tables are missing or of another version.",
            next_step="The next worker or tenant apply brings them up to date.",
        )


async def _temporal(here: Installation) -> AsyncIterator[Finding]:
    client = await here.temporal()
    yield Finding(
        check=CheckName.TEMPORAL,
        status=Status.OK,
        message=f"{client.service_client.config.target_host}, namespace {client.namespace}.",
    )


async def _search_attributes(here: Installation) -> AsyncIterator[Finding]:
    client = await here.temporal()
    await search_attributes.require(client)
    yield Finding(
        check=CheckName.SEARCH_ATTRIBUTES, status=Status.OK, message="All are registered."
    )


async def _worker(here: Installation) -> AsyncIterator[Finding]:
    client = await here.temporal()
    counts = await asyncio.gather(*(_pollers(client, queue) for queue in TaskQueue))
    idle = [queue for queue, count in zip(TaskQueue, counts, strict=True) if not count]
    if idle:
        yield Finding(
            check=CheckName.WORKER,
            status=Status.FAIL,
            message=f"No worker serves {', '.join(idle)}.",
            next_step="Start one: ml-connector worker, or ml-connector up.",
            exit_code=ExitCode.REFUSED,
        )
    else:
        yield Finding(
            check=CheckName.WORKER, status=Status.OK, message="Every task queue is served."
        )


async def _pollers(client: Client, queue: TaskQueue) -> int:
    """Who asked the queue for work within the last minutes. Every queue has activities."""
    reply = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueueMessage(name=queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        )
    )
    return len(reply.pollers)


async def _clock(here: Installation) -> AsyncIterator[Finding]:
    """Compare our clock with the tenants' Visma and FedEx, which date their answers."""
    hosts = sorted({url for tenant in await _settings(here) for url in _hosts(tenant)})
    if not hosts:
        yield Finding(
            check=CheckName.CLOCK,
            status=Status.OK,
            message="Nothing to compare with: there is no tenant yet.",
        )
    async with httpx.AsyncClient(timeout=_ANSWER_WITHIN) as http:
        for host, skew in zip(
            hosts, await asyncio.gather(*(_skew(http, host) for host in hosts)), strict=True
        ):
            yield _clock_finding(host, skew)


def _hosts(tenant: Tenant) -> tuple[str, str]:
    return _origin(tenant.visma.api_url), _origin(tenant.fedex.api_url)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/"


async def _skew(http: httpx.AsyncClient, url: str) -> timedelta | httpx.TransportError:
    """How far the other clock is ahead of ours; any answer will do, also a refusal."""
    try:
        reply = await http.head(url)
        there = parsedate_to_datetime(reply.headers["date"])
    except httpx.TransportError as error:
        return error
    except (KeyError, ValueError):
        return timedelta(0)
    return there - datetime.now(UTC)


def _clock_finding(host: str, skew: timedelta | httpx.TransportError) -> Finding:
    if isinstance(skew, httpx.TransportError):
        return Finding(
            check=CheckName.CLOCK,
            status=Status.FAIL,
            message=f"{host} does not answer ({type(skew).__name__}).",
            next_step="Check the network, and the URLs in the tenant file.",
            exit_code=ExitCode.OTHER_SIDE,
        )
    seconds = round(abs(skew).total_seconds())
    message = f"{seconds} s apart from {host}"
    if abs(skew) < SKEW_WARNS:
        return Finding(check=CheckName.CLOCK, status=Status.OK, message=f"{message}.")
    grave = abs(skew) >= SKEW_FAILS
    return Finding(
        check=CheckName.CLOCK,
        status=Status.FAIL if grave else Status.WARN,
        message=f"{message}: changed orders may be seen late.",
        next_step="Let this machine's clock follow a time server.",
        exit_code=ExitCode.REFUSED if grave else ExitCode.DONE,
    )


async def _tenants(here: Installation) -> AsyncIterator[Finding]:
    store = await here.store(migrate=False)
    if not await store.schema_current():
        return
    records = await here.records()
    if not records:
        yield Finding(
            check=CheckName.TENANTS,
            status=Status.WARN,
            message="There is none yet.",
            next_step="ml-connector tenant apply FILE",
        )
    for record in records:
        parked = 0
        async with store.read(record.id) as view:
            parked = len(await view.orders.list(parked=True))
        yield _tenant_finding(record.id, record.state, record.state_reason, parked)


def _tenant_finding(tenant: str, state: TenantState, reason: str, parked: int) -> Finding:
    if state is TenantState.NEEDS_REAUTH:
        return Finding(
            check=CheckName.TENANTS,
            status=Status.FAIL,
            message=f"{tenant}: its credentials are refused. {reason}",
            next_step=f"ml-connector credentials set {tenant}",
            exit_code=ExitCode.CREDENTIALS,
        )
    if state is TenantState.PAUSED:
        return Finding(
            check=CheckName.TENANTS,
            status=Status.WARN,
            message=f"{tenant}: paused. {reason}",
            next_step=f"ml-connector schedule resume --tenant {tenant} --reason …",
        )
    if parked:
        return Finding(
            check=CheckName.TENANTS,
            status=Status.WARN,
            message=f"{tenant}: {parked} orders need a person.",
            next_step=f"ml-connector attention list --tenant {tenant}",
        )
    return Finding(check=CheckName.TENANTS, status=Status.OK, message=f"{tenant}: active.")


async def _mail(here: Installation) -> AsyncIterator[Finding]:
    """Only where it matters: some tenant wants its labels sent, or a server is named."""
    wanting = [each.id for each in await _settings(here) if each.shipping.label_to != "none"]
    server = here.settings.smtp
    if server is not None:
        # The client takes a moment to import, and few installations send mail.
        from ml_connector.mail.smtp import greet

        await greet(server)
        yield Finding(
            check=CheckName.MAIL,
            status=Status.OK,
            message=f"{server.host}:{server.port} answers; labels of {len(wanting)} tenants.",
        )
    elif wanting:
        yield Finding(
            check=CheckName.MAIL,
            status=Status.FAIL,
            message=f"Labels of {', '.join(wanting)} are to be sent, and there is no mail server.",
            next_step="Set ML_CONNECTOR_SMTP_URL and ML_CONNECTOR_SMTP_FROM for the worker.",
            exit_code=ExitCode.REFUSED,
        )


async def _settings(here: Installation) -> list[Tenant]:
    store = await here.store(migrate=False)
    if not await store.schema_current():
        return []
    return [stored_settings(record) for record in await here.records()]


_NEEDS: dict[CheckName, frozenset[str]] = {
    CheckName.KEYS: frozenset(),
    CheckName.DATABASE: frozenset({CheckName.KEYS}),
    CheckName.TEMPORAL: frozenset({CheckName.KEYS}),
    CheckName.SEARCH_ATTRIBUTES: frozenset({CheckName.TEMPORAL}),
    CheckName.WORKER: frozenset({CheckName.TEMPORAL}),
    CheckName.CLOCK: frozenset({CheckName.DATABASE}),
    CheckName.TENANTS: frozenset({CheckName.DATABASE}),
    CheckName.MAIL: frozenset({CheckName.DATABASE}),
}
"""What must not have failed before: its failure would only be said again."""

_CHECKS: dict[CheckName, Callable[[Installation], AsyncIterator[Finding]]] = {
    CheckName.KEYS: _keys,
    CheckName.DATABASE: _database,
    CheckName.TEMPORAL: _temporal,
    CheckName.SEARCH_ATTRIBUTES: _search_attributes,
    CheckName.WORKER: _worker,
    CheckName.CLOCK: _clock,
    CheckName.TENANTS: _tenants,
    CheckName.MAIL: _mail,
}

"""`ml-connector tenant ping`: are both systems there, and do they accept who we are?

Everything is read-only. FedEx's token comes from the token workflow, like every other one: nothing
else may ask for it, because FedEx counts such requests by address.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from decimal import Decimal

import typer
from rich.console import RenderableType

from activities.services import Desk, Services
from ml_connector.domain.measures import Weight, WeightUnit
from ml_connector.domain.party import Address
from ml_connector.domain.shipment import Package
from ml_connector.fedex.client import RateRequest, TrackQuery
from ml_connector.fedex.errors import (
    FedExBlocked,
    FedExCredentials,
    FedExError,
    FedExRejected,
    FedExThrottled,
)
from ml_connector.http.faults import Fault
from ml_connector.visma.errors import VismaCredentials, VismaError
from ml_connector.visma.limits import RateLimit
from starter.context import Installation
from starter.desks import desk_of
from starter.errors import ExitCode, explain, first_cause
from starter.output import AsJson, show, table, talk
from starter.tenant import TenantId

NOBODY = "000000000000"
"""A tracking number that is nobody's: whether FedEx knows it or not, it has answered."""
_OSLO = Address(lines=(), city="Oslo", postal_code="0150", country="NO")
_BERGEN = Address(lines=(), city="Bergen", postal_code="5003", country="NO")
"""A route inside one country needs no customs value. What it costs does not matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One thing that was tried."""

    system: str
    check: str
    milliseconds: int
    detail: str = ""
    """What the answer said, where it is of interest."""
    cause: str = ""
    """Why it failed, in one word; empty where it did not."""
    message: str = ""
    remedy: str = ""
    exit_code: ExitCode = ExitCode.DONE


def register(group: typer.Typer) -> None:
    """Add `ping` to the `tenant` group."""
    group.command("ping")(ping)


def ping(tenant: TenantId, as_json: AsJson = False) -> None:
    """Try both systems with a tenant's credentials: nothing is changed anywhere.

    Visma: the token, the company, its purchase orders and periods, and how many calls are left.
    FedEx: the token (through the token workflow: Temporal and a worker must run), the account's
    rates, and tracking. Each failure says its cause: wrong credentials, an app that the company
    has not approved, the Customer instead of the Company tenant id, a missing scope, a wrong
    account, a blocked address. It ends with 3, 4, 5 or 1, the first of them that is a cause.

    \b
    Examples:
      ml-connector tenant ping nordic
      ml-connector tenant ping nordic --json
    """
    raise typer.Exit(asyncio.run(_ping(tenant, as_json)))


async def _ping(tenant: str, as_json: bool) -> int:
    async with Installation.open() as here:
        return await ping_and_show(here, tenant, as_json=as_json)


async def ping_and_show(
    here: Installation, tenant: str, *, new_token: bool = False, as_json: bool
) -> ExitCode:
    """Try both systems and print what came of it; the exit code."""
    probes, quota = await _try(here, tenant, new_token=new_token)
    value = {
        "tenant": tenant,
        "probes": probes,
        "visma_quota": {
            "limit": quota.limit,
            "remaining": quota.remaining,
            "resets_in": quota.resets_in,
        },
    }
    show(value, lambda: _table(probes), as_json=as_json)
    if quota.remaining is not None:
        talk(f"Visma calls left this hour: {quota.remaining} of {quota.limit or '?'}.")
    return _told(probes)


async def try_systems(here: Installation, tenant: str) -> ExitCode:
    """The same with new tokens, for who asks on the way; failures are told, nothing is printed."""
    probes, _ = await _try(here, tenant, new_token=True)
    return _told(probes)


async def _try(
    here: Installation, tenant: str, *, new_token: bool
) -> tuple[list[Probe], RateLimit]:
    """`new_token`: one from FedEx also where a good one is kept, which proves key and secret."""
    async with desk_of(here, tenant, at_rest=True) as desk:
        if new_token:
            await _renew_token(await here.services(), desk)
        probes = [probe async for probe in _probes(desk)]
        return probes, desk.visma.last_limits


def _told(probes: list[Probe]) -> ExitCode:
    failed = [probe for probe in probes if probe.cause]
    for probe in failed:
        talk(f"{probe.system} {probe.check}: {probe.message} {probe.remedy} [{probe.cause}]")
    return first_cause(probe.exit_code for probe in failed)


async def _renew_token(services: Services, desk: Desk) -> None:
    """The kept token may have been issued for the secrets before."""
    for project in ("ship", "track"):
        stored = await services.store.coordination.get_token(f"{desk.id}/{project}")
        if stored is not None:
            source = services.tokens.source(desk.id, project, settings=desk.version)
            try:
                await source.token(stale=stored.version)
            except Fault:
                # The probes come to the same end, and say it.
                return


async def _probes(desk: Desk) -> AsyncIterator[Probe]:
    """Each system's checks in turn; after a failure its later ones would only repeat it."""
    for system, checks in (("visma", _visma_checks(desk)), ("fedex", _fedex_checks(desk))):
        for name, check in checks:
            probe = await _probe(system, name, check)
            yield probe
            if probe.cause:
                break


Check = Callable[[], Awaitable[str]]


def _visma_checks(desk: Desk) -> list[tuple[str, Check]]:
    async def company() -> str:
        currencies = await desk.visma.currencies()
        return next((f"base currency {each.id}" for each in currencies if each.base), "")

    async def orders() -> str:
        async with aclosing(desk.visma.orders(page_size=1)) as pages:
            async for page in pages:
                return page[0].number if page else "none yet"
        return "none yet"

    async def periods() -> str:
        known = [each for each in await desk.visma.financial_periods() if each.open]
        return f"{len(known)} open"

    return [("company", company), ("purchase orders", orders), ("periods", periods)]


def _fedex_checks(desk: Desk) -> list[tuple[str, Check]]:
    key = f"{desk.id}/ping"

    async def rates() -> str:
        wanted = RateRequest(
            shipper=_OSLO,
            recipient=_BERGEN,
            packages=(Package(sequence=1, weight=Weight(Decimal(1), WeightUnit.KG)),),
        )
        try:
            quotes = await desk.fedex.quote(wanted, service=None, transaction_id=key)
        except FedExRejected as refused:
            # It objects to the made-up parcel; key and account are accepted.
            return f"it answers ({refused.code})"
        return f"{len(quotes)} services"

    async def tracking() -> str:
        await desk.fedex.track([TrackQuery(tracking_number=NOBODY)], transaction_id=key)
        return ""

    return [("token and rates", rates), ("tracking", tracking)]


async def _probe(system: str, name: str, check: Check) -> Probe:
    begun = time.monotonic()
    try:
        detail = await check()
    except Fault as error:
        return _failed(system, name, _since(begun), error)
    return Probe(system=system, check=name, milliseconds=_since(begun), detail=detail)


def _since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)


def _failed(system: str, name: str, milliseconds: int, error: Fault) -> Probe:
    problem = explain(error)
    assert problem is not None
    cause = cause_of(error)
    return Probe(
        system=system,
        check=name,
        milliseconds=milliseconds,
        cause=cause,
        message=" ".join(part for part in (error.what, error.told) if part),
        remedy=error.remedy,
        exit_code=problem.exit_code,
    )


def cause_of(error: Fault) -> str:
    """One word for why a system does not let us in."""
    match error:
        case VismaCredentials():
            return _VISMA_CAUSES.get(error.code, "not_accepted")
        case FedExBlocked():
            return "blocked_address"
        case FedExThrottled() if "block" in error.what.lower():
            return "blocked_address"
        case FedExCredentials():
            return _fedex_cause(error)
        case VismaError() | FedExError():
            return problem.code if (problem := explain(error)) else "unknown"
    return "unknown"


_VISMA_CAUSES = {
    "invalid_client": "wrong_credentials",
    "invalid_tenant": "app_not_approved",
    "access_denied": "app_not_approved",
    "invalid_grant": "app_not_approved",
    "invalid_scope": "missing_scope",
    "unauthorized_client": "wrong_kind_of_app",
    "HTTP 401": "customer_tenant_id",
    "HTTP 403": "missing_scope",
    "12002": "wrong_company",
    "12027": "no_license",
}
"""By Visma Connect's error, else by how Visma.net answers a token that was issued."""


def _fedex_cause(error: FedExCredentials) -> str:
    if any("ACCOUNT" in code for code in error.codes):
        return "wrong_account"
    if error.codes and error.codes[0] in ("FORBIDDEN.ERROR", "UNAUTHORIZED.USAGE"):
        return "missing_permission"
    return "wrong_credentials"


def _table(probes: list[Probe]) -> RenderableType:
    return table(
        "",
        "SYSTEM",
        "CHECK",
        "MS",
        "",
        rows=[
            (
                "FAIL" if probe.cause else "ok",
                probe.system,
                probe.check,
                probe.milliseconds,
                probe.cause or probe.detail,
            )
            for probe in probes
        ],
        empty="",
    )

"""Everything the activities of a process share, made once: the composition root of a worker."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import structlog
from temporalio.client import Client

from activities.call_window import WindowShelf
from activities.token_source import TokenFunnel
from activities.trail import Trail, remember, works_with
from ml_connector.domain.tenant import Tenant
from ml_connector.fedex.client import FedExClient
from ml_connector.http.faults import CredentialsFault
from ml_connector.http.transport import Transport
from ml_connector.settings import SmtpServer
from ml_connector.store.errors import UnknownTenant
from ml_connector.store.states import TenantState
from ml_connector.store.store import Store
from ml_connector.store.tenants import TenantEvent, TenantRecord
from ml_connector.temporal.order_messages import Policy
from ml_connector.visma.budget import Priority, SharedBudget
from ml_connector.visma.client import VismaClient
from ml_connector.visma.tokens import VismaCredential, VismaTokens, split_token_url

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One tenant, ready to be worked for: its settings and its two clients."""

    tenant: Tenant
    version: int
    """Of the tenant file; a new one makes a new desk."""
    visma: VismaClient
    fedex: FedExClient
    deadline: timedelta
    """After this no answer to a call of ours can come any more."""

    @property
    def id(self) -> str:
        return self.tenant.id

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.tenant.timezone)

    def at(self, priority: Priority) -> "Desk":
        """The same for more or less urgent work in Visma."""
        return replace(self, visma=self.visma.with_priority(priority))

    def now(self) -> datetime:
        """The present, in the tenant's zone."""
        return datetime.now(self.zone)

    @property
    def policy(self) -> Policy:
        """The waits that the tenant's workflows follow."""
        return policy_of(self.tenant)


def policy_of(tenant: Tenant) -> Policy:
    """The waits that a tenant's workflows follow."""
    retry, polling = tenant.retry, tenant.polling
    return Policy(
        initial=retry.initial,
        maximum=retry.maximum,
        give_up=retry.give_up,
        recheck=polling.recheck,
        safety=polling.safety,
    )


class TenantNotReady(CredentialsFault):
    """The tenant waits for new credentials, or is paused or removed."""


class Services:
    """Store, Temporal client, connection pool, and a desk per tenant."""

    def __init__(
        self,
        *,
        store: Store,
        temporal: Client,
        http: httpx.AsyncClient,
        tokens: TokenFunnel,
        call_timeout: timedelta,
        mail: SmtpServer | None = None,
    ) -> None:
        self.store = store
        self.temporal = temporal
        self.tokens = tokens
        self.mail = mail
        self._http = http
        self._timeout = call_timeout
        self._desks: dict[str, Desk] = {}
        self._budgets: dict[str, SharedBudget] = {}
        self._opening: dict[str, asyncio.Lock] = {}

    async def desk(self, tenant_id: str) -> Desk:
        """The tenant's desk, at its present settings.

        Raises UnknownTenant; TenantNotReady while its credentials are refused.
        """
        record = await self._record(tenant_id)
        if record.state is not TenantState.ACTIVE:
            raise TenantNotReady(
                f"Tenant {tenant_id} is {record.state.value}.",
                why=record.state_reason,
                remedy=f"Set working credentials: ml-connector credentials set {tenant_id}",
            )
        return await self._desk(record)

    async def desk_at_rest(self, tenant_id: str) -> Desk:
        """The same whatever the tenant's state: to look at its systems, never to work for it.

        Raises UnknownTenant.
        """
        return await self._desk(await self._record(tenant_id))

    async def _record(self, tenant_id: str) -> TenantRecord:
        record = await self.store.tenants.get(tenant_id)
        if record is None:
            raise UnknownTenant(tenant_id)
        return record

    async def _desk(self, record: TenantRecord) -> Desk:
        tenant_id = record.id
        works_with(record.version)
        async with self._opening.setdefault(tenant_id, asyncio.Lock()):
            known = self._desks.get(tenant_id)
            if known is None or known.version != record.version:
                known = await self._open(tenant_id, record.config, record.version)
                self._desks[tenant_id] = known
        return known

    async def _open(self, tenant_id: str, config: str, version: int) -> Desk:
        tenant = Tenant.model_validate_json(config)
        async with self.store.read(tenant_id) as view:
            secrets = {name: await view.secrets.get(name) for name in await view.secrets.names()}
        return Desk(
            tenant=tenant,
            version=version,
            visma=self._visma(tenant, secrets),
            fedex=self._fedex(tenant, secrets, version),
            deadline=self._timeout,
        )

    def _visma(self, tenant: Tenant, secrets: dict[str, str]) -> VismaClient:
        credential = VismaCredential(
            tenant_id=tenant.visma.tenant_id,
            client_id=secrets["visma.client_id"],
            client_secret=secrets["visma.client_secret"],
        )
        transport = self.transport("visma", tenant.visma.api_url)
        token_base, token_path = split_token_url(tenant.visma.token_url)
        tokens = VismaTokens(self.transport("visma", token_base), credential, path=token_path)
        budget = self._budgets[tenant.id] = SharedBudget(WindowShelf(self.store, tenant.id))
        return VismaClient(transport, tokens=tokens, budget=budget)

    def visma_calls_left(self) -> dict[str, int]:
        """What Visma still allows this hour, by tenant, where a reply has told this process."""
        left = {tenant: budget.left for tenant, budget in self._budgets.items()}
        return {tenant: calls for tenant, calls in left.items() if calls is not None}

    def _fedex(self, tenant: Tenant, secrets: dict[str, str], version: int) -> FedExClient:
        own_track = "fedex.track_client_id" in secrets
        return FedExClient(
            self.transport("fedex", tenant.fedex.api_url),
            account_number=secrets["fedex.account_number"],
            tokens=self.tokens.source(tenant.id, "ship", settings=version),
            track_tokens=self.tokens.source(tenant.id, "track", settings=version)
            if own_track
            else None,
        )

    def transport(self, system: str, url: str) -> Transport:
        """A road to another system over this process's connection pool."""
        return Transport(system, url, timeout=self._timeout, recorder=remember, client=self._http)

    async def lock_out(
        self, tenant_id: str, fault: CredentialsFault, *, settings: int | None
    ) -> None:
        """Stop one tenant whose credentials were refused; the others go on.

        `settings` is the version of those that were refused: the refusal of old ones says nothing
        of what was set meanwhile.
        """
        if isinstance(fault, TenantNotReady):
            return
        why = str(fault)
        locked = await self.store.tenants.set_state(
            tenant_id,
            TenantState.NEEDS_REAUTH,
            why,
            only_from=(TenantState.ACTIVE,),
            only_version=settings,
            event=TenantEvent(action="tenant:needs_reauth", actor="worker", detail={"why": why}),
        )
        if locked:
            _log.error("tenant needs new credentials", tenant=tenant_id, why=why)

    async def settle(self, trail: Trail) -> None:
        """Write what a failed attempt left in its trail."""
        if trail.exchanges and trail.tenant:
            async with self.store.write(trail.tenant) as view:
                trail.write(view)

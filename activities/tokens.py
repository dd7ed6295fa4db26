"""The only activity that asks FedEx for a token."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.services import Services
from activities.signatures import ISSUE_TOKEN
from ml_connector.domain.tenant import Tenant
from ml_connector.fedex.errors import FedExCredentials, FedExError, FedExThrottled
from ml_connector.fedex.tokens import FedExCredential, request_token
from ml_connector.http.transport import Transport
from ml_connector.store.errors import UnknownTenant
from ml_connector.store.tenants import TenantRecord
from ml_connector.temporal.token_messages import IssueToken, TokenIssued

LONGEST_EARLY = timedelta(minutes=2)
"""A token is put aside this long before it expires, or after nine tenths of a shorter life."""


class TokenActivities:
    """Fetch, seal and store; the token never reaches Temporal."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @activity.defn(name=ISSUE_TOKEN.name)
    async def issue_token(self, issue: IssueToken) -> TokenIssued:
        """Make everything ready, wait for the turn in FedEx's budget, and ask once."""
        turn = time.monotonic() + issue.wait.total_seconds()
        stored = await self._services.store.coordination.get_token(_id(issue))
        if issue.only_if_used and (stored is None or not stored.used):
            return TokenIssued()
        record = await self._services.store.tenants.get(issue.tenant)
        if record is None:
            raise UnknownTenant(issue.tenant)
        tenant = Tenant.model_validate_json(record.config)
        credential = await self._credential(issue, tenant)
        transport = self._services.transport("fedex", tenant.fedex.api_url)
        await asyncio.sleep(max(turn - time.monotonic(), 0))
        version = max(issue.known_version, stored.version if stored else 0) + 1
        return await self._ask(transport, credential, issue, record, version)

    async def _ask(
        self,
        transport: Transport,
        credential: FedExCredential,
        issue: IssueToken,
        record: TenantRecord,
        version: int,
    ) -> TokenIssued:
        try:
            issued = await request_token(transport, credential)
        except FedExCredentials as refused:
            # Here, too: whoever asked may have lost patience by now.
            await self._services.lock_out(issue.tenant, refused, settings=record.version)
            return TokenIssued(refused=str(refused), settings=record.version)
        except FedExThrottled as throttled:
            return TokenIssued(blocked_for=throttled.retry_after)
        except FedExError as error:
            return TokenIssued(failure=str(error))
        answered = time.monotonic()
        early = min(LONGEST_EARLY, issued.expires_in / 10)
        expires_at = datetime.now(UTC) + issued.expires_in - early
        kept = await self._services.store.coordination.put_token(
            _id(issue),
            issued.value,
            version=version,
            expires_at=expires_at,
            issued_for=(issue.tenant, record.version),
        )
        ago = timedelta(seconds=time.monotonic() - answered)
        if not kept:
            return TokenIssued(failure="The tenant's secrets were exchanged meanwhile.", ago=ago)
        return TokenIssued(version=version, expires_at=expires_at, ago=ago)

    async def _credential(self, issue: IssueToken, tenant: Tenant) -> FedExCredential:
        """Secrets are read when they are needed, and kept nowhere."""
        prefix = "fedex.track_" if issue.project == "track" else "fedex."
        async with self._services.store.read(issue.tenant) as view:
            names = await view.secrets.names()

            async def optional(name: str) -> str | None:
                return await view.secrets.get(name) if name in names else None

            return FedExCredential(
                grant_type=tenant.fedex.grant_type,
                client_id=await view.secrets.get(f"{prefix}client_id"),
                client_secret=await view.secrets.get(f"{prefix}client_secret"),
                child_key=await optional("fedex.child_key"),
                child_secret=await optional("fedex.child_secret"),
            )


def _id(issue: IssueToken) -> str:
    return f"{issue.tenant}/{issue.project}"

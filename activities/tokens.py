"""The only activity that asks FedEx for a token."""

from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.services import Services
from activities.signatures import ISSUE_TOKEN
from ml_connector.domain.tenant import Tenant
from ml_connector.fedex.errors import FedExCredentials, FedExError, FedExThrottled
from ml_connector.fedex.tokens import FedExCredential, IssuedToken, request_token
from ml_connector.store.errors import UnknownTenant
from ml_connector.temporal.token_messages import IssueToken, TokenIssued

LONGEST_EARLY = timedelta(minutes=2)
"""A token is put aside this long before it expires, or after nine tenths of a shorter life."""


class TokenActivities:
    """Fetch, seal and store; the token never reaches Temporal."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @activity.defn(name=ISSUE_TOKEN.name)
    async def issue_token(self, issue: IssueToken) -> TokenIssued:
        credential_id = f"{issue.tenant}/{issue.project}"
        tokens = self._services.store.coordination
        stored = await tokens.get_token(credential_id)
        if issue.only_if_used and (stored is None or not stored.used):
            return TokenIssued()
        record = await self._services.store.tenants.get(issue.tenant)
        if record is None:
            raise UnknownTenant(issue.tenant)
        try:
            issued = await self._request(issue, Tenant.model_validate_json(record.config))
        except FedExCredentials as refused:
            # Here, too: whoever asked may have lost patience by now.
            await self._services.lock_out(issue.tenant, refused, settings=record.version)
            return TokenIssued(refused=str(refused))
        except FedExThrottled as throttled:
            return TokenIssued(blocked_for=throttled.retry_after)
        except FedExError as error:
            return TokenIssued(failure=str(error))
        version = max(issue.known_version, stored.version if stored else 0) + 1
        early = min(LONGEST_EARLY, issued.expires_in / 10)
        expires_at = datetime.now(UTC) + issued.expires_in - early
        kept = await tokens.put_token(
            credential_id,
            issued.value,
            version=version,
            expires_at=expires_at,
            issued_for=(issue.tenant, record.version),
        )
        if not kept:
            return TokenIssued(failure="The tenant's secrets were exchanged meanwhile.")
        return TokenIssued(version=version, expires_at=expires_at)

    async def _request(self, issue: IssueToken, tenant: Tenant) -> IssuedToken:
        """Secrets are read at the moment they are used."""
        prefix = "fedex.track_" if issue.project == "track" else "fedex."
        async with self._services.store.read(issue.tenant) as view:
            names = await view.secrets.names()
            credential = FedExCredential(
                grant_type=tenant.fedex.grant_type,
                client_id=await view.secrets.get(f"{prefix}client_id"),
                client_secret=await view.secrets.get(f"{prefix}client_secret"),
                child_key=await view.secrets.get("fedex.child_key")
                if "fedex.child_key" in names
                else None,
                child_secret=await view.secrets.get("fedex.child_secret")
                if "fedex.child_secret" in names
                else None,
            )
        return await request_token(
            self._services.transport("fedex", tenant.fedex.api_url), credential
        )

"""What a command works with, opened when it is first asked for: the one place that wires it up.

Temporal and the clients of Visma and FedEx are imported when they are opened, too: they take
seconds, and most commands do without.
"""

import getpass
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import ValidationError

from ml_connector.domain.tenant import Tenant
from ml_connector.security.keys import MasterKeys
from ml_connector.settings import Settings
from ml_connector.store.errors import UnknownTenant
from ml_connector.store.states import TenantState
from ml_connector.store.store import Store
from ml_connector.store.tenants import TenantRecord
from starter.errors import Refused, WrongUsage

if TYPE_CHECKING:
    from temporalio.client import Client

    from activities.services import Services

PATIENCE = timedelta(seconds=2)
"""How long a command waits for Temporal: a person waits with it."""


class Installation:
    """Settings, keys, database and Temporal of this installation.

    Belongs to one event loop; leaving the context closes what was opened.
    """

    def __init__(self, settings: Settings, closing: AsyncExitStack) -> None:
        self.settings = settings
        self._closing = closing
        self._store: Store | None = None
        self._temporal: Client | None = None
        self._services: Services | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings | None = None) -> AsyncIterator["Installation"]:
        """The installation that the environment describes, unless it is given.

        Raises SettingsError, WrongUsage.
        """
        settings = settings or Settings.from_env()
        try:
            settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise WrongUsage(
                f"The home folder {settings.home} cannot be used",
                why=error.strerror or "",
                remedy="Set ML_CONNECTOR_HOME to a folder that may be written",
                code="home",
            ) from error
        async with AsyncExitStack() as closing:
            yield cls(settings, closing)

    @cached_property
    def keys(self) -> MasterKeys:
        """The master keys. On one host, with SQLite, the first command makes one.

        Raises MasterKeyError.
        """
        embedded = self.settings.database_url.startswith("sqlite")
        return MasterKeys.load(
            self.settings.master_key,
            self.settings.master_key_file,
            # Hosts that share a database must share the key, so there none is made up.
            generate_at=self.settings.home / "master.key" if embedded else None,
        )

    @cached_property
    def actor(self) -> str:
        """Who the audit trail says did it: the person at this command line."""
        try:
            user = getpass.getuser()
        except (KeyError, OSError):
            # In a container the user id need not have a name.
            user = str(os.getuid())
        return f"cli:{user}@{socket.gethostname()}"

    async def store(self, *, migrate: bool = True) -> Store:
        """The database, brought to this version unless `migrate` is false."""
        if self._store is None:
            self._store = await Store.open(self.settings.database_url, self.keys)
            self._closing.push_async_callback(self._store.close)
        if migrate and not await self._store.schema_current():
            await self._store.migrate()
        return self._store

    async def temporal(
        self, *, metrics_address: str | None = None, patience: timedelta = PATIENCE
    ) -> "Client":
        """A connected client. Raises a Fault of `ml_connector.temporal.errors`."""
        if self._temporal is None:
            from ml_connector.temporal.connection import connect
            from ml_connector.temporal.runtime import runtime

            self._temporal = await connect(
                self.keys,
                archive=self.archived_payload_key,
                patience=patience,
                runtime=runtime(metrics_address),
            )
        return self._temporal

    async def services(self) -> "Services":
        """What the activities of a worker look at Visma and FedEx with.

        Only a FedEx token that is not in the store needs Temporal and a running worker. A command
        that will want one calls `temporal` first: its message is the clearer one.
        """
        if self._services is not None:
            return self._services
        import httpx

        from activities.services import Services
        from activities.token_source import TokenFunnel
        from ml_connector.temporal.connection import connect_later
        from ml_connector.temporal.runtime import runtime

        store = await self.store()
        http = await self._closing.enter_async_context(httpx.AsyncClient())
        temporal = self._temporal or await connect_later(
            self.keys, archive=self.archived_payload_key, runtime=runtime(None)
        )
        tokens = TokenFunnel(
            store=store,
            temporal=temporal,
            egress=self.settings.egress,
            window=self.settings.token_window,
            block=self.settings.token_block,
            urgent=True,
        )
        self._services = Services(
            store=store,
            temporal=temporal,
            http=http,
            tokens=tokens,
            call_timeout=self.settings.http_timeout,
        )
        return self._services

    async def archived_payload_key(self, of: str) -> bytes | None:
        """What reads the histories written under a retired master key, if it was kept."""
        store = await self.store()
        return await store.payload_keys.get(of)

    async def records(self, tenant: str | None = None) -> list[TenantRecord]:
        """The tenants as stored, without removed ones; only `tenant` if it is named.

        Raises UnknownTenant.
        """
        store = await self.store()
        if tenant is None:
            return [
                record
                for record in await store.tenants.list()
                if record.state is not TenantState.REMOVED
            ]
        record = await store.tenants.get(tenant)
        if record is None or record.state is TenantState.REMOVED:
            raise UnknownTenant(tenant)
        return [record]

    async def tenants(self, tenant: str | None = None) -> list[Tenant]:
        """The same tenants' settings."""
        return [stored_settings(record) for record in await self.records(tenant)]

    async def tenant_ids(self, tenant: str | None = None) -> list[str]:
        """The same tenants' ids."""
        return [record.id for record in await self.records(tenant)]

    async def audit(self, tenant: str, action: str, **detail: object) -> None:
        """Record what the person at this command line does to a tenant."""
        store = await self.store()
        async with store.write(tenant) as view:
            view.audit.append(action, actor=self.actor, detail=detail)


def stored_settings(record: TenantRecord) -> Tenant:
    """A tenant's settings as they were applied.

    Raises Refused when an older version stored what this one cannot read.
    """
    try:
        return Tenant.model_validate_json(record.config)
    except ValidationError as error:
        raise Refused(
            f"The stored settings of tenant {record.id} do not fit this version",
            remedy="Apply its file again: it says what has to change",
            code="tenant_outdated",
        ) from error

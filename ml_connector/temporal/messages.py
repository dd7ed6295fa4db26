"""Arguments of the workflows that schedules start."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantInput:
    """Whose turn it is. The tenant's settings are read by activities, so they are never stale."""

    tenant: str

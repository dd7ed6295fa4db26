"""What applying a tenant file changes, key by key."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from ml_connector.domain.tenant import Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One setting. None where the key was, or is, not there."""

    key: str
    old: object
    new: object

    def __str__(self) -> str:
        return f"{self.key}: {_text(self.old)} → {_text(self.new)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """Everything that is different after an apply; false when nothing is."""

    settings: tuple[Change, ...]
    secrets: tuple[str, ...]
    """Names only: `visma.client_secret`."""

    def __bool__(self) -> bool:
        return bool(self.settings or self.secrets)


def changes_between(
    stored: str | None,
    tenant: Tenant,
    known_secrets: Mapping[str, str],
    secrets: Mapping[str, str],
) -> Changed:
    """Compare stored settings (JSON; None for a new tenant) and secrets with the new ones."""
    old = flat(json.loads(stored)) if stored is not None else {}
    new = flat(tenant.model_dump(mode="json"))
    keys = [*new, *(key for key in old if key not in new)]
    return Changed(
        settings=tuple(
            Change(key=key, old=old.get(key), new=new.get(key))
            for key in keys
            if old.get(key) != new.get(key)
        ),
        secrets=tuple(
            name
            for name in sorted({*known_secrets, *secrets})
            if known_secrets.get(name) != secrets.get(name)
        ),
    )


def flat(settings: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Nested tables as one, with dotted keys: `polling.due.exception`. Unset keys are left out."""
    found: dict[str, object] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        elif value is not None:
            found[f"{prefix}{key}"] = value
    return found


def _text(value: object) -> str:
    return "not set" if value is None else json.dumps(value, ensure_ascii=False)

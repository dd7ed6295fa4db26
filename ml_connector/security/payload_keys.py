"""The keys that Temporal payloads are encrypted with, also those of master keys that are gone.

A payload names the master key its own key was derived from. Histories are not written anew when
the master key changes, so the store keeps the derived keys of retired ones
(`ml_connector.store.payload_keys`): a reader asks there for what it cannot derive itself.
"""

from collections.abc import Awaitable, Callable

from ml_connector.security.keys import MasterKeys, UnknownMasterKey

PURPOSE = "temporal-payload"
"""What the key is derived for; other purposes of the same master key differ."""

KeyArchive = Callable[[str], Awaitable[bytes | None]]
"""The kept payload key of a master key's id, or None when none was kept."""


class PayloadKeys:
    """Payload keys by the id of the master key they come from."""

    def __init__(self, keys: MasterKeys, archive: KeyArchive | None = None) -> None:
        self._keys = keys
        self._archive = archive

    @property
    def current_id(self) -> str:
        """Of the key that new payloads are encrypted with."""
        return self._keys.current.id

    def derived(self, key_id: str) -> bytes:
        """From a master key that is here. Raises `UnknownMasterKey`."""
        return self._keys.derive(key_id, PURPOSE)

    async def find(self, key_id: str) -> bytes:
        """Derived, or else kept. Raises `UnknownMasterKey`, and what the archive raises."""
        try:
            return self.derived(key_id)
        except UnknownMasterKey:
            kept = await self._archive(key_id) if self._archive else None
            if kept is None:
                raise
            return kept

"""A new master key while everything runs, and the end of an old one.

    rotate    a new key on top of the key file, then `rewrap`
    rewrap    everything moves to the current key; the older ones stay readable
    retire    an old key leaves the key file, once nothing needs it any more

Every step may be repeated after a crash. Processes that read the same key file follow by
themselves: they meet a key id they do not know and read the file again.
"""

from dataclasses import dataclass

from ml_connector.security.keys import MasterKeyError, MasterKeys
from ml_connector.store.store import Store


class MasterKeyInUse(MasterKeyError):
    """Another process has sealed something under an old key meanwhile."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"Master key {key_id} is still in use: a process that does not know the current key "
            "has just sealed something under it. Restart the workers, then retire it again."
        )
        self.key_id = key_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """Where a rotation stands."""

    current: str
    """Id of the key that everything is sealed under now."""
    older: tuple[str, ...]
    """Ids of the keys that may be retired."""
    moved: int
    """How many values were sealed anew."""


async def rotate(store: Store, keys: MasterKeys, *, actor: str) -> Rotation:
    """Make a new current key and move everything to it.

    Raises `MasterKeyError` for keys from the environment, which only its owner can change; then
    `rewrap` does the rest.
    """
    keys.rotate()
    return await rewrap(store, keys, actor=actor)


async def rewrap(store: Store, keys: MasterKeys, *, actor: str) -> Rotation:
    """Move everything to the current key: data keys, tokens, and kept payload keys."""
    moved = await store.rewrap_keys()
    rotation = Rotation(current=keys.current.id, older=keys.ids()[1:], moved=moved)
    if moved:
        await _note(store, "keys:rotated", actor, to=rotation.current, older=list(rotation.older))
    return rotation


async def retire(store: Store, keys: MasterKeys, key_id: str, *, actor: str) -> None:
    """Take an old key out of the key file. What it encrypted in Temporal stays readable.

    Raises `MasterKeyError` for the current key and for keys from the environment,
    `UnknownMasterKey` when the file does not hold it, `MasterKeyInUse` when it is still needed.
    """
    await rewrap(store, keys, actor=actor)
    if key_id != keys.current.id and key_id in await store.master_keys_in_use():
        raise MasterKeyInUse(key_id)
    keys.retire(key_id)
    await _note(store, "keys:retired", actor, key=key_id)


async def _note(store: Store, action: str, actor: str, **detail: object) -> None:
    """Every tenant's own trail says it: the key wraps every tenant's data key."""
    for tenant in await store.tenants.list():
        async with store.write(tenant.id) as view:
            view.audit.append(action, actor=actor, detail=detail)

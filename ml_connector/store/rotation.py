"""A new master key while everything runs, and the end of the old ones.

    rotate    a new key on top of the key file, and everything moves to it
    retire    the older keys leave the key file, once nothing needs them any more

Both may be repeated after a crash. Processes that read the same key file follow by themselves:
they meet a key id they do not know and read the file again.
"""

from dataclasses import dataclass

from ml_connector.security.keys import MasterKeyError, MasterKeys
from ml_connector.store.store import Store


class MasterKeyInUse(MasterKeyError):
    """A process that does not know the current key has sealed something meanwhile."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"Master key {key_id} is still needed.")
        self.key_id = key_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """What a rotation did."""

    current: str
    """Id of the key that everything is sealed under now."""
    made: bool
    """That key is new; else an interrupted rotation was finished."""
    older: tuple[str, ...]
    """Ids of the keys that are still loaded and may be retired."""
    moved: int
    """How many values were sealed anew."""


async def rotate(store: Store, keys: MasterKeys, *, actor: str, reason: str) -> Rotation:
    """Move everything to the current key: data keys, tokens, and kept payload keys.

    When all is there already, a new current key is made first. Raises `MasterKeyError` when it
    must be made and the keys come from the environment, which only its owner can change.
    """
    made = await store.master_keys_in_use() <= {keys.current.id}
    if made:
        keys.rotate()
    moved = await store.rewrap_keys()
    rotation = Rotation(current=keys.current.id, made=made, older=keys.ids()[1:], moved=moved)
    await _note(store, "keys:rotate", actor, reason=reason, current=rotation.current)
    return rotation


async def retire(store: Store, keys: MasterKeys, *, actor: str, reason: str) -> tuple[str, ...]:
    """Take the older keys out of the key file; their ids.

    What they encrypted in Temporal stays readable. Raises `MasterKeyInUse` when one is still
    needed, `MasterKeyError` for keys from the environment.
    """
    await store.rewrap_keys()
    older = keys.ids()[1:]
    for needed in sorted(await store.master_keys_in_use() & set(older)):
        raise MasterKeyInUse(needed)
    for key_id in older:
        keys.retire(key_id)
    if older:
        await _note(store, "keys:retire", actor, reason=reason, retired=list(older))
    return older


async def _note(store: Store, action: str, actor: str, **detail: object) -> None:
    """Every tenant's own trail says it: the key wraps every tenant's data key."""
    for tenant in await store.tenants.list():
        async with store.write(tenant.id) as view:
            view.audit.append(action, actor=actor, detail=detail)

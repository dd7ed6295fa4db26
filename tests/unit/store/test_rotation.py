"""A new master key takes over everything, and the old one can be destroyed."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.api.common.v1 import Payload

from ml_connector.security.keys import MasterKey, MasterKeyError, MasterKeys
from ml_connector.store import Store, rotation
from ml_connector.store.rotation import MasterKeyInUse, Rotation
from ml_connector.temporal.codec import EncryptionCodec
from ml_connector.temporal.errors import UnreadablePayload
from tests.unit.store.raw import run

ME = "cli:kari@host"
WHY = "an administrator left"
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'"Storgata 17"')


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "master.key"


@pytest.fixture
def keys(file: Path) -> MasterKeys:
    """As the operator's command loads them; the fixture `store` works with the same ones."""
    return MasterKeys.load(None, None, generate_at=file)


@pytest.fixture
async def afterwards(url: str, file: Path, store: Store) -> AsyncIterator[Store]:
    """A process that starts later, with whatever keys are left in the file by then."""
    opened = await Store.open(url, _Late(file))
    yield opened
    await opened.close()


async def rotate(store: Store, keys: MasterKeys) -> Rotation:
    return await rotation.rotate(store, keys, actor=ME, reason=WHY)


async def retire(store: Store, keys: MasterKeys) -> tuple[str, ...]:
    return await rotation.retire(store, keys, actor=ME, reason=WHY)


class _Late(MasterKeys):
    """Keys that are first read when they are first needed."""

    def __init__(self, file: Path) -> None:
        super().__init__([MasterKey.generate()], source=file)


async def encrypted(keys: MasterKeys) -> Payload:
    [payload] = await EncryptionCodec(keys).encode([PLAIN])
    return payload


async def test_what_a_retired_key_encrypted_stays_readable(
    store: Store, keys: MasterKeys, file: Path
) -> None:
    written = {}
    for _ in range(3):
        written[keys.current.id] = await encrypted(keys)
        await rotate(store, keys)
    assert set(await retire(store, keys)) == {*written}
    only_new = MasterKeys.load(None, file)
    assert only_new.ids() == (keys.current.id,)
    codec = EncryptionCodec(only_new, store.payload_keys.get)
    assert await codec.decode(list(written.values())) == [PLAIN] * 3
    assert await store.master_keys_in_use() == {only_new.current.id}


async def test_a_process_with_only_the_new_key_reads_everything(
    store: Store, afterwards: Store, keys: MasterKeys, file: Path
) -> None:
    payload = await encrypted(keys)
    await store.coordination.put_token(
        "nordic/ship", "token", version=1, expires_at=datetime.now(UTC) + timedelta(hours=1)
    )
    await rotate(store, keys)
    await retire(store, keys)
    codec = EncryptionCodec(MasterKeys.load(None, file), afterwards.payload_keys.get)
    assert await codec.decode([payload]) == [PLAIN]
    token = await afterwards.coordination.get_token("nordic/ship")
    assert token is not None
    for tenant in ("nordic", "sur"):
        async with afterwards.read(tenant) as view:
            assert await view.secrets.get("fedex.client_secret") == f"secret of {tenant}"
            assert await view.audit.verify() is None


async def test_the_payload_key_is_all_that_is_kept_of_a_master_key(
    store: Store, keys: MasterKeys
) -> None:
    old = keys.current
    await rotate(store, keys)
    kept = await store.payload_keys.get(old.id)
    assert kept == keys.derive(old.id, "temporal-payload")
    assert kept != old.material
    assert await store.payload_keys.get(keys.current.id) is None


async def test_nothing_but_the_archive_opens_it(store: Store, keys: MasterKeys, file: Path) -> None:
    old = keys.current.id
    payload = await encrypted(keys)
    await rotate(store, keys)
    await retire(store, keys)
    with pytest.raises(UnreadablePayload, match=old):
        await EncryptionCodec(MasterKeys.load(None, file)).decode([payload])


async def test_kept_keys_cannot_be_exchanged(
    store: Store, keys: MasterKeys, file: Path, url: str
) -> None:
    first = await encrypted(keys)
    one = keys.current.id
    await rotate(store, keys)
    another = keys.current.id
    await rotate(store, keys)
    await retire(store, keys)
    await run(
        url,
        "UPDATE payload_keys SET value_sealed = "
        f"(SELECT value_sealed FROM payload_keys WHERE id = '{another}') WHERE id = '{one}'",
    )
    codec = EncryptionCodec(MasterKeys.load(None, file), store.payload_keys.get)
    with pytest.raises(UnreadablePayload, match="payload_keys"):
        await codec.decode([first])


async def test_a_rotation_that_died_half_way_is_finished_by_the_next_step(
    store: Store, keys: MasterKeys, file: Path
) -> None:
    payload = await encrypted(keys)
    keys.rotate()
    # Here the command was killed: the file has the new key, the database does not know it.
    await retire(store, keys)
    codec = EncryptionCodec(MasterKeys.load(None, file), store.payload_keys.get)
    assert await codec.decode([payload]) == [PLAIN]
    assert await store.master_keys_in_use() == {keys.current.id}


async def test_a_rotation_that_died_half_way_is_finished_and_no_other_begun(
    store: Store, keys: MasterKeys
) -> None:
    keys.rotate()
    finished = await rotate(store, keys)
    assert finished == Rotation(
        current=keys.current.id,
        made=False,
        older=keys.ids()[1:],
        moved=3,  # two data keys, one payload key
    )
    assert (await rotate(store, keys)).made


async def test_without_older_keys_nothing_retires(store: Store, keys: MasterKeys) -> None:
    assert await retire(store, keys) == ()
    async with store.read("nordic") as view:
        assert await view.audit.show(action="keys:") == ()


async def test_a_key_that_a_late_process_still_uses_does_not_retire(
    store: Store, keys: MasterKeys, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = MasterKeys([keys.current])
    await rotate(store, keys)
    late = await Store.open(url, stale)
    rewrapped = store.rewrap_keys

    async def and_then_a_late_process_writes() -> int:
        moved = await rewrapped()
        await late.coordination.put_token(
            "nordic/ship", "token", version=1, expires_at=datetime.now(UTC)
        )
        return moved

    monkeypatch.setattr(store, "rewrap_keys", and_then_a_late_process_writes)
    try:
        with pytest.raises(MasterKeyInUse, match=stale.current.id):
            await retire(store, keys)
        assert stale.current.id in keys.ids()
        monkeypatch.undo()
        await retire(store, keys)
    finally:
        await late.close()


async def test_a_tenant_is_never_wrapped_by_a_key_that_was_replaced(
    store: Store, keys: MasterKeys, url: str, file: Path
) -> None:
    early = await Store.open(url, MasterKeys.load(None, file))
    try:
        await rotate(store, keys)
        await early.tenants.add("third", name="", config="{}", secrets={})
        assert await store.master_keys_in_use() == {keys.current.id}
    finally:
        await early.close()


async def test_keys_from_the_environment_are_moved_once_their_owner_changed_them(
    store: Store, keys: MasterKeys, url: str
) -> None:
    old, new = keys.current, MasterKey.generate()
    payload = await encrypted(keys)
    owner = await Store.open(url, between := MasterKeys([new, old]))
    try:
        assert (await rotate(owner, between)).older == (old.id,)
        with pytest.raises(MasterKeyError, match="ML_CONNECTOR_MASTER_KEY"):
            await rotate(owner, between)
        codec = EncryptionCodec(MasterKeys([new]), owner.payload_keys.get)
        assert await codec.decode([payload]) == [PLAIN]
        assert await owner.master_keys_in_use() == {new.id}
    finally:
        await owner.close()


async def test_every_tenants_trail_says_who_rotated(store: Store, keys: MasterKeys) -> None:
    old = keys.current.id
    await rotate(store, keys)
    await retire(store, keys)
    for tenant in ("nordic", "sur"):
        async with store.read(tenant) as view:
            events = await view.audit.show(action="keys:")
        assert [(event.action, event.actor, event.detail) for event in events] == [
            ("keys:rotate", ME, {"reason": WHY, "current": keys.current.id}),
            ("keys:retire", ME, {"reason": WHY, "retired": [old]}),
        ]


async def test_a_file_that_cannot_be_written_says_so(
    store: Store, keys: MasterKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("ml_connector.security.keys.tempfile.mkstemp", refused)
    old = keys.current.id
    with pytest.raises(MasterKeyError, match="cannot be written"):
        await rotate(store, keys)
    assert keys.current.id == old

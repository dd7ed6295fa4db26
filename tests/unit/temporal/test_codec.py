import os
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload

from ml_connector.security.keys import MasterKey, MasterKeys
from ml_connector.temporal.codec import ENCODING, EncryptionCodec
from ml_connector.temporal.errors import UnreadablePayload

OLD = MasterKey.of(b"\x01" * 32)
NEW = MasterKey.of(b"\x02" * 32)

MOST_OVERHEAD = 56
"""Bytes a value may grow by: a whole order's history of about 65 events must fit 12 KiB."""


def json_payload(data: bytes) -> Payload:
    return Payload(metadata={"encoding": b"json/plain"}, data=data)


payloads = st.builds(
    lambda metadata, data: Payload(metadata=metadata, data=data),
    st.dictionaries(st.text(max_size=20), st.binary(max_size=40), max_size=3),
    st.one_of(st.binary(max_size=2_000), st.text(max_size=50).map(lambda text: text.encode() * 50)),
).filter(lambda payload: payload.metadata.get("encoding") != ENCODING)


@given(st.lists(payloads, max_size=4))
async def test_what_goes_in_comes_out(originals: list[Payload]) -> None:
    codec = EncryptionCodec(MasterKeys([NEW]))
    sealed = await codec.encode(originals)
    assert all(payload.metadata["encoding"] == ENCODING for payload in sealed)
    assert await codec.decode(sealed) == originals


@given(st.binary(min_size=1, max_size=512))
async def test_small_values_grow_by_little(data: bytes) -> None:
    plain = json_payload(data)
    [sealed] = await EncryptionCodec(MasterKeys([NEW])).encode([plain])
    assert sealed.ByteSize() <= plain.ByteSize() + MOST_OVERHEAD
    assert set(sealed.metadata) == {"encoding", "key"}
    assert sealed.metadata["key"].decode() == NEW.id


async def test_long_text_is_deflated_and_noise_is_not() -> None:
    codec = EncryptionCodec(MasterKeys([NEW]))
    text, noise = json_payload(b'"waiting for the carrier" ' * 100), json_payload(os.urandom(2_600))
    sealed_text, sealed_noise = await codec.encode([text, noise])
    assert sealed_text.ByteSize() < text.ByteSize() / 5
    assert sealed_noise.ByteSize() <= noise.ByteSize() + MOST_OVERHEAD
    assert await codec.decode([sealed_text, sealed_noise]) == [text, noise]


async def test_the_same_value_never_looks_the_same() -> None:
    codec = EncryptionCodec(MasterKeys([NEW]))
    once, again = await codec.encode([json_payload(b"1"), json_payload(b"1")])
    assert once.data != again.data


async def test_nulls_and_encrypted_payloads_are_left_alone() -> None:
    codec = EncryptionCodec(MasterKeys([NEW]))
    null = Payload(metadata={"encoding": b"binary/null"})
    [sealed] = await codec.encode([json_payload(b"1")])
    assert await codec.encode([null, sealed]) == [null, sealed]


async def test_plain_payloads_pass_through_decode() -> None:
    plain = [json_payload(b'"typed in the Web UI"'), Payload(data=b"no metadata")]
    assert await EncryptionCodec(MasterKeys([NEW])).decode(plain) == plain


async def test_an_older_key_still_reads_and_the_new_one_writes() -> None:
    plain = json_payload(b'"before the rotation"')
    [sealed] = await EncryptionCodec(MasterKeys([OLD])).encode([plain])
    rotated = EncryptionCodec(MasterKeys([NEW, OLD]))
    assert await rotated.decode([sealed]) == [plain]
    [fresh] = await rotated.encode([plain])
    assert fresh.metadata["key"].decode() == NEW.id


async def test_an_unknown_key_is_named() -> None:
    [sealed] = await EncryptionCodec(MasterKeys([OLD])).encode([json_payload(b"1")])
    with pytest.raises(UnreadablePayload, match=OLD.id):
        await EncryptionCodec(MasterKeys([NEW])).decode([sealed])


def _flip_bit(payload: Payload) -> None:
    payload.data = payload.data[:-1] + bytes([payload.data[-1] ^ 1])


def _flip_nonce(payload: Payload) -> None:
    payload.data = bytes([payload.data[0] ^ 1]) + payload.data[1:]


def _truncate(payload: Payload) -> None:
    payload.data = payload.data[:20]


def _empty(payload: Payload) -> None:
    payload.data = b""


def _claim_other_key(payload: Payload) -> None:
    payload.metadata["key"] = OLD.id.encode()


def _drop_key(payload: Payload) -> None:
    del payload.metadata["key"]


@pytest.mark.parametrize(
    "tamper", [_flip_bit, _flip_nonce, _truncate, _empty, _claim_other_key, _drop_key]
)
async def test_a_changed_payload_is_refused(tamper: Callable[[Payload], None]) -> None:
    codec = EncryptionCodec(MasterKeys([NEW, OLD]))
    [sealed] = await codec.encode([json_payload(b'"hundred kroner"')])
    tamper(sealed)
    with pytest.raises(UnreadablePayload):
        await codec.decode([sealed])


@given(st.binary(max_size=200), st.sampled_from([NEW.id.encode(), b"", b"\xff\xfe", b"deadbeef"]))
async def test_any_bytes_end_in_a_named_error(data: bytes, key: bytes) -> None:
    forged = Payload(metadata={"encoding": ENCODING, "key": key}, data=data)
    with pytest.raises(UnreadablePayload):
        await EncryptionCodec(MasterKeys([NEW])).decode([forged])

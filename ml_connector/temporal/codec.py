"""Encryption of everything the workflows say: AES-256-GCM over each Temporal payload.

An encrypted payload looks like this; a JSON value grows by 55 bytes:

    metadata  encoding = "binary/encrypted"
              key      = eight hex digits, which of our master keys
    data      12 bytes nonce · ciphertext of (1 byte form, content) · 16 bytes tag

The form says what the content is: the bare bytes of a `json/plain` payload, by far the most
common, or a whole serialised payload; either may be deflated when that saves something.

Associated data is the form's version and the key id, nothing else. Binding the workflow id as
well would stop a payload from being moved between histories, but the Web UI, the `temporal`
command line and a codec server are never told the id of the history they read, so nobody could
decode. Whoever can write to Temporal's database could send plain payloads anyway.

Nulls stay plain: an absent value says nothing, and half of all activities return one.
Payloads without our encoding pass through `decode` unchanged: a person may signal a workflow
from the Web UI, which encodes only where a codec server encodes.

Nonces are random, so one master key is good for 2**32 payloads (NIST SP 800-38D, 8.3); at fifty
an order that is eighty million orders. Rotate the key before.
"""

import os
import zlib
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from ml_connector.security.keys import MasterKeys, UnknownMasterKey
from ml_connector.security.payload_keys import KeyArchive, PayloadKeys
from ml_connector.security.vault import SealBroken
from ml_connector.temporal.errors import UnreadablePayload

ENCODING = b"binary/encrypted"

_AAD = b"ml-connector/temporal-payload/1/"
_NONCE = 12
_TAG = 16
_NULL = b"binary/null"
_JSON = b"json/plain"

_WHOLE_PAYLOAD = 0b01
_DEFLATED = 0b10
_DEFLATE_ABOVE = 512
"""Bytes. Shorter JSON gains too little to be worth the time."""

_LARGEST = 16 * 1024 * 1024
"""Bytes after inflating. Temporal refuses payloads over 2 MiB, so more is an attack."""


class EncryptionCodec(PayloadCodec):
    """Encrypts under the current master key and reads under any whose key is here or archived."""

    def __init__(self, keys: MasterKeys, archive: KeyArchive | None = None) -> None:
        self._keys = PayloadKeys(keys, archive)
        self._ciphers: dict[str, AESGCM] = {}

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._encrypted(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Raises UnreadablePayload when the key is unknown or the bytes were changed."""
        return [await self._decrypted(payload) for payload in payloads]

    def _encrypted(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") in (_NULL, ENCODING):
            return payload
        key_id = self._keys.current_id
        cipher = self._ciphers.get(key_id) or self._learn(key_id, self._keys.derived(key_id))
        nonce = os.urandom(_NONCE)
        sealed = cipher.encrypt(nonce, _pack(payload), _AAD + key_id.encode())
        return Payload(metadata={"encoding": ENCODING, "key": key_id.encode()}, data=nonce + sealed)

    async def _decrypted(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return payload
        key_id = payload.metadata.get("key", b"").decode("ascii", errors="replace")
        try:
            cipher = self._ciphers.get(key_id) or self._learn(key_id, await self._keys.find(key_id))
        except UnknownMasterKey as error:
            raise UnreadablePayload(
                f"A payload in Temporal is encrypted with master key {key_id!r}.",
                why="It is not here, and its payload key was not kept when it was retired.",
                remedy="Add it below the current master key.",
            ) from error
        except SealBroken as error:
            raise UnreadablePayload(
                f"The kept key of payloads under master key {key_id!r} does not open.",
                why="It was changed in our database after it was written.",
                remedy="Restore the table payload_keys from a backup.",
            ) from error
        nonce, sealed = payload.data[:_NONCE], payload.data[_NONCE:]
        if len(sealed) <= _TAG:
            raise _damaged("It is too short.")
        try:
            return _unpack(cipher.decrypt(nonce, sealed, _AAD + key_id.encode()))
        except InvalidTag as error:
            raise _damaged("Its authentication tag does not match its content.") from error

    def _learn(self, key_id: str, key: bytes) -> AESGCM:
        return self._ciphers.setdefault(key_id, AESGCM(key))


def _pack(payload: Payload) -> bytes:
    """The form byte and the content to be sealed."""
    if dict(payload.metadata) == {"encoding": _JSON} and not payload.external_payloads:
        form, content = 0, payload.data
    else:
        form, content = _WHOLE_PAYLOAD, payload.SerializeToString()
    if len(content) > _DEFLATE_ABOVE:
        deflated = zlib.compress(content)
        if len(deflated) < len(content):
            form, content = form | _DEFLATED, deflated
    return bytes([form]) + content


def _unpack(opened: bytes) -> Payload:
    form, content = opened[0], opened[1:]
    if form & ~(_WHOLE_PAYLOAD | _DEFLATED):
        raise _damaged(f"Its form {form} is not known to this version.")
    try:
        if form & _DEFLATED:
            content = _inflate(content)
        if form & _WHOLE_PAYLOAD:
            return Payload.FromString(content)
    except (zlib.error, DecodeError) as error:
        raise _damaged("Its content is not what its form says.") from error
    return Payload(metadata={"encoding": _JSON}, data=content)


def _inflate(content: bytes) -> bytes:
    inflater = zlib.decompressobj()
    inflated = inflater.decompress(content, _LARGEST)
    if not inflater.eof:
        raise _damaged("It does not end, or is larger than Temporal allows.")
    return inflated


def _damaged(why: str) -> UnreadablePayload:
    return UnreadablePayload(
        "A payload in Temporal cannot be decrypted.",
        why=why,
        remedy="It was changed after it was written; restore Temporal's database from a backup.",
    )

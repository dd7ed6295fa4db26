"""The vault: what a tenant gives us is unreadable without the master key.

Every tenant has a data key of its own. The database keeps it wrapped by the master key, so
rotating the master key re-wraps a few bytes a tenant and leaves the data alone.

Sealing is AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce. The tenant and the field,
which names its row, are associated data: a value moved to another tenant, column or row does
not open.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ml_connector.security.keys import KEY_BYTES, MasterKeys, derive

_FORMAT = b"\x01"
_NONCE_BYTES = 12
_TAG_BYTES = 16
_WRAPPING = "tenant-data-key/v1"


class SealBroken(Exception):
    """A sealed value does not open: changed, or moved from another tenant, field or row."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} does not open: it was changed, or it belongs to another row or tenant."
        )
        self.what = what


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """A tenant's data key as the database keeps it."""

    tenant: str
    key_id: str
    """The master key that wraps it."""
    sealed: bytes


class TenantCipher:
    """Seals and opens one tenant's values.

    Random nonces allow 2**32 values a tenant before a collision becomes likelier than
    2**-32 (NIST SP 800-38D §8.3); an order uses a few dozen.
    """

    __slots__ = ("_aead", "_data_key", "tenant")

    def __init__(self, tenant: str, data_key: bytes) -> None:
        self.tenant = tenant
        self._data_key = data_key
        self._aead = AESGCM(derive(data_key, "seal"))

    def seal(self, field: str, plaintext: bytes) -> bytes:
        """`field` names the column and the row, e.g. `operations.result:<key>`."""
        return _encrypt(self._aead, plaintext, _bound("tenant", self.tenant, field))

    def open(self, field: str, sealed: bytes) -> bytes:
        """Raises `SealBroken` unless sealed by this tenant for exactly this field."""
        what = f"{field} of tenant {self.tenant}"
        return _decrypt(self._aead, sealed, _bound("tenant", self.tenant, field), what)

    def mac(self, purpose: str, data: bytes) -> bytes:
        """Keyed digest (HMAC-SHA256): without the tenant's key it neither tells nor forges."""
        return hmac.digest(derive(self._data_key, f"mac/{purpose}"), data, hashlib.sha256)

    def __repr__(self) -> str:
        return f"TenantCipher(tenant={self.tenant!r})"


class Vault:
    """Makes, opens and re-wraps tenants' data keys."""

    def __init__(self, keys: MasterKeys) -> None:
        self._keys = keys

    def new_key(self, tenant: str) -> WrappedKey:
        """A fresh data key, wrapped under the current master key."""
        # The key this process started with may be about to be retired.
        self._keys.reload()
        return self._wrap(tenant, secrets.token_bytes(KEY_BYTES))

    def cipher(self, wrapped: WrappedKey) -> TenantCipher:
        """Raises `SealBroken` for another tenant's key, `UnknownMasterKey` for a retired one."""
        return TenantCipher(wrapped.tenant, self._unwrap(wrapped))

    def rewrap(self, wrapped: WrappedKey) -> WrappedKey:
        """The same data key under the current master key; unchanged when it is there already."""
        if wrapped.key_id == self._keys.current.id:
            return wrapped
        return self._wrap(wrapped.tenant, self._unwrap(wrapped))

    def _wrap(self, tenant: str, data_key: bytes) -> WrappedKey:
        key_id = self._keys.current.id
        bound = _bound("data-key", tenant, key_id)
        sealed = _encrypt(self._wrapping(key_id), data_key, bound)
        return WrappedKey(tenant=tenant, key_id=key_id, sealed=sealed)

    def _unwrap(self, wrapped: WrappedKey) -> bytes:
        bound = _bound("data-key", wrapped.tenant, wrapped.key_id)
        what = f"The data key of tenant {wrapped.tenant}"
        return _decrypt(self._wrapping(wrapped.key_id), wrapped.sealed, bound, what)

    def _wrapping(self, key_id: str) -> AESGCM:
        return AESGCM(self._keys.derive(key_id, _WRAPPING))


class SharedSeal:
    """Seals what belongs to no tenant, such as FedEx tokens, under a purpose of its own."""

    def __init__(self, keys: MasterKeys, purpose: str) -> None:
        self._keys = keys
        self._purpose = f"{purpose}/v1"

    @property
    def current_key_id(self) -> str:
        return self._keys.current.id

    def seal(self, field: str, plaintext: bytes) -> tuple[str, bytes]:
        """The id of the master key used, and the sealed value."""
        key_id = self._keys.current.id
        return key_id, _encrypt(self._aead(key_id), plaintext, self._bound_to(field))

    def open(self, field: str, key_id: str, sealed: bytes) -> bytes:
        """Raises `SealBroken`, or `UnknownMasterKey` when the master key was retired."""
        return _decrypt(self._aead(key_id), sealed, self._bound_to(field), field)

    def _aead(self, key_id: str) -> AESGCM:
        return AESGCM(self._keys.derive(key_id, self._purpose))

    def _bound_to(self, field: str) -> bytes:
        return _bound("shared", self._purpose, field)


def _bound(*parts: str) -> bytes:
    """Associated data; lengths keep ("ab", "c") and ("a", "bc") apart."""
    encoded = [part.encode() for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)


def _encrypt(aead: AESGCM, plaintext: bytes, bound: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return _FORMAT + nonce + aead.encrypt(nonce, plaintext, bound)


def _decrypt(aead: AESGCM, sealed: bytes, bound: bytes, what: str) -> bytes:
    nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    if sealed[:1] != _FORMAT or len(body) < _TAG_BYTES:
        raise SealBroken(what)
    try:
        return aead.decrypt(nonce, body, bound)
    except InvalidTag:
        raise SealBroken(what) from None

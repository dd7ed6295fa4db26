"""The vault: what was sealed opens in its own place, and nowhere else."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ml_connector.security.keys import MasterKey, MasterKeys, UnknownMasterKey
from ml_connector.security.vault import SealBroken, SharedSeal, TenantCipher, Vault, WrappedKey

OLD, NEW = MasterKey.of(b"o" * 32), MasterKey.of(b"n" * 32)
CIPHER = TenantCipher("nordic", b"k" * 32)
_NAMES = st.text(min_size=1, max_size=12)


@given(field=_NAMES, plaintext=st.binary(max_size=200))
def test_a_value_opens_where_it_was_sealed(field: str, plaintext: bytes) -> None:
    sealed = CIPHER.seal(field, plaintext)
    assert CIPHER.open(field, sealed) == plaintext
    assert sealed != CIPHER.seal(field, plaintext)
    if len(plaintext) > 4:
        assert plaintext not in sealed


@given(tenant=_NAMES, field=_NAMES, other_tenant=_NAMES, other_field=_NAMES)
def test_a_value_opens_nowhere_else(
    tenant: str, field: str, other_tenant: str, other_field: str
) -> None:
    """Even under the same data key, tenant and field are bound, and not as one run of letters."""
    assume((tenant, field) != (other_tenant, other_field))
    sealed = TenantCipher(tenant, b"k" * 32).seal(field, b"secret")
    with pytest.raises(SealBroken):
        TenantCipher(other_tenant, b"k" * 32).open(other_field, sealed)


@given(data=st.data())
def test_a_changed_value_does_not_open(data: st.DataObject) -> None:
    sealed = bytearray(CIPHER.seal("field", b"secret"))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SealBroken):
        CIPHER.open("field", bytes(sealed))


@pytest.mark.parametrize("length", range(30))
def test_a_cut_value_does_not_open(length: int) -> None:
    with pytest.raises(SealBroken):
        CIPHER.open("field", CIPHER.seal("field", b"secret")[:length])


def test_errors_name_the_place_and_not_the_content() -> None:
    with pytest.raises(SealBroken) as broken:
        CIPHER.open("tenant_secrets.value:a", CIPHER.seal("tenant_secrets.value:b", b"s3cret"))
    assert "tenant_secrets.value:a of tenant nordic" in str(broken.value)
    assert "s3cret" not in str(broken.value)
    assert broken.value.__suppress_context__
    assert repr(CIPHER) == "TenantCipher(tenant='nordic')"


def test_digests_are_keyed_by_tenant_and_purpose() -> None:
    other = TenantCipher("nordic", b"x" * 32)
    digests = {cipher.mac(purpose, b"d") for cipher in (CIPHER, other) for purpose in ("a", "b")}
    assert len(digests) == 4
    assert CIPHER.mac("a", b"d") == TenantCipher("nordic", b"k" * 32).mac("a", b"d")


def test_every_tenant_has_a_key_of_its_own() -> None:
    vault = Vault(MasterKeys([OLD]))
    one, other = vault.new_key("nordic"), vault.new_key("nordic")
    sealed = vault.cipher(one).seal("field", b"secret")
    assert vault.cipher(one).open("field", sealed) == b"secret"
    with pytest.raises(SealBroken):
        vault.cipher(other).open("field", sealed)


def test_a_wrapped_key_belongs_to_its_tenant() -> None:
    vault = Vault(MasterKeys([OLD]))
    wrapped = vault.new_key("nordic")
    with pytest.raises(SealBroken, match="data key of tenant sur"):
        vault.cipher(WrappedKey(tenant="sur", key_id=wrapped.key_id, sealed=wrapped.sealed))


def test_a_wrapped_key_belongs_to_its_master_key() -> None:
    vault = Vault(MasterKeys([OLD, NEW]))
    wrapped = vault.new_key("nordic")
    with pytest.raises(SealBroken):
        vault.cipher(WrappedKey(tenant="nordic", key_id=NEW.id, sealed=wrapped.sealed))


def test_rewrapping_keeps_the_data_readable_without_the_old_key() -> None:
    wrapped = Vault(MasterKeys([OLD])).new_key("nordic")
    sealed = Vault(MasterKeys([OLD])).cipher(wrapped).seal("field", b"secret")
    both = Vault(MasterKeys([NEW, OLD]))
    moved = both.rewrap(wrapped)
    assert moved.key_id == NEW.id
    assert both.rewrap(moved) is moved
    assert Vault(MasterKeys([NEW])).cipher(moved).open("field", sealed) == b"secret"
    with pytest.raises(UnknownMasterKey):
        Vault(MasterKeys([NEW])).cipher(wrapped)


def test_shared_seals_are_bound_to_purpose_and_field() -> None:
    keys = MasterKeys([OLD])
    seal, other = SharedSeal(keys, "carrier-token"), SharedSeal(keys, "something-else")
    key_id, sealed = seal.seal("token:a", b"t")
    assert seal.open("token:a", key_id, sealed) == b"t"
    with pytest.raises(SealBroken):
        seal.open("token:b", key_id, sealed)
    with pytest.raises(SealBroken):
        other.open("token:a", key_id, sealed)
    with pytest.raises(UnknownMasterKey):
        SharedSeal(MasterKeys([NEW]), "carrier-token").open("token:a", key_id, sealed)

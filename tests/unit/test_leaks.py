"""The scanner itself: what it is to find, it finds, wherever and however it lies."""

import base64
import gzip
import json
import random
import zlib
from collections.abc import Callable
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.leaks import Leak, Leaks

MARKER = "Åse Brønnøysund, Storgata 17/B"
NOISE = random.Random(6)

HIDDEN: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "capitals": lambda text: text.upper().encode(),
    "small": lambda text: text.lower().encode(),
    "latin-1": lambda text: text.encode("latin-1"),
    "utf-16-le": lambda text: text.encode("utf-16-le"),
    "utf-16-be": lambda text: text.encode("utf-16-be"),
    "utf-16 with its mark": lambda text: text.encode("utf-16"),
    "hex": lambda text: text.encode().hex().encode(),
    "hex, capitals": lambda text: text.encode().hex().upper().encode(),
    "hex of utf-16": lambda text: text.encode("utf-16-le").hex().encode(),
    "url": lambda text: quote(text, safe="").encode(),
    "url, small": lambda text: quote(text, safe="").lower().encode(),
    "form": lambda text: quote_plus(text).encode(),
    "form with other fields": lambda text: urlencode({"a": "1", "name": text}).encode(),
    "json": lambda text: json.dumps({"name": text}).encode(),
    "json, not escaped": lambda text: json.dumps({"name": text}, ensure_ascii=False).encode(),
    "json in json": lambda text: json.dumps({"body": json.dumps({"name": text})}).encode(),
    "bytes as Python shows them": lambda text: repr(text.encode()).encode(),
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64 for urls": lambda text: base64.urlsafe_b64encode(text.encode()),
    "base64 of utf-16": lambda text: base64.b64encode(text.encode("utf-16-le")),
    "gzip": lambda text: gzip.compress(text.encode()),
    "zlib": lambda text: zlib.compress(text.encode()),
    "zlib, fast": lambda text: zlib.compress(text.encode(), 1),
    "gzip of base64": lambda text: gzip.compress(base64.b64encode(text.encode())),
    "a long gzip": lambda text: gzip.compress(NOISE.randbytes(40_000) + text.encode()),
    "base64 of JSON": lambda text: base64.b64encode(
        json.dumps({"name": text}, ensure_ascii=False).encode()
    ),
}


@pytest.mark.parametrize("kind", HIDDEN)
def test_a_marker_is_found_in_every_spelling(kind: str) -> None:
    hidden = NOISE.randbytes(500) + HIDDEN[kind](MARKER) + NOISE.randbytes(500)
    assert {leak.marker for leak in Leaks({"planted": MARKER}).found_in(hidden)} == {"planted"}


@given(before=st.binary(max_size=20), kind=st.sampled_from([*HIDDEN]))
def test_a_marker_is_found_at_any_place(before: bytes, kind: str) -> None:
    assert Leaks({"planted": MARKER}).found_in(before + HIDDEN[kind](MARKER))


@given(before=st.binary(max_size=20), after=st.binary(max_size=20), encoded=st.booleans())
def test_base64_is_found_at_any_place(before: bytes, after: bytes, encoded: bool) -> None:
    encode = base64.urlsafe_b64encode if encoded else base64.b64encode
    assert Leaks({"planted": MARKER}).found_in(encode(before + MARKER.encode() + after))


@pytest.mark.parametrize("encode", [bytes, bytes.hex, base64.b64encode, base64.urlsafe_b64encode])
def test_raw_keys_are_found(encode: Callable[[bytes], bytes | str]) -> None:
    key = NOISE.randbytes(32)
    lain = encode(key)
    content = b"<<" + (lain.encode() if isinstance(lain, str) else lain) + b">>"
    assert {leak.marker for leak in Leaks({"key": key}).found_in(content)} == {"key"}


def test_noise_holds_nothing() -> None:
    assert (
        Leaks({"planted": MARKER, "number": "510000001"}).found_in(NOISE.randbytes(200_000)) == []
    )


def test_the_leak_says_which_and_how() -> None:
    found = Leaks({"phone": "+4722000000"}).found_in(b"call +4722000000 now")
    assert found == [Leak("phone", "utf-8")]


def test_a_marker_that_chance_would_find_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        Leaks({"unit": "EA"})


ACCOUNT = "612948377"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("account 612948377.", True),
        ('{"accountNumber":"612948377"}', True),
        ("accounts%20612948377%2C", True),
        ("account%3D612948377", True),
        ("account\\x20612948377", True),
        ("account\\u0020612948377", True),
        ("a612948377b", True),
        ("1796612948377", False),
        ("at 1764612948377123456 ns", False),
        ("1764612948377 and account 612948377", True),
    ],
)
def test_an_account_number_is_a_number_of_its_own(content: str, found: bool) -> None:
    assert bool(Leaks({"account": ACCOUNT}).found_in(content.encode())) is found


@pytest.mark.parametrize("kind", HIDDEN)
def test_an_account_number_is_found_in_every_spelling(kind: str) -> None:
    hidden = b"<" + HIDDEN[kind](ACCOUNT) + b">"
    assert {leak.marker for leak in Leaks({"account": ACCOUNT}).found_in(hidden)} == {"account"}


@pytest.mark.parametrize("national", ["40771188223", "91827364"])
@pytest.mark.parametrize("plus", ["+", "%2B"])
def test_a_telephone_number_is_found_behind_its_country(national: str, plus: str) -> None:
    assert Leaks({"phone": national}).found_in(f"{plus}49{national}".encode())

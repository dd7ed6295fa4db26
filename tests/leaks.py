"""Looks for known texts in bytes, in every spelling a file could hold them in.

found = Leaks({"the secret": "s3cr3t-of-nordic"}).found_in(file.read_bytes())

Letters are compared without regard to case where the spelling allows it (base64 does not), so
`MARIT SOLBAKKEN` is found as well. What is compressed or encrypted is not looked into.
"""

import base64
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

SHORTEST = 6
"""Characters. A shorter text turns up by chance."""


@dataclass(frozen=True, slots=True, order=True)
class Leak:
    """One text that stands where it must not, and how it is spelled there."""

    marker: str
    spelling: str


class Leaks:
    """What must not be found, by the name a test calls it."""

    def __init__(self, markers: Mapping[str, str | bytes]) -> None:
        short = [name for name, text in markers.items() if len(text) < SHORTEST]
        if short:
            raise ValueError(f"too short to be told from noise: {short}")
        # Spellings often coincide; each is looked for once, under the first name it has.
        self._spelled = {
            name: {spelling: kind for kind, spelling in reversed([*spellings(text)])}
            for name, text in markers.items()
        }

    def found_in(self, content: bytes) -> list[Leak]:
        """Every marker and spelling that `content` holds."""
        folded = content.lower()
        return sorted(
            Leak(name, kind)
            for name, spelled in self._spelled.items()
            for spelling, kind in spelled.items()
            if spelling in (content if "base64" in kind else folded)
        )


def spellings(marker: str | bytes) -> Iterator[tuple[str, bytes]]:
    """A marker as it may lie in a file: the kind of spelling, and its bytes.

    All but base64 are in lower case, to be compared with lower-cased content.
    """
    if isinstance(marker, bytes):
        yield "plain", marker.lower()
        yield from _encoded("", marker)
        return
    for case, text in (("", marker), (" in capitals", marker.upper()), (" small", marker.lower())):
        for charset in ("utf-8", "latin-1", "utf-16-le", "utf-16-be"):
            try:
                raw = text.encode(charset)
            except UnicodeEncodeError:
                continue
            yield f"{charset}{case}", raw.lower()
            yield from _encoded(f"{charset}{case} ", raw)
        escaped = json.dumps(text)[1:-1]
        yield f"json{case}", escaped.encode().lower()
        yield f"json in json{case}", json.dumps(escaped)[1:-1].encode().lower()
        yield f"form{case}", quote_plus(text).encode().lower()


def _encoded(name: str, raw: bytes) -> Iterator[tuple[str, bytes]]:
    yield f"{name}hex", raw.hex().encode()
    yield f"{name}url", quote(raw, safe="").encode().lower()
    yield f"{name}repr", repr(raw)[2:-1].encode().lower()
    for shift in range(3):
        yield f"{name}base64, {shift} before", _base64_core(raw, shift)
        yield f"{name}base64url, {shift} before", _base64_core(raw, shift, b"-_")


def _base64_core(raw: bytes, shift: int, signs: bytes = b"+/") -> bytes:
    """The digits of base64 that `raw` alone decides, when `shift` bytes (mod 3) stand before it."""
    digits = base64.b64encode(bytes(shift) + raw, altchars=signs)
    first = math.ceil(shift * 8 / 6)
    last = (shift + len(raw)) * 8 // 6
    return digits[first:last]

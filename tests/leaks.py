"""Looks for known texts in bytes, in every spelling a file could hold them in.

found = Leaks({"the secret": "s3cr3t-of-nordic"}).found_in(file.read_bytes())

Letters are compared without regard to case where the spelling allows it (base64 does not), so
`MARIT SOLBAKKEN` is found as well. What gzip or zlib has compressed is looked into.

An account number is short enough to turn up in a time or a checksum: so few digits count where they
are a number of their own.
"""

import base64
import json
import math
import re
import sqlite3
import struct
import subprocess
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote, quote_plus

import psycopg
from psycopg import sql

_COMPRESSED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
"""How gzip and zlib begin; among random bytes so does nothing, now and then."""
_MOST_INFLATED = 16 * 1024 * 1024

_STEP, _GRAM = 3, 6
"""Bytes. A gram is two steps long, so every second one of them lies side by side."""
_CERTAIN = _GRAM + _STEP - 1
_GRAMS_AT_ONCE = 10_000

_FEW_DIGITS = 9
"""A run of tests writes a million numbers; one in a thousand runs would hold a longer one."""

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
        # Base64 alone is compared with its capitals; the rest with lower-cased content.
        self._exact, self._folded = _Spellings(), _Spellings()
        for name, text in markers.items():
            for kind, spelling in spellings(text):
                side = self._exact if "base64" in kind else self._folded
                side.add(spelling, Leak(name, kind))

    def found_in(self, content: bytes) -> list[Leak]:
        """Every marker and spelling that `content` holds, compressed or not."""
        found = set(self._lying_in(content))
        for inflated in _inflated(content):
            found |= {
                Leak(leak.marker, f"compressed {leak.spelling}")
                for leak in self._lying_in(inflated)
            }
        return sorted(found)

    def found_in_places(self, places: Mapping[str, bytes]) -> dict[str, list[Leak]]:
        """The same for many places; those without a leak are left out."""
        found = {place: self.found_in(content) for place, content in places.items()}
        return {place: leaks for place, leaks in found.items() if leaks}

    def _lying_in(self, content: bytes) -> Iterator[Leak]:
        yield from self._exact.found_in(content)
        yield from self._folded.found_in(content.lower())


class _Spellings:
    """Thousands of texts, looked for at once.

    A text of `_CERTAIN` bytes covers some `_GRAM` bytes that begin at a multiple of `_STEP`,
    wherever it lies. So only those places are looked up, and what lies around a hit is compared.
    """

    def __init__(self) -> None:
        self._leaks: dict[bytes, Leak] = {}
        self._short: set[bytes] = set()
        self._around: defaultdict[bytes, set[tuple[int, int]]] = defaultdict(set)
        """By gram: how far before it texts begin that hold it, and how long they are."""

    def add(self, spelling: bytes, leak: Leak) -> None:
        """Spellings often coincide; each is looked for once, under the first name it has."""
        if spelling in self._leaks:
            return
        self._leaks[spelling] = leak
        if len(spelling) < _CERTAIN:
            self._short.add(spelling)
            return
        for before in range(_STEP):
            self._around[spelling[before : before + _GRAM]].add((before, len(spelling)))

    def found_in(self, content: bytes) -> Iterator[Leak]:
        candidates = {each for each in self._short if each in content}
        known = self._around.keys()
        for start, grams in _grams(content):
            if known.isdisjoint(grams):
                continue
            for number, gram in enumerate(grams):
                if gram in known:
                    candidates |= self._lying_around(gram, start + number * _GRAM, content)
        return (self._leaks[each] for each in candidates if _stands_in(each, content))

    def _lying_around(self, gram: bytes, at: int, content: bytes) -> set[bytes]:
        begins = ((at - before, length) for before, length in self._around[gram] if before <= at)
        texts = {content[begin : begin + length] for begin, length in begins}
        return texts & self._leaks.keys()


def _grams(content: bytes) -> Iterator[tuple[int, tuple[bytes, ...]]]:
    """All grams at multiples of `_STEP`: where the first of some lies, the others right behind."""
    for shift in range(0, _GRAM, _STEP):
        for start in range(shift, len(content), _GRAM * _GRAMS_AT_ONCE):
            count = min(_GRAMS_AT_ONCE, (len(content) - start) // _GRAM)
            yield start, struct.unpack_from(f"{_GRAM}s" * count, content, start)


def _stands_in(spelling: bytes, content: bytes) -> bool:
    by_chance = spelling.isdigit() and len(spelling) <= _FEW_DIGITS
    return not by_chance or _whole_number(spelling).search(content) is not None


@cache
def _whole_number(digits: bytes) -> re.Pattern[bytes]:
    """Behind another sign, in itself or as a program or URL writes it, or a country's code."""
    signs = rb"%[0-9a-f]{2}", rb"\\x[0-9a-f]{2}", rb"\\u[0-9a-f]{4}", rb"\+\d\d", rb"%2b\d\d"
    before = rb"(?:(?<!\d)|" + b"|".join(b"(?<=%s)" % sign for sign in signs) + b")"
    return re.compile(before + digits + rb"(?!\d)")


def places_in(home: Path) -> dict[str, bytes]:
    """Everything that a run has written, but the master key and the tenant files themselves.

    Databases also row by row: in the file a long value is cut into pages.
    """
    files = [file for file in home.rglob("*") if file.is_file()]
    written = [file for file in files if file.name != "master.key" and file.suffix != ".toml"]
    databases = [file for file in written if file.suffix == ".db"]
    return {
        **{str(file.relative_to(home)): _read(file) for file in written},
        **{f"{file.relative_to(home)}, row by row": _dumped(file) for file in databases},
    }


def _read(file: Path) -> bytes:
    """In a process of its own, for to close a database's file is to give up our locks on it."""
    return subprocess.run(["cat", file], check=True, capture_output=True).stdout


def _dumped(database: Path) -> bytes:
    """Through SQLite itself, which shares one file among all connections of a process."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        connection.text_factory = bytes
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return b"\n".join(
            line
            for [table] in tables.fetchall()
            for line in _lines(connection.execute(f'SELECT * FROM "{table.decode()}"'))
        )


def rows_in(connection: psycopg.Connection) -> bytes:
    """Everything in a PostgreSQL database, row by row."""
    tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return b"\n".join(
        line
        for [table] in tables.fetchall()
        for line in _lines(
            connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
        )
    )


def _lines(rows: Iterable[tuple[object, ...]]) -> Iterator[bytes]:
    """A row each, with its bytes as they are, for in hexadecimal they would hide base64."""
    for row in rows:
        yield b"\t".join(
            bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
            for value in row
        )


def _inflated(content: bytes) -> Iterator[bytes]:
    """What may be compressed inside of `content`; a stream that is cut counts as far as it goes."""
    for begin in _COMPRESSED.finditer(content):
        # 32 more than the size of the window: gzip and zlib are told apart by their heads.
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        pieces: list[bytes] = []
        try:
            for at in range(begin.start(), len(content), 4096):
                pieces.append(unpacker.decompress(content[at : at + 4096], _MOST_INFLATED))
                if unpacker.eof or len(pieces) > 4096:
                    break
        except zlib.error:
            pass
        if any(pieces):
            yield b"".join(pieces)


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

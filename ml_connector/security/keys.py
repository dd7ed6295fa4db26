"""Master keys: where they come from, which one is current, and keys derived from them.

A master key never touches data itself. It wraps the tenants' data keys, and every other use
(sealed tokens, Temporal payloads) takes a key derived for that purpose.

Text form, in the environment or in a file: one 32-byte key a line, base64 or hex. The first is
current, the others are only read with. Blank lines and lines that start with `#` are ignored.
"""

import base64
import binascii
import fcntl
import hashlib
import os
import secrets
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
"""AES-256."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class MasterKeyError(Exception):
    """No usable master key; the text says what to set or repair. Never holds key material."""


class UnknownMasterKey(MasterKeyError):
    """Something was sealed under a master key that this process does not have."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"Master key {key_id} is not loaded, so what it sealed cannot be read. "
            "Add it below the current key in ML_CONNECTOR_MASTER_KEY or in the key file."
        )
        self.key_id = key_id


@dataclass(frozen=True, slots=True)
class MasterKey:
    """One 32-byte key and the public name that sealed data carries."""

    id: str
    """First 8 hexadecimal digits of the material's SHA-256."""
    material: bytes = field(repr=False)

    @classmethod
    def of(cls, material: bytes) -> "MasterKey":
        """Name a key. Raises `MasterKeyError` unless it has exactly 32 bytes."""
        if len(material) != KEY_BYTES:
            raise MasterKeyError(f"A master key has {KEY_BYTES} bytes, not {len(material)}.")
        return cls(hashlib.sha256(material).hexdigest()[:8], material)

    @classmethod
    def generate(cls) -> "MasterKey":
        return cls.of(secrets.token_bytes(KEY_BYTES))

    def text(self) -> str:
        """The key as one line of a key file."""
        return base64.b64encode(self.material).decode("ascii")


class MasterKeys:
    """The current master key, and older ones that are still read with.

    Keys from a file follow that file: when a key id is not known, the file is read again, so a
    key added by `ml-connector keys rotate` reaches a running worker without a restart.
    """

    def __init__(self, keys: Sequence[MasterKey], *, source: Path | None = None) -> None:
        if not keys:
            raise MasterKeyError("There is no master key.")
        self._keys = {key.id: key for key in keys}
        if len(self._keys) != len(keys):
            raise MasterKeyError("The same master key is given twice.")
        self._current = keys[0]
        self._source = source

    @classmethod
    def load(
        cls, value: str | None, file: Path | None, *, generate_at: Path | None = None
    ) -> "MasterKeys":
        """Read the keys from `value`, else from `file`, else from `generate_at`.

        `generate_at` is for embedded use: a missing file is created there, readable by its owner
        only. Raises `MasterKeyError` when nothing is set, when both are, when a line is no key,
        or when others than the owner may read the file.
        """
        if value and file:
            raise MasterKeyError(
                "ML_CONNECTOR_MASTER_KEY and ML_CONNECTOR_MASTER_KEY_FILE are both set; keep one."
            )
        if value:
            return cls(_parse(value, "ML_CONNECTOR_MASTER_KEY"))
        if file:
            return cls(_read(file), source=file)
        if generate_at:
            if not generate_at.exists():
                _create(generate_at, MasterKey.generate())
            return cls(_read(generate_at), source=generate_at)
        raise MasterKeyError(
            "No master key is set. Put 32 random bytes, base64 or hex, into a file of mode 0600 "
            "and name it in ML_CONNECTOR_MASTER_KEY_FILE."
        )

    @property
    def current(self) -> MasterKey:
        """The key that new data is sealed under."""
        return self._current

    @property
    def source(self) -> Path | None:
        """The file these keys come from; `None` when they came from the environment."""
        return self._source

    def ids(self) -> tuple[str, ...]:
        """Ids of all readable keys, the current one first."""
        return tuple(self._keys)

    def by_id(self, key_id: str) -> MasterKey:
        """Raises `UnknownMasterKey` when neither memory nor the key file has it."""
        if key_id not in self._keys:
            self.reload()
        try:
            return self._keys[key_id]
        except KeyError:
            raise UnknownMasterKey(key_id) from None

    def derive(self, key_id: str, purpose: str) -> bytes:
        """A 32-byte key for one purpose (HKDF-SHA256, RFC 5869). Raises `UnknownMasterKey`."""
        return derive(self.by_id(key_id).material, f"ml-connector/{purpose}")

    def reload(self) -> None:
        """Read the key file again; keys from the environment stay as they are."""
        if self._source is None:
            return
        keys = _read(self._source)
        self._keys = {key.id: key for key in keys}
        self._current = keys[0]

    def rotate(self) -> MasterKey:
        """Put a new current key on top of the key file; the older ones stay readable.

        Raises `MasterKeyError` for keys from the environment, which only its owner can change.
        """
        fresh = MasterKey.generate()
        self._rewrite(lambda stored: [fresh, *stored])
        return fresh

    def retire(self, key_id: str) -> None:
        """Take an old key out of the key file. Raises `MasterKeyError` for the current one."""

        def without(stored: list[MasterKey]) -> list[MasterKey]:
            if key_id == stored[0].id:
                raise MasterKeyError(f"Master key {key_id} is the current one; rotate first.")
            if key_id not in {key.id for key in stored}:
                raise UnknownMasterKey(key_id)
            return [key for key in stored if key.id != key_id]

        self._rewrite(without)

    def _rewrite(self, change: Callable[[list[MasterKey]], list[MasterKey]]) -> None:
        """One at a time: a key that another process has just added, and may be sealing under by
        now, must not be lost."""
        if self._source is None:
            raise MasterKeyError(
                "The master keys come from ML_CONNECTOR_MASTER_KEY. Put the new key on its first "
                "line, keep the old ones below it, and restart."
            )
        try:
            with _alone_in(self._source.parent):
                _write_private(self._source, change(_read(self._source))).replace(self._source)
        except OSError as error:
            raise MasterKeyError(
                f"{self._source} cannot be written: {error.strerror}. Its owner changes it: the "
                "new key on the first line, the old ones below."
            ) from error
        self.reload()

    def __repr__(self) -> str:
        return f"MasterKeys(ids={self.ids()!r})"


def derive(material: bytes, purpose: str) -> bytes:
    """HKDF-SHA256 (RFC 5869) without salt: the input is already a uniformly random key."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(
        material
    )


def _parse(text: str, origin: str) -> list[MasterKey]:
    keys = []
    for number, line in enumerate(text.splitlines(), start=1):
        entry = line.strip()
        if entry and not entry.startswith("#"):
            keys.append(_decode(entry, f"{origin}, line {number}"))
    if not keys:
        raise MasterKeyError(f"{origin} holds no master key.")
    return keys


def _decode(entry: str, where: str) -> MasterKey:
    """Hex is tried first: 64 hex digits are valid base64 too, but of 48 bytes."""
    try:
        if len(entry) == 2 * KEY_BYTES:
            return MasterKey.of(bytes.fromhex(entry))
        padded = entry + "=" * (-len(entry) % 4)
        standard = padded.translate(str.maketrans("-_", "+/"))
        return MasterKey.of(base64.b64decode(standard, validate=True))
    except (ValueError, binascii.Error, MasterKeyError):
        # The cause would quote the key.
        raise MasterKeyError(
            f"{where}: not a master key. It must be {KEY_BYTES} bytes as base64 or hex."
        ) from None


def _read(file: Path) -> list[MasterKey]:
    try:
        with file.open(encoding="ascii") as stream:
            # Asked of the open file, so that it cannot be exchanged in between.
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            if mode & _OTHERS:
                raise MasterKeyError(
                    f"{file} has mode {mode:04o}; others may read the master key. "
                    f"Run: chmod 600 {file}"
                )
            text = stream.read()
    except OSError as error:
        raise MasterKeyError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise MasterKeyError(f"{file} is not a text file of master keys.") from None
    return _parse(text, str(file))


def _create(file: Path, key: MasterKey) -> None:
    """Two processes may start at once: the first one's key wins, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with _alone_in(file.parent):
        draft = _write_private(file, [key])
        try:
            file.hardlink_to(draft)
        except FileExistsError:
            return
        finally:
            draft.unlink()


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """What happens to the folder's files is on disk afterwards: before anything is sealed."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_private(beside: Path, keys: Sequence[MasterKey]) -> Path:
    """A finished 0600 file (`mkstemp` makes it so) in the same directory."""
    handle, name = tempfile.mkstemp(dir=beside.parent, prefix=f".{beside.name}.")
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.writelines(f"{key.text()}\n" for key in keys)
        stream.flush()
        os.fsync(stream.fileno())
    return Path(name)

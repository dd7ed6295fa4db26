"""Master keys: where they may come from, and how they rotate."""

import base64
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.security.keys import MasterKey, MasterKeyError, MasterKeys, UnknownMasterKey

ONE, TWO = MasterKey.of(bytes(range(32))), MasterKey.of(bytes(range(1, 33)))


def _file(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    file = tmp_path / "keys"
    file.write_text(text, encoding="ascii")
    file.chmod(mode)
    return file


def test_the_id_is_public_and_the_material_is_not_shown() -> None:
    # sha256 of the bytes 0..31
    assert ONE.id == "630dcd29"
    keys = MasterKeys([ONE])
    for shown in (repr(ONE), str(ONE), repr(keys), str(keys)):
        assert ONE.text() not in shown
        assert ONE.material.hex() not in shown
        assert repr(ONE.material) not in shown


@given(material=st.binary(min_size=32, max_size=32))
def test_a_key_is_read_in_every_spelling(material: bytes) -> None:
    urlsafe = base64.urlsafe_b64encode(material).decode().rstrip("=")
    for spelling in (
        MasterKey.of(material).text(),
        material.hex(),
        material.hex().upper(),
        urlsafe,
    ):
        assert MasterKeys.load(f"  {spelling}\n", None).current.material == material


def test_the_first_line_is_current_and_the_rest_readable() -> None:
    keys = MasterKeys.load(f"# new\n{TWO.text()}\n\n# old\n{ONE.material.hex()}\n", None)
    assert keys.current == TWO
    assert keys.ids() == (TWO.id, ONE.id)
    assert keys.by_id(ONE.id) == ONE
    with pytest.raises(UnknownMasterKey, match="deadbeef"):
        keys.by_id("deadbeef")


@pytest.mark.parametrize(
    "bad",
    ["short", "c2VjcmV0", "0" * 63, "0" * 66, "x" * 64, f"{ONE.text()} {TWO.text()}", "æøå"],
)
def test_a_bad_line_is_named_but_not_quoted(bad: str) -> None:
    with pytest.raises(MasterKeyError, match="line 2") as refusal:
        MasterKeys.load(f"{ONE.text()}\n{bad}", None)
    assert bad not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n"])
def test_no_key_is_an_error(text: str, tmp_path: Path) -> None:
    with pytest.raises(MasterKeyError, match=r"(?i)no master key"):
        MasterKeys.load(text, _file(tmp_path, text) if not text else None)
    with pytest.raises(MasterKeyError, match="No master key"):
        MasterKeys.load(None, None)
    with pytest.raises(MasterKeyError):
        MasterKeys([])


def test_contradictions_are_errors(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyError, match="both set"):
        MasterKeys.load(ONE.text(), _file(tmp_path, ONE.text()))
    with pytest.raises(MasterKeyError, match="twice"):
        MasterKeys.load(f"{ONE.text()}\n{ONE.material.hex()}", None)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601, 0o644])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(MasterKeyError, match="chmod 600"):
        MasterKeys.load(None, _file(tmp_path, ONE.text(), mode))


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_of_the_owner_alone_is_read(tmp_path: Path, mode: int) -> None:
    assert MasterKeys.load(None, _file(tmp_path, ONE.text(), mode)).current == ONE


def test_a_missing_or_foreign_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyError, match="cannot be read"):
        MasterKeys.load(None, tmp_path / "missing")
    binary = tmp_path / "binary"
    binary.write_bytes(bytes([0xFF, 0xFE]))
    binary.chmod(0o600)
    with pytest.raises(MasterKeyError, match="not a text file"):
        MasterKeys.load(None, binary)


def test_embedded_use_makes_a_private_file_once(tmp_path: Path) -> None:
    file = tmp_path / "home" / "master.key"
    first = MasterKeys.load(None, None, generate_at=file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert MasterKeys.load(None, None, generate_at=file).current == first.current
    assert [entry.name for entry in file.parent.iterdir()] == ["master.key"]


def test_a_given_key_comes_before_a_generated_one(tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    assert MasterKeys.load(ONE.text(), None, generate_at=file).current == ONE
    assert not file.exists()


def test_processes_that_start_at_once_agree_on_the_generated_key(tmp_path: Path) -> None:
    file, barrier, found = tmp_path / "master.key", threading.Barrier(8), list[str]()

    def start() -> None:
        barrier.wait()
        found.append(MasterKeys.load(None, None, generate_at=file).current.id)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_rotation_reaches_a_running_process_through_the_file(tmp_path: Path) -> None:
    file = _file(tmp_path, ONE.text())
    worker, operator = MasterKeys.load(None, file), MasterKeys.load(None, file)
    fresh = operator.rotate()
    assert operator.ids() == (fresh.id, ONE.id)
    assert worker.current == ONE
    assert worker.by_id(fresh.id) == fresh
    assert worker.current == fresh
    operator.retire(ONE.id)
    assert MasterKeys.load(None, file).ids() == (fresh.id,)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_rotation_builds_on_the_file_not_on_memory(tmp_path: Path) -> None:
    file = _file(tmp_path, ONE.text())
    stale = MasterKeys.load(None, file)
    other = MasterKeys.load(None, file).rotate()
    newest = stale.rotate()
    assert MasterKeys.load(None, file).ids() == (newest.id, other.id, ONE.id)


def test_the_current_key_does_not_retire(tmp_path: Path) -> None:
    keys = MasterKeys.load(None, _file(tmp_path, ONE.text()))
    with pytest.raises(MasterKeyError, match="current"):
        keys.retire(ONE.id)
    with pytest.raises(UnknownMasterKey):
        keys.retire(TWO.id)


def test_rotations_at_the_same_time_lose_no_key(tmp_path: Path) -> None:
    """What was sealed under a key between its making and its loss could never be read again."""
    file, barrier, made = _file(tmp_path, ONE.text()), threading.Barrier(4), list[str]()

    def rotate() -> None:
        keys = MasterKeys.load(None, file)
        barrier.wait()
        made.extend(keys.rotate().id for _ in range(10))

    threads = [threading.Thread(target=rotate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 40
    assert set(MasterKeys.load(None, file).ids()) == {ONE.id, *made}


def test_keys_from_the_environment_are_rotated_there() -> None:
    keys = MasterKeys.load(ONE.text(), None)
    assert keys.source is None
    with pytest.raises(MasterKeyError, match="ML_CONNECTOR_MASTER_KEY"):
        keys.rotate()


def test_derived_keys_differ_by_key_and_purpose() -> None:
    keys = MasterKeys([ONE, TWO])
    derived = {keys.derive(key.id, purpose) for key in (ONE, TWO) for purpose in ("a", "b")}
    assert len(derived) == 4
    assert all(len(key) == 32 for key in derived)
    assert keys.derive(ONE.id, "a") == MasterKeys([ONE]).derive(ONE.id, "a")
    assert ONE.material not in derived

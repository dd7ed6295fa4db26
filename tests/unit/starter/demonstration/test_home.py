"""The demo's folder is emptied, and nobody else's ever is."""

from pathlib import Path

import pytest

from starter.demonstration.home import fresh_home
from starter.errors import WrongUsage


def test_a_folder_is_made_and_emptied_for_the_next_demo(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "demo"
    with fresh_home(folder) as home:
        assert home.stat().st_mode & 0o777 == 0o700
        (home / "temporal.db").touch()
        (home / "logs").mkdir()
    with fresh_home(folder) as home:
        assert not (home / "temporal.db").exists()
        assert not (home / "logs").exists()


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "ml-connector.db"
    precious.write_text("orders")
    with pytest.raises(WrongUsage, match="no demo made"), fresh_home(tmp_path):
        pass
    assert precious.read_text() == "orders"


def test_two_demos_at_once_need_two_folders(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with fresh_home(folder) as home:
        (home / "temporal.db").touch()
        with pytest.raises(WrongUsage, match="Another demo"), fresh_home(folder):
            pass
        assert (home / "temporal.db").exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WrongUsage, match="--home"), fresh_home(tmp_path / "file" / "demo"):
        pass


def test_an_error_of_the_demo_itself_is_not_the_folders(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError), fresh_home(tmp_path / "demo"):
        raise ConnectionError("of something else")

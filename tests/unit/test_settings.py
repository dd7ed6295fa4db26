"""The environment is read once, strictly, and never shown with its secrets."""

from datetime import timedelta
from pathlib import Path

import pytest

from ml_connector.settings import Settings, SettingsError


def test_an_empty_environment_gives_the_documented_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    home = tmp_path / ".ml-connector"
    assert Settings.from_env({}) == Settings(
        home=home,
        database_url=f"sqlite:///{home}/ml-connector.db",
        master_key=None,
        master_key_file=None,
        token_window=timedelta(seconds=5),
        token_block=timedelta(minutes=10),
        http_timeout=timedelta(seconds=30),
        egress="default",
    )


def test_every_variable_is_read(tmp_path: Path) -> None:
    settings = Settings.from_env(
        {
            "ML_CONNECTOR_HOME": str(tmp_path),
            "ML_CONNECTOR_DATABASE_URL": "postgresql+psycopg://connector@db/connector",
            "ML_CONNECTOR_MASTER_KEY_FILE": str(tmp_path / "key"),
            "ML_CONNECTOR_TOKEN_WINDOW": "250ms",
            "ML_CONNECTOR_TOKEN_BLOCK": "20s",
            "ML_CONNECTOR_HTTP_TIMEOUT": "2m",
            "ML_CONNECTOR_EGRESS": "oslo-1",
        }
    )
    assert settings == Settings(
        home=tmp_path,
        database_url="postgresql+psycopg://connector@db/connector",
        master_key_file=tmp_path / "key",
        token_window=timedelta(milliseconds=250),
        token_block=timedelta(seconds=20),
        http_timeout=timedelta(minutes=2),
        egress="oslo-1",
    )


def test_home_is_absolute_whatever_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_env({"ML_CONNECTOR_HOME": "data"})
    assert settings.home == tmp_path / "data"
    assert settings.database_url == f"sqlite:///{tmp_path}/data/ml-connector.db"


def test_a_blank_variable_counts_as_not_set(tmp_path: Path) -> None:
    blank = Settings.from_env(
        {
            "ML_CONNECTOR_HOME": str(tmp_path),
            "ML_CONNECTOR_DATABASE_URL": " ",
            "ML_CONNECTOR_MASTER_KEY": "",
            "ML_CONNECTOR_TOKEN_WINDOW": "",
            "ML_CONNECTOR_EGRESS": "",
        }
    )
    assert blank == Settings.from_env({"ML_CONNECTOR_HOME": str(tmp_path)})


def test_the_database_url_may_come_from_a_secret_file(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql+psycopg://connector:pw@db/connector\n")
    settings = Settings.from_env({"ML_CONNECTOR_DATABASE_URL_FILE": str(secret)})
    assert settings.database_url == "postgresql+psycopg://connector:pw@db/connector"


def test_no_secret_in_repr() -> None:
    settings = Settings.from_env(
        {
            "ML_CONNECTOR_DATABASE_URL": "postgresql+psycopg://u:database-password@db/x",
            "ML_CONNECTOR_MASTER_KEY": "master-key-material",
        }
    )
    assert "database-password" not in repr(settings)
    assert "master-key-material" not in repr(settings)


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({"ML_CONNECTOR_TOKEN_WINDOW": "soon"}, ["ML_CONNECTOR_TOKEN_WINDOW", "soon", "5s"]),
        ({"ML_CONNECTOR_TOKEN_WINDOW": "0s"}, ["ML_CONNECTOR_TOKEN_WINDOW", "positive"]),
        ({"ML_CONNECTOR_TOKEN_BLOCK": "0s"}, ["ML_CONNECTOR_TOKEN_BLOCK", "prolong"]),
        ({"ML_CONNECTOR_HTTP_TIMEOUT": "30"}, ["ML_CONNECTOR_HTTP_TIMEOUT", "30", "no duration"]),
        ({"ML_CONNECTOR_HTTP_TIMEOUT": "0s"}, ["ML_CONNECTOR_HTTP_TIMEOUT", "positive"]),
        ({"ML_CONNECTOR_EGRESS": "a/b"}, ["ML_CONNECTOR_EGRESS", "a/b"]),
        ({"ML_CONNECTOR_EGRESS": "x" * 65}, ["ML_CONNECTOR_EGRESS", "64"]),
        (
            {"ML_CONNECTOR_MASTER_KEY": "k", "ML_CONNECTOR_MASTER_KEY_FILE": "f"},
            ["ML_CONNECTOR_MASTER_KEY ", "ML_CONNECTOR_MASTER_KEY_FILE", "one of them"],
        ),
        (
            {"ML_CONNECTOR_DATABASE_URL": "u", "ML_CONNECTOR_DATABASE_URL_FILE": "f"},
            ["ML_CONNECTOR_DATABASE_URL ", "ML_CONNECTOR_DATABASE_URL_FILE"],
        ),
        (
            {"ML_CONNECTOR_DATABASE_URL_FILE": "absent"},
            ["ML_CONNECTOR_DATABASE_URL_FILE", "absent", "readable"],
        ),
    ],
)
def test_an_unusable_value_is_refused_by_name(environ: dict[str, str], names: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(environ)
    for name in names:
        assert name in str(caught.value)


def test_a_refused_master_key_is_not_repeated_in_the_message() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(
            {"ML_CONNECTOR_MASTER_KEY": "material", "ML_CONNECTOR_MASTER_KEY_FILE": "f"}
        )
    assert "material" not in str(caught.value)


def test_an_empty_secret_file_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "url"
    empty.touch()
    with pytest.raises(SettingsError, match="empty"):
        Settings.from_env({"ML_CONNECTOR_DATABASE_URL_FILE": str(empty)})

"""`keys`: one command exchanges the master key, and another run finishes what was interrupted."""

import base64
from pathlib import Path

import pytest

from ml_connector.security.keys import MasterKey, MasterKeys
from tests.command_line import Cli


def in_the_file(home: Path) -> tuple[str, ...]:
    return MasterKeys.load(None, home / "master.key").ids()


def test_a_rotation_keeps_the_older_key_until_it_is_retired(nordic: Cli, home: Path) -> None:
    [old] = in_the_file(home)
    first = nordic("keys", "rotate", "--reason", "yearly", "--json").data
    assert first["made"] == first["current"]
    assert first["retired"] == []
    assert in_the_file(home) == (first["current"], old)
    second = nordic("keys", "rotate", "--reason", "yearly", "--retire", "--json").data
    assert second["retired"] == [first["current"], old]
    assert in_the_file(home) == (second["current"],)
    assert nordic("tenant", "show", "nordic", "--json").data["tenant"] == "nordic"
    listed = nordic("keys", "list", "--json")
    assert listed.code == 0
    assert [key["key"] for key in listed.data["keys"]] == [second["current"]]


def test_an_interrupted_rotation_is_finished(nordic: Cli, home: Path) -> None:
    MasterKeys.load(None, home / "master.key").rotate()
    current, old = in_the_file(home)
    finished = nordic("keys", "rotate", "--reason", "yearly", "--retire", "--json").data
    assert (finished["made"], finished["current"], finished["retired"]) == (None, current, [old])


def test_the_trail_keeps_who_and_why(nordic: Cli) -> None:
    assert nordic("keys", "rotate", "--reason", "Ola left", "--retire").code == 0
    events = nordic("audit", "show", "--action", "keys:", "--json").data
    assert [event["action"] for event in events] == ["keys:rotate", "keys:retire"]
    for event in events:
        assert event["actor"].startswith("cli:")
        assert event["detail"]["reason"] == "Ola left"


def test_keys_from_the_environment_are_their_owners(
    nordic: Cli, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = (home / "master.key").read_text().strip()
    new = MasterKey.generate()
    monkeypatch.setenv("ML_CONNECTOR_MASTER_KEY", old)
    refused = nordic("keys", "rotate", "--reason", "yearly")
    assert refused.code == 2
    assert "first line" in refused.err.replace("\n", " ")
    both = f"{base64.b64encode(new.material).decode()}\n{old}"
    monkeypatch.setenv("ML_CONNECTOR_MASTER_KEY", both)
    assert nordic("keys", "rotate", "--reason", "yearly", "--json").data["current"] == new.id
    monkeypatch.setenv("ML_CONNECTOR_MASTER_KEY", new.text())
    assert nordic("tenant", "show", "nordic", "--json").data["tenant"] == "nordic"

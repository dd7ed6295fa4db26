"""`doctor` says whether labels can be mailed, where anybody wants that."""

import asyncio
from pathlib import Path

import pytest

from tests.command_line import Cli
from tests.mail_server import MailServer
from tests.unit.starter.conftest import NORDIC, closed_port

ONLY = ("doctor", "--only", "mail", "--json")


@pytest.fixture
def wanting(cli: Cli, secrets: None, tmp_path: Path) -> Cli:
    """The tenant nordic, which has its labels sent to its supplier."""
    file = tmp_path / "nordic.toml"
    text = NORDIC.read_text()
    assert "label_to" not in text
    file.write_text(text.replace("[shipping]\n", '[shipping]\nlabel_to = "supplier"\n'))
    assert cli("tenant", "apply", file).code == 0
    return cli


def test_nobody_wants_mail_and_nothing_is_said(nordic: Cli) -> None:
    outcome = nordic(*ONLY)
    assert (outcome.code, outcome.data) == (0, [])


def test_a_missing_server_fails_with_the_next_step(wanting: Cli) -> None:
    outcome = wanting(*ONLY)
    [line] = outcome.data
    assert (outcome.code, line["status"]) == (1, "FAIL")
    assert "nordic" in line["message"]
    assert "ML_CONNECTOR_SMTP_URL" in line["next_step"]


def test_a_server_that_is_away_is_the_other_side(
    wanting: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_CONNECTOR_SMTP_URL", f"smtp://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("ML_CONNECTOR_SMTP_FROM", "labels@nordic.example")
    outcome = wanting(*ONLY)
    assert (outcome.code, outcome.data[0]["status"]) == (4, "FAIL")


async def test_a_server_that_answers_is_well_and_gets_no_mail(
    wanting: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with MailServer() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        outcome = await asyncio.to_thread(wanting, *ONLY)
    assert (outcome.code, outcome.data[0]["status"]) == (0, "ok")
    assert server.attempts == 0


async def test_a_refused_login_is_a_matter_of_credentials(
    wanting: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with MailServer(password="right") as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv(
            "ML_CONNECTOR_SMTP_URL", server.url.replace("smtp://", "smtp://connector@")
        )
        monkeypatch.setenv("ML_CONNECTOR_SMTP_PASSWORD", "wrong")
        outcome = await asyncio.to_thread(wanting, *ONLY)
    assert (outcome.code, outcome.data[0]["status"]) == (3, "FAIL")
    assert "wrong" not in outcome.out

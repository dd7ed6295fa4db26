"""`doctor`: what fails is said with its next step, and the first cause decides the exit code."""

import asyncio
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from ml_connector.settings import Settings
from ml_connector.store.states import TenantState
from starter.checks import Finding, Status
from starter.context import Installation
from starter.doctor import exit_code
from starter.errors import ExitCode
from tests.command_line import Cli
from tests.unit.starter.conftest import NORDIC

ALL_BUT_TEMPORAL = [f"--only={name}" for name in ("keys", "database", "clock", "tenants")]


def lines(cli: Cli, *options: str) -> tuple[int, list[dict[str, Any]]]:
    outcome = cli("doctor", *options, "--json")
    return outcome.code, outcome.data


class Vendor(BaseHTTPRequestHandler):
    """Answers every question with its time of day, `ahead` of ours."""

    ahead = timedelta(0)

    def do_HEAD(self) -> None:
        self.send_response_only(404)
        self.send_header("Date", format_datetime(datetime.now(UTC) + type(self).ahead))
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def vendor() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Vendor) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def pointed_at_vendor(cli: Cli, secrets: None, vendor: HTTPServer, tmp_path: Path) -> Cli:
    """The tenant nordic, whose Visma and FedEx are the vendor above."""
    here = f"http://127.0.0.1:{vendor.server_port}"
    text = NORDIC.read_text()
    for port in ("18080", "18090"):
        text = text.replace(f"http://127.0.0.1:{port}", here)
    file = tmp_path / "nordic.toml"
    file.write_text(text)
    assert cli("tenant", "apply", file).code == 0
    return cli


def test_a_fresh_machine_is_told_how_to_begin(cli: Cli) -> None:
    code, said = lines(cli, *ALL_BUT_TEMPORAL)
    assert code == 0
    assert [(line["check"], line["status"]) for line in said] == [
        ("keys", "ok"),
        ("database", "warn"),
        ("clock", "ok"),
    ]


def test_no_temporal_is_the_other_side_and_is_said_once(cli: Cli) -> None:
    code, said = lines(cli)
    assert code == 4
    failed = [line for line in said if line["status"] == "FAIL"]
    assert [line["check"] for line in failed] == ["temporal"]
    assert os.environ["TEMPORAL_ADDRESS"] in failed[0]["message"]
    assert "ml-connector up" in failed[0]["next_step"]


def test_all_is_well(pointed_at_vendor: Cli) -> None:
    code, said = lines(pointed_at_vendor, *ALL_BUT_TEMPORAL)
    assert code == 0
    assert {line["status"] for line in said} == {"ok"}


@pytest.mark.parametrize(
    ("ahead", "status", "code"),
    [
        (timedelta(seconds=30), "warn", 0),
        (timedelta(minutes=-5), "FAIL", 1),
        (timedelta(hours=1), "FAIL", 1),
    ],
)
def test_a_clock_that_is_off(
    pointed_at_vendor: Cli,
    monkeypatch: pytest.MonkeyPatch,
    ahead: timedelta,
    status: str,
    code: int,
) -> None:
    monkeypatch.setattr(Vendor, "ahead", ahead)
    ended, [line] = lines(pointed_at_vendor, "--only", "clock")
    assert (ended, line["status"]) == (code, status)
    assert "time server" in line["next_step"]


def test_a_vendor_that_is_down(nordic: Cli) -> None:
    code, said = lines(nordic, "--only", "clock")
    assert code == 4
    assert {line["status"] for line in said} == {"FAIL"}


def test_refused_credentials_come_first(nordic: Cli) -> None:
    async def refuse() -> None:
        async with Installation.open(Settings.from_env()) as here:
            store = await here.store()
            await store.tenants.set_state("nordic", TenantState.NEEDS_REAUTH, "Visma said 401.")

    asyncio.run(refuse())
    code, said = lines(nordic)
    assert code == 3, "although Temporal does not answer either"
    [tenant] = [line for line in said if line["check"] == "tenants"]
    assert "Visma said 401." in tenant["message"]
    assert tenant["next_step"] == "ml-connector credentials set nordic"


def test_a_table_for_people(cli: Cli) -> None:
    said = cli("doctor")
    assert said.code == 4
    assert "FAIL" in said.out
    assert "NEXT STEP" in said.out


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([], 0),
        ([1], 1),
        ([1, 4], 4),
        ([1, 5], 5),
        ([5, 4], 4),
        ([4, 1, 3, 5], 3),
    ],
)
def test_the_first_cause_decides(codes: list[int], expected: int) -> None:
    findings = [
        Finding(check="x", status=Status.FAIL, message="x", exit_code=ExitCode(code))
        for code in codes
    ]
    warning = Finding(check="y", status=Status.WARN, message="y")
    assert exit_code([*findings, warning]) == expected

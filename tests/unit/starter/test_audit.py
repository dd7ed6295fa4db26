"""`audit`: the latest events by filter, chains that prove themselves, trails to take away."""

import itertools
import json
from pathlib import Path

import pytest

from ml_connector.store.view import TenantView
from tests.command_line import Cli
from tests.unit.starter.orders import SCANNED, in_store


async def events(view: TenantView) -> None:
    for number in range(1, 6):
        view.audit.append("order:observed", actor="workflow", order=f"PO{number}")
    view.audit.append(
        "fedex:post",
        actor="workflow",
        order="PO1",
        operation="nordic/PO1/ship/1",
        detail={"url": "https://fedex/ship", "status": 200},
        body=b'{"request": {"weight": 5}, "reply": null}',
        expires_at=SCANNED.replace(year=2099),
    )


@pytest.fixture
def with_events(nordic: Cli) -> Cli:
    in_store("nordic", events)
    return nordic


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (("--order", "nordic/PO1"), 2),
        (("--action", "order:observed"), 5),
        (("--action", "fedex:"), 1),
        (("--operation", "nordic/PO1/ship/1"), 1),
        (("--actor", "workflow", "--last", "2"), 2),
        (("--since", "2099-01-01"), 0),
        (("--until", "2020-01-01T00:00:00+01:00"), 0),
    ],
)
def test_filters(with_events: Cli, filters: tuple[str, ...], count: int) -> None:
    assert len(with_events("audit", "show", *filters, "--json").data) == count


def test_the_latest_come_last(with_events: Cli) -> None:
    shown = with_events("audit", "show", "--last", "2", "--json").data
    assert [each["action"] for each in shown] == ["order:observed", "fedex:post"]
    assert "fedex:post" in with_events("audit", "show").out


def test_what_was_exchanged_on_request(with_events: Cli) -> None:
    [event] = with_events("audit", "show", "--action", "fedex:", "--bodies", "--json").data
    assert event["body"] == {"request": {"weight": 5}, "reply": None}
    assert with_events("audit", "show", "--bodies").code == 2


def test_a_whole_chain(with_events: Cli) -> None:
    [row] = with_events("audit", "verify", "--json").data
    assert row["broken"] is None
    assert row["events"] == 7, "and the tenant's own first one"
    assert len(row["head"]) == 64


def test_an_export_can_be_checked_by_whoever_has_it(with_events: Cli, tmp_path: Path) -> None:
    exported = with_events("audit", "export", "--tenant", "nordic")
    lines = [json.loads(line) for line in exported.out.splitlines()]
    for one, next_one in itertools.pairwise(lines):
        assert next_one["prev_hash"] == one["hash"]
    assert "7 events" in exported.err
    with_events("audit", "export", "-o", tmp_path / "trail.jsonl")
    assert (tmp_path / "trail.jsonl").read_text() == exported.out
    assert with_events("audit", "export", "-o", tmp_path / "no" / "where").code == 2

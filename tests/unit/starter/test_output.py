"""What scripts read: exact numbers, times with their offset, data and talk apart."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from ml_connector.domain.measures import Weight, WeightUnit
from ml_connector.domain.money import Money
from ml_connector.domain.stage import Stage
from starter.output import jsonable, show, show_line, table, talk, to_json

OSLO = timezone(timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Parcel:
    number: str
    at: datetime


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("12.50"), "12.50"),
        (Money(Decimal("0.10"), "NOK"), {"amount": "0.10", "currency": "NOK"}),
        (Weight(Decimal(30), WeightUnit.KG), {"value": "30", "unit": WeightUnit.KG.value}),
        (datetime(2026, 11, 2, 8, tzinfo=UTC), "2026-11-02T08:00:00+00:00"),
        (datetime(2026, 11, 2, 8, tzinfo=OSLO), "2026-11-02T08:00:00+01:00"),
        (date(2026, 11, 2), "2026-11-02"),
        (timedelta(minutes=90), "90m"),
        (Stage.IN_TRANSIT, "in_transit"),
        ({Stage.DELIVERED: 2}, {"delivered": 2}),
        ((1, None, True), [1, None, True]),
        (frozenset({"b", "a"}), ["a", "b"]),
        (Path("/data/x"), "/data/x"),
        (
            Parcel("794", datetime(2026, 11, 2, tzinfo=UTC)),
            {"number": "794", "at": "2026-11-02T00:00:00+00:00"},
        ),
    ],
)
def test_json_forms(value: object, expected: object) -> None:
    assert jsonable(value) == expected


def test_a_time_without_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        jsonable(datetime(2026, 11, 2))


@pytest.mark.parametrize("value", [b"label", object(), float("nan")])
def test_what_has_no_agreed_form_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        to_json(value)


def test_names_of_people_and_places_stay_readable() -> None:
    assert to_json("Bjørn Åsen") == '"Bjørn Åsen"'


def test_data_goes_to_stdout_and_talk_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    show({"a": Decimal("1.0")}, lambda: "never drawn", as_json=True)
    talk("working")
    printed = capsys.readouterr()
    assert printed.out == '{\n  "a": "1.0"\n}\n'
    assert printed.err == "working\n"


def test_a_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    show_line({"ready": True, "note": "two\nlines"})
    assert capsys.readouterr().out == '{"ready": true, "note": "two\\nlines"}\n'


def test_a_table_row_is_one_line_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 100
    drawn = table("A", "B", rows=[(long, None), ("[red]b", ["c", "d"])], empty="")
    show([], lambda: drawn, as_json=False)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == f"{long}  -"
    assert lines[2].split() == ["[red]b", "c,", "d"]


def test_an_empty_table_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    show([], lambda: table("A", rows=[], empty="Nothing yet."), as_json=False)
    assert capsys.readouterr().out == "Nothing yet.\n"

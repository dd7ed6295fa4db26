"""Discovery's cursor: nothing lost, nothing twice, whatever the clock on the wall does."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_connector.visma.cursor import (
    Cursor,
    advance,
    clock_time,
    fresh,
    normalised,
    query_from,
)

OSLO = ZoneInfo("Europe/Oslo")
OVERLAP = timedelta(minutes=5)
FOLD = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
"""02:00 summer time in Oslo; the hour from then on happens twice."""


@dataclass(frozen=True)
class Row:
    number: str
    version: str
    last_modified: str


class TestReading:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("2026-11-20T10:20:53.75", "2026-11-20T10:20:53.750"),
            ("2026-11-20T10:20:53.7519999", "2026-11-20T10:20:53.751"),
            ("2026-11-20 10:20:53", "2026-11-20T10:20:53.000"),
            ("2026-11-20", "2026-11-20T00:00:00.000"),
            ("2026-11-20T10:20:53+01:00", "2026-11-20T10:20:53.000"),
            ("2026-11-20T10:20:53+0100", "2026-11-20T10:20:53.000"),
            ("2026-11-20T12:20:53+03:00", "2026-11-20T10:20:53.000"),
            ("2026-11-20T09:20:53-01:00", "2026-11-20T09:20:53.000"),
            ("2026-11-20T09:20:53Z", "2026-11-20T09:20:53.000"),
            ("2026-11-20T09:20:53+99:00", "2026-11-20T09:20:53.000"),
        ],
    )
    def test_every_shape_becomes_one(self, text: str, shown: str) -> None:
        assert normalised(text, OSLO) == shown

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "yesterday",
            "2026-13-01",
            "2026-11-20T25:00:00",
            "0001-01-01T00:00:00",
            "9999-12-31T23:59:59",
            "2026-11-20Z",
            None,
            5,
        ],
    )
    def test_what_is_no_time(self, text: object) -> None:
        assert normalised(text, OSLO) is None

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        assert normalised(text, OSLO) is None or clock_time(text) is not None


class TestQuery:
    def test_a_new_cursor_asks_for_everything(self) -> None:
        assert query_from(Cursor(), OVERLAP, OSLO) is None

    def test_it_overlaps(self) -> None:
        cursor = Cursor(value="2026-11-20T10:00:00.000")
        assert query_from(cursor, OVERLAP, OSLO) == "2026-11-20T09:55:00.000"

    def test_even_without_overlap_the_last_timestamp_is_asked_for_again(self) -> None:
        cursor = Cursor(value="2026-11-20T10:00:00.000")
        assert query_from(cursor, timedelta(), OSLO) == "2026-11-20T09:59:59.999"

    @pytest.mark.parametrize(
        ("value", "asked"),
        [
            ("2026-10-25T00:30:00.000", "2026-10-25T00:25:00.000"),
            ("2026-10-25T02:58:00.000", "2026-10-25T01:53:00.000"),
            ("2026-10-25T04:30:00.000", "2026-10-25T04:25:00.000"),
            ("2026-03-29T03:01:00.000", "2026-03-29T02:56:00.000"),
        ],
        ids=["before", "in the repeated hour", "after", "in the lost hour"],
    )
    def test_the_repeated_hour_is_asked_for_twice(self, value: str, asked: str) -> None:
        assert query_from(Cursor(value=value), OVERLAP, OSLO) == asked

    def test_a_negative_overlap_is_refused(self) -> None:
        with pytest.raises(ValueError, match="negative"):
            query_from(Cursor(value="2026-11-20T10:00:00.000"), -OVERLAP, OSLO)

    def test_a_foreign_cursor_is_refused(self) -> None:
        with pytest.raises(ValueError, match="not a server time"):
            query_from(Cursor(value="now"), OVERLAP, OSLO)


class TestAdvance:
    def test_it_takes_the_greatest_and_never_goes_back(self) -> None:
        rows = [Row("1", "a", "2026-11-20T10:00:00"), Row("2", "b", "2026-11-20T09:00:00")]
        cursor = advance(Cursor(), rows, overlap=OVERLAP, zone=OSLO)
        assert cursor.value == "2026-11-20T10:00:00.000"
        older = [Row("3", "c", "2026-11-19T10:00:00")]
        assert advance(cursor, older, overlap=OVERLAP, zone=OSLO).value == cursor.value

    def test_it_forgets_what_cannot_come_again(self) -> None:
        rows = [Row("1", "a", "2026-11-20T10:00:00"), Row("2", "b", "2026-11-20T09:54:59")]
        cursor = advance(Cursor(), rows, overlap=OVERLAP, zone=OSLO)
        assert [entry.number for entry in cursor.seen] == ["1"]

    def test_rows_without_a_time_move_nothing(self) -> None:
        assert advance(Cursor(), [Row("1", "a", "")], overlap=OVERLAP, zone=OSLO) == Cursor()

    def test_a_time_that_cannot_be_yet_hides_nothing(self) -> None:
        rows = [Row("1", "a", "2026-11-20T10:00:00"), Row("2", "b", "2062-11-20T10:00:00")]
        cursor = advance(
            Cursor(), rows, overlap=OVERLAP, zone=OSLO, latest="2026-11-21T10:00:00.000"
        )
        assert cursor.value == "2026-11-20T10:00:00.000"
        assert fresh(cursor, rows) == []

    def test_rows_without_a_version_are_always_new(self) -> None:
        row = Row("1", "", "2026-11-20T10:00:00")
        cursor = advance(Cursor(), [row], overlap=OVERLAP, zone=OSLO)
        assert fresh(cursor, [row, row]) == [row, row]

    def test_many_orders_on_one_timestamp(self) -> None:
        rows = [Row(str(number), "a", "2026-11-20T10:00:00") for number in range(1000)]
        cursor = advance(Cursor(), rows[:500], overlap=OVERLAP, zone=OSLO)
        assert fresh(cursor, rows) == rows[500:]


@dataclass
class Database:
    """Rows with the wall-clock time of their last edit, filtered as Visma filters."""

    zone: ZoneInfo
    inclusive: bool
    with_offset: bool
    now: datetime
    rows: dict[str, Row] = field(default_factory=dict)
    versions: int = 0

    def edit(self, number: int) -> None:
        self.versions += 1
        local = self.now.astimezone(self.zone)
        text = local.replace(tzinfo=None).isoformat(timespec="milliseconds")
        if self.with_offset and self.versions % 2:
            text += f"{local:%z}"[:3] + ":00"
        self.rows[str(number)] = Row(str(number), str(self.versions), text)

    def changed(self, since: str | None) -> list[Row]:
        def matches(row: Row) -> bool:
            if since is None:
                return True
            stored = row.last_modified[:23]
            return stored >= since if self.inclusive else stored > since

        return [row for row in self.rows.values() if matches(row)]


STEPS = st.lists(
    st.one_of(
        st.integers(0, 12),
        st.just("poll"),
        st.just("crash"),
        st.timedeltas(timedelta(), timedelta(minutes=20)),
    ),
    max_size=120,
)


@given(
    steps=STEPS,
    start=st.timedeltas(timedelta(hours=-4), timedelta(hours=4)),
    server=st.sampled_from(["Europe/Oslo", "Europe/Helsinki", "Europe/London", "UTC"]),
    inclusive=st.booleans(),
    with_offset=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_every_version_is_handed_on_once(
    steps: list[int | str | timedelta],
    start: timedelta,
    server: str,
    inclusive: bool,
    with_offset: bool,
) -> None:
    """Against random edits and polls around the repeated hour, with the server in any of the
    zones that Visma's customers live in and the tenant in Oslo."""
    database = Database(ZoneInfo(server), inclusive, with_offset, FOLD + start)
    saved, handed_on = Cursor(), []

    def poll() -> tuple[Cursor, list[Row]]:
        rows = database.changed(query_from(saved, OVERLAP, OSLO))
        return advance(saved, rows, overlap=OVERLAP, zone=OSLO), fresh(saved, rows)

    for step in [*steps, "poll"]:
        match step:
            case timedelta():
                database.now += step
            case int():
                database.edit(step)
            case "crash":
                poll()
            case _:
                saved, new = poll()
                handed_on += [(row.number, row.version) for row in new]
                assert {(row.number, row.version) for row in database.rows.values()} <= set(
                    handed_on
                )
    assert len(handed_on) == len(set(handed_on))


@given(steps=STEPS, start=st.timedeltas(timedelta(days=-200), timedelta(days=200)))
@settings(max_examples=100, deadline=None)
def test_page_by_page_is_the_same_as_at_once(
    steps: list[int | str | timedelta], start: timedelta
) -> None:
    database = Database(OSLO, False, False, FOLD + start)
    for step in steps:
        if isinstance(step, int):
            database.edit(step)
        elif isinstance(step, timedelta):
            database.now += step
    rows = list(database.rows.values())
    at_once = advance(Cursor(), rows, overlap=OVERLAP, zone=OSLO)
    paged = Cursor()
    for row in rows:
        paged = advance(paged, [row], overlap=OVERLAP, zone=OSLO)
    assert paged.value == at_once.value
    assert set(paged.seen) == set(at_once.seen)

"""Custom free fields: what would change nothing is recognised, whatever Visma makes of it."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ml_connector.http.transport import Reply
from ml_connector.visma.errors import VismaRejected
from ml_connector.visma.fields import CUSTOM_FIELDS, same_value, wire_value
from ml_connector.visma.wire import entity_tag, if_match, segment, unwrap, wrap

MOMENT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "ours", "theirs", "same"),
    [
        ("customStr1", "7946", "7946", True),
        ("customStr1", "7946", " 7946", False),
        ("customStr1", None, None, True),
        ("customStr1", None, "", True),
        ("customStr1", "x", None, False),
        ("customStr1", "x", 5, False),
        ("customDec1", Decimal("1250.50"), Decimal("1250.5000"), True),
        ("customDec1", Decimal("0"), None, False),
        ("customInt1", 3, Decimal("3.0"), True),
        ("customDateTimeUTC1", MOMENT, "2026-11-20T09:30:00", True),
        ("customDateTimeUTC1", MOMENT, "2026-11-20T10:30:00.000+01:00", True),
        ("customDateTimeUTC1", MOMENT.astimezone(timezone(timedelta(hours=5))), MOMENT, True),
        ("customDateTimeUTC1", MOMENT, "2026-11-20T10:30:00Z", False),
        ("customDateTimeUTC1", MOMENT, "rubbish", False),
    ],
)
def test_same_value(name: str, ours: object, theirs: object, same: bool) -> None:
    assert same_value(name, ours, theirs) is same


@given(
    name=st.sampled_from(sorted(CUSTOM_FIELDS)),
    value=st.one_of(
        st.none(),
        st.text(),
        st.integers(),
        st.decimals(),
        st.booleans(),
        st.datetimes(),
        st.datetimes(timezones=st.timezones()),
        st.binary(),
        st.floats(),
    ),
)
@example(name="customDec1", value="0")
def test_a_value_is_written_exactly_or_refused(name: str, value: object) -> None:
    try:
        written = wire_value(name, value)
    except VismaRejected:
        return
    assert same_value(name, value, written)
    if isinstance(written, Decimal):
        # A number may come as text, as Visma writes some.
        assert isinstance(value, int | str | Decimal)
        assert written == Decimal(value)
        assert Decimal(repr(float(written))) == written


@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner) | (st.dictionaries(st.sampled_from(["a", "b", "lines"]), inner))
        ),
    )
)
def test_unwrapping_undoes_wrapping(value: object) -> None:
    def wrapped(plain: object) -> object:
        if isinstance(plain, dict):
            return wrap({key: wrapped(inner) for key, inner in plain.items()})
        if isinstance(plain, list):
            return [wrapped(inner) for inner in plain]
        return wrap(plain)

    assert unwrap(wrapped(value)) == value


@given(st.text(st.characters(codec="ascii", exclude_characters='"', min_codepoint=33)))
def test_a_version_survives_its_quotes(version: str) -> None:
    if not version or not version.isprintable():
        return
    header = if_match(version)["If-Match"]
    for written in (header, f"W/{header}"):
        assert entity_tag(Reply(status=200, headers={"ETag": written}, content=b"")) == version


@given(st.text(min_size=1))
def test_an_id_never_leaves_its_segment(identifier: str) -> None:
    if not identifier.strip():
        return
    written = segment(identifier)
    assert not set(written) & set("/?#") or written.startswith("b64(")
    assert "/" not in written
    assert written not in (".", "..")
    assert written.isascii()

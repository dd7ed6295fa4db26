"""How long FedEx asks us to wait, and how it says so."""

from datetime import UTC, datetime, timedelta

import pytest

from ml_connector.fedex.errors import FedExThrottled
from ml_connector.fedex.replies import open_envelope
from ml_connector.fedex.verdicts import refusal, retry_after
from ml_connector.http.transport import Effect, Reply

NOW = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)


def wait(body: bytes, **headers: str) -> timedelta:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    reply = Reply(status=429, headers=named, content=body)
    error = refusal(reply, open_envelope(reply), "track", Effect.READ, now=NOW)
    assert isinstance(error, FedExThrottled)
    return error.retry_after


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Too many requests</html>",
        b'{"errors": [{"code": "TOO.MANY", "message": "too many requests in a short duration"}]}',
        b"Rate limit threshold exceeded. Retry after 10 seconds",
    ],
)
def test_rate_limit_lifts_with_its_window(body: bytes) -> None:
    assert wait(body) == timedelta(seconds=10)


@pytest.mark.parametrize(
    "text",
    [
        b"Daily transaction quota exceeded. Retry after 12:00AM GMT",
        b"Per project daily quota exceeded. Retry after 12:00 AM GMT",
    ],
)
def test_daily_quota_lasts_until_midnight_gmt(text: bytes) -> None:
    body = b'{"errors": [{"code": "X", "message": "' + text + b'"}]}'
    assert wait(body) == timedelta(hours=2, minutes=30)
    assert wait(text) == timedelta(hours=2, minutes=30)


def test_header_wins() -> None:
    assert wait(b"daily quota", retry_after="120") == timedelta(minutes=2)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("30", timedelta(seconds=30)),
        ("99999999999999999999", timedelta(days=1)),
        ("Sun, 22 Nov 2026 21:31:00 GMT", timedelta(minutes=1)),
        ("Sun, 22 Nov 2026 21:00:00 GMT", timedelta(0)),
        ("Sun, 22 Nov 2099 21:00:00 GMT", timedelta(days=1)),
        ("Sun, 22 Nov 2026 21:31:00 -0000", None),
        ("soon", None),
        ("-5", None),
        ("٣", None),
        ("", None),
    ],
)
def test_retry_after_header(value: str, expected: timedelta | None) -> None:
    reply = Reply(status=429, headers={"retry-after": value}, content=b"")
    assert retry_after(reply, NOW) == expected

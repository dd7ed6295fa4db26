"""Waiting times as people write them: `500ms`, `30s`, `5m`, `2h`, `30d`."""

import re
from datetime import timedelta

_UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
"""Largest first; a day is 24 hours, whatever the time zone."""

LONGEST = timedelta(days=3650)
"""Longer is a slip of the hand, and would leave the calendar when added to a date."""

_TEXT = re.compile(r"(\d{1,9})(ms|s|m|h|d)")


def parse_duration(text: str) -> timedelta:
    """A whole number and one unit: ms, s, m, h or d.

    Raises `ValueError`.
    """
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a duration such as 500ms, 30s, 5m, 2h or 30d")
    duration = int(found[1]) * _UNITS[found[2]]
    if duration > LONGEST:
        raise ValueError(f"{text!r} is longer than ten years")
    return duration


def format_duration(duration: timedelta) -> str:
    """The shortest text that `parse_duration` reads back; whole milliseconds only."""
    if not duration:
        return "0s"
    for name, unit in _UNITS.items():
        if duration % unit == timedelta(0):
            return f"{duration // unit}{name}"
    raise ValueError(f"{duration} is not a whole number of milliseconds")

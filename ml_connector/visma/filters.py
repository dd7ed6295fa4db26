"""Date filters, and the check that Visma obeyed them."""

import re
from datetime import timedelta

from ml_connector.visma.cursor import clock_time
from ml_connector.visma.errors import VismaFilterIgnored

_FILTER_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}:\d{2}(\.\d{1,3})?)?",
    re.ASCII,
)
_ZONE_DOUBT = timedelta(hours=3)
"""Whether the filter reads its value in the zone of the answers is not documented; no company
that Visma.net serves is further than this from UTC. An ignored filter shows years."""


def modified_after(value: str) -> dict[str, str | int]:
    """The parameter pair for rows changed after a server time without a zone.

    Raises `ValueError` for anything but the five documented formats.
    """
    if not _FILTER_TIME.fullmatch(value):
        raise ValueError(f"not a time that Visma filters by: {value!r}")
    return {"lastModifiedDateTime": value, "lastModifiedDateTimeCondition": ">"}


def check_modified(last_modified: object, since: str, what: str) -> None:
    """Raises `VismaFilterIgnored` for a row that is clearly older than what was asked for."""
    bound, changed = clock_time(since), clock_time(last_modified)
    if bound and changed and bound - changed > _ZONE_DOUBT:
        raise ignored("lastModifiedDateTime", what)


def check_equal(found: object, wanted: str, parameter: str, what: str) -> None:
    """Raises `VismaFilterIgnored` for a row that the filter excludes."""
    if not isinstance(found, str) or found.strip().casefold() != wanted.casefold():
        raise ignored(parameter, what)


def ignored(parameter: str, what: str) -> VismaFilterIgnored:
    return VismaFilterIgnored(
        f"Visma ignored the filter {parameter}: {what}.",
        why="Rows came back that it excludes.",
        remedy="The connector must not go on with such a list; report it.",
    )

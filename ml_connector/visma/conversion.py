"""What documents and master data share on their way into domain values."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from ml_connector.domain.order import Dimensions
from ml_connector.domain.party import Address, Party
from ml_connector.http.transport import Reply
from ml_connector.visma.documents import AddressDto, Coded, ContactDto, SubaccountDto
from ml_connector.visma.errors import VismaUnreadable
from ml_connector.visma.records import Page, UnreadableRow
from ml_connector.visma.wire import Row, entity_tag, unreadable

T = TypeVar("T")


def code_of(reference: Coded | None) -> str:
    """The number or id of a referenced record; empty without one."""
    return reference.code if reference else ""


def party(address: AddressDto | None, contact: ContactDto | None, company: str) -> Party | None:
    """An address with its contact; `None` when the address is empty.

    `company` names it where the contact does not.
    """
    if address is None:
        return None
    lines = (address.address_line1, address.address_line2, address.address_line3)
    postal = Address(
        lines=tuple(line for line in lines if line),
        city=address.city,
        postal_code=address.postal_code,
        country=code_of(address.country).upper(),
        state=code_of(address.county),
    )
    if not (postal.lines or postal.city or postal.postal_code):
        return None
    contact = contact or ContactDto()
    return Party(
        company=contact.company_name or contact.name or company,
        person=contact.attention,
        phone=contact.phone1 or contact.phone2,
        email=contact.email,
        address=postal,
    )


def dimensions(
    account: str, sub: SubaccountDto | None, project: Coded | None, task: Coded | None
) -> Dimensions:
    """Where a line belongs in the ledger."""
    return Dimensions(
        account=account or None,
        subaccount=segments(sub),
        project=code_of(project) or None,
        task=code_of(task) or None,
    )


def segments(sub: SubaccountDto | None) -> tuple[tuple[int, str], ...]:
    """(segment id, value) in the order of the segments."""
    listed = sub.segments if sub else ()
    return tuple(
        sorted(
            (each.segment_id, each.segment_value)
            for each in listed
            if each.segment_id is not None and each.segment_value
        )
    )


def version_of(reply: Reply, time_stamp: str, what: str) -> str:
    """The row version: the ETag header's, else the body's `timeStamp`.

    Raises `VismaUnreadable` when there is neither, because no safe write could follow.
    """
    version = entity_tag(reply) or time_stamp
    if not version:
        raise unreadable(what, "It has neither an ETag header nor a timeStamp.")
    return version


def page_of(rows: Sequence[Row], number_key: str, read: Callable[[Row], T]) -> Page[T]:
    """The rows as values; those that cannot be read stand beside them."""
    good: list[T] = []
    bad: list[UnreadableRow] = []
    for row in rows:
        try:
            good.append(read(row))
        except VismaUnreadable as exc:
            bad.append(
                UnreadableRow(
                    number=_shown(row.get(number_key)),
                    version=_shown(row.get("timeStamp")),
                    last_modified=_shown(row.get("lastModifiedDateTime")),
                    why=exc.why,
                )
            )
    return Page(good, tuple(bad))


def _shown(value: object) -> str:
    return str(value).strip() if isinstance(value, str | int) else ""

"""Mail addresses: which we can write to, and how one is shown without naming a person."""

import re

LONGEST = 254
"""Characters of an address that SMTP can carry (RFC 5321, 4.5.3.1.3, without the brackets)."""

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@((?:{_LABEL}\.)+{_LABEL})")
_LOCAL_PART = 64
_SEPARATOR = re.compile(r"[\s,;]+")


def is_mail_address(text: str) -> bool:
    """Whether `text` is one plain ASCII address, `name@host.domain`.

    Quoted names and letters beyond ASCII are legal mail too, but most servers still refuse them;
    an international domain is written as `xn--…`.
    """
    match = _ADDRESS.fullmatch(text)
    return match is not None and len(text) <= LONGEST and len(match[1]) <= _LOCAL_PART


def mail_addresses(text: str) -> tuple[str, ...]:
    """The addresses in a field where people write one or several, separated as they like.

    Empty when there is none, and also when a part is no address: half of a list would leave
    somebody out in silence.
    """
    parts = dict.fromkeys(part for part in _SEPARATOR.split(text) if part)
    return tuple(parts) if all(is_mail_address(part) for part in parts) else ()


def masked(address: str) -> str:
    """An address for logs, audit and screens: `d***@supplier.example`."""
    name, _, host = address.rpartition("@")
    return f"{name[:1]}***@{host}"

"""Who sends and who receives."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address; `country` is ISO 3166 alpha-2."""

    lines: tuple[str, ...]
    city: str
    postal_code: str
    country: str
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A shipper or a recipient. Empty strings mean that Visma has no value."""

    company: str
    person: str
    phone: str
    email: str
    address: Address

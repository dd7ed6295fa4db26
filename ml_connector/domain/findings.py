"""A finding: something a person should know, with its remedy."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One named observation about an order, a receipt or a tenant.

    `message` and `remedy` are shown on screens and kept in the read model, so they hold
    no personal data: they name the field, never its content.
    """

    code: str
    """Stable, snake_case; the runbook lists every code."""
    message: str
    """What is so, and why it matters."""
    remedy: str
    """What the reader can do about it."""

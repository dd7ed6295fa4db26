"""How money is shown: always with its currency, never rounded."""

from decimal import Decimal


def money(amount: Decimal, currency: str | None) -> dict[str, object]:
    """An amount under `--json`: `{"amount": "1234.50", "currency": "NOK"}`."""
    return {"amount": amount, "currency": currency}


def money_text(amount: Decimal, currency: str | None) -> str:
    """An amount for people: `1234.50 NOK`."""
    return f"{amount} {currency}"

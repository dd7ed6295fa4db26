"""Rate quotes: when one is asked for, and how the answer fits into a field of 100 characters."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ml_connector.domain.errors import RuleError
from ml_connector.domain.money import Money

ANSWER_LIMIT = 100
"""customStr1..5 hold 100 characters."""

_REQUEST = "quote"


class NoOption(RuleError):
    """FedEx offers no service for the shipment."""

    code = "quote_without_option"
    remedy = "Check the addresses, the weight and the packaging of the order."


class MixedCurrencies(RuleError):
    """Prices in several currencies have no cheapest."""

    code = "quote_currencies_differ"
    remedy = "Compare the options with `quote`, which lists them all."


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteOption:
    """One service that FedEx offers."""

    service: str
    """FedEx service type."""
    amount: Money
    """In ISO currency; an estimate until FedEx's invoice."""
    transit_days: int | None
    """`None` when FedEx promises none."""
    source: str = "ACCOUNT"
    """FedEx's rate type."""

    @property
    def label(self) -> str:
        """The service and its price in few words: `Intl Economy 512.30 NOK 4d`."""
        name = self.service.removeprefix("FEDEX_").replace("INTERNATIONAL_", "INTL_")
        words = name.replace("_", " ").title()
        days = "" if self.transit_days is None else f" {self.transit_days}d"
        return f"{words} {self.amount}{days}"


def quote_requested(value: object) -> bool:
    """Whether somebody has written QUOTE into the field, in any case, spaces around it or not."""
    return isinstance(value, str) and value.strip().casefold() == _REQUEST


def cheapest(options: Sequence[QuoteOption]) -> QuoteOption:
    """The lowest price, of equal ones the faster. Raises `NoOption`, `MixedCurrencies`."""
    if not options:
        raise NoOption("FedEx offers no service for this shipment.")
    if len({option.amount.currency for option in options}) > 1:
        raise MixedCurrencies("FedEx quotes this shipment in several currencies.")
    return min(options, key=lambda option: (option.amount.amount, *_speed(option)))


def fastest(options: Iterable[QuoteOption]) -> QuoteOption | None:
    """The shortest promised time, of equal ones the cheaper; `None` when none is promised."""
    promised = (option for option in options if option.transit_days is not None)
    return min(promised, key=lambda option: (*_speed(option), option.amount.amount), default=None)


def render_quote(options: Sequence[QuoteOption], at: datetime) -> str:
    """The answer: the cheapest and the fastest service, and when they were asked for.

    At most 100 characters; where they do not suffice, first the time of day goes, then the
    fastest, and the date last, for a price without one does not show its age. `at` is shown as it
    is: give it in the tenant's zone.
    Raises `NoOption`, `MixedCurrencies`.
    """
    low, quick = cheapest(options), fastest(options)
    short = f"Cheapest {low.label}"
    if quick is None:
        full = short
    elif quick == low:
        full = f"Cheapest and fastest {low.label}"
    else:
        full = f"{short}; fastest {quick.label}"
    stamps = (f" ({at:%Y-%m-%d %H:%M})", f" ({at:%Y-%m-%d})")
    answers = [text + stamp for text in (full, short, str(low.amount)) for stamp in stamps]
    return next(answer for answer in answers if len(answer) <= ANSWER_LIMIT)


def _speed(option: QuoteOption) -> tuple[bool, int, str]:
    """Sorts the shortest promise first, no promise last, equal ones by name."""
    days = option.transit_days
    return (days is None, days or 0, option.service)

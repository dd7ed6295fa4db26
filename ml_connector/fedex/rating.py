"""Prices, transit times, services on a route, and addresses: all of it only asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ml_connector.domain.party import Address
from ml_connector.domain.shipment import ShipmentCost, ShipmentPlan
from ml_connector.fedex.costs import quoted_cost
from ml_connector.fedex.errors import FedExRejected
from ml_connector.fedex.rate_models import (
    MOST_ADDRESSES,
    MOST_QUOTED,
    QuoteRequest,
    RateRequest,
    ResolveRequest,
    ServiceOptionsRequest,
    TransitTimesRequest,
)
from ml_connector.fedex.reading import Part
from ml_connector.fedex.session import Call, Session

_QUOTE = Call(path="/rate/v1/rates/quotes", what="quote the shipment")
_TRANSIT = Call(path="/availability/v1/transittimes", what="tell transit times")
_OPTIONS = Call(path="/availability/v1/packageandserviceoptions", what="list its services")
_RESOLVE = Call(path="/address/v1/addresses/resolve", what="check the address")

_DAYS = (
    "ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE TEN ELEVEN TWELVE THIRTEEN FOURTEEN FIFTEEN "
    "SIXTEEN SEVENTEEN EIGHTEEN NINETEEN TWENTY"
)
_DAY_WORDS = {word: number for number, word in enumerate(_DAYS.split(), start=1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RateQuote:
    """FedEx's price for one service: an estimate."""

    service: str
    service_name: str
    cost: ShipmentCost | None
    """`None` when the price cannot be read; an alert then says why."""
    transit_days: int | None
    commit: str
    """FedEx's own words or stamp for the promised delivery, in the destination's local time."""
    alerts: tuple[str, ...] = ()
    transaction_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitTime:
    """How long one service takes."""

    service: str
    service_name: str
    minimum_days: int | None
    maximum_days: int | None
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedAddress:
    """FedEx's suggestion for an address. It is only that: nothing depends on it."""

    address: Address
    classification: str
    """BUSINESS, RESIDENTIAL, MIXED or UNKNOWN."""
    attributes: Mapping[str, bool]
    """`Resolved`, `DPV`, …: the texts "true" and "false" live, booleans in the schema."""
    messages: tuple[str, ...]
    """FedEx's message codes."""


async def quote(
    session: Session,
    wanted: ShipmentPlan | RateRequest,
    *,
    service: str | None,
    transaction_id: str,
) -> tuple[RateQuote, ...]:
    """Account rates; without a service, of every one FedEx offers on the route."""
    asked = _wanted(wanted)
    if len(asked.packages) > MOST_QUOTED:
        raise FedExRejected(
            "FedEx was not asked for a price.",
            why=f"It quotes at most {MOST_QUOTED} packages at once.",
            remedy="Raise `shipping.max_package_weight`, or split the order.",
        )
    request = QuoteRequest.of(asked, session.account_number, service)
    answered = await session.ask(_QUOTE, request, transaction_id=transaction_id)
    details = answered.envelope.output["rateReplyDetails"]
    if not details.is_list:
        raise answered.lacks("there are no rates in it")
    return tuple(
        _quote(detail, answered.envelope.alert_codes, answered.envelope.transaction_id)
        for detail in details
    )


async def transit_times(
    session: Session,
    wanted: ShipmentPlan | RateRequest,
    *,
    service: str | None,
    transaction_id: str,
) -> tuple[TransitTime, ...]:
    """Transit times; without a service, of every one FedEx offers on the route."""
    request = TransitTimesRequest.of(_wanted(wanted), service)
    answered = await session.ask(_TRANSIT, request, transaction_id=transaction_id)
    return tuple(
        TransitTime(
            service=detail["serviceType"].text,
            service_name=detail["serviceName"].text,
            minimum_days=_days(detail["commit"]["transitDays"]["minimumTransitTime"]),
            maximum_days=_days(detail["commit"]["transitDays"]["maximumTransitTime"]),
            commit=_commit(detail),
        )
        for time in answered.envelope.output["transitTimes"]
        for detail in time["transitTimeDetails"]
    )


async def service_options(
    session: Session, shipper: Address, recipient: Address, *, transaction_id: str
) -> tuple[str, ...]:
    """The services that FedEx offers between two places."""
    request = ServiceOptionsRequest.of(shipper, recipient)
    answered = await session.ask(_OPTIONS, request, transaction_id=transaction_id)
    output = answered.envelope.output
    services = [option["key"].text for option in output["serviceOptions"]]
    services += [option["serviceType"]["key"].text for option in output["packageOptions"]]
    return tuple(service for service in dict.fromkeys(services) if service)


async def resolve_addresses(
    session: Session, addresses: Sequence[Address], *, transaction_id: str
) -> tuple[ResolvedAddress, ...]:
    """FedEx's suggestions, in the order of the addresses.

    Raises `ValueError` for none or more than 100 of them.
    """
    if not 0 < len(addresses) <= MOST_ADDRESSES:
        raise ValueError(f"1 to {MOST_ADDRESSES} addresses a call")
    request = ResolveRequest.of(addresses)
    answered = await session.ask(_RESOLVE, request, transaction_id=transaction_id)
    return tuple(_resolved(part) for part in answered.envelope.output["resolvedAddresses"])


def _wanted(wanted: ShipmentPlan | RateRequest) -> RateRequest:
    return RateRequest.of(wanted) if isinstance(wanted, ShipmentPlan) else wanted


def _quote(detail: Part, alerts: tuple[str, ...], transaction_id: str) -> RateQuote:
    cost, cost_alerts = quoted_cost(detail)
    operational = detail["operationalDetail"]
    days = (
        _days(detail["commit"]["transitDays"]["minimumTransitTime"])
        or _days(operational["transitTime"])
        or _days(detail["commit"]["daysInTransit"])
    )
    return RateQuote(
        service=detail["serviceType"].text,
        service_name=detail["serviceName"].text,
        cost=cost,
        transit_days=days,
        commit=operational.first("commitDate", "deliveryDate").text or _commit(detail),
        alerts=tuple(dict.fromkeys((*alerts, *cost_alerts))),
        transaction_id=transaction_id,
    )


def _commit(detail: Part) -> str:
    commit = detail["commit"]
    promised = commit["dateDetail"]
    stamp = " ".join(filter(None, (promised["day"].text, promised["time"].text)))
    return promised["dayFormat"].text or stamp or commit.first("label", "commitMessageDetails").text


def _days(part: Part) -> int | None:
    """`TWO_DAYS`, or a plain number."""
    if part.whole is not None:
        return part.whole
    return _DAY_WORDS.get(part.text.partition("_")[0].upper())


def _resolved(part: Part) -> ResolvedAddress:
    attributes = part["attributes"]
    return ResolvedAddress(
        address=Address(
            lines=part["streetLinesToken"].texts,
            city=part["city"].text,
            state=part["stateOrProvinceCode"].text,
            postal_code=part["postalCode"].text or _parsed_postal_code(part),
            country=part["countryCode"].text,
        ),
        classification=part["classification"].text,
        attributes={
            key: flag for key in attributes.keys if (flag := attributes[key].flag) is not None
        },
        messages=tuple(
            message["code"].text
            for message in part.first("customerMessages", "customerMessage")
            if message["code"]
        ),
    )


def _parsed_postal_code(part: Part) -> str:
    parsed = part["parsedPostalCode"]
    return "-".join(filter(None, (parsed["base"].text, parsed["addOn"].text)))

"""A tenant: one company's Visma and FedEx, and how the two are joined.

The models mirror the tenant file key by key. What is not set has the documented default;
what is not known is refused; every problem is reported at once.
"""

import tomllib
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints, ValidationError, model_validator

from ml_connector.domain.durations import format_duration, parse_duration
from ml_connector.domain.freight import Basis
from ml_connector.domain.measures import Weight, WeightUnit
from ml_connector.domain.tenant_file import problems_in, refusal
from ml_connector.domain.tenant_problems import Problem, TenantFileError
from ml_connector.domain.tenant_types import (
    DecimalSlot,
    Duration,
    FedExWord,
    Filled,
    ImageType,
    InstantSlot,
    Interval,
    LabelTo,
    Payment,
    PhoneText,
    PositiveWeight,
    SecretRef,
    Section,
    Segments,
    ServiceUrl,
    StartFrom,
    TextSlot,
    WeightText,
    ZoneName,
)

TenantId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,32}$")]


def _span(text: str) -> Duration:
    return parse_duration(text)


class FieldMap(Section):
    """Which custom free field of Visma carries what; empty text: not written."""

    tracking_number: TextSlot = "customStr1"
    tracking_status: TextSlot = "customStr2"
    quote_request: TextSlot = "customStr3"
    quote_result: TextSlot = "customStr4"
    freight_cost: DecimalSlot = "customDec1"
    delivered_at: InstantSlot = "customDateTimeUTC1"

    @model_validator(mode="after")
    def _each_slot_once(self) -> Self:
        used = [slot for _, slot in self.assigned()]
        twice = sorted({slot for slot in used if used.count(slot) > 1})
        if twice:
            raise refusal(f"uses {', '.join(twice)} twice", "Give each value a field of its own.")
        return self

    def assigned(self) -> Iterator[tuple[str, str]]:
        """(what, Visma's field) of everything that is written."""
        for name in type(self).model_fields:
            slot: str = getattr(self, name)
            if slot:
                yield name, slot


class VismaSettings(Section):
    """The company in Visma.net."""

    api_url: ServiceUrl = "https://api.finance.visma.net"
    token_url: ServiceUrl = "https://connect.visma.com/connect/token"  # noqa: S105
    tenant_id: Filled
    """The Company tenant, not the Customer tenant."""
    client_id: SecretRef
    client_secret: SecretRef
    manual_batch_numbers: bool = False
    """The company allows our own journal batch numbers."""
    fields: FieldMap = FieldMap()


class FedExSettings(Section):
    """The company's own account at FedEx."""

    api_url: ServiceUrl = "https://apis-sandbox.fedex.com"
    account_number: SecretRef
    client_id: SecretRef
    client_secret: SecretRef
    grant_type: Literal["client_credentials", "csp_credentials", "client_pc_credentials"] = (
        "client_credentials"
    )
    child_key: SecretRef | None = None
    child_secret: SecretRef | None = None
    track_client_id: SecretRef | None = None
    track_client_secret: SecretRef | None = None

    @model_validator(mode="after")
    def _child_fits_the_grant(self) -> Self:
        given = [self.child_key is not None, self.child_secret is not None]
        if self.grant_type == "client_credentials" and any(given):
            raise refusal(
                "has child_key or child_secret without need",
                "Remove them, or set grant_type to csp_credentials or client_pc_credentials.",
            )
        if self.grant_type != "client_credentials" and not all(given):
            raise refusal(
                f"lacks child_key or child_secret for {self.grant_type}", "Add both of them."
            )
        return self

    @model_validator(mode="after")
    def _track_project_is_whole(self) -> Self:
        if (self.track_client_id is None) != (self.track_client_secret is None):
            raise refusal(
                "has half of the Track credentials",
                "Add both track_client_id and track_client_secret, or neither.",
            )
        return self


class LabelSettings(Section):
    """The label's picture and paper."""

    format: ImageType = "PDF"
    stock: Annotated[str, StringConstraints(pattern=r"^(PAPER|STOCK)_[A-Z0-9_]+$")] = (
        "PAPER_85X11_TOP_HALF_LABEL"
    )


class ShippingSettings(Section):
    """What is bought from FedEx, and when."""

    release: Literal["automatic", "manual"] = "automatic"
    ship_via: Annotated[dict[Filled, FedExWord], Field(min_length=1)]
    """Visma carrier → FedEx service; `*` is any carrier, also none."""
    packaging: FedExWord = "YOUR_PACKAGING"
    pickup: Literal[
        "CONTACT_FEDEX_TO_SCHEDULE", "DROPOFF_AT_FEDEX_LOCATION", "USE_SCHEDULED_PICKUP"
    ] = "USE_SCHEDULED_PICKUP"
    payment: Payment = "SENDER"
    label_to: LabelTo = "none"
    label: LabelSettings = LabelSettings()
    max_package_weight: PositiveWeight = Weight(Decimal(30), WeightUnit.KG)
    default_item_weight: WeightText = Weight(Decimal(0), WeightUnit.KG)
    """Zero: an item without a weight needs attention."""
    default_phone: PhoneText = "+4722000000"


class FreightSettings(Section):
    """How freight enters the general ledger."""

    debit_account: Filled
    """An account, or `line`: the order line's own, else `default_debit_account`."""
    default_debit_account: Filled | None = None
    accrual_account: Filled
    default_subaccount: Segments = Field(default_factory=lambda: {1: "000", 2: "00"})
    """Segment values where an order line has none, and on the credit line."""
    non_project: Filled = "X"
    include_taxes: bool = False
    allocate_by: Annotated[Basis, Field(strict=False)] = Basis.AMOUNT
    post_on: Literal["delivery", "pickup"] = "delivery"
    cutoff: bool = True
    cutoff_delay: Duration = _span("6h")
    journal: Literal["hold", "balanced", "released"] = "released"

    @model_validator(mode="after")
    def _line_needs_a_default(self) -> Self:
        if self.debit_account == "line" and self.default_debit_account is None:
            raise refusal(
                'has debit_account = "line" but no default_debit_account',
                "Add default_debit_account for lines that have no account of their own.",
            )
        return self


class DueSettings(Section):
    """How long after the last look a number is due again, by its state."""

    label_created: Interval = _span("4h")
    in_transit: Interval = _span("2h")
    out_for_delivery: Interval = _span("30m")
    exception: Interval = _span("1h")


class PollingSettings(Section):
    """Every regular look at the other systems."""

    start_from: StartFrom
    """Orders last changed before it are left alone."""
    discovery: Interval = _span("5m")
    tracking: Interval = _span("30m")
    due: DueSettings = DueSettings()
    not_found_grace: Duration = _span("24h")
    recheck: Interval = _span("1h")
    full_compare: Interval = _span("24h")
    safety: Interval = _span("30d")
    orphan_watch: Duration = _span("30d")


class RetrySettings(Section):
    """How long a failed call is repeated before a person is asked."""

    initial: Interval = _span("5s")
    maximum: Interval = _span("15m")
    give_up: Interval = _span("2d")
    recovery_wait: Duration = _span("15m")

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.initial > self.maximum:
            raise refusal(
                "has an initial wait above the maximum", "Lower initial, or raise maximum."
            )
        return self


class Tenant(Section):
    """One company, as its tenant file describes it."""

    id: TenantId
    name: Filled
    timezone: ZoneName = "Europe/Oslo"
    visma: VismaSettings
    fedex: FedExSettings
    shipping: ShippingSettings
    freight: FreightSettings
    polling: PollingSettings
    retry: RetrySettings = RetrySettings()

    @property
    def zone(self) -> ZoneInfo:
        """Where the company's days begin and end."""
        return ZoneInfo(self.timezone)

    def payment_for(self, country: str) -> str:
        """SENDER, RECIPIENT or THIRD_PARTY for a shipper in a country (ISO alpha-2)."""
        payment = self.shipping.payment
        return payment if isinstance(payment, str) else payment.get(country, payment["*"])

    def service_for(self, ship_via: str | None) -> str | None:
        """The FedEx service for a Visma carrier; `None` when the order is not FedEx's."""
        services = self.shipping.ship_via
        return services.get((ship_via or "").strip()) or services.get("*")

    def secret_refs(self) -> dict[str, SecretRef]:
        """Every secret the file refers to, by its key path such as `visma.client_id`."""
        return {
            f"{name}.{key}": value
            for name, section in (("visma", self.visma), ("fedex", self.fedex))
            for key, value in section
            if isinstance(value, SecretRef)
        }


def load_tenant(text: str) -> Tenant:
    """The tenant that a file's text (TOML) describes.

    Raises `TenantFileError` with every problem found.
    """
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        what = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        problem = Problem(
            key="", what=f"The file is not TOML: {what}", remedy="Correct the file's syntax."
        )
        raise TenantFileError([problem]) from None
    try:
        return Tenant.model_validate(content)
    except ValidationError as error:
        # The validation error quotes what it was given; it must not travel along.
        raise TenantFileError(problems_in(error, Tenant)) from None


__all__ = [
    "DueSettings",
    "FedExSettings",
    "FieldMap",
    "FreightSettings",
    "LabelSettings",
    "PollingSettings",
    "Problem",
    "RetrySettings",
    "SecretRef",
    "ShippingSettings",
    "Tenant",
    "TenantFileError",
    "VismaSettings",
    "format_duration",
    "load_tenant",
    "parse_duration",
]

"""The FedEx client: one tenant's account, every call that the connector makes.

Each call carries the operation key as `x-customer-transaction-id`, the same on each repeat.
FedEx only echoes it: it deduplicates nothing, so no call here is ever repeated after an
ambiguous failure. Every failure is one class of `ml_connector.fedex.errors`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, tzinfo

from ml_connector.domain.party import Address
from ml_connector.domain.shipment import CreatedShipment, ShipmentPlan
from ml_connector.domain.tracking import ParcelReport
from ml_connector.fedex import rating, shipping, tracking
from ml_connector.fedex.rate_models import RateRequest
from ml_connector.fedex.rating import RateQuote, ResolvedAddress, TransitTime
from ml_connector.fedex.replies import Alert
from ml_connector.fedex.session import Session
from ml_connector.fedex.shipping import CancelOutcome, PendingShipment
from ml_connector.fedex.tokens import TokenSource
from ml_connector.fedex.track_models import TrackQuery
from ml_connector.fedex.tracking import ReferenceMatch, ReferenceSearch, TrackError
from ml_connector.http.transport import Transport

__all__ = [
    "Alert",
    "CancelOutcome",
    "FedExClient",
    "PendingShipment",
    "RateQuote",
    "RateRequest",
    "ReferenceMatch",
    "ReferenceSearch",
    "ResolvedAddress",
    "TrackError",
    "TrackQuery",
    "TransitTime",
]


class FedExClient:
    """Speaks for one FedEx account. Safe to share between tasks."""

    def __init__(
        self,
        transport: Transport,
        *,
        account_number: str,
        tokens: TokenSource,
        track_tokens: TokenSource | None = None,
    ) -> None:
        """`track_tokens`: where Track lives in a project of its own."""
        self._session = Session(
            transport, account_number=account_number, tokens=tokens, track_tokens=track_tokens
        )

    async def create_shipment(
        self, plan: ShipmentPlan, *, transaction_id: str
    ) -> CreatedShipment | PendingShipment:
        """Buy a shipment: every call that succeeds buys another one.

        Raises `FedExOutcomeUnknown` when it may exist without our knowing its number.
        """
        return await shipping.create_shipment(self._session, plan, transaction_id=transaction_id)

    async def validate_shipment(
        self, plan: ShipmentPlan, *, transaction_id: str
    ) -> tuple[Alert, ...]:
        """Let FedEx check a single-package shipment; it creates nothing.

        Raises `FedExRejected` with FedEx's objections, `ValueError` for several packages.
        """
        return await shipping.validate_shipment(self._session, plan, transaction_id=transaction_id)

    async def shipment_results(
        self, job_id: str, *, transaction_id: str
    ) -> CreatedShipment | PendingShipment:
        """The outcome of a shipment of more than 40 packages."""
        return await shipping.shipment_results(self._session, job_id, transaction_id=transaction_id)

    async def cancel_shipment(self, tracking_number: str, *, transaction_id: str) -> CancelOutcome:
        """Cancel a whole shipment by any of its numbers; safe to repeat.

        Raises `FedExRejected` where FedEx says that it did not cancel.
        """
        return await shipping.cancel_shipment(
            self._session, tracking_number, transaction_id=transaction_id
        )

    async def track(
        self, numbers: Sequence[TrackQuery], *, transaction_id: str, zone: tzinfo = UTC
    ) -> Mapping[str, tuple[ParcelReport, ...] | TrackError]:
        """Reports by number, up to 30 a call; stamps without an offset are read in `zone`.

        Raises `ValueError` for more than 30 different queries.
        """
        return await tracking.track(
            self._session, numbers, transaction_id=transaction_id, zone=zone
        )

    async def find_by_reference(
        self,
        reference: str,
        *,
        ship_date_begin: date,
        ship_date_end: date,
        reference_type: str | None,
        transaction_id: str,
        carrier: str | None = None,
        destination_country: str | None = None,
        destination_postal_code: str | None = None,
        zone: tzinfo = UTC,
    ) -> ReferenceSearch:
        """Parcels of the account that carry a reference, over at most 30 ship dates.

        Express indexes our CUSTOMER_REFERENCE as SHIPPER_REFERENCE, Ground as
        CUSTOMER_REFERENCE: who recovers a shipment asks for both. Raises for every answer but
        matches, "not unique" and a definite not-found.
        """
        return await tracking.find_by_reference(
            self._session,
            reference,
            ship_date_begin=ship_date_begin,
            ship_date_end=ship_date_end,
            reference_type=reference_type,
            transaction_id=transaction_id,
            carrier=carrier,
            destination_country=destination_country,
            destination_postal_code=destination_postal_code,
            zone=zone,
        )

    async def associated_shipments(self, master: str, *, transaction_id: str) -> tuple[str, ...]:
        """Tracking numbers of a multi-piece shipment; some masters have none to show."""
        return await tracking.associated_shipments(
            self._session, master, transaction_id=transaction_id
        )

    async def quote(
        self,
        wanted: ShipmentPlan | RateRequest,
        *,
        service: str | None,
        transaction_id: str,
    ) -> tuple[RateQuote, ...]:
        """Account rates of one service, or of all on the route: estimates."""
        return await rating.quote(
            self._session, wanted, service=service, transaction_id=transaction_id
        )

    async def transit_times(
        self,
        wanted: ShipmentPlan | RateRequest,
        *,
        service: str | None,
        transaction_id: str,
    ) -> tuple[TransitTime, ...]:
        """Transit times of one service, or of all on the route."""
        return await rating.transit_times(
            self._session, wanted, service=service, transaction_id=transaction_id
        )

    async def service_options(
        self, shipper: Address, recipient: Address, *, transaction_id: str
    ) -> tuple[str, ...]:
        """The services that FedEx offers between two places."""
        return await rating.service_options(
            self._session, shipper, recipient, transaction_id=transaction_id
        )

    async def resolve_address(
        self, addresses: Sequence[Address], *, transaction_id: str
    ) -> tuple[ResolvedAddress, ...]:
        """FedEx's suggestions for up to 100 addresses, in their order."""
        return await rating.resolve_addresses(
            self._session, addresses, transaction_id=transaction_id
        )

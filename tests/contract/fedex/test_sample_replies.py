"""Each vendor reply gives the right number, status, cost or error.

FedEx publishes error replies and three sandbox track replies as samples; its success replies are
only described, so those are put together from the examples of the response schemas.
"""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from ml_connector.domain.shipment import CostSource, CreatedShipment, Piece
from ml_connector.fedex.client import CancelOutcome, PendingShipment, TrackError, TrackQuery
from ml_connector.fedex.errors import (
    FedExCredentials,
    FedExError,
    FedExOutcomeUnknown,
    FedExRejected,
    FedExTransient,
)
from ml_connector.fedex.tokens import FedExCredential, request_token
from ml_connector.http.transport import Transport
from tests.contract.fedex import specs
from tests.contract.fedex.plans import DOMESTIC, KEY, REFERENCE, WAREHOUSE, client_for
from tests.contract.fedex.test_requests import CALLS, DAY
from tests.unit.http.loopback import Loopback, answer

VENDOR_ID = "624deea6-b709-470c-8c39-4b5511281492"

BY_ENDPOINT = {f"{method} {path}": made for method, path, _, _, made in CALLS.values()}


def error_samples() -> list[Any]:
    files = sorted((specs.SAMPLES / "spec-examples").glob("*.json"))
    return [
        pytest.param(name, reply, id=name)
        for file in files
        for name, reply in json.loads(file.read_text())["responses"].items()
    ]


def expected_error(endpoint: str, status: int) -> type[FedExError]:
    writes = endpoint in ("POST /ship/v1/shipments", "PUT /ship/v1/shipments/cancel")
    if status >= 500:
        return FedExOutcomeUnknown if writes else FedExTransient
    return FedExCredentials if status in (401, 403) else FedExRejected


TENANTS_FAULT = frozenset(
    {
        "ACCOUNTNUMBER.REGISTRATION.REQUIRED",
        "ACCOUNT.NUMBER.MISMATCH",
        "SHIPMENT.USER.UNAUTHORIZED",
    }
)


@specs.needs_samples
@pytest.mark.parametrize(("name", "sample"), error_samples())
async def test_error_sample(pool: httpx.AsyncClient, name: str, sample: dict[str, Any]) -> None:
    endpoint, _, status = name.rpartition(" ")
    async with Loopback([answer(int(status), sample)]) as server:
        with pytest.raises(FedExError) as caught:
            await BY_ENDPOINT[endpoint](client_for(server.url, pool))
    codes = [error["code"] for error in sample.get("errors", ())] or [sample["error"]]
    kind = expected_error(endpoint, int(status))
    if TENANTS_FAULT.intersection(codes):
        kind = FedExCredentials
    assert type(caught.value) is kind
    assert list(caught.value.codes) == codes
    assert caught.value.code == codes[0]
    assert caught.value.status == int(status)
    assert caught.value.request_id == sample.get("transactionId", "")


def reply_from(name: str) -> dict[str, Any]:
    file: Path = specs.SAMPLES / "sandbox-virtual-track" / name
    sample: dict[str, Any] = json.loads(file.read_text())
    return sample


@specs.needs_samples
class TestSandboxTrackReplies:
    """Captured from FedEx's virtual sandbox."""

    async def test_out_for_delivery(self, pool: httpx.AsyncClient) -> None:
        number = "231300687629630"
        sample = reply_from(f"out_for_delivery_{number}.json")
        async with Loopback([answer(200, sample)]) as server:
            answers = await client_for(server.url, pool).track(
                [TrackQuery(tracking_number=number)], transaction_id=KEY
            )
        reports = answers[number]
        assert not isinstance(reports, TrackError)
        [report] = reports
        assert report.unique_id == f"12013~{number}~FDEG"
        assert (report.code, report.derived_code) == ("OD", "IT")
        assert report.description == "On FedEx vehicle for delivery"
        assert [scan.code for scan in report.scans] == ["OC", "PU", "OD"]
        assert report.scans[1].at == datetime(2013, 12, 31, 21, 21, tzinfo=UTC)
        assert report.scans[1].place == "WICHITA, US"
        assert report.ship_date == datetime(2020, 8, 15, 6, tzinfo=UTC)
        assert report.actual_delivery is None

    async def test_label_only(self, pool: httpx.AsyncClient) -> None:
        number = "449044304137821"
        sample = reply_from(f"label_only_{number}.json")
        async with Loopback([answer(200, sample)]) as server:
            answers = await client_for(server.url, pool).track(
                [TrackQuery(tracking_number=number)], transaction_id=KEY
            )
        reports = answers[number]
        assert not isinstance(reports, TrackError)
        assert [(report.code, report.derived_code) for report in reports] == [("OC", "IN")]
        assert reports[0].actual_delivery is None

    async def test_references_of_a_match(self, pool: httpx.AsyncClient) -> None:
        sample = reply_from("out_for_delivery_231300687629630.json")
        async with Loopback([answer(200, sample)]) as server:
            search = await client_for(server.url, pool).find_by_reference(
                "W62283340102",
                ship_date_begin=DAY,
                ship_date_end=DAY,
                reference_type="CUSTOMER_REFERENCE",
                transaction_id=KEY,
            )
        [match] = search.found
        assert match.tracking_number == "231300687629630"
        assert match.references["CUSTOMER_REFERENCE"] == ("W62283340102",)
        assert match.references["PURCHASE_ORDER"] == ("6228334",)
        assert not search.not_unique

    async def test_not_found(self, pool: httpx.AsyncClient) -> None:
        number = "647719948679"
        sample = reply_from(f"not_found_{number}.json")
        async with Loopback([answer(200, sample)]) as server:
            answers = await client_for(server.url, pool).track(
                [TrackQuery(tracking_number=number)], transaction_id=KEY
            )
        error = answers[number]
        assert isinstance(error, TrackError)
        assert error.not_found
        assert error.code == "TRACKING.TRACKINGNUMBER.NOTFOUND"


@specs.needs_specs
class TestSuccessesAsDescribed:
    """Replies made of the examples in FedEx's response schemas."""

    async def test_created_shipment(self, pool: httpx.AsyncClient) -> None:
        reply = specs.example("ship", "SHPCResponseVO_ShipShipment")
        [piece] = reply["output"]["transactionShipments"][0]["pieceResponses"]
        piece["packageDocuments"][0]["encodedLabel"] = "no base64!"
        async with Loopback([answer(200, reply)]) as server:
            shipment = await client_for(server.url, pool).create_shipment(
                DOMESTIC, transaction_id=KEY
            )
        assert isinstance(shipment, CreatedShipment)
        assert shipment.master_tracking_number == "794953535000"
        assert shipment.pieces == (Piece(sequence=215, tracking_number="794953535000"),)
        assert shipment.service == "STANDARD_OVERNIGHT"
        assert shipment.transaction_id == VENDOR_ID
        # The example's rate is of another type than its `actualRateType`, and the label is
        # damaged: neither keeps the shipment from being one.
        assert shipment.cost is None
        assert {"COST.RATE.UNREADABLE", "LABEL.UNREADABLE"} < set(shipment.alerts)

    async def test_cost_of_a_created_shipment(self, pool: httpx.AsyncClient) -> None:
        reply = specs.example("ship", "SHPCResponseVO_ShipShipment")
        [described] = reply["output"]["transactionShipments"]
        rating = described["completedShipmentDetail"]["shipmentRating"]
        rating["actualRateType"] = rating["shipmentRateDetails"][0]["rateType"]
        async with Loopback([answer(200, reply)]) as server:
            shipment = await client_for(server.url, pool).create_shipment(
                DOMESTIC, transaction_id=KEY
            )
        assert isinstance(shipment, CreatedShipment)
        cost = shipment.cost
        assert cost is not None
        assert (cost.net_charge, cost.net_fedex_charge) == (Decimal("3.78"), Decimal("88.56"))
        assert (cost.currency, cost.rate_type) == ("USD", "RATED_ACCOUNT_SHIPMENT")
        assert cost.source is CostSource.SHIP_REPLY
        assert [(charge.kind, charge.code, charge.amount) for charge in cost.charges] == [
            ("surcharge", "APPOINTMENT_DELIVERY", Decimal("56.22")),
            ("tax", "type", Decimal(10)),
        ]

    async def test_validated_shipment(self, pool: httpx.AsyncClient) -> None:
        reply = specs.example("ship", "SHPCResponseVO_Validate")
        async with Loopback([answer(200, reply)]) as server:
            alerts = await client_for(server.url, pool).validate_shipment(
                DOMESTIC, transaction_id=KEY
            )
        assert [(alert.code, alert.kind) for alert in alerts] == [
            ("SHIPMENT.VALIDATION.SUCCESS", "NOTE")
        ]

    async def test_cancelled_shipment(self, pool: httpx.AsyncClient) -> None:
        reply = specs.example("ship", "SHPCResponseVO_CancelShipment")
        async with Loopback([answer(200, reply)]) as server:
            outcome = await client_for(server.url, pool).cancel_shipment("1", transaction_id=KEY)
        assert outcome is CancelOutcome.CANCELLED

    async def test_results_without_output_are_still_pending(self, pool: httpx.AsyncClient) -> None:
        reply = specs.example("ship", "SHPCResponseVO_GetOpenShipmentResults")
        async with Loopback([answer(200, reply)]) as server:
            outcome = await client_for(server.url, pool).shipment_results(
                "job-7", transaction_id=KEY
            )
        assert isinstance(outcome, PendingShipment)
        assert outcome.job_id == "job-7"

    async def test_tracked_parcel(self, pool: httpx.AsyncClient) -> None:
        reply = specs.example("track-trackingnumbers", "TrkcResponseVO_TrackingNumber")
        [result] = reply["output"]["completeTrackResults"][0]["trackResults"]
        del result["error"]
        async with Loopback([answer(200, reply)]) as server:
            answers = await client_for(server.url, pool).track(
                [TrackQuery(tracking_number="123456789012")], transaction_id=KEY
            )
        reports = answers["123456789012"]
        assert not isinstance(reports, TrackError)
        [report] = reports
        assert report.unique_id == "245822~123456789012~FDEG"
        assert report.code == result["latestStatusDetail"]["code"]
        assert len(report.scans) == 1

    async def test_associated_shipments(self, pool: httpx.AsyncClient) -> None:
        reply = specs.example("track-associatedshipments", "TrkcResponseVO_Associated")
        del reply["output"]["completeTrackResults"][0]["trackResults"][0]["error"]
        async with Loopback([answer(200, reply)]) as server:
            numbers = await client_for(server.url, pool).associated_shipments(
                "1", transaction_id=KEY
            )
        assert numbers == ("128667043726",)

    async def test_search_whose_errors_stand_in_the_output(self, pool: httpx.AsyncClient) -> None:
        reply = specs.example("track-referencenumbers", "TrkcResponseVO_ReferenceNumber")
        reply["output"]["completeTrackResults"] = []
        async with Loopback([answer(200, reply)]) as server:
            with pytest.raises(FedExRejected) as caught:
                await client_for(server.url, pool).find_by_reference(
                    REFERENCE,
                    ship_date_begin=DAY,
                    ship_date_end=DAY + timedelta(days=30),
                    reference_type=None,
                    transaction_id=KEY,
                )
        assert caught.value.codes == ("TRACKING.TRACKINGNUMBER.EMPTY",)

    async def test_quote(self, pool: httpx.AsyncClient) -> None:
        reply = specs.example("rate", "RatcResponseVO")
        async with Loopback([answer(200, reply)]) as server:
            [quoted] = await client_for(server.url, pool).quote(
                DOMESTIC, service=None, transaction_id=KEY
            )
        assert quoted.service == "FEDEX_GROUND"
        assert quoted.transit_days == 2
        assert quoted.commit == "2019-07-22T08:30:00"
        assert quoted.transaction_id == VENDOR_ID
        assert quoted.cost is not None
        assert quoted.cost.net_charge == Decimal("445.54")
        assert (quoted.cost.currency, quoted.cost.rate_type) == ("USD", "ACCOUNT")
        assert quoted.cost.source is CostSource.QUOTE
        assert [(charge.kind, charge.code) for charge in quoted.cost.charges] == [
            ("surcharge", "FUEL"),
            ("tax", "VAT"),
        ]

    async def test_transit_times(self, pool: httpx.AsyncClient) -> None:
        reply = specs.example("service-availability-transittimes", "TransitTimeOutputVO")
        async with Loopback([answer(200, reply)]) as server:
            [time] = await client_for(server.url, pool).transit_times(
                DOMESTIC, service=None, transaction_id=KEY
            )
        assert (time.service, time.service_name) == ("GROUND_HOME_DELIVERY", "FedEx Home Delivery")
        assert (time.minimum_days, time.maximum_days) == (2, 7)
        assert time.commit == "Apr-13-2021 09:30:00"

    async def test_service_options(self, pool: httpx.AsyncClient) -> None:
        reply = specs.example("service-availability-transittimes", "CmdcResponseVO")
        async with Loopback([answer(200, reply)]) as server:
            services = await client_for(server.url, pool).service_options(
                DOMESTIC.shipper.address, WAREHOUSE.address, transaction_id=KEY
            )
        assert services == ("FEDEX_GROUND",)

    async def test_resolved_address(self, pool: httpx.AsyncClient) -> None:
        reply = specs.example("address-validation", "AdvcResponseVO")
        async with Loopback([answer(200, reply)]) as server:
            [resolved] = await client_for(server.url, pool).resolve_address(
                [WAREHOUSE.address], transaction_id=KEY
            )
        assert resolved.address.lines == ("7372 PARKRIDGE BLVD", "APT 286")
        assert (resolved.address.city, resolved.address.state) == ("IRVING", "TX")
        assert resolved.classification == "BUSINESS"

    async def test_issued_token(self, pool: httpx.AsyncClient) -> None:
        reply = specs.example("authorization", "Response")
        reply["access_token"] = "eyJhbGciOi.abc.def"  # the example ends in dots of print
        credential = FedExCredential(
            grant_type="client_credentials", client_id="k", client_secret="s"
        )
        async with Loopback([answer(200, reply)]) as server:
            issued = await request_token(Transport("FedEx", server.url, client=pool), credential)
        assert issued.value == "eyJhbGciOi.abc.def"
        assert issued.expires_in == timedelta(hours=1)
        assert "eyJ" not in repr(issued)

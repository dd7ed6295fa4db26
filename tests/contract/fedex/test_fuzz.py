"""Whatever FedEx answers, a call ends in a right result or in one named error."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_connector.domain.shipment import CreatedShipment
from ml_connector.fedex.client import CancelOutcome, FedExClient, PendingShipment
from ml_connector.fedex.errors import (
    FedExBlocked,
    FedExCredentials,
    FedExError,
    FedExOutcomeUnknown,
    FedExRejected,
    FedExThrottled,
    FedExTransient,
)
from ml_connector.fedex.tokens import FedExCredential, IssuedToken, request_token
from ml_connector.http.transport import Transport
from tests.contract.fedex.plans import ACCOUNT, client_for
from tests.contract.fedex.test_requests import CALLS

LEAVES = (
    FedExTransient,
    FedExThrottled,
    FedExBlocked,
    FedExCredentials,
    FedExRejected,
    FedExOutcomeUnknown,
)
WRITES = ("create", "cancel")

VOCABULARY = """
    output errors error error_detail error_description code message alerts alertType transactionId
    transactionShipments masterTrackingNumber pieceResponses trackingNumber packageDocuments
    encodedLabel contentType docType packageSequenceNumber shipmentDocuments jobId
    completedShipmentDetail shipmentRating actualRateType shipmentRateDetails rateType currency
    totalNetCharge totalNetFedExCharge totalTaxes surcharges surCharges taxes amount description
    cancelledShipment completeTrackResults trackResults trackingNumberInfo trackingNumberUniqueId
    latestStatusDetail derivedCode scanEvents date eventType scanLocation city dateAndTimes type
    dateTime additionalTrackingInfo packageIdentifiers values value moreDataAvailable pagingToken
    rateReplyDetails ratedShipmentDetails shipmentRateDetail commit transitDays minimumTransitTime
    transitTimes transitTimeDetails serviceOptions packageOptions serviceType key
    resolvedAddresses streetLinesToken attributes customerMessages access_token expires_in
"""
VALUES = [
    "NOK", "UKL", "QQQ", "PAYOR_ACCOUNT_SHIPMENT", "ACCOUNT", "794791341818", "SHIP", "TWO_DAYS",
    "2024-08-15T00:00:00", "2024-08-15T10:00:00+02:00", "0001-01-01T00:00:00+14:00", "JVBERi0=",
    "TRACKING.TRACKINGNUMBER.NOTFOUND", "TRACKING.DATA.NOTUNIQUE", "SYSTEM.UNEXPECTED.ERROR",
    "CITY.REQUIRED", "ACCOUNT.NUMBER.INVALID", "true", "1e999999", "\x00\ud800", "STANDARD_MPS",
]  # fmt: skip

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(VALUES)
    | st.text(max_size=20)
)
payloads = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(VOCABULARY.split()), inner, max_size=5)
    ),
    max_leaves=40,
)
parrots = st.lists(
    st.fixed_dictionaries(
        {"code": st.sampled_from(VALUES), "message": st.just(f"Account {ACCOUNT} is not valid.")}
    ),
    min_size=1,
    max_size=3,
)
envelopes = st.fixed_dictionaries(
    {},
    optional={
        "output": st.dictionaries(st.sampled_from(VOCABULARY.split()), payloads, max_size=4),
        "errors": payloads | parrots,
        "transactionId": scalars,
        "error": scalars,
    },
)
bodies = (
    st.binary(max_size=60)
    | (envelopes | payloads).map(lambda payload: json.dumps(payload).encode())
    | st.sampled_from([b"", b"null", b"<html></html>", b'{"output": {', b"[" * 5_000, b"1e9999999"])
)
statuses = st.sampled_from(
    [200, 200, 200, 201, 202, 204, 301, 304, 400, 400, 401, 403, 404, 405, 408, 409, 415, 422, 425,
     429, 500, 502, 503, 504, 520]
)  # fmt: skip
headers = st.fixed_dictionaries(
    {},
    optional={
        "retry-after": st.sampled_from(["7", "0", "x", "Sun, 22 Nov 2026 21:00:00 GMT"]),
        "content-type": st.sampled_from(["application/json", "text/html; charset=x"]),
    },
)


def answering(status: int, body: bytes, named: dict[str, str]) -> httpx.AsyncClient:
    """A pool whose every request gets this answer."""
    return httpx.AsyncClient(
        transport=httpx.MockTransport(lambda _: httpx.Response(status, content=body, headers=named))
    )


def tells_nothing_private(error: FedExError) -> bool:
    told = f"{error} {error!r} {vars(error)}"
    return ACCOUNT not in told and "T0P-SECRET" not in told


@pytest.mark.parametrize("call", CALLS)
@settings(max_examples=60, deadline=None)
@given(status=statuses, body=bodies, named=headers)
async def test_every_call_ends_well(
    call: str, status: int, body: bytes, named: dict[str, str]
) -> None:
    made: Callable[[FedExClient], Awaitable[object]] = CALLS[call][-1]
    async with answering(status, body, named) as pool:
        try:
            outcome = await made(client_for("https://fedex.test", pool))
        except FedExError as error:
            assert type(error) in LEAVES
            assert tells_nothing_private(error)
            # A write that was sent is never called harmless, a read never alarming.
            excluded = FedExTransient if call in WRITES else FedExOutcomeUnknown
            assert type(error) is not excluded
        else:
            # Only these read a result out of error codes too.
            assert 200 <= status < 300 or call.startswith(("cancel", "track", "find", "assoc"))
            assert_right(call, outcome)


def assert_right(call: str, outcome: Any) -> None:
    """What a caller may rely on without looking."""
    if call in ("create", "results"):
        assert isinstance(outcome, CreatedShipment | PendingShipment)
        if isinstance(outcome, CreatedShipment):
            assert outcome.master_tracking_number
            assert outcome.pieces
            assert all(piece.tracking_number for piece in outcome.pieces)
            assert outcome.cost is None or outcome.cost.net_charge.is_finite()
        else:
            assert outcome.job_id
    elif call == "cancel":
        assert isinstance(outcome, CancelOutcome)
    elif call == "track":
        assert list(outcome) == ["1", "2"]
    elif call.startswith("find"):
        assert all(match.tracking_number for match in outcome.found)


@settings(max_examples=100, deadline=None)
@given(status=statuses, body=bodies, named=headers)
async def test_every_token_request_ends_well(
    status: int, body: bytes, named: dict[str, str]
) -> None:
    credential = FedExCredential(
        grant_type="client_credentials", client_id=ACCOUNT, client_secret="T0P-SECRET"
    )
    async with answering(status, body, named) as pool:
        transport = Transport("FedEx", "https://fedex.test", client=pool)
        try:
            issued = await request_token(transport, credential)
        except FedExError as error:
            assert type(error) in (FedExBlocked, FedExCredentials, FedExTransient)
            assert tells_nothing_private(error)
        else:
            assert isinstance(issued, IssuedToken)
            assert issued.value.isascii()
            assert issued.value.isprintable()
            assert issued.expires_in.total_seconds() > 0

"""Creating and cancelling: what every kind of reply, and none, means for a shipment."""

import base64
import gzip
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest

from ml_connector.domain.shipment import CreatedShipment
from ml_connector.fedex.client import CancelOutcome, PendingShipment
from ml_connector.fedex.errors import (
    FedExCredentials,
    FedExError,
    FedExOutcomeUnknown,
    FedExRejected,
    FedExThrottled,
    FedExTransient,
)
from tests.contract.fedex.plans import (
    ACCOUNT,
    DOMESTIC,
    INTERNATIONAL,
    KEY,
    Tokens,
    client_for,
    identical,
)
from tests.unit.http.loopback import (
    RESET_AFTER_READING,
    RESET_BEFORE_READING,
    Answer,
    Asked,
    Loopback,
    answer,
    closed_port,
)

LABEL = b"%PDF-1.4 label"
MASTER = "794791341818"


def rate(net: float, **fields: object) -> dict[str, object]:
    return {
        "rateType": "PAYOR_ACCOUNT_SHIPMENT",
        "totalNetCharge": net,
        "totalNetFedExCharge": 4000.0,
        "currency": "NOK",
        **fields,
    }


def shipment(*rates: dict[str, object], **fields: object) -> dict[str, Any]:
    """A created shipment of two pieces, with keys that FedEx documents nowhere."""
    return {
        "masterTrackingNumber": MASTER,
        "serviceType": "FEDEX_PRIORITY",
        "pieceResponses": [
            {
                "trackingNumber": number,
                "packageSequenceNumber": sequence,
                "netRateAmount": 4448.19,
                "netChargeAmount": 0.0,
                "packageDocuments": [
                    {
                        "contentType": "LABEL",
                        "docType": "PDF",
                        "encodedLabel": base64.b64encode(LABEL).decode(),
                    }
                ],
            }
            for sequence, number in ((2, "794791341829"), (1, MASTER))
        ],
        "completedShipmentDetail": {
            "carrierCode": "FDXE",
            "shipmentRating": {
                "actualRateType": "PAYOR_ACCOUNT_SHIPMENT",
                "shipmentRateDetails": list(rates),
            },
        },
        **fields,
    }


def reply(*shipments: dict[str, Any], **output: object) -> dict[str, Any]:
    return {
        "transactionId": "ccfcfe7f-b79a-425d-b368-8063f064a046",
        "output": {"transactionShipments": list(shipments), **output},
    }


async def create(pool: httpx.AsyncClient, payload: object) -> CreatedShipment:
    async with Loopback([answer(200, payload)]) as server:
        created = await client_for(server.url, pool).create_shipment(DOMESTIC, transaction_id=KEY)
    assert isinstance(created, CreatedShipment)
    return created


async def failure(pool: httpx.AsyncClient, planned: Answer) -> FedExError:
    """The error that a create call ends in, and a check that it was sent exactly once."""
    async with Loopback([planned]) as server:
        with pytest.raises(FedExError) as caught:
            await client_for(server.url, pool).create_shipment(DOMESTIC, transaction_id=KEY)
    assert len(server.asked) == 1
    return caught.value


class TestCreated:
    async def test_pieces_documents_and_ids(self, pool: httpx.AsyncClient) -> None:
        created = await create(pool, reply(shipment(rate(4448.19))))
        assert created.master_tracking_number == MASTER
        assert [(piece.sequence, piece.tracking_number) for piece in created.pieces] == [
            (1, MASTER),
            (2, "794791341829"),
        ]
        assert (created.service, created.carrier_code) == ("FEDEX_PRIORITY", "FDXE")
        assert created.transaction_id == "ccfcfe7f-b79a-425d-b368-8063f064a046"
        assert {(doc.tracking_number, doc.kind, doc.media) for doc in created.documents} == {
            (MASTER, "LABEL", "PDF"),
            ("794791341829", "LABEL", "PDF"),
        }
        assert all(document.content == LABEL for document in created.documents)

    async def test_cost_is_the_shipments_and_never_a_sum_of_pieces(
        self, pool: httpx.AsyncClient
    ) -> None:
        listed = rate(9999.99, rateType="PAYOR_LIST_SHIPMENT")
        created = await create(pool, reply(shipment(listed, rate(4448.19))))
        assert created.cost is not None
        assert created.cost.net_charge == Decimal("4448.19")
        assert created.cost.net_fedex_charge == Decimal("4000.0")
        assert created.cost.rate_type == "PAYOR_ACCOUNT_SHIPMENT"

    @pytest.mark.parametrize(
        ("raw", "iso"), [("UKL", "GBP"), ("SFR", "CHF"), ("NOK", "NOK"), ("JYE", "JPY")]
    )
    async def test_currencies_of_fedex_become_iso(
        self, pool: httpx.AsyncClient, raw: str, iso: str
    ) -> None:
        created = await create(pool, reply(shipment(rate(1.5, currency=raw))))
        assert created.cost is not None
        assert (created.cost.currency, created.cost.raw_currency) == (iso, raw)

    async def test_unknown_currency_is_no_cost_and_an_alert(self, pool: httpx.AsyncClient) -> None:
        created = await create(pool, reply(shipment(rate(1.5, currency="QQQ"))))
        assert created.cost is None
        assert "COST.CURRENCY.UNKNOWN: QQQ" in created.alerts

    async def test_net_without_taxes_follows_from_the_taxes(self, pool: httpx.AsyncClient) -> None:
        without = {
            "rateType": "PAYOR_ACCOUNT_SHIPMENT",
            "totalNetCharge": 38.54,
            "currency": "CAD",
        }
        listed = {"taxes": [{"type": "HST", "description": "HST", "amount": 5.03}]}
        for tax in ({"totalTaxes": 5.03}, listed):
            created = await create(pool, reply(shipment({**without, **tax})))
            assert created.cost is not None
            assert created.cost.net_fedex_charge == Decimal("33.51")

    @pytest.mark.parametrize(
        "detail",
        [
            {},
            {"shipmentRating": {}},
            {"shipmentRating": {"actualRateType": "X", "shipmentRateDetails": [rate(1.0)]}},
            {"shipmentRating": {"shipmentRateDetails": [rate(1.0)]}},
            {"shipmentRating": "none"},
            {
                "shipmentRating": {
                    "actualRateType": "PAYOR_ACCOUNT_SHIPMENT",
                    "shipmentRateDetails": [rate(1.0, totalNetCharge=None)],
                }
            },
        ],
        ids=["none", "empty", "other-type", "no-actual-type", "text", "no-total"],
    )
    async def test_missing_cost_is_none_and_no_failure(
        self, pool: httpx.AsyncClient, detail: dict[str, object]
    ) -> None:
        alerts = [{"code": "RATING.IS.UNAVAILABLE", "alertType": "WARNING", "message": "-"}]
        body = reply(shipment(completedShipmentDetail=detail), alerts=alerts)
        created = await create(pool, body)
        assert created.cost is None
        assert "RATING.IS.UNAVAILABLE" in created.alerts

    async def test_missing_labels_are_no_failure(self, pool: httpx.AsyncClient) -> None:
        bare = {"masterTrackingNumber": MASTER, "pieceResponses": [{"trackingNumber": MASTER}]}
        created = await create(pool, reply(bare))
        assert (created.master_tracking_number, created.documents) == (MASTER, ())

    async def test_label_as_url_only_is_an_alert(self, pool: httpx.AsyncClient) -> None:
        paper = {"contentType": "COMMERCIAL_INVOICE", "docType": "PDF", "url": "https://x.test"}
        created = await create(pool, reply(shipment(rate(1.0), shipmentDocuments=[paper])))
        assert len(created.documents) == 2
        assert "LABEL.UNREADABLE" in created.alerts

    async def test_customs_papers_are_documents_of_the_master(
        self, pool: httpx.AsyncClient
    ) -> None:
        paper = {
            "contentType": "COMMERCIAL_INVOICE",
            "docType": "PDF",
            "encodedLabel": base64.b64encode(b"%PDF invoice").decode(),
        }
        created = await create(pool, reply(shipment(rate(1.0), shipmentDocuments=[paper])))
        [document] = [doc for doc in created.documents if doc.kind == "COMMERCIAL_INVOICE"]
        assert (document.tracking_number, document.content) == (MASTER, b"%PDF invoice")

    async def test_pieces_from_completed_packages(self, pool: httpx.AsyncClient) -> None:
        completed = {
            "masterTrackingId": {"trackingNumber": MASTER},
            "completedPackageDetails": [
                {"sequenceNumber": "1", "trackingIds": [{"trackingNumber": MASTER}]},
                {"sequenceNumber": "2", "trackingIds": [{"trackingNumber": 794791341829}]},
            ],
        }
        created = await create(pool, reply({"completedShipmentDetail": completed}))
        assert created.master_tracking_number == MASTER
        assert [piece.tracking_number for piece in created.pieces] == [MASTER, "794791341829"]

    async def test_reply_compressed_without_saying_so(self, pool: httpx.AsyncClient) -> None:
        packed = gzip.compress(json.dumps(reply(shipment(rate(1.0)))).encode())
        async with Loopback([Answer(body=packed)]) as server:
            created = await client_for(server.url, pool).create_shipment(
                DOMESTIC, transaction_id=KEY
            )
        assert isinstance(created, CreatedShipment)

    async def test_large_shipment_is_a_job(self, pool: httpx.AsyncClient) -> None:
        async with Loopback(
            [
                answer(200, {"transactionId": "t1", "output": {"jobId": "job-9"}}),
                answer(200, {"transactionId": "t2", "output": {}}),
                answer(200, reply(shipment(rate(1.0)))),
            ]
        ) as server:
            client = client_for(server.url, pool)
            pending = await client.create_shipment(DOMESTIC, transaction_id=KEY)
            assert pending == PendingShipment(job_id="job-9", transaction_id="t1")
            waiting = await client.shipment_results("job-9", transaction_id=KEY)
            assert waiting == PendingShipment(job_id="job-9", transaction_id="t2")
            created = await client.shipment_results("job-9", transaction_id=KEY)
        assert isinstance(created, CreatedShipment)
        assert server.asked[1].json == {"accountNumber": {"value": ACCOUNT}, "jobId": "job-9"}


class TestNotCreated:
    @pytest.mark.parametrize("status", [400, 404, 405, 409, 415, 422])
    async def test_refused_with_all_codes(self, pool: httpx.AsyncClient, status: int) -> None:
        errors = [
            {"code": "CITY.REQUIRED", "message": "whatever"},
            {"code": "PACKAGE.WEIGHT.INVALID", "message": "whatever"},
            {"code": "SOMETHING.NEW", "message": "Words of FedEx."},
        ]
        error = await failure(pool, answer(status, {"transactionId": "t", "errors": errors}))
        assert type(error) is FedExRejected
        assert error.codes == ("CITY.REQUIRED", "PACKAGE.WEIGHT.INVALID", "SOMETHING.NEW")
        assert (error.request_id, error.status) == ("t", status)
        assert "SOMETHING.NEW: Words of FedEx." in str(error)
        assert "A town is missing." in str(error)
        assert "whatever" not in str(error)

    async def test_refused_without_a_readable_body(self, pool: httpx.AsyncClient) -> None:
        error = await failure(pool, Answer(status=400, body=b"<html>Bad Request</html>"))
        assert type(error) is FedExRejected
        assert (error.codes, error.why) == ((), "HTTP 400.")

    async def test_errors_inside_a_success_are_a_refusal(self, pool: httpx.AsyncClient) -> None:
        errors = [{"code": "CITY.REQUIRED", "message": "-"}]
        outputs: list[dict[str, object]] = [{}, {"alerts": []}, {"transactionShipments": []}]
        for output in outputs:
            error = await failure(pool, answer(200, {"errors": errors, "output": output}))
            assert type(error) is FedExRejected

    @pytest.mark.parametrize(
        "code",
        [
            "ACCOUNTNUMBER.REGISTRATION.REQUIRED",
            "SHIPMENT.USER.UNAUTHORIZED",
            "ACCOUNT.NUMBER.INVALID",
            "ACCOUNT.NUMBERORKEY.INVALID",
            "ACCOUNT.NUMBER.MISMATCH",
        ],
    )
    async def test_wrong_account_is_the_tenants(self, pool: httpx.AsyncClient, code: str) -> None:
        error = await failure(pool, answer(400, {"errors": [{"code": code, "message": "-"}]}))
        assert type(error) is FedExCredentials
        assert "fedex.account_number" in error.remedy

    @pytest.mark.parametrize("code", ["FORBIDDEN.ERROR", "UNAUTHORIZED.USAGE", "NEW.CODE"])
    async def test_forbidden_is_the_tenants(self, pool: httpx.AsyncClient, code: str) -> None:
        error = await failure(pool, answer(403, {"errors": [{"code": code, "message": "-"}]}))
        assert type(error) is FedExCredentials
        assert error.remedy

    async def test_throttled(self, pool: httpx.AsyncClient) -> None:
        error = await failure(pool, answer(429, {"errors": []}))
        assert isinstance(error, FedExThrottled)
        assert error.retry_after.total_seconds() == 10

    async def test_nobody_listens(self, pool: httpx.AsyncClient) -> None:
        client = client_for(f"http://127.0.0.1:{closed_port()}", pool)
        with pytest.raises(FedExTransient):
            await client.create_shipment(DOMESTIC, transaction_id=KEY)


class TestOutcomeUnknown:
    @pytest.mark.parametrize(
        "planned",
        [
            pytest.param(RESET_BEFORE_READING, id="reset-before"),
            pytest.param(RESET_AFTER_READING, id="reset-after"),
            pytest.param(Answer(body=b'{"output": {}}', send_only=5), id="cut-off"),
            pytest.param(Answer(body=b'{"output": {"transactionShipm'), id="truncated"),
            pytest.param(Answer(body=b"<html>OK</html>"), id="html"),
            pytest.param(Answer(body=b""), id="empty"),
            pytest.param(Answer(body=b"[]"), id="no-object"),
            pytest.param(answer(200, {}), id="nothing"),
            pytest.param(answer(200, reply()), id="no-shipments"),
            pytest.param(answer(200, reply({})), id="shipment-without-number"),
            pytest.param(answer(200, reply({"masterTrackingNumber": {}})), id="odd-number"),
            pytest.param(answer(301, {}, location="https://elsewhere.test"), id="redirect"),
            pytest.param(answer(408, {}), id="408"),
            pytest.param(Answer(status=502, body=b"<html>Bad Gateway</html>"), id="502"),
            pytest.param(answer(504, {}), id="504"),
            *(
                pytest.param(
                    answer(status, {"errors": [{"code": code, "message": "-"}]}),
                    id=f"{status}-{code}",
                )
                for status, code in (
                    (500, "INTERNAL.SERVER.ERROR"),
                    (503, "SERVICE.UNAVAILABLE.ERROR"),
                    (400, "SYSTEM.UNEXPECTED.ERROR"),
                    (400, "SYSTEM.UNAVAILABLE"),
                    (400, "SYSTEM.UNAVAILABLE.EXCEPTION"),
                    (200, "SYSTEM.UNEXPECTED.ERROR"),
                    (500, "CITY.REQUIRED"),
                )
            ),
        ],
    )
    async def test_nothing_is_proven(self, pool: httpx.AsyncClient, planned: Answer) -> None:
        error = await failure(pool, planned)
        assert type(error) is FedExOutcomeUnknown
        assert "looks the shipment up" in error.remedy


class TestUnauthorized:
    """401: the gateway refuses the token before anything behind it sees the call."""

    @pytest.mark.parametrize(
        "body",
        [
            {"errors": [{"code": "NOT.AUTHORIZED.ERROR", "message": "Access token expired."}]},
            {"error": "invalid_request", "error_description": "CXS JWT is expired"},
            {"error_description": "Invalid CXS JWT"},
        ],
        ids=["standard", "gateway", "gateway-without-error"],
    )
    async def test_one_renewal_and_one_repeat(
        self, pool: httpx.AsyncClient, body: dict[str, object]
    ) -> None:
        tokens = Tokens()
        script = [answer(401, body), answer(200, reply(shipment(rate(1.0))))]
        async with Loopback(script) as server:
            await client_for(server.url, pool, tokens=tokens).create_shipment(
                DOMESTIC, transaction_id=KEY
            )
        assert tokens.stale == [None, 1]
        first, second = server.asked
        assert first.headers["authorization"] == "Bearer T0P-SECRET-1"
        assert second.headers["authorization"] == "Bearer T0P-SECRET-2"
        assert first.body == second.body
        assert {asked.headers["x-customer-transaction-id"] for asked in server.asked} == {KEY}

    async def test_a_renewed_token_may_be_revoked_already(self, pool: httpx.AsyncClient) -> None:
        """Another process renewed it, and FedEx has revoked that one too."""
        tokens = Tokens()
        refused = answer(401, {"error_description": "Invalid CXS JWT"})
        script = [refused, refused, answer(200, reply(shipment(rate(1.0))))]
        async with Loopback(script) as server:
            await client_for(server.url, pool, tokens=tokens).create_shipment(
                DOMESTIC, transaction_id=KEY
            )
        assert tokens.stale == [None, 1, 2]

    async def test_third_refusal_is_the_tenants(self, pool: httpx.AsyncClient) -> None:
        async with Loopback([answer(401, {"error_description": "Invalid CXS JWT"})]) as server:
            with pytest.raises(FedExCredentials) as caught:
                await client_for(server.url, pool).create_shipment(DOMESTIC, transaction_id=KEY)
        assert len(server.asked) == 3
        assert caught.value.remedy

    async def test_renewal_does_not_hide_a_lost_answer(self, pool: httpx.AsyncClient) -> None:
        async with Loopback([answer(401, {}), RESET_AFTER_READING]) as server:
            with pytest.raises(FedExOutcomeUnknown):
                await client_for(server.url, pool).create_shipment(DOMESTIC, transaction_id=KEY)


class TestPrivacy:
    async def test_no_error_quotes_what_is_private(self, pool: httpx.AsyncClient) -> None:
        """A refusal whose message repeats the whole request."""
        sent: list[str] = []

        def parrot(asked: Asked) -> Answer:
            sent.append(asked.body.decode())
            words = " ".join(map(str, _leaves(asked.json)))
            return answer(400, {"errors": [{"code": "NEW.CODE", "message": words}]})

        async with Loopback(parrot) as server:
            with pytest.raises(FedExRejected) as caught:
                await client_for(server.url, pool).create_shipment(
                    INTERNATIONAL, transaction_id=KEY
                )
        told = f"{caught.value}{caught.value!r}{caught.value.args}"
        assert "NEW.CODE" in told
        party = INTERNATIONAL.shipper
        for secret in (ACCOUNT, party.company, party.person, party.phone, *party.address.lines):
            assert secret in sent[0]
            assert secret not in told
        assert "T0P-SECRET" not in told


def _leaves(value: object) -> list[object]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [value]


async def cancel(pool: httpx.AsyncClient, planned: Answer) -> CancelOutcome:
    async with Loopback([planned]) as server:
        return await client_for(server.url, pool).cancel_shipment(MASTER, transaction_id=KEY)


class TestCancel:
    @pytest.mark.parametrize("message", ["message", "successMessage"])
    @pytest.mark.parametrize("done", [True, "true"])
    async def test_cancelled(self, pool: httpx.AsyncClient, message: str, done: object) -> None:
        output = {"cancelledShipment": done, "cancelledHistory": True, message: "Success"}
        assert await cancel(pool, answer(200, {"output": output})) is CancelOutcome.CANCELLED

    @pytest.mark.parametrize(
        ("code", "outcome"),
        [
            ("SHIPMENT.CANCELEDWITHOUTPICKUP.SUCCESS", CancelOutcome.CANCELLED),
            ("CANCELSHIPMENT.TRACKINGNUMBER.DELETED", CancelOutcome.ALREADY_CANCELLED),
            ("MASTERTRACKINGID.TRACKINGNUMBER.CANCELLED", CancelOutcome.ALREADY_CANCELLED),
            ("TRACKINGIDS.TRACKINGNUMBER.CLOSED", CancelOutcome.TOO_LATE),
        ],
    )
    @pytest.mark.parametrize("status", [200, 400, 404, 409, 422, 500])
    async def test_outcomes_that_come_as_errors(
        self, pool: httpx.AsyncClient, status: int, code: str, outcome: CancelOutcome
    ) -> None:
        refused = answer(status, {"errors": [{"code": code, "message": "-"}]})
        assert await cancel(pool, refused) is outcome

    async def test_outcome_as_an_alert(self, pool: httpx.AsyncClient) -> None:
        alerts = [{"code": "CANCELSHIPMENT.TRACKINGNUMBER.DELETED", "message": "-"}]
        output = {"cancelledShipment": False, "alerts": alerts}
        outcome = await cancel(pool, answer(200, {"output": output}))
        assert outcome is CancelOutcome.ALREADY_CANCELLED

    async def test_a_success_that_says_no_is_a_refusal(self, pool: httpx.AsyncClient) -> None:
        with pytest.raises(FedExRejected, match="did not cancel"):
            await cancel(pool, answer(200, {"output": {"cancelledShipment": False}}))

    async def test_real_failure(self, pool: httpx.AsyncClient) -> None:
        code = "SHIPMENT.CANCELEDWITHOUTPICKUP.FAILURE"
        with pytest.raises(FedExRejected, match="could not cancel"):
            await cancel(pool, answer(400, {"errors": [{"code": code, "message": "-"}]}))

    @pytest.mark.parametrize(
        "planned",
        [
            RESET_AFTER_READING,
            Answer(body=b""),
            answer(200, {"output": {"message": "Success"}}),
            answer(503, {}),
        ],
        ids=["reset", "empty", "silent", "503"],
    )
    async def test_unclear(self, pool: httpx.AsyncClient, planned: Answer) -> None:
        with pytest.raises(FedExOutcomeUnknown):
            await cancel(pool, planned)


class TestValidate:
    async def test_objections(self, pool: httpx.AsyncClient) -> None:
        refused = answer(400, {"errors": [{"code": "CITY.REQUIRED", "message": "-"}]})
        inside = answer(200, {"output": {"alerts": [], "errors": [{"code": "CITY.REQUIRED"}]}})
        for planned in (refused, inside):
            async with Loopback([planned]) as server:
                with pytest.raises(FedExRejected):
                    await client_for(server.url, pool).validate_shipment(
                        DOMESTIC, transaction_id=KEY
                    )

    async def test_several_packages_cannot_be_validated(self, pool: httpx.AsyncClient) -> None:
        async with Loopback([answer(200, {})]) as server:
            with pytest.raises(ValueError, match="single package"):
                await client_for(server.url, pool).validate_shipment(
                    replace(DOMESTIC, packages=identical(2)), transaction_id=KEY
                )
        assert server.asked == []

    async def test_lost_answer_changes_nothing(self, pool: httpx.AsyncClient) -> None:
        async with Loopback([RESET_AFTER_READING]) as server:
            with pytest.raises(FedExTransient):
                await client_for(server.url, pool).validate_shipment(DOMESTIC, transaction_id=KEY)


async def test_job_that_fedex_does_not_know(pool: httpx.AsyncClient) -> None:
    error = {"errors": [{"code": "SHIPMENT.JOBID.INVALID", "message": "-"}]}
    for status in (200, 400):
        async with Loopback([answer(status, {**error, "output": {"alerts": []}})]) as server:
            with pytest.raises(FedExRejected, match=r"SHIPMENT\.JOBID\.INVALID"):
                await client_for(server.url, pool).shipment_results("job", transaction_id=KEY)

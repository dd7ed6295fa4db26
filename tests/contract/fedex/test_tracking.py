"""Track by number, by reference, and the pieces of a shipment."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from ml_connector.domain.tracking import ParcelReport
from ml_connector.fedex.client import FedExClient, ReferenceSearch, TrackError, TrackQuery
from ml_connector.fedex.errors import (
    FedExCredentials,
    FedExError,
    FedExRejected,
    FedExThrottled,
    FedExTransient,
)
from tests.contract.fedex.plans import KEY, REFERENCE, client_for
from tests.contract.fedex.test_requests import DAY
from tests.unit.http.loopback import RESET_AFTER_READING, Answer, Loopback, answer

NUMBER = "794791341818"


def result(number: str = NUMBER, **fields: object) -> dict[str, object]:
    return {"trackingNumberInfo": {"trackingNumber": number}, **fields}


def complete(*results: dict[str, object], number: str = NUMBER) -> dict[str, object]:
    return {"trackingNumber": number, "trackResults": list(results)}


def reply(*completes: dict[str, object], **output: object) -> Answer:
    body = {"transactionId": "t", "output": {"completeTrackResults": list(completes), **output}}
    return answer(200, body)


def failed(code: str) -> dict[str, object]:
    return result(error={"code": code, "message": "FedEx's words."})


async def track(
    pool: httpx.AsyncClient, planned: Answer, *numbers: str, **options: Any
) -> dict[str, tuple[ParcelReport, ...] | TrackError]:
    queries = [TrackQuery(tracking_number=number) for number in numbers or (NUMBER,)]
    async with Loopback([planned]) as server:
        client = client_for(server.url, pool)
        return dict(await client.track(queries, transaction_id=KEY, **options))


async def report_of(
    pool: httpx.AsyncClient, *results: dict[str, object], **options: Any
) -> ParcelReport:
    answers = await track(pool, reply(complete(*results)), **options)
    reports = answers[NUMBER]
    assert not isinstance(reports, TrackError)
    [report] = reports
    return report


class TestTrack:
    async def test_each_number_gets_its_own_answer(self, pool: httpx.AsyncClient) -> None:
        planned = reply(
            complete(result("1", latestStatusDetail={"code": "DL"}), number="1"),
            complete(failed("TRACKING.TRACKINGNUMBER.NOTFOUND"), number="2"),
            complete(failed("SOMETHING.NEW"), number="3"),
            complete(result("9"), number="9"),
        )
        answers = await track(pool, planned, "1", "2", "3", "4")
        assert list(answers) == ["1", "2", "3", "4"]
        delivered, unknown, odd, missing = answers.values()
        assert not isinstance(delivered, TrackError)
        assert [report.code for report in delivered] == ["DL"]
        assert isinstance(unknown, TrackError)
        assert unknown.not_found
        assert isinstance(odd, TrackError)
        assert (odd.not_found, odd.code) == (False, "SOMETHING.NEW")
        assert odd.message == "SOMETHING.NEW: FedEx's words."
        assert isinstance(missing, TrackError)
        assert (missing.not_found, missing.code) == (False, "TRACKING.RESULT.MISSING")

    async def test_at_most_thirty_numbers(self, pool: httpx.AsyncClient) -> None:
        async with Loopback([reply()]) as server:
            client = client_for(server.url, pool)
            with pytest.raises(ValueError, match="at most 30 numbers"):
                await client.track(
                    [TrackQuery(tracking_number=str(number)) for number in range(31)],
                    transaction_id=KEY,
                )
            assert await client.track([], transaction_id=KEY) == {}
        assert server.asked == []

    async def test_thirty_numbers_are_one_call(self, pool: httpx.AsyncClient) -> None:
        queries = [TrackQuery(tracking_number=str(number)) for number in range(30)]
        async with Loopback([reply(complete(result("0"), number="0"))]) as server:
            await client_for(server.url, pool).track(queries, transaction_id=KEY)
        assert len(server.asked) == 1

    async def test_number_asked_twice(self, pool: httpx.AsyncClient) -> None:
        """Once for each range of ship dates; the same question is sent once."""
        plain = TrackQuery(tracking_number=NUMBER)
        dated = TrackQuery(tracking_number=NUMBER, ship_date_begin=DAY, ship_date_end=DAY)
        planned = reply(
            complete(failed("TRACKING.TRACKINGNUMBER.NOTFOUND")),
            complete(result(latestStatusDetail={"code": "DL"})),
        )
        async with Loopback([planned]) as server:
            answers = await client_for(server.url, pool).track(
                [plain, dated, plain], transaction_id=KEY
            )
        reports = answers[NUMBER]
        assert not isinstance(reports, TrackError)
        assert [report.code for report in reports] == ["DL"]
        asked = server.asked[0].json["trackingInfo"]
        assert isinstance(asked, list)
        assert len(asked) == 2

    async def test_reused_number_gives_several_parcels(self, pool: httpx.AsyncClient) -> None:
        def parcel(unique: str, code: str) -> dict[str, object]:
            info = {"trackingNumber": NUMBER, "trackingNumberUniqueId": unique}
            return {"trackingNumberInfo": info, "latestStatusDetail": {"code": code}}

        planned = reply(
            complete(
                parcel("2457821000~713062653486~FX", "DL"),
                parcel("2457835000~713062653486~FX", "IT"),
                parcel("2457821000~713062653486~FX", "DL"),
                failed("TRACKING.TRACKINGNUMBER.NOTFOUND"),
            )
        )
        reports = (await track(pool, planned))[NUMBER]
        assert not isinstance(reports, TrackError)
        assert [report.code for report in reports] == ["DL", "IT"]

    async def test_scans_are_oldest_first_even_within_one_minute(
        self, pool: httpx.AsyncClient
    ) -> None:
        stamps = [
            ("DL", "2024-08-16T10:00:00+02:00"),
            ("OD", "2024-08-16T10:00:00+02:00"),
            ("AR", "2024-08-15T23:00:00-05:00"),
            ("PU", "2024-08-15T00:00:00"),
            ("XX", "yesterday"),
        ]
        events = [{"eventType": code, "date": date} for code, date in stamps]
        report = await report_of(pool, result(scanEvents=events))
        assert [scan.code for scan in report.scans] == ["PU", "AR", "OD", "DL"]

    async def test_stamp_without_offset_is_read_in_the_given_zone(
        self, pool: httpx.AsyncClient
    ) -> None:
        events = [{"eventType": "PU", "date": "2024-08-15T00:00:00"}]
        read_in_utc = await report_of(pool, result(scanEvents=events))
        assert read_in_utc.scans[0].at == datetime(2024, 8, 15, tzinfo=UTC)
        read_in_oslo = await report_of(
            pool, result(scanEvents=events), zone=ZoneInfo("Europe/Oslo")
        )
        assert read_in_oslo.scans[0].at == datetime(2024, 8, 14, 22, tzinfo=UTC)

    async def test_stamp_without_offset_is_of_the_place_of_the_scan_before_it(
        self, pool: httpx.AsyncClient
    ) -> None:
        stamps = [
            ("AR", "2024-08-15T18:00:00"),
            ("DP", "2024-08-15T12:00:00-05:00"),
            ("IT", "2024-08-15T01:10:00"),
            ("PU", "2024-08-15T01:00:00+02:00"),
            ("OC", "2024-08-15T00:30:00"),
        ]
        events = [{"eventType": code, "date": date} for code, date in stamps]
        report = await report_of(
            pool, result(scanEvents=events), zone=ZoneInfo("Pacific/Tongatapu")
        )
        assert {scan.code: scan.at.astimezone(UTC) for scan in report.scans} == {
            "OC": datetime(2024, 8, 14, 22, 30, tzinfo=UTC),
            "PU": datetime(2024, 8, 14, 23, tzinfo=UTC),
            "IT": datetime(2024, 8, 14, 23, 10, tzinfo=UTC),
            "DP": datetime(2024, 8, 15, 17, tzinfo=UTC),
            "AR": datetime(2024, 8, 15, 23, tzinfo=UTC),
        }

    async def test_delivery_exception_and_dates(self, pool: httpx.AsyncClient) -> None:
        report = await report_of(
            pool,
            result(
                latestStatusDetail={
                    "code": "DE",
                    "derivedCode": "DE",
                    "statusByLocale": "Delivery exception",
                },
                dateAndTimes=[
                    {"type": "ACTUAL_DELIVERY", "dateTime": "2024-08-16T10:00:00Z"},
                    {"type": "SHIP", "dateTime": "2024-08-14"},
                ],
                scanEvents=[
                    {
                        "eventType": "DE",
                        "date": "2024-08-16T09:00:00Z",
                        "exceptionCode": "060G",
                        "scanLocation": {
                            "city": "OSLO",
                            "countryCode": "NO",
                            "streetLines": ["Storgata 12"],
                        },
                    }
                ],
            ),
        )
        assert report.description == "Delivery exception"
        assert report.actual_delivery == datetime(2024, 8, 16, 10, tzinfo=UTC)
        assert report.ship_date == datetime(2024, 8, 14, tzinfo=UTC)
        [scan] = report.scans
        assert (scan.exception_code, scan.place) == ("060G", "OSLO, NO")

    async def test_unknown_codes_are_kept_raw(self, pool: httpx.AsyncClient) -> None:
        report = await report_of(pool, result(latestStatusDetail={"code": "ZZ"}))
        assert (report.code, report.derived_code) == ("ZZ", "")

    @pytest.mark.parametrize("status", [200, 400, 404])
    async def test_lone_number_may_be_refused_as_a_whole(
        self, pool: httpx.AsyncClient, status: int
    ) -> None:
        body = {"errors": [{"code": "TRACKING.TRACKINGNUMBER.NOTFOUND", "message": "-"}]}
        error = (await track(pool, answer(status, body)))[NUMBER]
        assert isinstance(error, TrackError)
        assert error.not_found
        with pytest.raises(FedExRejected):
            await track(pool, answer(status, body), "1", "2")

    @pytest.mark.parametrize(
        ("planned", "kind"),
        [
            (answer(200, {"output": {}}), FedExTransient),
            (answer(200, {"output": {"completeTrackResults": "none"}}), FedExTransient),
            (Answer(body=b"<html>"), FedExTransient),
            (Answer(body=b'{"output": {"compl'), FedExTransient),
            (RESET_AFTER_READING, FedExTransient),
            (answer(503, {}), FedExTransient),
            (answer(429, {}), FedExThrottled),
            (answer(403, {}), FedExCredentials),
            (
                answer(400, {"errors": [{"code": "TRACKING.TRACKINGNUMBERS.LIMITEXCEEDED"}]}),
                FedExRejected,
            ),
        ],
        ids=["empty", "no-list", "html", "truncated", "reset", "503", "429", "403", "400"],
    )
    async def test_failed_call(
        self, pool: httpx.AsyncClient, planned: Answer, kind: type[FedExError]
    ) -> None:
        with pytest.raises(kind):
            await track(pool, planned)


async def search(client: FedExClient) -> ReferenceSearch:
    return await client.find_by_reference(
        REFERENCE,
        ship_date_begin=DAY,
        ship_date_end=DAY,
        reference_type="SHIPPER_REFERENCE",
        transaction_id=KEY,
    )


async def found(pool: httpx.AsyncClient, planned: Answer) -> ReferenceSearch:
    async with Loopback([planned]) as server:
        return await search(client_for(server.url, pool))


class TestFindByReference:
    @pytest.mark.parametrize("key", ["value", "values"])
    async def test_matches_with_master_and_references(
        self, pool: httpx.AsyncClient, key: str
    ) -> None:
        identifiers = [
            {"type": "SHIPPER_REFERENCE", key: [REFERENCE]},
            {"type": "STANDARD_MPS", key: [NUMBER]},
            {"type": "PURCHASE_ORDER", key: "PO000017"},
        ]
        info = {"packageIdentifiers": identifiers}
        planned = reply(
            complete(result(additionalTrackingInfo=info)),
            complete(result("794791341829", additionalTrackingInfo=info), number="794791341829"),
            successful=True,
        )
        outcome = await found(pool, planned)
        assert [match.tracking_number for match in outcome.found] == [NUMBER, "794791341829"]
        assert {match.master_tracking_number for match in outcome.found} == {NUMBER}
        assert outcome.found[0].references == {
            "SHIPPER_REFERENCE": (REFERENCE,),
            "STANDARD_MPS": (NUMBER,),
            "PURCHASE_ORDER": ("PO000017",),
        }
        assert not outcome.not_unique

    async def test_single_parcel_has_no_master(self, pool: httpx.AsyncClient) -> None:
        outcome = await found(pool, reply(complete(result())))
        assert outcome.found[0].master_tracking_number is None

    @pytest.mark.parametrize(
        "code", ["TRACKING.REFERENCENUMBER.NOTFOUND", "TRACKING.TRACKINGNUMBER.NOTFOUND"]
    )
    async def test_definite_not_found(self, pool: httpx.AsyncClient, code: str) -> None:
        errors = [{"code": code, "message": "-"}]
        for planned in (
            reply(complete(failed(code))),
            reply(cxsErrors=errors),
            answer(400, {"errors": errors}),
            answer(404, {"errors": errors}),
        ):
            assert await found(pool, planned) == ReferenceSearch()

    async def test_not_unique_exists(self, pool: httpx.AsyncClient) -> None:
        code = "TRACKING.DATA.NOTUNIQUE"
        for planned in (
            reply(complete(failed(code))),
            answer(400, {"errors": [{"code": code, "message": "-"}]}),
            reply({"trackResults": [{"latestStatusDetail": {"code": "OC"}}]}),
        ):
            assert await found(pool, planned) == ReferenceSearch(not_unique=True)

    @pytest.mark.parametrize(
        ("planned", "kind"),
        [
            (reply(), FedExTransient),
            (answer(200, {"output": {"successful": False}}), FedExTransient),
            (reply(complete(failed("TRACKING.REFERENCETYPE.INVALID"))), FedExRejected),
            (reply(complete(failed("SYSTEM.UNEXPECTED.ERROR"))), FedExTransient),
            (reply(complete(failed("TRACKING.ACCOUNTNUMBER.EMPTY"))), FedExCredentials),
            (
                reply(complete(result()), complete(failed("TRACKING.SHIPDATERANGE.ERROR"))),
                FedExRejected,
            ),
            (answer(404, {"errors": [{"code": "NOT.FOUND.ERROR"}]}), FedExRejected),
            (answer(404, {}), FedExRejected),
            (
                answer(
                    400,
                    {
                        "errors": [
                            {"code": "TRACKING.REFERENCENUMBER.NOTFOUND"},
                            {"code": "TRACKING.SHIPDATERANGE.ERROR"},
                        ]
                    },
                ),
                FedExRejected,
            ),
            (RESET_AFTER_READING, FedExTransient),
            (answer(500, {}), FedExTransient),
        ],
    )
    async def test_everything_else_proves_nothing(
        self, pool: httpx.AsyncClient, planned: Answer, kind: type[FedExError]
    ) -> None:
        with pytest.raises(kind):
            await found(pool, planned)

    @pytest.mark.parametrize("days", [-1, 31])
    async def test_range_that_fedex_would_refuse(self, pool: httpx.AsyncClient, days: int) -> None:
        async with Loopback([reply()]) as server:
            with pytest.raises(ValueError, match="30 days"):
                await client_for(server.url, pool).find_by_reference(
                    REFERENCE,
                    ship_date_begin=DAY,
                    ship_date_end=DAY + timedelta(days=days),
                    reference_type=None,
                    transaction_id=KEY,
                )
        assert server.asked == []


async def pieces(pool: httpx.AsyncClient, *planned: Answer) -> tuple[str, ...]:
    async with Loopback(planned) as server:
        return await client_for(server.url, pool).associated_shipments(NUMBER, transaction_id=KEY)


class TestAssociatedShipments:
    async def test_all_pages(self, pool: httpx.AsyncClient) -> None:
        first = reply(
            complete(result("1"), result("2")), moreDataAvailable=True, pagingToken="next"
        )
        async with Loopback([first, reply(complete(result("2"), result("3")))]) as server:
            numbers = await client_for(server.url, pool).associated_shipments(
                NUMBER, transaction_id=KEY
            )
        assert numbers == ("1", "2", "3")
        assert [asked.json.get("pagingDetails") for asked in server.asked] == [
            None,
            {"pagingToken": "next"},
        ]

    async def test_masters_that_show_no_children(self, pool: httpx.AsyncClient) -> None:
        code = "TRACKING.TRACKINGNUMBER.NOTFOUND"
        assert await pieces(pool, reply()) == ()
        assert await pieces(pool, reply(complete(failed(code)))) == ()
        assert await pieces(pool, answer(404, {"errors": [{"code": code}]})) == ()

    async def test_pages_without_end_are_given_up(self, pool: httpx.AsyncClient) -> None:
        pages = [
            reply(complete(result(str(page))), moreDataAvailable=True, pagingToken=str(page))
            for page in range(25)
        ]
        with pytest.raises(FedExTransient):
            await pieces(pool, *pages)

    async def test_refused(self, pool: httpx.AsyncClient) -> None:
        with pytest.raises(FedExRejected):
            await pieces(pool, reply(complete(failed("TRACKING.REFERENCETYPE.INVALID"))))
        with pytest.raises(FedExRejected):
            await pieces(pool, answer(400, {"errors": [{"code": "ANY"}]}))

"""Journals: exact bodies, ids from Location, exact look-up over split pages, release."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ml_connector.domain.freight import JournalLine
from ml_connector.domain.order import Dimensions
from ml_connector.visma.client import VismaClient
from ml_connector.visma.errors import (
    VismaFilterIgnored,
    VismaNotFound,
    VismaOutcomeUnknown,
    VismaRejected,
    VismaTruncated,
    VismaUnreadable,
)
from ml_connector.visma.records import ReleaseOutcome
from tests.contract.visma import vendor
from tests.contract.visma.samples import VERSION, batch, journal
from tests.contract.visma.scripted import Answer, ScriptedVisma, page

PATH = "/v2/journaltransaction"
REFERENCE = "F500254-a1b2"


def created(location: str) -> Answer:
    return Answer(status=201, body={}, headers={"Location": location})


class TestCreate:
    async def test_the_body_is_the_vendors(self, visma: ScriptedVisma, client: VismaClient) -> None:
        visma.say(created("https://api.finance.visma.net/v2/journaltransaction/1742"))
        sent = journal(exchange_rate=Decimal("11.4325"), currency="EUR", hold=True)
        made = await client.create_journal(sent, override_number=False)
        assert made.batch == "1742"
        asked = visma.asked[0]
        vendor.check_body("POST", PATH, asked.json)
        assert (asked.method, asked.path) == ("POST", PATH)
        assert asked.json == {
            "hold": {"value": True},
            "transactionDate": {"value": "2026-11-20T00:00:00"},
            "financialPeriod": {"value": "202611"},
            "currencyId": {"value": "EUR"},
            "exchangeRate": {"value": 11.4325},
            "description": {"value": "Freight 500254"},
            "journalTransactionLines": [
                {
                    "operation": "Insert",
                    "accountNumber": {"value": "7140"},
                    "referenceNumber": {"value": REFERENCE},
                    "transactionDescription": {"value": "Freight 500254/1"},
                    "subaccount": [
                        {"segmentId": 1, "segmentValue": "100"},
                        {"segmentId": 2, "segmentValue": "01"},
                    ],
                    "project": {"value": "P1"},
                    "projectTask": {"value": "T1"},
                    "debitAmountInCurrency": {"value": 1250.55},
                },
                {
                    "operation": "Insert",
                    "accountNumber": {"value": "7140"},
                    "referenceNumber": {"value": REFERENCE},
                    "transactionDescription": {"value": "Freight 500254/2"},
                    "debitAmountInCurrency": {"value": 0.1},
                },
                {
                    "operation": "Insert",
                    "accountNumber": {"value": "2960"},
                    "referenceNumber": {"value": REFERENCE},
                    "transactionDescription": {"value": "Freight accrued"},
                    "project": {"value": "X"},
                    "creditAmountInCurrency": {"value": 1250.65},
                },
            ],
        }

    @pytest.mark.parametrize(
        "name",
        ["journaltransaction-post.reconstructed.json", "journaltransactions-write.shape.json"],
    )
    async def test_every_field_is_spelt_as_other_clients_spell_it(
        self, visma: ScriptedVisma, client: VismaClient, name: str
    ) -> None:
        """What a working client posts, and what Visma describes, share their fields with ours."""
        visma.say(created("/v2/journaltransaction/1742"))
        await client.create_journal(journal(), override_number=True)
        ours, theirs = visma.asked[0].json, json.loads(vendor.sample(name))
        lines = "journalTransactionLines"
        known = set(theirs) | {"hold", "overrideNumberSeries", "exchangeRate"}
        assert set(ours) <= known
        own = {"referenceNumber", "project", "projectTask"}
        [line, *_] = ours[lines]
        assert set(line) <= set().union(*theirs[lines]) | own
        assert line["subaccount"][0].keys() == theirs[lines][0]["subaccount"][0].keys()

    async def test_a_branch_is_named_on_head_and_lines(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(created("/v2/journaltransaction/1742"))
        whole = journal()
        lines = tuple(replace(line, branch="2") for line in whole.lines)
        await client.create_journal(replace(whole, lines=lines), override_number=False)
        body = visma.asked[0].json
        vendor.check_body("POST", PATH, body)
        named = [body, *body["journalTransactionLines"]]
        assert [each["branch"] for each in named] == [{"value": "2"}] * len(named)

    async def test_an_own_batch_number(self, visma: ScriptedVisma, client: VismaClient) -> None:
        visma.say(created("/v2/journaltransaction/ML0001"))
        made = await client.create_journal(journal(), override_number=True)
        assert made.batch == "ML0001"
        body = visma.asked[0].json
        vendor.check_body("POST", PATH, body)
        assert body["batchNumber"] == {"value": "ML0001"}
        assert body["overrideNumberSeries"] == {"value": True}

    @pytest.mark.parametrize(
        "location",
        [
            "https://integration.visma.net/API/controller/api/v2/journaltransaction/1742",
            "http://finance.visma.net/0921001005/api/v2/journaltransaction/1742/",
            "/v2/journaltransaction/1742?x=1",
            "1742",
            "/v2/journaltransaction/b64(MTc0Mg)",
        ],
    )
    async def test_the_number_is_read_from_any_host(
        self, visma: ScriptedVisma, client: VismaClient, location: str
    ) -> None:
        visma.say(created(location))
        made = await client.create_journal(journal(), override_number=False)
        assert made.batch == "1742"

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(status=201, body={}),
            Answer(status=200, body=b"<html>"),
            created("https://api.finance.visma.net/v2/journaltransaction/"),
            created("http://[broken"),
            created("/v2/journaltransaction/b64(_w)"),
        ],
    )
    async def test_a_number_that_cannot_be_read_must_be_looked_up(
        self, visma: ScriptedVisma, client: VismaClient, answer: Answer
    ) -> None:
        visma.say(answer)
        with pytest.raises(VismaOutcomeUnknown):
            await client.create_journal(journal(), override_number=False)

    async def test_a_rejection_keeps_vismas_words(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(Answer(status=400, body={"message": "Account '7140' is inactive."}))
        with pytest.raises(VismaRejected) as caught:
            await client.create_journal(journal(), override_number=False)
        assert "Account '7140' is inactive" in caught.value.quote

    @pytest.mark.parametrize(
        "bad",
        [
            journal(lines=()),
            journal(lines=journal().lines[:2]),
            journal(lines=(*journal().lines, replace(journal().lines[0], debit=Decimal(0)))),
            journal(reference=""),
            journal(reference="a-reference-too-long"),
        ],
        ids=["empty", "unbalanced", "zero line", "no reference", "long reference"],
    )
    async def test_what_must_not_be_sent_is_not_sent(
        self, visma: ScriptedVisma, client: VismaClient, bad: Any
    ) -> None:
        with pytest.raises(ValueError, match=r"journal|reference"):
            await client.create_journal(bad, override_number=False)
        assert visma.asked == []

    async def test_an_own_number_must_exist(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        with pytest.raises(ValueError, match="batch number"):
            await client.create_journal(journal(batch_number=None), override_number=True)
        assert visma.asked == []

    async def test_a_reversal_travels_with_its_sides(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        line = JournalLine(
            account="7140",
            dimensions=Dimensions(),
            debit=Decimal(0),
            credit=Decimal("5.00"),
            text="back",
        )
        other = replace(line, account="2960", debit=Decimal("5.00"), credit=Decimal(0))
        visma.say(created("/v2/journaltransaction/9"))
        await client.create_journal(journal(lines=(line, other)), override_number=False)
        lines = visma.asked[0].json["journalTransactionLines"]
        assert lines[0]["creditAmountInCurrency"] == {"value": 5}
        assert "debitAmountInCurrency" not in lines[0]


class TestRead:
    async def test_one_batch(self, visma: ScriptedVisma, client: VismaClient) -> None:
        body = batch("1742", (1, REFERENCE, "12.5", "0"), (2, REFERENCE, "0", "12.5"), total="12.5")
        visma.say(Answer(body=body, headers={"ETag": '"v2"'}))
        read = await client.get_journal("1742")
        assert (read.batch, read.version, read.status) == ("1742", "v2", "Balanced")
        assert read.references == (REFERENCE,)
        assert [line.debit - line.credit for line in read.lines] == [
            Decimal("12.5"),
            Decimal("-12.5"),
        ]
        assert read.posting_date == date(2026, 11, 20)
        assert not read.released

    async def test_the_vendors_shape_is_read(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(
            Answer(
                body=vendor.sample("journaltransactions-get.shape.json"),
                headers={"ETag": '"v"'},
            )
        )
        assert (await client.get_journal("string")).module == "ModuleGL"

    async def test_an_unknown_batch(self, visma: ScriptedVisma, client: VismaClient) -> None:
        visma.say(Answer(status=404))
        with pytest.raises(VismaNotFound):
            await client.get_journal("1")

    async def test_another_batch_is_not_taken(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(Answer(body=batch("1")))
        with pytest.raises(VismaUnreadable):
            await client.get_journal("11")


class TestFind:
    async def test_a_batch_split_over_pages_is_put_together(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        ours = [(1, REFERENCE, "1", "0"), (2, REFERENCE, "2", "0"), (3, REFERENCE, "0", "3")]
        visma.say(
            page([batch("10", (1, "x", "1", "0")), batch("11", *ours[:1], total="3")], 5, cap=2),
            page([batch("11", *ours[1:], total="3")], 5, cap=2),
            page([batch("12", (1, f"{REFERENCE}2", "1", "0"))], 5, cap=2),
        )
        [found] = await client.find_journals(REFERENCE, since=date(2026, 11, 19))
        assert found.batch == "11"
        assert [line.number for line in found.lines] == [1, 2, 3]
        for asked in visma.asked:
            vendor.check_query("GET", PATH, asked.query)
        assert visma.asked[0].query == {
            "module": "GL",
            "lastModifiedDateTime": "2026-11-19",
            "pageNumber": "1",
            "pageSize": "1000",
        }

    async def test_a_page_of_one_split_batch_is_no_repeated_page(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(
            *(page([batch("11", (line, REFERENCE, "1", "1"))], 3, cap=1) for line in (1, 2, 3))
        )
        [found] = await client.find_journals(REFERENCE, period="202611")
        assert len(found.lines) == 3
        assert visma.asked[0].query["periodId"] == "202611"

    async def test_two_are_two(self, visma: ScriptedVisma, client: VismaClient) -> None:
        visma.say(
            page([batch("1", (1, REFERENCE, "1", "1")), batch("2", (1, REFERENCE, "1", "1"))], 2)
        )
        found = await client.find_journals(REFERENCE, period="202611")
        assert [each.batch for each in found] == ["1", "2"]

    async def test_none_is_none(self, visma: ScriptedVisma, client: VismaClient) -> None:
        visma.say(Answer(body=[]))
        assert await client.find_journals(REFERENCE, period="202611") == ()

    async def test_a_missing_line_is_never_a_not_found(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(page([batch("1", (1, "x", "1", "0"))], 2))
        with pytest.raises(VismaTruncated):
            await client.find_journals(REFERENCE, period="202611")

    async def test_a_batch_that_does_not_add_up_is_not_whole(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(page([batch("1", (1, REFERENCE, "1", "1"), total="2")], 1))
        with pytest.raises(VismaTruncated, match="not whole"):
            await client.find_journals(REFERENCE, period="202611")

    @pytest.mark.parametrize(
        ("changes", "parameter"),
        [({"module": "ModuleAP"}, "module"), ({"financialPeriod": "202501"}, "periodId")],
    )
    async def test_ignored_filters(
        self,
        visma: ScriptedVisma,
        client: VismaClient,
        changes: dict[str, Any],
        parameter: str,
    ) -> None:
        visma.say(page([batch("1", (1, "x", "1", "1"), **changes)], 1))
        with pytest.raises(VismaFilterIgnored, match=parameter):
            await client.find_journals(REFERENCE, period="202611")

    @pytest.mark.parametrize(
        "search", [{}, {"since": date(2026, 11, 1), "period": "202611"}], ids=["none", "both"]
    )
    async def test_exactly_one_bound(
        self, visma: ScriptedVisma, client: VismaClient, search: dict[str, Any]
    ) -> None:
        with pytest.raises(ValueError, match="a day or a period"):
            await client.find_journals(REFERENCE, **search)


class TestRelease:
    @pytest.mark.parametrize(
        ("answer", "outcome"),
        [
            (
                Answer(body={"actionResult": "Done"}, headers={"ETag": '"v3"'}),
                ReleaseOutcome(done=True, version="v3"),
            ),
            (Answer(body={"actionResult": "Queued"}), ReleaseOutcome(done=False)),
            (Answer(body={"actionResult": "InProcess"}), ReleaseOutcome(done=False)),
            (Answer(body={}), ReleaseOutcome(done=False)),
            (Answer(), ReleaseOutcome(done=False)),
            (
                Answer(status=202, body={"id": "job-1"}),
                ReleaseOutcome(done=False, background_id="job-1"),
            ),
            (Answer(status=202, body={"actionResult": "Queued"}), ReleaseOutcome(done=False)),
            (Answer(status=202), ReleaseOutcome(done=False)),
        ],
    )
    async def test_answers(
        self, visma: ScriptedVisma, client: VismaClient, answer: Answer, outcome: ReleaseOutcome
    ) -> None:
        visma.say(answer)
        assert await client.release_journal("1742", version=VERSION) == outcome
        asked = visma.asked[0]
        vendor.operation("POST", PATH + "/{journalTransactionNumber}/action/release")
        assert (asked.method, asked.path) == ("POST", f"{PATH}/1742/action/release")
        assert asked.headers["if-match"] == f'"{VERSION}"'
        assert asked.content == b""

    async def test_a_failed_action_is_a_rejection(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(Answer(body={"actionResult": "Failed", "errorInfo": "The period is closed."}))
        with pytest.raises(VismaRejected) as caught:
            await client.release_journal("1742", version=VERSION)
        assert "The period is closed" in caught.value.quote

    @pytest.mark.parametrize("body", [b"<html>", b"[]", b"{"])
    async def test_success_that_cannot_be_read_must_be_looked_up(
        self, visma: ScriptedVisma, client: VismaClient, body: bytes
    ) -> None:
        visma.say(Answer(body=body))
        with pytest.raises(VismaOutcomeUnknown):
            await client.release_journal("1742", version=VERSION)

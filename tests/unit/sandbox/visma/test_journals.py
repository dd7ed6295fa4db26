"""The general ledger: what it takes, what it refuses, and how it lists."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.sandbox.visma.conftest import TENANT, Api

JOURNALS = "/v2/journaltransaction"


def line(account: str, side: str, amount: float, **more: Any) -> dict[str, Any]:
    """One line; `more` overrides or adds wrapped fields, None takes one away."""
    wrapped = {"accountNumber": account, f"{side}AmountInCurrency": amount, **more}
    segments = [{"segmentId": 1, "segmentValue": "100"}, {"segmentId": 2, "segmentValue": "10"}]
    body: dict[str, Any] = {"operation": "Insert", "subaccount": wrapped.pop("sub", segments)}
    if body["subaccount"] is None:
        del body["subaccount"]
    body.update({name: {"value": value} for name, value in wrapped.items() if value is not None})
    return body


def journal(
    *debits: dict[str, Any], amount: float = 100.25, reference: str = "SHIP-1", **header: Any
) -> dict[str, Any]:
    """A balanced journal, or with other debit lines whatever they say."""
    lines = list(debits) or [
        line("7140", "debit", amount, project="P100", projectTask="10", referenceNumber=reference)
    ]
    values = {
        "transactionDate": "2026-11-20T00:00:00",
        "financialPeriod": "202611",
        "description": "Freight",
        "hold": False,
        **header,
    }
    return {
        **{name: {"value": value} for name, value in values.items() if value is not None},
        "journalTransactionLines": [
            *lines,
            line("2960", "credit", amount, project="X", referenceNumber=reference),
        ],
    }


async def make(api: Api, body: dict[str, Any] | None = None) -> str:
    reply = await api.post(JOURNALS, body or journal())
    assert reply.status_code == 201, reply.text
    assert reply.json() == {}
    return reply.headers["Location"].rsplit("/", 1)[-1]


async def refusal(api: Api, body: dict[str, Any]) -> str:
    reply = await api.post(JOURNALS, body)
    assert reply.status_code == 400, reply.text
    message: str = reply.json()["message"]
    assert api.company.journals == {}
    return message


async def test_a_journal_is_created_balanced_and_read_back(api: Api) -> None:
    number = await make(api)
    reply = await api.get(f"{JOURNALS}/{number}")
    body = reply.json()
    assert reply.headers["ETag"] == f'"{body["timeStamp"]}"'
    assert (body["status"], body["module"], body["postPeriod"]) == (
        "Balanced",
        "ModuleGL",
        "112026",
    )
    assert body["debitTotalInCurrency"] == body["creditTotalInCurrency"] == 100.25
    debit, credit = body["journalTransactionLines"]
    assert (debit["project"]["id"], debit["projectTask"]["id"]) == ("P100", "10")
    assert debit["subaccount"]["segments"][1]["segmentValue"] == "10"
    assert credit["project"]["id"] == "X"
    assert credit["referenceNumber"] == "SHIP-1"


async def test_amounts_keep_their_cents(api: Api) -> None:
    number = await make(api, journal(amount=19999999.99))
    assert api.company.journals[number].debit_total == Decimal("19999999.99")
    body = (await api.get(f"{JOURNALS}/{number}")).json()
    assert body["debitTotal"] == 19999999.99


@pytest.mark.parametrize(
    ("debit", "why"),
    [
        (line("9999", "debit", 100.25), "'9999' cannot be found"),
        (line("7199", "debit", 100.25), "inactive"),
        (line("2400", "debit", 100.25), "manual entry is not allowed"),
        (line("7140", "debit", 100.25, sub=None), "is missing"),
        (
            line("7140", "debit", 100.25, sub=[{"segmentId": 1, "segmentValue": "100"}]),
            "Segment 2 (Region) of the subaccount is missing",
        ),
        (
            line(
                "7140",
                "debit",
                100.25,
                sub=[
                    {"segmentId": 1, "segmentValue": "10"},
                    {"segmentId": 2, "segmentValue": "10"},
                ],
            ),
            "segment 1 has no value '10'",
        ),
        (
            line(
                "7140",
                "debit",
                100.25,
                sub=[
                    {"segmentId": 1, "segmentValue": "900"},
                    {"segmentId": 2, "segmentValue": "10"},
                ],
            ),
            "inactive",
        ),
        (line("7140", "debit", 100.25, project="P404", projectTask="10"), "cannot be found"),
        (line("7140", "debit", 100.25, project="P900", projectTask="10"), "is not active"),
        (line("7140", "debit", 100.25, project="P100"), "needs a project task"),
        (line("7140", "debit", 100.25, project="P100", projectTask="44"), "cannot be found"),
        (line("7140", "debit", 100.25, project="P100", projectTask="90"), "is not active"),
        (line("7140", "debit", 100.25, project="P100", projectTask="30"), "not visible"),
        (line("7140", "debit", 100.25, project="X", projectTask="10"), "needs a project"),
        (line("1920", "debit", 100.25, project="P100", projectTask="10"), "account group"),
        (line("7140", "debit", -100.25), "negative"),
        (line("7140", "debit", 100.25, creditAmountInCurrency=1), "either a debit or a credit"),
        (line("7140", "debit", 100.255), "at most 2 decimals"),
        (line("7140", "debit", 100.24), "not balanced"),
        (line("7140", "debit", 100.25, referenceNumber="R" * 16), "exceeds 15"),
    ],
)
async def test_a_line_the_ledger_does_not_take(api: Api, debit: dict[str, Any], why: str) -> None:
    assert why in await refusal(api, journal(debit))


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ({"financialPeriod": "202601"}, "closed"),
        ({"financialPeriod": "203001"}, "cannot be found"),
        ({"currencyId": "XXX"}, "cannot be found"),
        ({"ledger": "9"}, "cannot be found"),
        ({"branch": "9"}, "cannot be found"),
        ({"currencyId": "EUR", "exchangeRate": 0.0853}, "is not the rate of EUR"),
        ({"currencyId": "EUR", "exchangeRate": 0}, "is not the rate of EUR"),
        ({"exchangeRate": 1.01}, "is not the rate of NOK"),
        ({"currencyId": "EUR", "transactionDate": "2024-06-01T00:00:00"}, "is not defined"),
        ({"controlTotalInCurrency": 5}, "control total"),
        ({"batchNumber": "MINE", "overrideNumberSeries": True}, "Manual numbering"),
    ],
)
async def test_a_header_the_ledger_does_not_take(
    api: Api, header: dict[str, Any], why: str
) -> None:
    assert why in await refusal(api, journal(**header))


async def test_a_project_the_ledger_does_not_see_is_refused(api: Api) -> None:
    path = f"/companies/{TENANT}/master/projects/P100"
    await api.control("PATCH", path, {"visible_in_gl": False})
    assert "not visible" in await refusal(api, journal())


async def test_an_inactive_period_is_refused(api: Api) -> None:
    await api.control("PUT", f"/companies/{TENANT}/periods/202611", {"active": False})
    assert "inactive" in await refusal(api, journal())


async def test_wrappers_are_enforced(api: Api) -> None:
    body = journal()
    body["description"] = "plain"
    assert "description" in await refusal(api, body)


async def test_a_yen_has_no_decimals(api: Api) -> None:
    assert "at most 0 decimals" in await refusal(api, journal(currencyId="JPY"))


async def test_a_foreign_journal_takes_the_tables_rate_of_its_date(api: Api) -> None:
    number = await make(api, journal(currencyId="EUR"))
    body = (await api.get(f"{JOURNALS}/{number}")).json()
    assert body["exchangeRate"] == 11.74845
    assert body["debitTotal"] == 1177.78
    older = await make(
        api,
        journal(currencyId="EUR", transactionDate="2026-10-31T00:00:00", financialPeriod="202610"),
    )
    assert (await api.get(f"{JOURNALS}/{older}")).json()["exchangeRate"] == 11.725


async def test_a_rate_given_as_its_reciprocal_is_understood(api: Api) -> None:
    number = await make(api, journal(currencyId="SEK"))
    rate = (await api.get(f"{JOURNALS}/{number}")).json()["exchangeRate"]
    assert rate == pytest.approx(1.0210 * 1.002, rel=1e-5)


async def test_the_period_follows_the_date_where_none_is_given(api: Api) -> None:
    number = await make(api, journal(financialPeriod=None))
    assert api.company.journals[number].period == "202611"
    number = await make(api, journal(financialPeriod=None, postPeriod="102026"))
    assert api.company.journals[number].period == "202610"


async def test_an_unbalanced_journal_may_wait_on_hold(api: Api) -> None:
    number = await make(api, journal(line("7140", "debit", 1), hold=True))
    path = f"{JOURNALS}/{number}"
    assert (await api.get(path)).json()["status"] == "Hold"
    release = await api.post(f"{path}/action/release")
    assert (release.status_code, "on hold" in release.text) == (400, True)
    off_hold = await api.put(path, {"hold": {"value": False}})
    assert (off_hold.status_code, "not balanced" in off_hold.text) == (400, True)
    fixed = {
        "hold": {"value": False},
        "journalTransactionLines": [
            {
                "operation": "Update",
                "lineNumber": {"value": 1},
                "debitAmountInCurrency": {"value": 100.25},
            }
        ],
    }
    etag = (await api.get(path)).headers["ETag"]
    assert (await api.put(path, fixed, etag)).status_code == 204
    assert (await api.get(path)).json()["status"] == "Balanced"


async def test_hold_is_the_default(api: Api) -> None:
    number = await make(api, journal(hold=None))
    assert api.company.journals[number].status == "Hold"


async def test_release_posts_and_then_nothing_changes_any_more(api: Api) -> None:
    path = f"{JOURNALS}/{await make(api)}"
    etag = (await api.get(path)).headers["ETag"]
    released = await api.post(f"{path}/action/release", **{"If-Match": etag})
    assert (released.status_code, released.json()["actionResult"]) == (200, "Done")
    after = await api.get(path)
    assert after.headers["ETag"] == released.headers["ETag"] != etag
    assert after.json()["status"] == "Posted"
    put = await api.put(path, {"description": {"value": "x"}}, after.headers["ETag"])
    again = await api.post(f"{path}/action/release")
    assert (put.status_code, again.status_code) == (400, 400)
    assert "already released" in put.json()["message"]
    assert "already released" in again.json()["message"]


async def test_release_heeds_if_match(api: Api) -> None:
    path = f"{JOURNALS}/{await make(api)}"
    reply = await api.post(f"{path}/action/release", **{"If-Match": '"AAAAAAAAAAA="'})
    assert (reply.status_code, reply.content) == (412, b"")


async def test_a_stale_put_is_412(api: Api) -> None:
    path = f"{JOURNALS}/{await make(api)}"
    reply = await api.put(path, {"description": {"value": "x"}}, '"AAAAAAAAAAA="')
    assert reply.status_code == 412


async def test_without_automatic_posting_a_release_ends_unposted(api: Api) -> None:
    await api.control("PATCH", f"/companies/{TENANT}", {"auto_post": False})
    number = await make(api)
    await api.post(f"{JOURNALS}/{number}/action/release")
    assert (await api.get(f"{JOURNALS}/{number}")).json()["status"] == "Unposted"
    await api.control("POST", f"/companies/{TENANT}/journals/{number}/post")
    assert (await api.get(f"{JOURNALS}/{number}")).json()["status"] == "Posted"


@pytest.mark.parametrize(("mode", "status"), [("accepted", 202), ("queued", 200)])
async def test_a_release_may_be_queued(api: Api, mode: str, status: int) -> None:
    await api.control("PUT", "/switches", {"release_mode": mode, "async_delay_s": 60})
    path = f"{JOURNALS}/{await make(api)}"
    reply = await api.post(f"{path}/action/release")
    assert (reply.status_code, reply.json()["actionResult"]) == (status, "Queued")
    assert (await api.get(path)).json()["status"] == "Balanced"
    api.clock.advance(timedelta(seconds=61))
    assert (await api.get(path)).json()["status"] == "Posted"


async def test_a_queued_release_may_fail_later(api: Api) -> None:
    await api.control("PUT", "/switches", {"release_mode": "accepted", "async_delay_s": 60})
    path = f"{JOURNALS}/{await make(api)}"
    await api.post(f"{path}/action/release")
    await api.control("PUT", f"/companies/{TENANT}/periods/202611", {"closed": True})
    api.clock.advance(timedelta(seconds=61))
    body = (await api.get(path)).json()
    assert body["status"] == "Balanced"
    assert "closed" in body["errorInfo"]


async def test_a_batch_number_of_ones_own(api: Api) -> None:
    await api.control("PATCH", f"/companies/{TENANT}", {"manual_batch_numbers": True})
    ignored = await make(api, journal(batchNumber="MINE-1"))
    assert ignored != "MINE-1"
    body = journal(batchNumber="MINE-1", overrideNumberSeries=True)
    assert await make(api, body) == "MINE-1"
    duplicate = await api.post(JOURNALS, body)
    too_long = await api.post(JOURNALS, journal(batchNumber="M" * 16, overrideNumberSeries=True))
    assert (duplicate.status_code, too_long.status_code) == (400, 400)
    assert "MINE-1" in duplicate.json()["message"]
    assert len(api.company.journals) == 2


async def test_a_long_reference_may_be_cut_without_a_word(api: Api) -> None:
    await api.control("PUT", "/switches", {"long_texts": "truncate"})
    number = await make(api, journal(reference="R" * 20))
    rows = (await api.get(f"{JOURNALS}/{number}")).json()["journalTransactionLines"]
    assert {row["referenceNumber"] for row in rows} == {"R" * 15}


async def test_pages_count_lines_and_split_journals(api: Api) -> None:
    made = [await make(api, journal(reference=f"S{n}")) for n in range(3)]
    await api.control("PUT", "/switches", {"max_page_sizes": {"journaltransaction": 3}})
    first = await api.page(JOURNALS, 1, 1000, periodId="202611")
    second = await api.page(JOURNALS, 2, 1000, periodId="202611")
    third = await api.page(JOURNALS, 3, 1000, periodId="202611")
    shape = [
        [(row["batchNumber"], len(row["journalTransactionLines"])) for row in page]
        for page in (first, second)
    ]
    assert shape == [[(made[0], 2), (made[1], 1)], [(made[1], 1), (made[2], 2)]]
    assert first[0]["metadata"] == {"totalCount": 6, "maxPageSize": 3}
    assert third == []


async def test_a_list_needs_a_period_or_a_time(api: Api) -> None:
    assert (await api.get(JOURNALS, pageNumber=1, pageSize=10)).status_code == 400


async def test_list_filters(api: Api) -> None:
    early = await make(api)
    api.clock.advance(timedelta(minutes=10))
    late = await make(api, journal(hold=True))

    async def listed(**params: str) -> list[str]:
        return [row["batchNumber"] for row in await api.page(JOURNALS, **params)]

    assert await listed(lastModifiedDateTime="2026-11-22T10:05:00") == [late]
    assert await listed(lastModifiedDateTime="2026-11-22T10:00:00", module="GL") == [early, late]
    assert await listed(periodId="202611", status="Hold") == [late]
    assert await listed(periodId="202610") == []
    assert await listed(periodId="202611", status="Unreleased") == [early, late]
    await api.post(f"{JOURNALS}/{early}/action/release")
    assert await listed(periodId="202611", status="Unreleased") == [late]
    assert api.violations() == []


async def test_the_journal_list_knows_no_condition(api: Api) -> None:
    await api.page(JOURNALS, lastModifiedDateTime="2026-11-22", lastModifiedDateTimeCondition=">")
    assert api.violations() == ["unknown_parameter"]


async def test_ledger_lines_are_found_by_account(api: Api) -> None:
    number = await make(api)
    path = "/v1/GeneralLedgerTransactions"
    params = {"ledger": "1", "account": "2960"}
    assert await api.page(path, **params) == []
    [row] = await api.page(path, **params, includeUnreleased="true")
    assert (row["batchNumber"], row["refNumber"], row["creditAmount"]) == (number, "SHIP-1", 100.25)
    await api.post(f"{JOURNALS}/{number}/action/release")
    assert len(await api.page(path, **params)) == 1
    assert (await api.get(path, pageNumber=1, pageSize=1)).status_code == 400

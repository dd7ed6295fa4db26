"""Which reply means what: every status, every error body, every way to lose an answer."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from ml_connector.http.transport import Effect, Reply, Transport
from ml_connector.visma.client import VismaClient
from ml_connector.visma.errors import (
    VismaCredentials,
    VismaError,
    VismaNotFound,
    VismaOutcomeUnknown,
    VismaRejected,
    VismaStale,
    VismaThrottled,
    VismaTransient,
    VismaUnreadable,
)
from ml_connector.visma.replies import failure, read_complaint
from ml_connector.visma.tokens import VismaTokens
from tests.contract.visma.conftest import CREDENTIAL
from tests.contract.visma.samples import VERSION, journal, order
from tests.contract.visma.scripted import Answer, Broken, ScriptedVisma
from tests.contract.visma.vendor import sample

Call = Callable[[VismaClient], Awaitable[object]]


async def read(client: VismaClient) -> object:
    return await client.get_order("500254")


async def put(client: VismaClient) -> object:
    return await client.update_order_fields("500254", {"customStr1": "x"}, version=VERSION)


async def create(client: VismaClient) -> object:
    return await client.create_journal(journal(), override_number=False)


async def release(client: VismaClient) -> object:
    return await client.release_journal("ML0001", version=VERSION)


WRITES = [put, create, release]
HTML = b"<!DOCTYPE html><html><body>Bad Gateway</body></html>"


def failed(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> VismaError:
    reply = Reply(status=status, headers=headers or {}, content=body)
    error = failure(reply, Effect.WRITE, "do it")
    assert error is not None
    return error


class TestStatuses:
    @pytest.mark.parametrize("call", [read, *WRITES])
    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (302, VismaRejected),
            (400, VismaRejected),
            (403, VismaCredentials),
            (404, VismaNotFound),
            (405, VismaRejected),
            (409, VismaRejected),
            (410, VismaNotFound),
            (412, VismaStale),
            (422, VismaRejected),
            (429, VismaThrottled),
        ],
    )
    async def test_a_refusal_is_the_same_for_reads_and_writes(
        self,
        visma: ScriptedVisma,
        client: VismaClient,
        call: Call,
        status: int,
        kind: type[VismaError],
    ) -> None:
        visma.say(Answer(status=status, body=b"" if status == 412 else HTML))
        with pytest.raises(kind) as caught:
            await call(client)
        assert type(caught.value) is kind
        assert len(visma.asked) == 1

    @pytest.mark.parametrize(
        "step",
        [
            Answer(status=500, body={"message": "Something broke"}),
            Answer(status=502, body=HTML),
            Answer(status=503),
            Answer(status=408),
            Broken.AFTER,
            Broken.AMID,
        ],
    )
    @pytest.mark.parametrize("call", [read, *WRITES])
    async def test_trouble_over_there_asks_for_a_look_up_after_a_write(
        self, visma: ScriptedVisma, client: VismaClient, call: Call, step: Any
    ) -> None:
        visma.say(step)
        expected = VismaTransient if call is read else VismaOutcomeUnknown
        with pytest.raises(expected) as caught:
            await call(client)
        assert type(caught.value) is expected
        assert len(visma.asked) == 1

    @pytest.mark.parametrize("call", [read, *WRITES])
    async def test_nothing_sent_is_transient_also_for_writes(
        self, pool: httpx.AsyncClient, tokens: VismaTokens, call: Call
    ) -> None:
        await tokens.token()
        async with ScriptedVisma() as gone:
            url = gone.url
        client = VismaClient(Transport("visma", url, client=pool), tokens=tokens)
        with pytest.raises(VismaTransient, match="cannot be reached"):
            await call(client)

    @pytest.mark.parametrize("body", [b"", HTML, b"null", b"[]", b"{", b"\xff\xfe", b"[" * 5000])
    async def test_a_successful_read_that_says_nothing_is_unreadable(
        self, visma: ScriptedVisma, client: VismaClient, body: bytes
    ) -> None:
        visma.say(Answer(body=body))
        with pytest.raises(VismaUnreadable):
            await client.get_order("500254")

    async def test_a_read_that_is_queued_is_no_answer(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(Answer(status=202, body={"id": "job"}))
        with pytest.raises(VismaUnreadable):
            await client.get_order("500254")


class TestBodies:
    def test_the_vendors_message(self) -> None:
        error = failed(400, sample("error-message.json"))
        assert error.request_id == "f948dfa5-350c-49c7-bdf9-5e40729a2804"
        assert error.quote == (
            "Visma says: Error creating document. Error: TaxCategoryID '0' cannot be found in "
            "the system."
        )

    def test_the_short_form(self) -> None:
        error = failed(400, sample("background-content-error-message.json"))
        assert "already released" in error.quote

    def test_a_capital_message(self) -> None:
        assert "Hold" in failed(400, b'{"Message": "The document is on Hold."}').quote

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 412, 429, 500])
    def test_vismas_words_stay_out_of_the_text(self, status: int) -> None:
        error = failed(status, b'{"message": "Marit Solbakken, Storgata 17, cannot be found."}')
        assert "Solbakken" not in str(error)
        assert "Solbakken" in error.told

    def test_the_platforms_exception_is_about_the_company(self) -> None:
        for status in (400, 401, 403, 500):
            error = failed(status, sample("error-ippexception.json"))
            assert isinstance(error, VismaCredentials)
            assert error.code == "12027"
            assert "No license for this company." in error.quote
            assert "Company tenant id" in error.remedy

    def test_other_platform_exceptions_are_refusals(self) -> None:
        body = b'{"ExceptionType":"IPPException","ExceptionFaultCode":"13000",'
        error = failed(400, body + b'"ExceptionMessage":"No."}')
        assert (type(error), error.code) == (VismaRejected, "13000")

    @pytest.mark.parametrize(
        ("body", "says"),
        [
            (HTML, "an HTML page with status 400"),
            (b"Value cannot be null.", "Value cannot be null."),
            (b'"quoted"', "quoted"),
            (b"", ""),
            (b"\x00\x01", ""),
            (b"\xff\xfe\xfd", ""),
        ],
    )
    def test_bodies_without_json(self, body: bytes, says: str) -> None:
        complaint = read_complaint(Reply(status=400, headers={}, content=body))
        assert complaint.message.startswith(says)
        assert bool(complaint.message) == bool(says)

    def test_a_long_story_is_cut(self) -> None:
        error = failed(400, b'{"message": "' + b"x" * 100_000 + b'"}')
        assert len(error.told) < 700

    def test_the_support_id_of_the_header(self) -> None:
        assert failed(400, b"", {"ipp-request-id": "r-1"}).request_id == "r-1"


class TestAuthorisation:
    async def test_a_dead_token_is_replaced_once(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(Answer(status=401), Answer(body=order()))
        await client.get_order("500254")
        assert [each.headers["authorization"] for each in visma.asked] == [
            "Bearer token-1",
            "Bearer token-2",
        ]

    async def test_a_write_is_repeated_after_401_because_nothing_happened(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(Answer(status=401), Answer(status=204))
        await put(client)
        assert [each.method for each in visma.asked] == ["PUT", "PUT"]
        assert visma.asked[1].headers["if-match"] == f'"{VERSION}"'

    async def test_a_second_401_means_the_wrong_tenant(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(Answer(status=401), Answer(status=401))
        with pytest.raises(VismaCredentials, match="Company tenant id") as caught:
            await client.get_order("500254")
        assert "Customer tenant id" in caught.value.remedy
        assert "App Store" in caught.value.remedy
        assert len(visma.asked) == 2

    async def test_403_names_the_scope(self, visma: ScriptedVisma, client: VismaClient) -> None:
        visma.say(Answer(status=403))
        with pytest.raises(VismaCredentials, match="vismanet_erp_service_api:read"):
            await client.get_order("500254")


class TestThrottling:
    async def test_the_wait_is_vismas(self, visma: ScriptedVisma, client: VismaClient) -> None:
        headers = {"Retry-After": "1234", "X-RateLimit-Policy": "4-fixed-window"}
        visma.say(Answer(status=429, headers=headers))
        with pytest.raises(VismaThrottled, match="4-fixed-window") as caught:
            await client.get_order("500254")
        assert caught.value.retry_after == timedelta(seconds=1234)

    async def test_the_window_speaks_where_the_wait_is_missing(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        visma.say(Answer(status=429, headers={"X-RateLimit-Reset": "77"}))
        with pytest.raises(VismaThrottled) as caught:
            await client.get_order("500254")
        assert caught.value.retry_after == timedelta(seconds=77)

    async def test_the_last_reply_tells_the_quota(
        self, visma: ScriptedVisma, client: VismaClient
    ) -> None:
        headers = {
            "X-RateLimit-Limit": "15000",
            "X-RateLimit-Remaining": "14999",
            "X-RateLimit-Reset": "3600",
        }
        visma.say(Answer(body=order(), headers=headers))
        await client.get_order("500254")
        limits = client.last_limits
        assert (limits.limit, limits.remaining) == (15_000, 14_999)
        assert limits.resets_in == timedelta(hours=1)


async def test_no_secret_and_no_body_in_any_text(visma: ScriptedVisma, client: VismaClient) -> None:
    secrets = [CREDENTIAL.client_secret, CREDENTIAL.client_id, "token-1", "Freight 500254/1"]
    texts = [repr(CREDENTIAL)]
    for status in (400, 401, 401, 403, 404, 412, 429, 500, 502):
        visma.say(Answer(status=status))
        if status == 401:
            visma.say(Answer(status=status))
        with pytest.raises(VismaError) as caught:
            await create(client)
        texts += [str(caught.value), repr(caught.value)]
    assert not [text for text in texts for secret in secrets if secret in text]

"""The token endpoint: who may go on, who must act, and how long a block lasts."""

import json
from datetime import timedelta

import httpx
import pytest

from ml_connector.fedex.errors import (
    FedExBlocked,
    FedExCredentials,
    FedExError,
    FedExThrottled,
    FedExTransient,
)
from ml_connector.fedex.tokens import FedExCredential, IssuedToken, Token, request_token
from ml_connector.http.transport import Exchange, Transport
from tests.unit.http.loopback import (
    RESET_AFTER_READING,
    RESET_BEFORE_READING,
    Answer,
    Loopback,
    answer,
    closed_port,
)

CREDENTIAL = FedExCredential(
    grant_type="client_pc_credentials",
    client_id="l7-CLIENT-ID",
    client_secret="CLIENT-SECRET",
    child_key="CHILD-KEY",
    child_secret="CHILD-SECRET",
)
HIDDEN = ("l7-CLIENT-ID", "CLIENT-SECRET", "CHILD-KEY", "CHILD-SECRET")


async def issue(pool: httpx.AsyncClient, planned: Answer) -> IssuedToken:
    async with Loopback([planned]) as server:
        return await request_token(Transport("FedEx", server.url, client=pool), CREDENTIAL)


@pytest.mark.parametrize(
    ("fields", "lifetime"),
    [
        ({"expires_in": 3599}, timedelta(seconds=3599)),
        ({"expires_in": "3599"}, timedelta(seconds=3599)),
        ({}, timedelta(hours=1)),
        ({"expires_in": None}, timedelta(hours=1)),
        ({"expires_in": 10**12}, timedelta(days=1)),
    ],
)
async def test_issued(
    pool: httpx.AsyncClient, fields: dict[str, object], lifetime: timedelta
) -> None:
    issued = await issue(
        pool, answer(200, {"access_token": "abc.def", "scope": "CXS-TP", **fields})
    )
    assert (issued.value, issued.expires_in) == ("abc.def", lifetime)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, b'{"errors": [{"code": "NOT.AUTHORIZED.ERROR", "message": "-"}]}'),
        (401, b"<html>Unauthorized</html>"),
        (401, b""),
        (400, b'{"errors": [{"code": "BAD.REQUEST.ERROR", "message": "Missing parameters"}]}'),
        (422, b"{}"),
        (404, b"Not Found"),
    ],
)
async def test_refused_credential(pool: httpx.AsyncClient, status: int, body: bytes) -> None:
    with pytest.raises(FedExCredentials) as caught:
        await issue(pool, Answer(status=status, body=body))
    assert "credentials set" in caught.value.remedy


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize("body", [b"{}", b"<html>Access Denied</html>", b""])
async def test_block_lasts_ten_minutes(pool: httpx.AsyncClient, status: int, body: bytes) -> None:
    with pytest.raises(FedExBlocked) as caught:
        await issue(pool, Answer(status=status, body=body))
    assert isinstance(caught.value, FedExThrottled)
    assert caught.value.retry_after == timedelta(minutes=10)


async def test_block_may_ask_for_longer_but_not_for_less(pool: httpx.AsyncClient) -> None:
    for asked, granted in (("1800", timedelta(minutes=30)), ("5", timedelta(minutes=10))):
        with pytest.raises(FedExBlocked) as caught:
            await issue(pool, answer(429, {}, **{"retry-after": asked}))
        assert caught.value.retry_after == granted


@pytest.mark.parametrize(
    "planned",
    [
        RESET_BEFORE_READING,
        RESET_AFTER_READING,
        answer(500, {"errors": [{"code": "INTERNAL.SERVER.ERROR"}]}),
        answer(503, {}),
        answer(400, {"errors": [{"code": "SYSTEM.UNAVAILABLE"}]}),
        answer(302, {}, location="https://elsewhere.test"),
        answer(200, {}),
        answer(200, {"access_token": ""}),
        answer(200, {"access_token": 7}),
        answer(200, {"access_token": "two words"}),
        answer(200, {"access_token": "line\r\nbreak:x"}),
        answer(200, {"access_token": "bærer"}),
        answer(200, {"access_token": "abc", "expires_in": 0}),
        answer(200, {"access_token": "abc", "expires_in": -5}),
        Answer(body=b"<html>"),
        Answer(body=b'{"access_token": "ab'),
        Answer(body=b""),
    ],
)
async def test_anything_else_is_tried_again(pool: httpx.AsyncClient, planned: Answer) -> None:
    with pytest.raises(FedExTransient):
        await issue(pool, planned)


async def test_unreachable(pool: httpx.AsyncClient) -> None:
    transport = Transport("FedEx", f"http://127.0.0.1:{closed_port()}", client=pool)
    with pytest.raises(FedExTransient):
        await request_token(transport, CREDENTIAL)


async def test_secrets_stay_out_of_errors_records_and_representations(
    pool: httpx.AsyncClient,
) -> None:
    recorded: list[Exchange] = []

    async def recorder(exchange: Exchange) -> None:
        recorded.append(exchange)

    parrot = answer(400, {"errors": [{"code": "NEW", "message": " ".join(HIDDEN)}]})
    granted = answer(200, {"access_token": "T0P-SECRET", "expires_in": 3600})
    async with Loopback([parrot, granted]) as server:
        transport = Transport("FedEx", server.url, client=pool, recorder=recorder)
        with pytest.raises(FedExError) as caught:
            await request_token(transport, CREDENTIAL)
        issued = await request_token(transport, CREDENTIAL)
    told = " ".join(
        map(repr, (caught.value, str(caught.value), CREDENTIAL, issued, *_requests(recorded)))
    )
    told += repr(Token(value="T0P-SECRET", version=3))
    for secret in (*HIDDEN, "T0P-SECRET"):
        assert secret not in told
    assert recorded[0].request_body["grant_type"] == "client_pc_credentials"  # type: ignore[index]


def _requests(recorded: list[Exchange]) -> list[str]:
    return [json.dumps([each.request_body, each.reply_body, each.url]) for each in recorded]

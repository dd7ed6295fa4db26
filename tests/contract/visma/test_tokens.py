"""Tokens: one request however many ask, renewed in time, refusals in plain words."""

import asyncio
from datetime import timedelta
from urllib.parse import parse_qs

import pytest

from ml_connector.http.transport import Transport
from ml_connector.visma.errors import (
    VismaCredentials,
    VismaError,
    VismaRejected,
    VismaThrottled,
    VismaTransient,
)
from ml_connector.visma.tokens import SCOPE, VismaTokens, split_token_url
from tests.contract.visma import vendor
from tests.contract.visma.conftest import CREDENTIAL
from tests.contract.visma.scripted import Answer, Broken, ScriptedVisma


class Watch:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def timed(transport: Transport, watch: Watch) -> VismaTokens:
    return VismaTokens(transport, CREDENTIAL, clock=watch)


async def test_the_request_is_the_vendors(visma: ScriptedVisma, timed: VismaTokens) -> None:
    assert await timed.token() == "token-1"
    [asked] = visma.tokens_asked
    assert (asked.method, asked.path) == ("POST", "/connect/token")
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert asked.form == {
        "grant_type": "client_credentials",
        "scope": SCOPE,
        "client_id": "isv-client",
        "client_secret": "s3cret-value",
        "tenant_id": "company-tenant",
    }
    *_, sent = vendor.sample("token-request.txt").decode().partition("--data '")
    assert parse_qs(sent.rstrip().rstrip("'")).keys() == asked.form.keys()


async def test_many_callers_one_request(visma: ScriptedVisma, timed: VismaTokens) -> None:
    assert set(await asyncio.gather(*(timed.token() for _ in range(50)))) == {"token-1"}
    assert len(visma.tokens_asked) == 1


async def test_many_callers_share_one_refusal(visma: ScriptedVisma, timed: VismaTokens) -> None:
    visma.token_script.append(Answer(status=400, body={"error": "invalid_client"}))
    outcomes = await asyncio.gather(*(timed.token() for _ in range(50)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {VismaCredentials}
    assert len(visma.tokens_asked) == 1


async def test_one_callers_cancellation_does_not_hurt_the_others(
    visma: ScriptedVisma, timed: VismaTokens
) -> None:
    first, second = (asyncio.create_task(timed.token()) for _ in range(2))
    await visma.arrival.wait()
    first.cancel()
    assert await second == "token-1"
    assert len(visma.tokens_asked) == 1


async def test_it_is_renewed_before_it_ends(
    visma: ScriptedVisma, timed: VismaTokens, watch: Watch
) -> None:
    await timed.token()
    watch.now += 3299
    assert await timed.token() == "token-1"
    watch.now += 2
    assert await timed.token() == "token-2"


async def test_a_refused_token_is_not_handed_out_again(
    visma: ScriptedVisma, timed: VismaTokens
) -> None:
    assert await timed.token() == "token-1"
    assert await timed.token(refused="token-1") == "token-2"
    assert await timed.token(refused="token-1") == "token-2"
    assert len(visma.tokens_asked) == 2


@pytest.mark.parametrize(
    "step", [Answer(status=503), Broken.AFTER, Answer(status=429, headers={"Retry-After": "60"})]
)
async def test_a_short_outage_is_bridged_by_the_old_token(
    visma: ScriptedVisma, timed: VismaTokens, watch: Watch, step: Answer | str
) -> None:
    await timed.token()
    watch.now += 3400
    visma.token_script.append(step)
    assert await timed.token() == "token-1"
    assert await timed.token() == "token-1"
    assert len(visma.tokens_asked) == 2
    watch.now += 31
    assert await timed.token() == "token-3"


async def test_an_ended_token_bridges_nothing(
    visma: ScriptedVisma, timed: VismaTokens, watch: Watch
) -> None:
    await timed.token()
    watch.now += 3601
    visma.token_script.append(Answer(status=503))
    with pytest.raises(VismaTransient):
        await timed.token()


@pytest.mark.parametrize("stated", [None, "soon", -5, True, 0, 1.5])
async def test_an_unstated_life_is_short(
    visma: ScriptedVisma, timed: VismaTokens, watch: Watch, stated: object
) -> None:
    body = {"access_token": "t", "expires_in": stated}
    visma.token_script.append(Answer(body=body))
    assert await timed.token() == "t"
    watch.now += 151
    assert await timed.token() != "t"


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (400, {"error": "invalid_client"}, VismaCredentials, "client id and secret"),
        (401, {"error": "invalid_client"}, VismaCredentials, "client id and secret"),
        (400, {"error": "invalid_tenant"}, VismaCredentials, "App Store"),
        (400, {"error": "invalid_scope"}, VismaCredentials, "vismanet_erp_service_api:create"),
        (400, {"error": "unauthorized_client"}, VismaCredentials, "service integration"),
        (400, {"error": "something_new"}, VismaCredentials, "something_new"),
        (401, None, VismaCredentials, "visma.client_id"),
        (400, None, VismaRejected, "visma.token_url"),
        (404, b"<html>", VismaRejected, "visma.token_url"),
        (302, None, VismaRejected, "visma.token_url"),
        (500, {"error": "invalid_client"}, VismaTransient, "trouble"),
        (429, None, VismaThrottled, "patience"),
        (200, b"<html>", VismaTransient, "usable"),
        (200, {"access_token": ""}, VismaTransient, "usable"),
        (200, {"access_token": "a\nb"}, VismaTransient, "no header"),
        (200, [], VismaTransient, "usable"),
    ],
)
async def test_refusals_say_what_to_do(
    visma: ScriptedVisma,
    timed: VismaTokens,
    status: int,
    body: object,
    kind: type[VismaError],
    says: str,
) -> None:
    visma.token_script.append(Answer(status=status, body=body))
    with pytest.raises(kind, match=says):
        await timed.token()


async def test_a_description_is_not_quoted(visma: ScriptedVisma, timed: VismaTokens) -> None:
    body = {"error": "invalid_client", "error_description": "isv-client / s3cret-value"}
    visma.token_script.append(Answer(status=400, body=body))
    with pytest.raises(VismaCredentials) as caught:
        await timed.token()
    assert "s3cret" not in str(caught.value)


async def test_a_dead_host_is_transient(visma: ScriptedVisma) -> None:
    async with ScriptedVisma() as gone:
        url = gone.url
    transport = Transport("visma-connect", url, timeout=timedelta(seconds=5))
    with pytest.raises(VismaTransient, match="cannot be reached"):
        await VismaTokens(transport, CREDENTIAL).token()
    await transport.aclose()


def test_the_token_address_splits() -> None:
    assert split_token_url("https://connect.visma.com/connect/token") == (
        "https://connect.visma.com",
        "/connect/token",
    )

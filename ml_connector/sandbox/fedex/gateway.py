"""What every business call passes through: counters, bearer token, limits, envelope, gzip."""

import gzip
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from starlette.requests import Request
from starlette.responses import Response

from ml_connector.sandbox.clock import Clock
from ml_connector.sandbox.fedex.errors import GatewayRefusal, Refusal, refuse, standard
from ml_connector.sandbox.fedex.fields import Fields, Report
from ml_connector.sandbox.fedex.oauth import check_bearer
from ml_connector.sandbox.fedex.values import Json, Token
from ml_connector.sandbox.fedex.world import FedExWorld

_SMALLEST_TO_COMPRESS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One authorised business call, its body read."""

    world: FedExWorld
    now: datetime
    """On the carrier's clock."""
    body: Fields
    token: Token
    transaction: str
    base_url: str

    @property
    def report(self) -> Report:
        return self.body.report

    def settle(self) -> None:
        """Keep the leniencies; raise Refusal when anything was wrong."""
        self.world.leniencies += self.report.leniencies
        self.report.settle()

    def may_use(self, account: str) -> None:
        """Raise Refusal unless the account exists and belongs to the caller's credential."""
        if account not in self.world.accounts:
            raise refuse("ACCOUNT.NUMBER.INVALID", "The account number is invalid.")
        if account not in self.token.accounts:
            raise refuse(
                "ACCOUNT.NUMBER.MISMATCH", "The account number does not match your credentials."
            )


Handler = Callable[[Call], Json]
Endpoint = Callable[[Request], Awaitable[Response]]


def business(
    world: FedExWorld, clock: Clock, name: str, capability: str, handler: Handler
) -> Endpoint:
    """A Starlette endpoint around a handler, which returns the reply's `output`."""

    async def endpoint(request: Request) -> Response:
        world.calls[name] += 1
        transaction = request.headers.get("x-customer-transaction-id", "")
        try:
            token = check_bearer(world, request, capability)
            _check_limits(world, token, capability)
            call = Call(
                world=world,
                now=clock.now(),
                body=Fields(await _json(request), Report(strict=world.modes.strict_types)),
                token=token,
                transaction=transaction,
                base_url=str(request.base_url).rstrip("/"),
            )
            body = _envelope(world, capability, transaction)
            body["output"] = handler(call)
        except Refusal as refusal:
            body = error_body(world, refusal, transaction)
            return _reply(world, request, body, refusal.status)
        except GatewayRefusal as refusal:
            return _reply(world, request, refusal.body, refusal.status)
        if capability == "track" and world.modes.virtual:
            _virtualise(body["output"])
        return _reply(world, request, body, 200)

    return endpoint


def error_body(world: FedExWorld, refusal: Refusal, transaction: str = "") -> Json:
    """FedEx's standard error body."""
    body = _envelope(world, "", transaction)
    body["errors"] = [problem.as_error() for problem in refusal.problems]
    return body


def _check_limits(world: FedExWorld, token: Token, capability: str) -> None:
    if world.over_rate(token.client_id):
        raise standard(429)
    if capability == "track" and world.over_track_quota(token.client_id):
        message = "Per project daily quota exceeded. Retry after 12:00 AM GMT"
        raise refuse("TOO.MANY.REQUESTS", message, status=429)


async def _json(request: Request) -> Json:
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if content_type != "application/json":
        raise standard(415)
    try:
        body = json.loads(await request.body(), parse_float=Decimal)
    except ValueError as error:
        raise standard(400) from error
    if not isinstance(body, dict):
        raise standard(400)
    return body


def _envelope(world: FedExWorld, capability: str, transaction: str) -> Json:
    if capability == "track" and world.modes.virtual:
        return {
            "transactionId": f"APIF_SV_TRKC_TxID{world.new_id()}",
            "customertransactionId": "APIF_SV_TRKC_TxIDcustomer test",
        }
    body: Json = {"transactionId": world.new_id()}
    if transaction:
        body["customerTransactionId"] = transaction
    return body


def _virtualise(output: Json) -> None:
    output["alerts"] = [{"code": "VIRTUAL.RESPONSE", "message": "This is a Virtual Response."}]


def _reply(world: FedExWorld, request: Request, body: Json, status: int) -> Response:
    content = json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    mode = world.modes.gzip
    wanted = "gzip" in request.headers.get("accept-encoding", "")
    if mode == "always" or (mode == "auto" and wanted and len(content) > _SMALLEST_TO_COMPRESS):
        content = gzip.compress(content, compresslevel=1)
        headers["content-encoding"] = "gzip"
    return Response(content, status_code=status, headers=headers)

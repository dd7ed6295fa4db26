"""The operator's side of the FedEx simulator, under `/sandbox`. No authorisation, no faults.

    GET    /sandbox/state                everything that happened (see `state`)
    GET    /sandbox/clock, POST          the carrier's clock: parcels, ship dates
    GET    /sandbox/gateway-clock, POST  the callers' clock: tokens, thresholds, lags
    GET    /sandbox/faults, POST, DELETE the fault plan (see `ml_connector.sandbox.control`)
    GET    /sandbox/modes, PATCH         every switch of `modes`; the ones sent are changed
    POST   /sandbox/credentials          {"client_id", "client_secret", "accounts": [{"number",
                                         "currency"?, "vat_percent"?}], "children"?: [{"key",
                                         "secret", "accounts": [number]}], "capabilities"?: []}
    DELETE /sandbox/credentials/{id}     the key is no longer valid; its tokens are revoked
    POST   /sandbox/tokens/revoke        {"client_id"?}: its tokens, or all
    POST   /sandbox/tokens/block         {"address"?: "*", "for"?: "10m"}: 403 from now on
    DELETE /sandbox/tokens/block         all blocks lifted, counters forgotten
    POST   /sandbox/journeys             {"pattern", "script"?, "steps"?, "delays"?}
    DELETE /sandbox/journeys             every parcel back on the normal journey
    POST   /sandbox/scans                {"tracking_number", "code", "where"?, "exception"?}: now
    POST   /sandbox/reused-numbers       {"tracking_number", "age"?: "400d"}: an older parcel too

Wrong input is 422 with what is wrong.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ml_connector.sandbox.clock import Clock
from ml_connector.sandbox.control import (
    ControlModel,
    ControlRefused,
    Span,
    clock_routes,
    fault_routes,
)
from ml_connector.sandbox.fedex import journey
from ml_connector.sandbox.fedex.journey import JourneyRule
from ml_connector.sandbox.fedex.modes import Modes
from ml_connector.sandbox.fedex.state import snapshot
from ml_connector.sandbox.fedex.values import CAPABILITIES, Account, Child, Credential, Step
from ml_connector.sandbox.fedex.world import FedExWorld


class AccountWish(ControlModel):
    """An account to open."""

    number: str = Field(min_length=1, max_length=9)
    currency: str = "EUR"
    vat_percent: Decimal = Decimal(25)


class ChildWish(ControlModel):
    """A child of a credential."""

    key: str
    secret: str
    accounts: list[str]


class CredentialWish(ControlModel):
    """A credential to register, with the accounts it may use."""

    client_id: str = Field(min_length=1)
    client_secret: str = Field(min_length=1)
    accounts: list[AccountWish] = Field(default_factory=list)
    children: list[ChildWish] = Field(default_factory=list)
    capabilities: frozenset[str] = CAPABILITIES

    def accounts_opened(self) -> list[Account]:
        return [Account(**wish.model_dump()) for wish in self.accounts]

    def credential(self) -> Credential:
        return Credential(
            client_id=self.client_id,
            client_secret=self.client_secret,
            accounts=frozenset(wish.number for wish in self.accounts),
            capabilities=self.capabilities,
            children=tuple(
                Child(key=wish.key, secret=wish.secret, accounts=frozenset(wish.accounts))
                for wish in self.children
            ),
        )


class Revocation(ControlModel):
    """Whose tokens to revoke."""

    client_id: str | None = None


class BlockWish(ControlModel):
    """Which address to block, and how long."""

    address: str = "*"
    span: Span = Field(default=timedelta(minutes=10), alias="for")


class ScanWish(ControlModel):
    """A scan that happens now."""

    tracking_number: str
    code: str = Field(pattern=r"^[A-Z]{2}$")
    where: Literal["origin", "hub", "destination"] = "hub"
    exception: str = ""


class Reuse(ControlModel):
    """A number that somebody else's parcel had before."""

    tracking_number: str
    age: Span = timedelta(days=400)


class Control:
    """The handlers, over one world and the carrier's clock."""

    def __init__(self, world: FedExWorld, clock: Clock) -> None:
        self.world = world
        self.clock = clock

    def routes(self) -> list[Route]:
        return [
            Route("/sandbox/state", self.state, methods=["GET"]),
            Route("/sandbox/modes", self.modes, methods=["GET"]),
            Route("/sandbox/modes", self.change_modes, methods=["PATCH"]),
            Route("/sandbox/credentials", self.register, methods=["POST"]),
            Route("/sandbox/credentials/{client_id}", self.forget, methods=["DELETE"]),
            Route("/sandbox/tokens/revoke", self.revoke, methods=["POST"]),
            Route("/sandbox/tokens/block", self.block, methods=["POST"]),
            Route("/sandbox/tokens/block", self.unblock, methods=["DELETE"]),
            Route("/sandbox/journeys", self.add_journey, methods=["POST"]),
            Route("/sandbox/journeys", self.clear_journeys, methods=["DELETE"]),
            Route("/sandbox/scans", self.scan, methods=["POST"]),
            Route("/sandbox/reused-numbers", self.reuse, methods=["POST"]),
            *clock_routes(self.clock),
            *clock_routes(self.world.gateway, "/sandbox/gateway-clock"),
            *fault_routes(self.world.faults),
        ]

    async def state(self, request: Request) -> Response:
        return JSONResponse(snapshot(self.world, self.clock.now()))

    async def modes(self, request: Request) -> Response:
        return JSONResponse(self.world.modes.model_dump(mode="json"))

    async def change_modes(self, request: Request) -> Response:
        changes = await Modes.read(request)
        merged = self.world.modes.model_copy(
            update={name: getattr(changes, name) for name in changes.model_fields_set}
        )
        self.world.change_modes(merged)
        return await self.modes(request)

    async def register(self, request: Request) -> Response:
        wish = await CredentialWish.read(request)
        if unknown := wish.capabilities - CAPABILITIES:
            raise ControlRefused(f"unknown capabilities {sorted(unknown)}")
        self.world.register(wish.credential(), wish.accounts_opened())
        return JSONResponse({"client_id": wish.client_id}, status_code=201)

    async def forget(self, request: Request) -> Response:
        client_id = request.path_params["client_id"]
        if self.world.credentials.pop(client_id, None) is None:
            raise ControlRefused(f"no credential {client_id!r}")
        return JSONResponse({"revoked": self._revoke(client_id)})

    async def revoke(self, request: Request) -> Response:
        wish = await Revocation.read(request)
        return JSONResponse({"revoked": self._revoke(wish.client_id)})

    def _revoke(self, client_id: str | None) -> int:
        count = 0
        for token in self.world.tokens.values():
            if client_id in (None, token.client_id) and not token.revoked:
                token.revoked = True
                count += 1
        return count

    async def block(self, request: Request) -> Response:
        wish = await BlockWish.read(request)
        until = self.world.gateway.now() + wish.span
        self.world.throttle.block(wish.address, until)
        return JSONResponse({"address": wish.address, "until": until.isoformat()})

    async def unblock(self, request: Request) -> Response:
        self.world.throttle.unblock()
        return JSONResponse({})

    async def add_journey(self, request: Request) -> Response:
        self.world.journeys.append(await JourneyRule.read(request))
        return self._reassign()

    async def clear_journeys(self, request: Request) -> Response:
        self.world.journeys.clear()
        return self._reassign()

    def _reassign(self) -> Response:
        for shipment in self.world.shipments:
            journey.assign(shipment, self.world.journeys)
        return JSONResponse({"rules": len(self.world.journeys)})

    async def scan(self, request: Request) -> Response:
        wish = await ScanWish.read(request)
        found = self.world.find(wish.tracking_number)
        if found is None:
            raise ControlRefused(f"no tracking number {wish.tracking_number!r}")
        shipment, piece = found
        delay = shipment.delays.get(piece.sequence, timedelta(0))
        step = Step(
            after=self.clock.now() - shipment.created_at - delay,
            code=wish.code,
            where=wish.where,
            exception=wish.exception,
        )
        shipment.steps = tuple(sorted((*shipment.steps, step), key=lambda step: step.after))
        return JSONResponse({"master": shipment.master})

    async def reuse(self, request: Request) -> Response:
        wish = await Reuse.read(request)
        self.world.reused[wish.tracking_number] = wish.age
        return JSONResponse({"tracking_number": wish.tracking_number})

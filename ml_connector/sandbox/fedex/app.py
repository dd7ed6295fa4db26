"""The FedEx simulator as a Starlette app."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ml_connector.sandbox.clock import Clock
from ml_connector.sandbox.control import ControlRefused, refuse
from ml_connector.sandbox.fedex import (
    address,
    availability,
    cancel,
    labels,
    rate,
    reference,
    ship,
    track,
)
from ml_connector.sandbox.fedex.control import Control
from ml_connector.sandbox.fedex.errors import standard
from ml_connector.sandbox.fedex.gateway import Handler, business, error_body
from ml_connector.sandbox.fedex.oauth import token_endpoint
from ml_connector.sandbox.fedex.values import Json
from ml_connector.sandbox.fedex.world import FedExWorld
from ml_connector.sandbox.injection import FaultMiddleware

_BUSINESS: tuple[tuple[str, str, str, str, Handler], ...] = (
    ("POST", "/ship/v1/shipments", "ship.create", "ship", ship.create),
    ("PUT", "/ship/v1/shipments/cancel", "ship.cancel", "ship", cancel.cancel),
    ("POST", "/ship/v1/shipments/results", "ship.results", "ship", ship.results),
    ("POST", "/ship/v1/shipments/packages/validate", "ship.validate", "ship", ship.validate),
    ("POST", "/track/v1/trackingnumbers", "track.numbers", "track", track.by_number),
    ("POST", "/track/v1/referencenumbers", "track.references", "track", reference.by_reference),
    ("POST", "/track/v1/associatedshipments", "track.associated", "track", track.associated),
    ("POST", "/rate/v1/rates/quotes", "rate.quotes", "rate", rate.quote),
    ("POST", "/address/v1/addresses/resolve", "address.resolve", "address", address.resolve),
    (
        "POST",
        "/availability/v1/transittimes",
        "availability.transittimes",
        "availability",
        availability.transit_times,
    ),
)
"""Method, path, the name it is counted under, the capability it needs, and the handler."""

_OTHER_SHAPE = ("/availability", "/ship/v1/shipments/packages")
"""APIs whose specification has a 404 body of another shape."""

_MEDIA_TYPES = {"PDF": "application/pdf", "PNG": "image/png"}


def create_app(world: FedExWorld, clock: Clock) -> Starlette:
    """FedEx's APIs over a world, with parcels moving on `clock`, and the control routes."""

    async def token(request: Request) -> Response:
        return await token_endpoint(world, request)

    async def label(request: Request) -> Response:
        return _label(world, request.path_params["number"])

    async def not_routed(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        body = _not_routed_body(world, request.url.path, error.status_code)
        return JSONResponse(body, status_code=error.status_code, headers=error.headers)

    routes = [
        Route(path, business(world, clock, name, capability, handler), methods=[method])
        for method, path, name, capability, handler in _BUSINESS
    ]
    return Starlette(
        routes=[
            Route("/oauth/token", token, methods=["POST"]),
            *routes,
            Route("/document/v1/labels/{number}", label, methods=["GET"]),
            *Control(world, clock).routes(),
        ],
        middleware=[Middleware(FaultMiddleware, plan=world.faults)],
        exception_handlers={ControlRefused: refuse, HTTPException: not_routed},
    )


def _label(world: FedExWorld, number: str) -> Response:
    """A label by its URL, which lives 24 hours on the gateway's clock."""
    found = world.find(number)
    if found is None or world.gateway.now() - found[0].known_at >= labels.URL_LIFE:
        return JSONResponse(error_body(world, standard(404)), status_code=404)
    content, kind = labels.render(*found)
    return Response(content, media_type=_MEDIA_TYPES.get(kind, "text/plain"))


def _not_routed_body(world: FedExWorld, path: str, status: int) -> Json:
    refusal = standard(status)
    if status == 404 and path.startswith(_OTHER_SHAPE):
        problem = refusal.problems[0]
        return {"error": problem.code, "error_detail": problem.message}
    return error_body(world, refusal)

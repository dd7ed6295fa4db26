"""The HTTP surface: Visma Connect's token endpoint, the ERP API, and the operator's routes.

    world = VismaWorld(clock)
    app = create_app(world, clock)

Paths are matched whatever their case, as ASP.NET does. Every call goes through `Gateway`:
authentication, rate limit, scope, unknown parameters, background, and then the operation.
"""

import re
from collections.abc import Mapping
from uuid import uuid4

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ml_connector.sandbox.clock import Clock
from ml_connector.sandbox.control import ControlRefused, clock_routes, fault_routes, refuse
from ml_connector.sandbox.injection import FaultMiddleware
from ml_connector.sandbox.visma import (
    auth,
    background,
    control,
    gl_transactions,
    journals,
    ledger_master,
    limits,
    master,
    orders,
    receipts,
    wire,
)
from ml_connector.sandbox.visma.calls import Call, Operation
from ml_connector.sandbox.visma.errors import CallError, Refused, Reply
from ml_connector.sandbox.visma.switches import Switches
from ml_connector.sandbox.visma.world import VismaWorld

OPERATIONS: tuple[Operation, ...] = (
    *background.OPERATIONS,
    *orders.OPERATIONS,
    *receipts.OPERATIONS,
    *journals.OPERATIONS,
    *master.OPERATIONS,
    *ledger_master.OPERATIONS,
    *gl_transactions.OPERATIONS,
)


def create_app(world: VismaWorld, clock: Clock) -> Starlette:
    """The whole simulator over one world, on this clock."""
    world.clock = clock
    gateway = Gateway(world)

    async def token(request: Request) -> Response:
        return await auth.token_endpoint(world, request)

    return Starlette(
        routes=[
            *control.routes(world),
            *clock_routes(clock),
            *fault_routes(world.faults),
            Route(auth.TOKEN_PATH, token, methods=["POST"]),
            *(_AnyCaseRoute(operation, gateway) for operation in OPERATIONS),
        ],
        middleware=[Middleware(FaultMiddleware, plan=world.faults)],
        exception_handlers={ControlRefused: refuse},
    )


class _AnyCaseRoute(Route):
    """A route that does not care about the case of a path."""

    def __init__(self, operation: Operation, gateway: "Gateway") -> None:
        async def endpoint(request: Request) -> Response:
            return await gateway.answer(operation, request)

        super().__init__(operation.path, endpoint, methods=[operation.method])
        self.path_regex = re.compile(self.path_regex.pattern, re.IGNORECASE)


class Gateway:
    """What happens to every API call before and after its operation."""

    def __init__(self, world: VismaWorld) -> None:
        self._world = world

    async def answer(self, operation: Operation, request: Request) -> Response:
        """Execute a call and count it by tenant, operation and status."""
        content = await request.body()
        tenant_id = ""
        headers: dict[str, str] = {}
        try:
            token, company = auth.authenticate(self._world, request.headers)
            tenant_id = company.tenant_id
            headers = limits.spend(self._world, token.client_id, company)
            auth.check_scope(token, operation.method)
            call = Call(
                world=self._world,
                company=company,
                client_id=token.client_id,
                operation=operation,
                path=request.url.path,
                path_params=request.path_params,
                query=dict(request.query_params),
                headers=request.headers,
                content=content,
                base_url=str(request.base_url).rstrip("/"),
            )
            reply = self._execute(call)
        except CallError as error:
            reply = error.reply
        self._world.calls[tenant_id][operation.name][reply.status] += 1
        return respond(reply, self._world.switches, headers)

    def _execute(self, call: Call) -> Reply:
        background.run_due_jobs(self._world)
        journals.run_due_releases(self._world)
        for hook in self._world.before_call:
            hook(call)
        self._check_query(call)
        wish = call.headers.get("erp-api-background")
        if wish is not None and call.operation.background:
            return background.accept(call, wish)
        return call.operation.handle(call)

    def _check_query(self, call: Call) -> None:
        """Visma ignores parameters it does not know; the strict switch refuses them."""
        for name in call.query.keys() - call.operation.query:
            call.world.blame("unknown_parameter", call, name)
            if call.world.switches.strict_query:
                raise Refused(f"The parameter '{name}' is not known.")


def respond(reply: Reply, switches: Switches, headers: Mapping[str, str]) -> Response:
    """A reply as HTTP: no fields without a value, or as the switches have it."""
    all_headers = {"ipp-request-id": str(uuid4()), **headers, **reply.headers}
    if reply.body is None:
        return Response(status_code=reply.status, headers=all_headers)
    body = reply.body if switches.null_fields else wire.without_nulls(reply.body)
    if switches.wrapped_reads and reply.status == 200:
        body = wire.wrapped_scalars(body)
    return Response(
        wire.write_json(body),
        status_code=reply.status,
        headers=all_headers,
        media_type="application/json; charset=utf-8",
    )

"""The operator's routes: to seed companies and orders, to act as other people, to look.

    GET    /sandbox/state[?tenant=ID]
    DELETE /sandbox/counters                                   violations and call counts
    GET|PUT /sandbox/switches                                  any of `switches.Switches`

    POST   /sandbox/companies                                  a standard company
    PATCH  /sandbox/companies/{tenant}                         its settings
    POST   /sandbox/clients                                    {"client_id", "client_secret",
                                                                "tenants": […], "scopes"?: […]}
    POST   /sandbox/tokens/revoke                              {"client_id"?, "tenant_id"?}

    POST   /sandbox/companies/{tenant}/orders                  one order or a list
    POST   /sandbox/companies/{tenant}/orders/{n}/edit         as a person: {"by", "values",
                                                                "when": "now"|"before_next_put"}
    POST   /sandbox/companies/{tenant}/receipts                {"orders": […]} or {"orders":
                                                                {order: {line: quantity}}},
                                                                "release"?, "hold"?, "type"?, "day"?
    POST   /sandbox/companies/{tenant}/receipts/{n}/edit       like an order's
    POST   /sandbox/companies/{tenant}/receipts/{n}/{action}   release, cancel
    POST   /sandbox/companies/{tenant}/journals/{n}/post       Unposted → Posted

    PATCH  /sandbox/companies/{tenant}/master/{table}/{id}     change or add a record
    PUT    /sandbox/companies/{tenant}/periods/{YYYYMM}        {"closed": true}
    POST   /sandbox/companies/{tenant}/rates                   {"from", "to", "rate", "effective"}

The clock (`/sandbox/clock`) and the faults (`/sandbox/faults`) are the sandbox's common ones.
Values of orders and receipts carry the API's own names, without wrappers. Wrong input is 422.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ml_connector.sandbox.control import ControlModel, ControlRefused
from ml_connector.sandbox.visma import background, journals, master_edits, orders, receipts, wire
from ml_connector.sandbox.visma.company import Company, Rate
from ml_connector.sandbox.visma.documents import Order, Receipt
from ml_connector.sandbox.visma.errors import Refused
from ml_connector.sandbox.visma.seed import standard_company
from ml_connector.sandbox.visma.state import snapshot
from ml_connector.sandbox.visma.switches import SWITCH_NAMES, Switches
from ml_connector.sandbox.visma.world import ALL_SCOPES, Client, VismaWorld

Endpoint = Callable[["Desk", Request], Awaitable[object]]
_SWITCHES = TypeAdapter(Switches)


class CompanySettings(ControlModel):
    """What can be said of a company, when it is made or later."""

    name: str | None = None
    customer_tenant_id: str | None = None
    timezone: str | None = None
    licensed: bool | None = None
    manual_batch_numbers: bool | None = None
    manual_order_numbers: bool | None = None
    hold_new_journals: bool | None = None
    auto_post: bool | None = None
    rate_limit: int | None = Field(default=None, ge=0)


class NewCompany(CompanySettings):
    """A standard company with these settings."""

    tenant_id: str
    base_currency: Literal["NOK", "EUR"] = "NOK"
    first_order: int = 500_000
    first_receipt: int = 300_000


class NewClient(ControlModel):
    """A service application; `tenants` have approved it."""

    client_id: str
    client_secret: str
    tenants: list[str]
    scopes: list[str] = sorted(ALL_SCOPES)


class Revocation(ControlModel):
    """Whose tokens end now; without either, everybody's."""

    client_id: str | None = None
    tenant_id: str | None = None


class PersonEdit(ControlModel):
    """What a person changes, now or just before the next PUT arrives."""

    by: str = "person"
    values: dict[str, Any]
    when: Literal["now", "before_next_put"] = "now"


class NewReceipt(ControlModel):
    """Goods that arrived: all that is open of some orders, or quantities by line."""

    orders: list[str] | dict[str, dict[int, Decimal]]
    by: str = "warehouse"
    release: bool = False
    hold: bool = False
    type: Literal["PoReceipt", "PoReturn"] = "PoReceipt"
    day: date | None = None
    number: str | None = None


class PeriodChange(ControlModel):
    """Whether a period takes postings."""

    closed: bool = False
    active: bool = True


class NewRate(ControlModel):
    """What one unit of a currency costs in another from a day on."""

    from_currency: str = Field(alias="from")
    to_currency: str = Field(alias="to")
    rate: Decimal = Field(gt=0)
    effective: date
    multiply: bool = True


def add_standard_company(world: VismaWorld, wish: NewCompany) -> Company:
    """Make a standard company of these settings and take it into the world."""
    company = standard_company(
        tenant_id=wish.tenant_id,
        today=world.clock.now().date(),
        base_currency=wish.base_currency,
        name="Nordic Distribusjon AS" if wish.base_currency == "NOK" else "Hanse Handel GmbH",
        first_order=wish.first_order,
        first_receipt=wish.first_receipt,
    )
    change_settings(company, wish)
    return world.add_company(company)


def change_settings(company: Company, wish: CompanySettings) -> None:
    """Set what the wish names."""
    for name in CompanySettings.model_fields:
        value = getattr(wish, name)
        if value is not None:
            setattr(company, name, value)


class Desk:
    """The operator's side of one world."""

    def __init__(self, world: VismaWorld) -> None:
        self.world = world

    def company(self, request: Request) -> Company:
        tenant_id = request.path_params["tenant"]
        company = self.world.companies.get(tenant_id)
        if company is None:
            raise ControlRefused(f"no company {tenant_id!r}")
        return company

    def order(self, request: Request) -> Order:
        order = self.company(request).orders.get(request.path_params["number"])
        if order is None:
            raise ControlRefused(f"no order {request.path_params['number']!r}")
        return order

    def receipt(self, request: Request) -> Receipt:
        receipt = self.company(request).receipts.get(request.path_params["number"])
        if receipt is None:
            raise ControlRefused(f"no receipt {request.path_params['number']!r}")
        return receipt

    async def state(self, request: Request) -> object:
        background.run_due_jobs(self.world)
        journals.run_due_releases(self.world)
        return snapshot(self.world, request.query_params.get("tenant"))

    async def clear_counters(self, request: Request) -> object:
        self.world.violations.clear()
        self.world.calls.clear()
        return {}

    async def switches(self, request: Request) -> object:
        if request.method == "PUT":
            wish = wire.read_json(await request.body())
            if not isinstance(wish, dict) or not wish.keys() <= SWITCH_NAMES:
                raise ControlRefused(f"there are these switches: {sorted(SWITCH_NAMES)}")
            merged = {**asdict(self.world.switches), **wish}
            self.world.switches = _SWITCHES.validate_python(merged)
        return _SWITCHES.dump_python(self.world.switches, mode="json")

    async def add_company(self, request: Request) -> object:
        company = add_standard_company(self.world, await NewCompany.read(request))
        return {"tenant_id": company.tenant_id, "name": company.name}

    async def change_company(self, request: Request) -> object:
        change_settings(self.company(request), await CompanySettings.read(request))
        return {}

    async def add_client(self, request: Request) -> object:
        wish = await NewClient.read(request)
        self.world.add_client(
            Client(
                id=wish.client_id,
                secret=wish.client_secret,
                tenants=set(wish.tenants),
                scopes=frozenset(wish.scopes),
            )
        )
        return {"client_id": wish.client_id}

    async def revoke(self, request: Request) -> object:
        wish = await Revocation.read(request)
        revoked = 0
        for token in self.world.tokens.values():
            if wish.client_id in (None, token.client_id) and wish.tenant_id in (
                None,
                token.tenant_id,
            ):
                token.revoked = True
                revoked += 1
        return {"revoked": revoked}

    async def add_orders(self, request: Request) -> object:
        company = self.company(request)
        body = wire.read_json(await request.body())
        rows: list[Any] = body if isinstance(body, list) else [body]
        numbers = [orders.create(self.world, company, row, "person").number for row in rows]
        return {"orders": numbers}

    async def edit_order(self, request: Request) -> object:
        company, order = self.company(request), self.order(request)
        edit = await PersonEdit.read(request)
        if edit.when == "before_next_put":
            order.pending_edits.append({**edit.values, "by": edit.by})
        else:
            orders.change(self.world, company, order, edit.values, edit.by)
        return {"version": order.version, "status": order.status}

    async def add_receipt(self, request: Request) -> object:
        company = self.company(request)
        wish = await NewReceipt.read(request)
        wanted = dict.fromkeys(wish.orders, None) if isinstance(wish.orders, list) else wish.orders
        receipt = receipts.book(
            self.world,
            company,
            wanted,
            by=wish.by,
            receipt_type=wish.type,
            hold=wish.hold,
            day=wish.day,
            number=wish.number,
        )
        if wish.release:
            receipts.release(self.world, company, receipt, wish.by)
        return {"receipt": receipt.number, "status": receipt.status}

    async def edit_receipt(self, request: Request) -> object:
        receipt = self.receipt(request)
        edit = await PersonEdit.read(request)
        if edit.when == "before_next_put":
            receipt.pending_edits.append({**edit.values, "by": edit.by})
        else:
            receipts.change(self.world, receipt, edit.values, edit.by)
        return {"version": receipt.version, "status": receipt.status}

    async def act_on_receipt(self, request: Request) -> object:
        company, receipt = self.company(request), self.receipt(request)
        act = {"release": receipts.release, "cancel": receipts.cancel}.get(
            request.path_params["action"]
        )
        if act is None:
            raise ControlRefused("a receipt can be released or cancelled")
        act(self.world, company, receipt, "warehouse")
        return {"receipt": receipt.number, "status": receipt.status}

    async def post_journal(self, request: Request) -> object:
        journal = self.company(request).journals.get(request.path_params["number"])
        if journal is None:
            raise ControlRefused(f"no journal {request.path_params['number']!r}")
        journals.post(self.world, journal, "accountant")
        return {"status": journal.status}

    async def change_master(self, request: Request) -> object:
        company = self.company(request)
        patch = wire.read_json(await request.body())
        if not isinstance(patch, dict):
            raise ControlRefused("a record's fields are an object")
        table, key = request.path_params["table"], request.path_params["key"]
        return master_edits.change(self.world, company, table, key, patch)

    async def change_period(self, request: Request) -> object:
        company = self.company(request)
        period = company.periods.get(request.path_params["period"])
        if period is None:
            raise ControlRefused(f"no period {request.path_params['period']!r}")
        wish = await PeriodChange.read(request)
        company.periods[period.id] = replace(period, closed=wish.closed, active=wish.active)
        return {"period": period.id, "closed": wish.closed, "active": wish.active}

    async def add_rate(self, request: Request) -> object:
        company = self.company(request)
        wish = await NewRate.read(request)
        rate = Rate(internal_id=len(company.rates) + 1, **wish.model_dump())
        self.world.stamp(rate)
        company.rates.append(rate)
        return {"id": rate.internal_id}


def routes(world: VismaWorld) -> list[Route]:
    """All of Visma's own control routes."""
    desk = Desk(world)
    company = "/sandbox/companies/{tenant}"
    table: tuple[tuple[str, str, Endpoint], ...] = (
        ("GET", "/sandbox/state", Desk.state),
        ("DELETE", "/sandbox/counters", Desk.clear_counters),
        ("GET", "/sandbox/switches", Desk.switches),
        ("PUT", "/sandbox/switches", Desk.switches),
        ("POST", "/sandbox/companies", Desk.add_company),
        ("PATCH", company, Desk.change_company),
        ("POST", "/sandbox/clients", Desk.add_client),
        ("POST", "/sandbox/tokens/revoke", Desk.revoke),
        ("POST", f"{company}/orders", Desk.add_orders),
        ("POST", f"{company}/orders/{{number}}/edit", Desk.edit_order),
        ("POST", f"{company}/receipts", Desk.add_receipt),
        ("POST", f"{company}/receipts/{{number}}/edit", Desk.edit_receipt),
        ("POST", f"{company}/receipts/{{number}}/{{action}}", Desk.act_on_receipt),
        ("POST", f"{company}/journals/{{number}}/post", Desk.post_journal),
        ("PATCH", f"{company}/master/{{table}}/{{key:path}}", Desk.change_master),
        ("PUT", f"{company}/periods/{{period}}", Desk.change_period),
        ("POST", f"{company}/rates", Desk.add_rate),
    )
    return [
        Route(path, _endpoint(desk, handle), methods=[method]) for method, path, handle in table
    ]


def _endpoint(desk: Desk, handle: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return JSONResponse(await handle(desk, request))
        except (Refused, ValidationError, KeyError, TypeError, ValueError) as error:
            raise ControlRefused(str(error)) from error

    return endpoint

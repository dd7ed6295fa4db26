"""The client against the simulator over HTTP, which blames a careless caller.

Unknown parameters, unpaged lists, unquoted or missing versions: the simulator records each as a
violation, and none may be left at the end.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from ml_connector.domain.measures import WeightUnit
from ml_connector.http.transport import Effect, Transport
from ml_connector.sandbox.clock import Clock
from ml_connector.sandbox.server import Listener
from ml_connector.sandbox.visma import orders, receipts
from ml_connector.sandbox.visma.app import create_app
from ml_connector.sandbox.visma.company import Company
from ml_connector.sandbox.visma.seed import standard_company
from ml_connector.sandbox.visma.switches import MomentShape, ReleaseMode
from ml_connector.sandbox.visma.world import Client, VismaWorld
from ml_connector.visma.client import VismaClient
from ml_connector.visma.cursor import Cursor, advance, fresh, query_from
from ml_connector.visma.errors import (
    VismaCredentials,
    VismaNotFound,
    VismaRejected,
    VismaStale,
    VismaThrottled,
)
from ml_connector.visma.tokens import VismaCredential, VismaTokens
from tests.contract.visma.samples import journal

TENANT = "af1140c1-52e0-46c7-b684-df894d4b8a5a"
CUSTOMER = "0c3c2ab2-6f36-45cc-a5a1-3bcb43b6b1dd"
START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
OVERLAP = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Site:
    """A simulated company and the transport that reaches it."""

    world: VismaWorld
    company: Company
    clock: Clock
    transport: Transport

    def order(self, **values: Any) -> str:
        """A purchase order entered by a person."""
        lines = [{"inventory": "PUMP-200", "orderQty": 2, "unitCost": 100}]
        wish = {"supplier": "SUP-DE", "shipVia": "FEDEX", "lines": lines, **values}
        return orders.create(self.world, self.company, wish, "person").number

    def edit(self, number: str, **values: Any) -> None:
        order = self.company.orders[number]
        orders.change(self.world, self.company, order, values, "person")

    def client(self, tenant: str = TENANT, client_id: str = "connector") -> VismaClient:
        credential = VismaCredential(client_id=client_id, client_secret="secret", tenant_id=tenant)
        return VismaClient(self.transport, tokens=VismaTokens(self.transport, credential))


@pytest.fixture
async def site(pool: httpx.AsyncClient) -> AsyncIterator[Site]:
    clock = Clock(speed=0, start=START)
    world = VismaWorld(clock)
    world.switches.strict_query = True
    world.switches.strict_dates = True
    company = standard_company(
        tenant_id=TENANT, customer_tenant_id=CUSTOMER, today=date(2026, 11, 22)
    )
    company.manual_batch_numbers = True
    world.add_company(company)
    world.add_client(Client(id="connector", secret="secret", tenants={TENANT}))
    world.add_client(Client(id="stranger", secret="secret"))
    async with Listener(create_app(world, clock)) as listener:
        transport = Transport("visma", listener.url, client=pool)
        yield Site(world=world, company=company, clock=clock, transport=transport)
    assert world.violations == []


@pytest.fixture
def erp(site: Site) -> VismaClient:
    return site.client()


class TestOrders:
    async def test_what_a_person_entered_is_read(self, site: Site, erp: VismaClient) -> None:
        number = site.order(location="LEIPZIG")
        order = await erp.get_order(number)
        assert (order.status, order.ship_via, order.supplier) == ("Open", "FEDEX", "SUP-DE")
        assert [line.base_quantity for line in order.lines] == [Decimal(2)]
        location = await erp.supplier_location(order.supplier, order.supplier_location or "")
        assert location.id == "LEIPZIG"
        assert location.party is not None
        assert location.party.address.city == "Leipzig"

    @pytest.mark.parametrize("switch", ["wrapped_reads", "null_fields"])
    async def test_other_manners_of_writing_read_the_same(
        self, site: Site, erp: VismaClient, switch: str
    ) -> None:
        number = site.order()
        plain = await erp.get_order(number)
        setattr(site.world.switches, switch, True)
        assert await erp.get_order(number) == plain
        [[listed]] = [page async for page in erp.orders()]
        assert listed == plain

    async def test_our_fields_and_nothing_else(self, site: Site, erp: VismaClient) -> None:
        number = site.order()
        read = await erp.get_order(number)
        fields = {"customStr1": "794600000000", "customDec1": Decimal("12.5")}
        version = await erp.update_order_fields(number, fields, version=read.version)
        after = await erp.get_order(number)
        assert version == after.version != read.version
        assert after.custom == fields
        assert replace(
            after, custom={}, version=read.version, last_modified=read.last_modified
        ) == replace(read, custom={})

    async def test_a_field_is_cleared(self, site: Site, erp: VismaClient) -> None:
        number = site.order()
        version = (await erp.get_order(number)).version
        for fields in ({"customStr1": "x", "customDec1": 1}, {"customStr1": None}):
            version = await erp.update_order_fields(number, fields, version=version)
        version = await erp.update_order_fields(number, {"customDec1": None}, version=version)
        assert (await erp.get_order(number)).custom == {}

    async def test_a_persons_edit_survives(self, site: Site, erp: VismaClient) -> None:
        number = site.order()
        read = await erp.get_order(number)
        site.edit(number, supplierRef="by a person", customStr1="by a person")
        with pytest.raises(VismaStale):
            await erp.update_order_fields(number, {"customStr1": "ours"}, version=read.version)
        assert (await erp.get_order(number)).custom == {"customStr1": "by a person"}

    async def test_an_unknown_order(self, erp: VismaClient) -> None:
        with pytest.raises(VismaNotFound):
            await erp.get_order("1")


class TestDiscovery:
    async def test_capped_pages_are_all_read_in_the_floor_of_calls(
        self, site: Site, erp: VismaClient
    ) -> None:
        site.world.switches.max_page_sizes["purchaseorder"] = 7
        numbers = [site.order() for _ in range(22)]
        read = [row.number async for page in erp.orders(status="Open") for row in page]
        assert read == numbers
        assert site.world.calls[TENANT]["GET /v1/purchaseorder"][200] == 4

    @pytest.mark.parametrize("shape", list(MomentShape))
    @pytest.mark.parametrize("inclusive", [False, True])
    async def test_across_the_repeated_hour_every_version_comes_once(
        self, site: Site, erp: VismaClient, shape: MomentShape, inclusive: bool
    ) -> None:
        site.world.switches.moment_shape = shape
        site.world.switches.gt_inclusive = inclusive
        zone = ZoneInfo(site.company.timezone)
        site.clock.set(datetime(2026, 10, 24, 22, 30, tzinfo=UTC))
        cursor, handed_on = Cursor(), []
        numbers = [site.order() for _ in range(4)]
        for step in range(40):
            site.clock.advance(timedelta(minutes=7))
            for number in numbers[step % 3 :: 2]:
                site.edit(number, description=f"edit {step}")
            since = query_from(cursor, OVERLAP, zone)
            rows = [row async for page in erp.orders(modified_since=since) for row in page]
            handed_on += [(row.number, row.version) for row in fresh(cursor, rows)]
            cursor = advance(cursor, rows, overlap=OVERLAP, zone=zone)
        edits = sum(len(site.company.orders[number].edits) for number in numbers)
        assert len(handed_on) == len(set(handed_on))
        current = {(row.number, row.version) async for page in erp.orders() for row in page}
        assert current <= set(handed_on)
        assert len(handed_on) > edits / 2


class TestReceipts:
    async def test_a_receipt_of_two_orders(self, site: Site, erp: VismaClient) -> None:
        first, second = site.order(), site.order()
        booked = receipts.book(
            site.world, site.company, {first: None, second: None}, by="warehouse"
        )
        site.order()
        [[found]] = [page async for page in erp.receipts(po_order=first)]
        assert found.orders == (first, second)
        assert found == await erp.get_receipt(booked.number)
        version = await erp.update_receipt_fields(
            found.number, {"customStr1": "7946"}, version=found.version
        )
        after = await erp.get_receipt(found.number)
        assert (after.version, after.custom) == (version, {"customStr1": "7946"})
        order = await erp.get_order(first)
        assert [link.number for link in order.receipts] == [booked.number]

    async def test_without_an_etag_header_the_body_tells_the_version(
        self, site: Site, erp: VismaClient
    ) -> None:
        booked = receipts.book(site.world, site.company, {site.order(): None}, by="warehouse")
        site.world.switches.receipt_etag_header = False
        found = await erp.get_receipt(booked.number)
        await erp.update_receipt_fields(found.number, {"customStr1": "x"}, version=found.version)

    async def test_a_locked_receipt_refuses(self, site: Site, erp: VismaClient) -> None:
        site.world.switches.released_receipts_locked = True
        booked = receipts.book(site.world, site.company, {site.order(): None}, by="warehouse")
        receipts.release(site.world, site.company, booked, "warehouse")
        found = await erp.get_receipt(booked.number)
        assert found.status == "Released"
        with pytest.raises(VismaRejected):
            await erp.update_receipt_fields("300000", {"customStr1": "x"}, version=found.version)


def sendable(**changes: Any) -> Any:
    """A journal that the simulated company accepts."""
    sent = journal(**changes)
    debit, other, credit = sent.lines
    plain = replace(other.dimensions, subaccount=((1, "000"), (2, "00")), project="X")
    placed = replace(plain, subaccount=((1, "100"), (2, "10")), project="P100", task="10")
    return replace(
        sent,
        lines=(
            replace(debit, dimensions=placed),
            replace(other, dimensions=plain),
            replace(credit, dimensions=plain),
        ),
    )


class TestJournals:
    @pytest.mark.parametrize("own_number", [True, False])
    @pytest.mark.parametrize("other_host", [True, False])
    async def test_from_creation_to_release(
        self, site: Site, erp: VismaClient, own_number: bool, other_host: bool
    ) -> None:
        site.world.switches.other_location_host = other_host
        made = await erp.create_journal(sendable(), override_number=own_number)
        batch = made.batch
        assert (batch == "ML0001") is own_number
        read = await erp.get_journal(batch)
        assert made.version == read.version
        assert (read.status, read.debit_total) == ("Balanced", Decimal("1250.65"))
        assert [line.dimensions.project for line in read.lines] == ["P100", "X", "X"]
        outcome = await erp.release_journal(batch, version=read.version)
        assert outcome.done
        assert (await erp.get_journal(batch)).released

    async def test_it_is_found_over_split_pages(self, site: Site, erp: VismaClient) -> None:
        site.world.switches.max_page_sizes["journaltransaction"] = 2
        others = [
            (
                await erp.create_journal(sendable(reference=f"F-{number}"), override_number=False)
            ).batch
            for number in range(5)
        ]
        for search in ({"since": date(2026, 11, 21)}, {"period": "202611"}):
            [found] = await erp.find_journals("F-3", **search)
            assert (found.batch, len(found.lines)) == (others[3], 3)
            assert found == await erp.get_journal(others[3])
            assert await erp.find_journals("F-", **search) == ()

    @pytest.mark.parametrize("mode", [ReleaseMode.QUEUED, ReleaseMode.ACCEPTED])
    async def test_a_queued_release_shows_in_the_document(
        self, site: Site, erp: VismaClient, mode: ReleaseMode
    ) -> None:
        site.world.switches.release_mode = mode
        made = await erp.create_journal(sendable(), override_number=False)
        batch, version = made.batch, made.version
        assert not (await erp.release_journal(batch, version=version)).done
        site.clock.advance(timedelta(seconds=1))
        assert (await erp.get_journal(batch)).released

    async def test_a_second_release_with_the_old_version_is_stale(
        self, site: Site, erp: VismaClient
    ) -> None:
        made = await erp.create_journal(sendable(), override_number=False)
        batch, version = made.batch, made.version
        await erp.release_journal(batch, version=version)
        with pytest.raises(VismaStale):
            await erp.release_journal(batch, version=version)

    async def test_what_accounting_refuses_is_quoted(self, site: Site, erp: VismaClient) -> None:
        lines = sendable().lines
        closed = (replace(lines[0], account="7199"), *lines[1:])
        with pytest.raises(VismaRejected) as caught:
            await erp.create_journal(sendable(lines=closed), override_number=False)
        assert "7199" in caught.value.quote

    async def test_an_own_number_exists_once(self, erp: VismaClient) -> None:
        await erp.create_journal(sendable(), override_number=True)
        with pytest.raises(VismaRejected):
            await erp.create_journal(sendable(), override_number=True)

    async def test_a_foreign_currency_at_vismas_rate(self, site: Site, erp: VismaClient) -> None:
        rate = await erp.rate("SEK", "NOK", date(2026, 11, 20))
        made = await erp.create_journal(
            sendable(currency="SEK", exchange_rate=rate), override_number=False
        )
        read = await erp.get_journal(made.batch)
        assert (read.currency, read.exchange_rate) == ("SEK", rate)


class TestBackground:
    @pytest.mark.parametrize(
        ("body", "version", "error"),
        [
            ({"customStr1": {"value": "x"}}, None, None),
            ({"customStr1": "not wrapped"}, None, VismaRejected),
            ({"customStr1": {"value": "x"}}, "AAAAAAAAAAE=", VismaStale),
        ],
    )
    async def test_a_job_ends_as_its_call_would_have(
        self,
        site: Site,
        erp: VismaClient,
        body: Any,
        version: str | None,
        error: type[Exception] | None,
    ) -> None:
        number = site.order()
        current = (await erp.get_order(number)).version
        token = await erp._calls.tokens.token()
        reply = await site.transport.send(
            "PUT",
            f"/v1/purchaseorder/{number}",
            effect=Effect.WRITE,
            headers={
                "Authorization": f"Bearer {token}",
                "If-Match": f'"{version or current}"',
                "erp-api-background": "none",
            },
            json=body,
        )
        assert reply.status == 202
        job = reply.json()["id"]  # type: ignore[index]
        assert not (await erp.background(job)).done
        if error is None:
            assert (await erp.background(job)).status == 204
            return
        with pytest.raises(error):
            await erp.background(job)


class TestMasterData:
    async def test_everything_is_there(self, erp: VismaClient) -> None:
        supplier = await erp.supplier("SUP-DE")
        assert supplier.party is not None
        assert supplier.party.address.country == "DE"
        branch = await erp.branch("1")
        assert branch.delivery is not None
        assert branch.currency == "NOK"
        warehouse = await erp.warehouse("1")
        assert warehouse.party is not None
        assert warehouse.party.address.city == "Oslo"
        items = await erp.items(["PUMP-200", "MYSTERY-1", "NONE"])
        assert set(items) == {"PUMP-200", "MYSTERY-1"}
        assert items["PUMP-200"].weight is not None
        assert items["PUMP-200"].weight.unit is WeightUnit.KG
        assert items["MYSTERY-1"].weight is None
        assert items["PUMP-200"].commodity_code == "84137051"
        assert "FEDEX" in {each.id for each in await erp.carriers()}
        assert all(box.size for box in await erp.packaging_types())

    async def test_the_books(self, erp: VismaClient) -> None:
        assert not (await erp.account("7199")).active
        assert len(await erp.accounts()) > 5
        assert not (await erp.account("1460")).allow_manual_entry
        assert [segment.length for segment in await erp.dimension()] == [3, 2]
        assert ((1, "100"), (2, "10")) in {each.segments for each in await erp.subaccounts()}
        assert [ledger.number for ledger in await erp.ledgers()] == ["1"]
        assert [each.id for each in await erp.currencies() if each.base] == ["NOK"]
        assert [each.name for each in await erp.organizations()] == ["Nordic Distribusjon AS"]
        tasks = {task.id: task.visible_in_gl for task in await erp.project_tasks("P100")}
        assert tasks == {"10": True, "20": True, "30": False, "90": True}

    @pytest.mark.parametrize("spelling", ["YYYYMM", "MM-YYYY"])
    async def test_periods(self, site: Site, erp: VismaClient, spelling: str) -> None:
        site.world.switches.period_format = spelling
        periods = {period.id: period for period in await erp.financial_periods()}
        assert periods["202611"].last_day == date(2026, 11, 30)
        assert periods["202611"].open
        assert not periods["202601"].open

    async def test_an_old_rate_counts(self, erp: VismaClient) -> None:
        assert await erp.rate("EUR", "NOK", date(2026, 10, 30)) == Decimal("11.725")


class TestRefusals:
    async def test_the_customer_tenant_id(self, site: Site) -> None:
        with pytest.raises(VismaCredentials, match="Company tenant id"):
            await site.client(tenant=CUSTOMER).get_order("1")

    async def test_an_application_that_is_not_approved(self, site: Site) -> None:
        with pytest.raises(VismaCredentials, match="App Store"):
            await site.client(client_id="stranger").get_order("1")

    async def test_a_company_without_a_licence(self, site: Site, erp: VismaClient) -> None:
        site.company.licensed = False
        with pytest.raises(VismaCredentials, match="12027"):
            await erp.get_order("1")

    async def test_a_revoked_token_is_replaced(self, site: Site, erp: VismaClient) -> None:
        number = site.order()
        await erp.get_order(number)
        for token in site.world.tokens.values():
            token.revoked = True
        assert (await erp.get_order(number)).number == number

    async def test_the_hour_is_used_up(self, site: Site, erp: VismaClient) -> None:
        number = site.order()
        site.world.switches.rate_limit = 1
        await erp.get_order(number)
        assert erp.last_limits.remaining == 0
        with pytest.raises(VismaThrottled) as caught:
            await erp.get_order(number)
        assert timedelta() < caught.value.retry_after <= timedelta(hours=1)

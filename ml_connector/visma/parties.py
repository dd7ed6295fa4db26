"""Who and where: suppliers, their locations, warehouses, branches, the company itself."""

from contextlib import aclosing

from ml_connector.visma.calls import Resource
from ml_connector.visma.conversion import code_of, party
from ml_connector.visma.documents import AddressDto, Coded, ContactDto
from ml_connector.visma.errors import VismaNotFound
from ml_connector.visma.paging import Listing, read_pages
from ml_connector.visma.records import (
    Branch,
    Organization,
    Supplier,
    SupplierLocation,
    Warehouse,
)
from ml_connector.visma.wire import (
    Flag,
    Row,
    Text,
    WireModel,
    parse,
    segment,
)

_BRANCH_PARTS: dict[str, str | int] = {
    f"expand{part}": "true"
    for part in ("Address", "Contact", "DeliveryAddress", "DeliveryContact", "Currency", "Ledger")
}
"""Without its flag a part is missing, not empty."""


class _SupplierDto(WireModel):
    number: Text = ""
    name: Text = ""
    status: Text = ""
    main_address: AddressDto | None = None
    main_contact: ContactDto | None = None
    location: Coded | None = None
    currency_id: Text = ""


class _LocationDto(WireModel):
    location_id: Text = ""
    location_name: Text = ""
    active: Flag = None
    address: AddressDto | None = None
    contact: ContactDto | None = None
    baccount: Coded | None = None


class _WarehouseDto(WireModel):
    warehouse_id: Text = ""
    description: Text = ""
    active: Flag = None
    branch: Coded | None = None
    address: AddressDto | None = None
    contact: ContactDto | None = None


class _CurrencyRef(WireModel):
    id: Text = ""
    code: Text = ""


class _BranchDto(WireModel):
    number: Text = ""
    name: Text = ""
    is_active: Flag = None
    main_address: AddressDto | None = None
    main_contact: ContactDto | None = None
    delivery_address: AddressDto | None = None
    delivery_contact: ContactDto | None = None
    currency: _CurrencyRef | None = None
    ledger: Coded | None = None


class _OrganizationDto(WireModel):
    organization_cd: Text = ""
    name: Text = ""
    base_currency: Text = ""


class Parties(Resource):
    """Master data with addresses. `active` is true where Visma says nothing."""

    async def supplier(self, number: str) -> Supplier:
        """A supplier with its main address. Raises `VismaNotFound`."""
        what = f"read supplier {number}"
        row = await self._calls.read_object(f"/v1/supplier/{segment(number)}", what)
        supplier = parse(_SupplierDto, row, what)
        return Supplier(
            number=supplier.number or number,
            name=supplier.name,
            status=supplier.status,
            party=party(supplier.main_address, supplier.main_contact, supplier.name),
            default_location=code_of(supplier.location),
            currency=supplier.currency_id,
        )

    async def supplier_location(self, supplier: str, location: str) -> SupplierLocation:
        """One of a supplier's locations, by id or by name as orders name it.

        Raises `VismaNotFound` when none or several are called so.
        """
        listed = await self.supplier_locations(supplier)
        wanted = location.strip().casefold()
        by_id = [each for each in listed if each.id.casefold() == wanted]
        by_name = [each for each in listed if each.name.casefold() == wanted]
        for matches in (by_id, by_name):
            if len(matches) == 1:
                return matches[0]
        raise VismaNotFound(
            f"Supplier {supplier} has no single location called '{location}'.",
            remedy="Give the supplier's locations in Visma names that differ.",
        )

    async def supplier_locations(self, supplier: str) -> tuple[SupplierLocation, ...]:
        """All of a supplier's locations."""
        what = f"list locations of supplier {supplier}"
        listing = Listing(
            path=f"/v1/supplierlocation/{segment(supplier)}", what=what, keys=_location_keys
        )
        found: dict[str, SupplierLocation] = {}
        async with aclosing(read_pages(self._calls, listing)) as pages:
            async for rows in pages:
                for row in rows:
                    location = _location(parse(_LocationDto, row, what))
                    found[location.id] = location
        return tuple(found.values())

    async def warehouse(self, code: str) -> Warehouse:
        """A warehouse with its address. Raises `VismaNotFound`."""
        what = f"read warehouse {code}"
        row = await self._calls.read_object(f"/v1/warehouse/{segment(code)}", what)
        # The key is spelled warehouseID, unlike every other.
        warehouse = parse(_WarehouseDto, {**row, "warehouseId": row.get("warehouseID")}, what)
        return Warehouse(
            id=warehouse.warehouse_id or code,
            description=warehouse.description,
            active=warehouse.active is not False,
            branch=code_of(warehouse.branch),
            party=party(warehouse.address, warehouse.contact, warehouse.description),
        )

    async def branch(self, number: str) -> Branch:
        """A branch with its addresses. Raises `VismaNotFound`."""
        what = f"read branch {number}"
        row = await self._calls.read_object(
            f"/v1/branch/{segment(number)}", what, params=_BRANCH_PARTS
        )
        branch = parse(_BranchDto, row, what)
        currency = branch.currency
        return Branch(
            number=branch.number or number,
            name=branch.name,
            active=branch.is_active is not False,
            main=party(branch.main_address, branch.main_contact, branch.name),
            delivery=party(branch.delivery_address, branch.delivery_contact, branch.name),
            currency=(currency.id or currency.code) if currency else "",
            ledger=code_of(branch.ledger),
        )

    async def branches(self) -> tuple[str, ...]:
        """The numbers of all active branches."""
        what = "list branches"
        rows = await self._calls.read_rows("/v1/branch", what)
        branches = [parse(_BranchDto, row, what) for row in rows]
        return tuple(each.number for each in branches if each.is_active is not False)

    async def organizations(self) -> tuple[Organization, ...]:
        """The company that the token opens, and its siblings where it has any."""
        what = "read the company"
        rows = await self._calls.read_rows("/v1/organization", what)
        read = [parse(_OrganizationDto, row, what) for row in rows]
        return tuple(
            Organization(
                code=each.organization_cd, name=each.name, base_currency=each.base_currency
            )
            for each in read
        )


def _location(location: _LocationDto) -> SupplierLocation:
    company = location.baccount.name if location.baccount else location.location_name
    return SupplierLocation(
        id=location.location_id,
        name=location.location_name,
        active=location.active is not False,
        party=party(location.address, location.contact, company),
    )


def _location_keys(row: Row) -> list[str]:
    return [str(row.get("locationId"))]

"""Master data changed by hand: what somebody repairs, closes or spoils while the run goes on."""

from collections.abc import Callable, MutableMapping
from dataclasses import asdict, fields
from typing import Any

from pydantic import TypeAdapter

from ml_connector.sandbox.visma.company import (
    Account,
    Branch,
    Carrier,
    Company,
    Item,
    PackagingType,
    Project,
    Segment,
    Supplier,
    SupplierLocation,
    Task,
    Warehouse,
)
from ml_connector.sandbox.visma.errors import NotFound, Refused
from ml_connector.sandbox.visma.world import VismaWorld

_TABLES: dict[str, tuple[type[Any], Callable[[Company], MutableMapping[Any, Any]]]] = {
    "accounts": (Account, lambda c: c.accounts),
    "branches": (Branch, lambda c: c.branches),
    "carriers": (Carrier, lambda c: c.carriers),
    "items": (Item, lambda c: c.items),
    "packaging_types": (PackagingType, lambda c: c.packaging_types),
    "projects": (Project, lambda c: c.projects),
    "suppliers": (Supplier, lambda c: c.suppliers),
    "warehouses": (Warehouse, lambda c: c.warehouses),
}


def change(
    world: VismaWorld, company: Company, table: str, key: str, patch: dict[str, Any]
) -> dict[str, Any]:
    """Change the fields that the patch names, or add a record; nested objects are merged.

    Names are those of the dataclasses in `company.py`. Tables are those above, `segments` (by
    number), `tasks` (`PROJECT/TASK`) and `supplier_locations` (`SUPPLIER/LOCATION`). Returns
    the record. Raises Refused, or pydantic's ValidationError for a value of the wrong type.
    """
    kind, rows, row_key, implied = _place(company, table, key)
    unknown = patch.keys() - {item.name for item in fields(kind)}
    if unknown:
        raise Refused(f"{table} have no {', '.join(sorted(unknown))}")
    current = rows.get(row_key)
    before = asdict(current) if current is not None else implied
    adapter = TypeAdapter(kind)
    merged = adapter.validate_python(_merged(before, patch))
    if current is None:
        rows[row_key] = merged
        current = merged
    else:
        vars(current).update(vars(merged))
    world.stamp(current)
    result: dict[str, Any] = adapter.dump_python(current, mode="json")
    return result


def _place(
    company: Company, table: str, key: str
) -> tuple[type[Any], MutableMapping[Any, Any], Any, dict[str, Any]]:
    """The record's type, its table, its key there, and what a new one has from its place."""
    if table in _TABLES:
        kind, rows_of = _TABLES[table]
        return kind, rows_of(company), key, {"id": key}
    if table == "segments" and key.isdecimal():
        return Segment, company.segments, int(key), {"id": int(key)}
    owner, _, part = key.partition("/")
    if table == "tasks" and owner in company.projects:
        return Task, company.projects[owner].tasks, part, {"id": part, "project": owner}
    if table == "supplier_locations" and owner in company.suppliers:
        locations = company.suppliers[owner].locations
        return SupplierLocation, locations, part, {"id": part, "supplier": owner}
    raise NotFound(table, key)


def _merged(before: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    result = dict(before)
    for name, value in patch.items():
        current = result.get(name)
        if isinstance(current, dict) and isinstance(value, dict):
            result[name] = _merged(current, value)
        else:
            result[name] = value
    return result

"""A snapshot of the world for whoever checks what a run has done.

Amounts are strings, exact; instants are UTC. Names are those of the dataclasses in
`documents.py`; each document's `edits` say who changed what, when, from and to which value.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from ml_connector.sandbox.visma.company import Company, Period
from ml_connector.sandbox.visma.documents import Journal, Order, Receipt
from ml_connector.sandbox.visma.world import Violation, VismaWorld

_ORDERS = TypeAdapter(dict[str, Order])
_RECEIPTS = TypeAdapter(dict[str, Receipt])
_JOURNALS = TypeAdapter(dict[str, Journal])
_PERIODS = TypeAdapter(dict[str, Period])
_VIOLATIONS = TypeAdapter(list[Violation])


def snapshot(world: VismaWorld, tenant_id: str | None = None) -> dict[str, Any]:
    """The whole world, or one company of it."""
    companies = {
        key: company
        for key, company in world.companies.items()
        if tenant_id is None or key == tenant_id
    }
    violations = [row for row in world.violations if tenant_id in (None, row.tenant_id)]
    return {
        "now": world.clock.now().isoformat(),
        "companies": {key: _company(company) for key, company in companies.items()},
        "violations": _VIOLATIONS.dump_python(violations, mode="json"),
        "calls": _calls(world, tenant_id),
        "tokens_issued": dict(world.tokens_issued),
        "background_jobs": {
            job.id: {"status_code": job.status_code, "done": job.done, "call": job.call.name}
            for job in world.jobs.values()
            if tenant_id in (None, job.tenant_id)
        },
    }


def _company(company: Company) -> dict[str, Any]:
    return {
        "name": company.name,
        "base_currency": company.base_currency,
        "orders": _ORDERS.dump_python(company.orders, mode="json"),
        "receipts": _RECEIPTS.dump_python(company.receipts, mode="json"),
        "journals": _JOURNALS.dump_python(company.journals, mode="json"),
        "periods": _PERIODS.dump_python(company.periods, mode="json"),
    }


def _calls(
    world: VismaWorld, tenant_id: str | None
) -> Mapping[str, Mapping[str, Mapping[str, int]]]:
    """Tenant, then operation, then status, then how often."""
    return {
        tenant: {
            operation: {str(status): count for status, count in sorted(statuses.items())}
            for operation, statuses in sorted(operations.items())
        }
        for tenant, operations in world.calls.items()
        if tenant_id in (None, tenant)
    }

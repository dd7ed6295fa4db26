"""Names that Temporal sees: workflow ids, schedule ids, task queues.

Ids are business identities, so that starting the same thing twice finds the first one.
Nothing here does I/O; workflows may import it.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class TaskQueue(StrEnum):
    """Task queues, one for each resource that has its own limits.

    Workflows and everything that only needs our database run on `MAIN`; a stalled vendor
    fills the slots of its own queue and of no other.
    """

    MAIN = "ml-connector"
    FEDEX = "ml-connector-fedex"
    VISMA = "ml-connector-visma"
    TOKEN = "ml-connector-token"  # noqa: S105 - a queue's name
    MAIL = "ml-connector-mail"


class ScheduleKind(StrEnum):
    """What a tenant's schedule starts. The value is the id's first part."""

    DISCOVERY = "discovery"
    TRACKING = "tracking"
    CUTOFF = "cutoff"


WORKFLOW_OF_SCHEDULE = {
    ScheduleKind.DISCOVERY: "DiscoveryWorkflow",
    ScheduleKind.TRACKING: "TrackingSweepWorkflow",
    ScheduleKind.CUTOFF: "PeriodCutoffWorkflow",
}
"""The workflow each schedule starts, by its registered name."""


_TOKEN_WORKFLOW = "fedex-token/"  # noqa: S105 - an id's first part
_SCHEDULED_AT = re.compile(r"-\d{4}-\d{2}-\d{2}T[\d:.]+Z$")


def _part(name: str, value: str) -> str:
    if not value or "/" in value or value != value.strip():
        raise ValueError(f"{name} {value!r} cannot be part of an id: empty, spaced or with a slash")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderWorkflowId:
    """`po/{tenant}/{order}`: the one workflow of a purchase order."""

    tenant: str
    order: str

    def __post_init__(self) -> None:
        _part("tenant", self.tenant)
        _part("order number", self.order)

    def __str__(self) -> str:
        return f"po/{self.tenant}/{self.order}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an id back. Raises ValueError when it names no purchase order."""
        match text.split("/"):
            case ["po", tenant, order]:
                return cls(tenant=tenant, order=order)
        raise ValueError(f"{text!r} is not the workflow id of a purchase order")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleId:
    """`{kind}/{tenant}`: one of a tenant's schedules."""

    kind: ScheduleKind
    tenant: str

    def __post_init__(self) -> None:
        _part("tenant", self.tenant)

    def __str__(self) -> str:
        return f"{self.kind}/{self.tenant}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an id back. Raises ValueError when it names none of our schedules."""
        kind, _, tenant = text.partition("/")
        try:
            return cls(kind=ScheduleKind(kind), tenant=tenant)
        except ValueError as error:
            raise ValueError(f"{text!r} is not the id of a schedule of ours") from error


def order_workflow_id(tenant: str, order: str) -> str:
    """The workflow id of a purchase order."""
    return str(OrderWorkflowId(tenant=tenant, order=order))


def schedule_id(kind: ScheduleKind, tenant: str) -> str:
    """The id of one of a tenant's schedules."""
    return str(ScheduleId(kind=kind, tenant=tenant))


def token_workflow_id(egress: str) -> str:
    """The workflow that issues every FedEx token for one egress address."""
    return f"{_TOKEN_WORKFLOW}{_part('egress', egress)}"


def is_token_workflow(workflow_id: str) -> bool:
    """It issues tokens for every tenant, and does nothing else for any."""
    return workflow_id.startswith(_TOKEN_WORKFLOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom a workflow works for, as far as its id tells: for logs and audit."""

    tenant: str | None = None
    order: str | None = None


def subject_of(workflow_id: str) -> Subject:
    """The tenant and order in a workflow id; empty for the token workflow and for strangers.

    A run started by a schedule carries Temporal's time stamp behind the schedule's id
    (`discovery/nordic-2026-11-02T08:00:00Z`), which is not part of the tenant.
    """
    try:
        order = OrderWorkflowId.parse(workflow_id)
        return Subject(tenant=order.tenant, order=order.order)
    except ValueError:
        pass
    try:
        return Subject(tenant=ScheduleId.parse(_SCHEDULED_AT.sub("", workflow_id)).tenant)
    except ValueError:
        return Subject()


def names_another(workflow_id: str, tenant: str, order: str | None = None) -> bool:
    """Whether the id is that of another tenant's workflow, or of another order's."""
    subject = subject_of(workflow_id)
    foreign_tenant = subject.tenant is not None and tenant != subject.tenant
    foreign_order = subject.order is not None and order is not None and order != subject.order
    return foreign_tenant or foreign_order


def may_act_for(workflow_id: str, tenant: str, order: str | None = None) -> bool:
    """Whether a workflow of this id may act for this tenant and order.

    One whose id names no tenant may for none.
    """
    known = subject_of(workflow_id).tenant is not None
    return known and not names_another(workflow_id, tenant, order)

"""`ml-connector freight reverse`: take posted freight back, on purpose."""

import asyncio
from datetime import timedelta
from typing import Annotated, Any

import typer
from temporalio.client import WithStartWorkflowOperation, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy

from activities.services import policy_of
from activities.shipped import freight_journal, is_posted
from ml_connector.domain.tenant import Tenant
from ml_connector.store.journals import JournalRecord
from ml_connector.temporal.ids import TaskQueue, order_workflow_id
from ml_connector.temporal.order_messages import OrderInput, Posted, ReverseRequest
from ml_connector.temporal.priorities import priority_of
from ml_connector.temporal.search_attributes import of_order
from starter.context import Installation
from starter.errors import OtherSideUnavailable, Refused, WrongUsage
from starter.groups import Reason
from starter.money import money
from starter.order_names import FoundOrder, OrderName, find_order
from starter.output import AsJson, show

PATIENCE = timedelta(seconds=60)
"""How long a person waits for Visma; the reversal goes on without them."""


def register(group: typer.Typer) -> None:
    """Add `reverse` to the `freight` group."""
    group.command("reverse")(reverse)


def reverse(
    order: OrderName,
    reason: Reason,
    generation: Annotated[
        int | None,
        typer.Option(
            "--generation",
            metavar="N",
            help="Which shipment of the order, where it was shipped again; else the latest.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take an order's posted freight back: a journal that mirrors the posted lines.

    Debit and credit change places, at the original rate; it is dated today, or in the first open
    period. Parcel and order stay as they are. Freight that was taken back is not posted again, by
    no cut-off and no replay; the command may be repeated. See before with: explain.

    \b
    Examples:
      ml-connector freight reverse nordic/500123 --reason "FedEx claim 4711 paid"
      ml-connector freight reverse 500123 --generation 1 --reason "parcel lost"
    """
    if not reason.strip():
        raise WrongUsage("The reason is empty", remedy="Say why: --reason TEXT", code="no_reason")
    asyncio.run(_reverse(order, generation, reason, as_json))


async def _reverse(name: str, generation: int | None, reason: str, as_json: bool) -> None:
    async with Installation.open() as here:
        found = await find_order(here, name)
        [tenant] = await here.tenants(found.tenant)
        wanted = found.row.generation if generation is None else generation
        original = await _posted(here, tenant, found, wanted)
        async with (await here.store()).write(tenant.id) as view:
            view.audit.append(
                "freight:reverse",
                actor=here.actor,
                order=found.row.order,
                detail={"reason": reason, "generation": wanted, "batch": original.batch},
            )
        request = ReverseRequest(
            tenant=tenant.id,
            order=found.row.order,
            generation=wanted,
            by=here.actor,
            reason=reason,
        )
        answer = await _ask(here, tenant, request)
    if answer.attention is not None:
        raise Refused(
            f"The freight of {_title(found)} is not reversed",
            why=answer.attention.detail,
            remedy=answer.attention.remedy,
            code=answer.attention.reason,
        )
    _say(found, original, answer, as_json)


async def _posted(
    here: Installation, tenant: Tenant, found: FoundOrder, generation: int
) -> JournalRecord:
    """The journal that is to be taken back. Raises Refused."""
    async with (await here.store()).read(tenant.id) as view:
        journal = await freight_journal(view, found.row.order, generation)
    if journal is None or not is_posted(tenant, journal):
        raise Refused(
            f"The freight of {_title(found)}, shipment {generation}, is not in the ledger",
            remedy=f"See ml-connector explain {_title(found)}",
            code="freight_not_posted",
        )
    return journal


async def _ask(here: Installation, tenant: Tenant, request: ReverseRequest) -> Posted:
    """The order's workflow does it; it is started if none runs, and a repeat finds it done."""
    client = await here.temporal()
    start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        "PurchaseOrderWorkflow",
        OrderInput(tenant=tenant.id, order=request.order, policy=policy_of(tenant)),
        id=order_workflow_id(tenant.id, request.order),
        task_queue=TaskQueue.MAIN,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        search_attributes=of_order(tenant.id, request.order),
        static_summary=f"{tenant.name}: purchase order {request.order}",
        priority=priority_of(tenant.id),
    )
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            answer: Posted = await client.execute_update_with_start_workflow(
                "reverse_freight", request, start_workflow_operation=start, result_type=Posted
            )
            return answer
    except TimeoutError as late:
        raise OtherSideUnavailable(
            f"The freight of {tenant.id}/{request.order} is not reversed yet",
            why=f"No answer came within {PATIENCE.total_seconds():.0f} s; it goes on by itself",
            remedy="Repeat the command, or see: ml-connector explain; a worker has to run",
            code="reversal_under_way",
        ) from late
    except WorkflowUpdateFailedError as failed:
        raise Refused(
            f"The workflow of {tenant.id}/{request.order} did not do it",
            why=str(failed.cause),
            remedy="Repeat the command; if it stays so, see the workflow in the Web UI",
            code="reversal_failed",
        ) from failed


def _say(found: FoundOrder, original: JournalRecord, answer: Posted, as_json: bool) -> None:
    value = {
        "tenant": found.tenant,
        "order": found.row.order,
        "generation": original.generation,
        "reversed_batch": original.batch,
        "batch": answer.journal_batch,
        "amount": money(original.amount, original.currency),
    }
    text = (
        f"{_title(found)}: {answer.amount} of batch {original.batch} taken back with batch "
        f"{answer.journal_batch}."
    )
    show(value, lambda: text, as_json=as_json)


def _title(found: FoundOrder) -> str:
    return f"{found.tenant}/{found.row.order}"

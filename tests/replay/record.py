"""Record histories of all five workflows, for the replay tests to hold new code against.

    python -m tests.replay.record [NAME …]

Writes `histories/NAME.json`, encrypted under the tests' master key as they are in production.
Record anew only what no released version could have written: a history that a released version
has written must replay for ever, and code that cannot replay it needs `workflow.patched`.
"""

import asyncio
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from temporalio.client import WorkflowHistory

from ml_connector.temporal.ids import ScheduleKind, schedule_id, token_workflow_id
from ml_connector.temporal.order_messages import Command
from tests.stage import Stage, order_line

HISTORIES = Path(__file__).parent / "histories"
ADDRESS = {"addressLine1": "Karihaugveien 89", "city": "Oslo", "countryId": "NO"}
QUOTE_REQUEST, QUOTE_RESULT = "customStr3", "customStr4"


async def order_normal(stage: Stage) -> WorkflowHistory:
    """Three lines, picked up, on its way, delivered, posted."""
    await stage.add_tenant("normal")
    number = await stage.order("normal", lines=3)
    await stage.discover("normal")
    await stage.at("normal", number, "label_created")
    await stage.idle("normal", number)
    for hours in (6, 46, 8):
        stage.travel(timedelta(hours=hours))
        await stage.sweep("normal")
    await stage.finished("normal", number)
    return await stage.history("normal", number)


async def order_parked(stage: Stage) -> WorkflowHistory:
    """Without a postcode; repaired, and resumed by a person; waits for its release meanwhile."""
    await stage.add_tenant("parked", shipping={"release": "manual"}, polling={"recheck": "1h"})
    number = await stage.order("parked", shippingAddress={**ADDRESS, "postalCode": ""})
    await stage.discover("parked")
    await stage.at("parked", number, "needs_attention")
    await stage.idle("parked", number)
    await stage.edit("parked", number, shippingAddress={**ADDRESS, "postalCode": "1086"})
    await stage.command("parked", number, "resume", Command(by="somebody", reason="repaired"))
    await stage.at("parked", number, "waiting_release")
    await stage.idle("parked", number)
    await stage.command("parked", number, "release", Command(by="somebody"))
    await stage.at("parked", number, "label_created")
    await stage.idle("parked", number)
    await stage.deliver("parked")
    await stage.finished("parked", number)
    return await stage.history("parked", number)


async def order_cancelled(stage: Stage) -> WorkflowHistory:
    """Another quantity after the label: shipped anew; then cancelled in Visma."""
    await stage.add_tenant("cancelled")
    number = await stage.order("cancelled", lines=2)
    await stage.discover("cancelled")
    await stage.at("cancelled", number, "label_created")
    await stage.idle("cancelled", number)
    await stage.edit("cancelled", number, lines=[{"lineNumber": 1, "orderQty": 40}])
    await stage.discover("cancelled")

    async def anew() -> bool:
        return (await stage.status("cancelled", number)).generation == 2

    await stage.until(anew)
    await stage.idle("cancelled", number)
    await stage.edit("cancelled", number, status="Cancelled")
    await stage.discover("cancelled")
    await stage.finished("cancelled", number)
    return await stage.history("cancelled", number)


async def order_quote(stage: Stage) -> WorkflowHistory:
    """On hold, asked for rates; released and shipped after the answer; edited after pickup."""
    await stage.add_tenant("quote")
    number = await stage.order("quote", hold=True, lines=[order_line()], **{QUOTE_REQUEST: "QUOTE"})
    await stage.discover("quote")

    async def answered() -> bool:
        custom = (await stage.company("quote"))["orders"][number]["custom"]
        return bool(custom.get(QUOTE_RESULT))

    await stage.until(answered)
    await stage.edit("quote", number, hold=False)
    await stage.discover("quote")
    await stage.at("quote", number, "label_created")
    await stage.idle("quote", number)
    stage.travel(timedelta(hours=6))
    await stage.sweep("quote")
    await stage.at("quote", number, "in_transit")
    await stage.edit("quote", number, lines=[{"lineNumber": 1, "orderQty": 40}])
    await stage.discover("quote")

    async def too_late() -> bool:
        return (await stage.status("quote", number)).attention is not None

    await stage.until(too_late)
    await stage.deliver("quote")
    await stage.finished("quote", number)
    return await stage.history("quote", number)


async def order_blocked(stage: Stage) -> WorkflowHistory:
    """Its tenant's credentials are refused; it waits, and ships with new ones."""
    await stage.add_tenant("blocked")
    number = await stage.order("blocked")
    await stage.fedex("DELETE", "credentials/fedex-blocked")
    await stage.discover("blocked")

    async def waits() -> bool:
        return "FedEx refused" in (await stage.status("blocked", number)).waiting_for

    await stage.until(waits)
    await stage.restore_fedex("blocked")
    await stage.at("blocked", number, "label_created")
    await stage.idle("blocked", number)
    await stage.deliver("blocked")
    await stage.finished("blocked", number)
    return await stage.history("blocked", number)


async def discovery(stage: Stage) -> WorkflowHistory:
    return await _scheduled(stage, ScheduleKind.DISCOVERY)


async def tracking_sweep(stage: Stage) -> WorkflowHistory:
    return await _scheduled(stage, ScheduleKind.TRACKING)


async def period_cutoff(stage: Stage) -> WorkflowHistory:
    return await _scheduled(stage, ScheduleKind.CUTOFF)


async def _scheduled(stage: Stage, kind: ScheduleKind) -> WorkflowHistory:
    """A scheduled run that finds something to do."""
    tenant = kind.value
    await stage.add_tenant(tenant)
    number = await stage.order(tenant)
    await stage.discover(tenant)
    await stage.at(tenant, number, "label_created")
    stage.travel(timedelta(hours=6))
    await stage.sweep(tenant)
    await stage.cut_off(tenant)
    return await stage.client.get_workflow_handle(schedule_id(kind, tenant)).fetch_history()


async def fedex_token(stage: Stage) -> WorkflowHistory:
    """What the scenarios before have asked of it."""
    workflow_id = token_workflow_id(stage.settings.egress)
    return await stage.client.get_workflow_handle(workflow_id).fetch_history()


SCENARIOS: dict[str, Callable[[Stage], Awaitable[WorkflowHistory]]] = {
    scenario.__name__: scenario
    for scenario in (
        order_normal,
        order_parked,
        order_cancelled,
        order_quote,
        order_blocked,
        discovery,
        tracking_sweep,
        period_cutoff,
        fedex_token,
    )
}
"""In this order: the last one's history is made by the others."""


async def record(names: list[str]) -> None:
    """Write the histories of these scenarios, or of all."""
    HISTORIES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        async with Stage(home=Path(home)) as stage:
            for name, scenario in SCENARIOS.items():
                if names and name not in names:
                    continue
                history = await scenario(stage)
                file = HISTORIES / f"{name}.json"
                file.write_text(_anonymous(history.to_json()), encoding="utf-8")
                print(f"{file.name}: {len(history.events)} events of {history.workflow_id}")


def _anonymous(history: str) -> str:
    """Without identities (`{process}@{host}`): they name the machine it was recorded on."""
    return re.sub(r'"\d+@[^"]+"', '"recorder"', history) + "\n"


if __name__ == "__main__":
    asyncio.run(record(sys.argv[1:]))

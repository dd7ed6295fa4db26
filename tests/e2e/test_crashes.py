"""Processes that die at any moment, and histories that are rolled back: nothing happens twice.

Answers are lost on top of it. With `test_lost_answers` fifty orders in all, a tenth of what
`proof.proof --only journals` runs.
"""

import asyncio
import os
import random
import signal
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from ml_connector.temporal.ids import order_workflow_id
from starter.supervision import Supervised
from tests.e2e.test_lost_answers import lost_journal_answers
from tests.e2e.test_order import RELEASED
from tests.rewinding import reset_points
from tests.stage import A_DAY_A_SECOND, Stage

ORDERS = 15
FINISHED, UNDER_WAY = 9, 6
"""Orders that are reset."""
SEED = 20


async def once_each(stage: Stage, tenant: str, numbers: Sequence[str]) -> None:
    """FedEx holds one live shipment of each order, Visma one released journal of its cost."""
    shipments = await stage.shipments(*numbers)
    live = [each for each in shipments if not each["cancelled"]]
    assert sorted(each["order_number"] for each in live) == sorted(numbers)
    for shipment in live:
        [journal] = await stage.journals(tenant, shipment["order_number"])
        cost = Decimal(shipment["cost"]["net_fedex_charge"])
        assert journal["status"] == RELEASED
        assert sum(Decimal(line["debit"]) for line in journal["lines"]) == cost
        assert shipment["master"] in journal["description"]
    journals = (await stage.company(tenant))["journals"]
    assert len(journals) == len(numbers)


async def lose_journal_answers(stage: Stage, count: int) -> None:
    """Half of Visma's answers to a journal's creation and to its release never arrive whole."""
    await stage.visma("POST", "faults", rules=lost_journal_answers(count))


# -- dead processes -----------------------------------------------------------------------------


async def test_killed_workers_and_a_killed_temporal_server_cost_no_order(tmp_path: Path) -> None:
    stage = Stage(home=tmp_path, speed=A_DAY_A_SECOND, work=False, http_timeout="2s")
    async with stage, stage.worker_process() as worker:
        await stage.add_tenant("mortal", scheduled=True)
        await lose_journal_answers(stage, ORDERS)
        numbers = await stage.orders("mortal", ORDERS)
        world = stage.sandbox.fedex
        company = stage.sandbox.visma.companies["company-mortal"]

        async def some_shipped() -> bool:
            return len(world.shipments) >= 4

        async def some_posted() -> bool:
            return len(company.journals) >= 2

        await stage.until(some_shipped)
        kill(worker)
        await stage.server.kill()
        await stage.server.start()
        await stage.until(some_posted)
        kill(worker)
        await stage.all_finished("mortal", numbers)
        await once_each(stage, "mortal", numbers)


def kill(worker: Supervised) -> None:
    """`kill -9`; it is started again by itself."""
    pid = worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


# -- resets -------------------------------------------------------------------------------------


async def test_finished_orders_reset_to_anywhere_do_nothing_anew(stage: Stage) -> None:
    await stage.add_tenant("rewound")
    numbers = await stage.orders("rewound", FINISHED)
    await stage.discover("rewound")
    await asyncio.gather(*(stage.at("rewound", number, "label_created") for number in numbers))
    await asyncio.gather(*(stage.idle("rewound", number) for number in numbers))
    await lose_journal_answers(stage, FINISHED)
    await stage.deliver("rewound")
    await stage.all_finished("rewound", numbers)
    await once_each(stage, "rewound", numbers)

    chance = random.Random(SEED)
    await asyncio.gather(*(reset_somewhere(stage, "rewound", each, chance) for each in numbers))
    await stage.all_finished("rewound", numbers)
    await once_each(stage, "rewound", numbers)
    assert len(await stage.shipments(*numbers)) == FINISHED


async def test_orders_on_their_way_reset_to_anywhere_are_found_again(stage: Stage) -> None:
    """Some while their label is being bought: the run that was left goes on buying it."""
    await stage.add_tenant("midway")
    numbers = await stage.orders("midway", UNDER_WAY)
    await stage.discover("midway")
    chance = random.Random(SEED)
    hurried, patient = numbers[: UNDER_WAY // 2], numbers[UNDER_WAY // 2 :]
    await asyncio.gather(*(reset_somewhere(stage, "midway", each, chance) for each in hurried))
    for number in patient:
        await stage.at("midway", number, "label_created")
        await stage.idle("midway", number)
        await reset_somewhere(stage, "midway", number, chance)
    for number in numbers:
        await stage.at("midway", number, "label_created")
    states = [await stage.idle("midway", number) for number in numbers]
    assert {each.stage for each in states} == {"label_created"}
    await lose_journal_answers(stage, UNDER_WAY)
    await stage.deliver("midway")
    await stage.all_finished("midway", numbers)
    await once_each(stage, "midway", numbers)


async def reset_somewhere(stage: Stage, tenant: str, number: str, chance: random.Random) -> None:
    """Reset an order as a person does: to its start, its last step, or any event between."""
    share = chance.random()
    points = await stage.until(lambda: reset_points(stage, tenant, number))
    where = chance.choice(
        [
            ("--type", "FirstWorkflowTask"),
            ("--type", "LastWorkflowTask"),
            *[("--event-id", str(points[int(share * len(points))]))] * 4,
        ]
    )
    named = ("--workflow-id", order_workflow_id(tenant, number))
    code, said = await stage.temporal("workflow", "reset", *named, *where, "--reason", "a test")
    assert code == 0, f"{where}: {said}"

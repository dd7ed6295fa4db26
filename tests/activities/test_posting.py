"""A process dies while it posts: the next one brings journal and order to the same end."""

from dataclasses import replace

import pytest

from activities.failures import Later
from ml_connector.domain.stage import Stage
from ml_connector.sandbox.faults import Action, FaultKind, Match, Rule, Seen
from ml_connector.temporal.order_messages import Prepared, PrepareRequest, Shipped
from ml_connector.visma.errors import VismaOutcomeUnknown
from tests.activities.buying import add_buyer
from tests.activities.delivered import delivered_order, post
from tests.activities.workbench import Died, Workbench, some


async def as_a_new_run_finds_it(bench: Workbench, tenant: str, number: str) -> Shipped:
    wish = PrepareRequest(tenant=tenant, order=number, released=False)
    prepared: Prepared = await bench.run("prepare_shipment", wish)
    return some(prepared.shipment)


async def test_a_death_at_any_step_leaves_one_journal_and_an_order_that_shows_it(
    bench: Workbench,
) -> None:
    tenant = "postman"
    await add_buyer(bench, tenant)
    deaths = 0
    while True:
        number = await delivered_order(bench, tenant)
        bench.death.steps_left = deaths
        try:
            await post(bench, tenant, number)
        except Died:
            deaths += 1
        else:
            break
        finally:
            bench.death.steps_left = None
        bench.restart()
        await bench.let_deadlines_pass(tenant)

        async def posted(order: str = number) -> bool:
            if (await as_a_new_run_finds_it(bench, tenant, order)).posted:
                return True
            try:
                await post(bench, tenant, order)
            except (Later, VismaOutcomeUnknown):
                return False
            return (await as_a_new_run_finds_it(bench, tenant, order)).posted

        await bench.until(posted)
        row = some(await bench.row(tenant, number))
        [batch, *more] = await bench.journals(tenant, number)
        assert not more
        assert (row.stage, row.journal_batch) == (Stage.COMPLETED, batch["number"])
    assert deaths > 10, "it has died before, in and after each transaction and call"


@pytest.mark.parametrize("several", [True, False])
async def test_a_journal_is_of_its_orders_branch(bench: Workbench, several: bool) -> None:
    """Visma's own default is the company's first branch; with one, the field may be missing."""
    tenant = f"branches-{several}".lower()
    await add_buyer(bench, tenant)
    books = bench.books(tenant)
    second = replace(books.branches["1"], id="2", internal_id=2, name="Sur")
    books.branches = {**books.branches, "2": second} if several else {"2": second}
    number = await delivered_order(bench, tenant, branch="2")
    named: list[bool] = []

    async def look(seen: Seen) -> None:
        named.append('"branch"' in seen.text)

    faults = bench.sandbox.visma.faults
    faults.hooks["look"] = look
    post_only = Match(method="POST", path="/v2/journaltransaction$")
    faults.add(Rule(id="look", match=post_only, action=Action(kind=FaultKind.HOOK, name="look")))
    await post(bench, tenant, number)
    faults.remove("look")
    [batch] = await bench.journals(tenant, number)
    assert {batch["branch"], *(line["branch"] for line in batch["lines"])} == {"2"}
    assert named == [several]

"""A process dies while it posts: the next one brings journal and order to the same end."""

from activities.failures import Later
from ml_connector.domain.stage import Stage
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

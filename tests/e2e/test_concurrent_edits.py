"""People edit their orders while we write to them: no edit of theirs is lost."""

import asyncio
import random
from collections import Counter

from ml_connector.sandbox.visma.documents import Order
from ml_connector.sandbox.visma.history import content
from tests.stage import Stage, company_of

ORDERS = 50
OURS = {f"custom.{slot}" for slot in ("customStr1", "customStr2", "customDec1")} | {
    "custom.customDateTimeUTC1"
}
THEIRS = ("supplierRef", "description", "note", "customStr5")
"""Fields that people change here; none of them makes another parcel."""
PUT = "PUT /v1/purchaseorder/{purchaseOrderNumber}"
CARELESS = {"put_without_if_match", "unquoted_if_match", "empty_put", "unknown_field"}


async def test_no_edit_of_busy_people_is_lost(stage: Stage) -> None:
    await stage.add_tenant("edited")
    numbers = await stage.orders("edited", ORDERS)
    dice = random.Random(11)
    made: Counter[str] = Counter()

    async def edit(number: str, when: str) -> None:
        made[number] += 1
        change = {dice.choice(THEIRS): f"by a person, {dice.random():.12f}"}
        await stage.edit("edited", number, when=when, **change)

    async def busy(moments: int) -> None:
        """Edits here and there, while the connector works."""
        for _ in range(moments):
            await edit(dice.choice(numbers), "now")

    async def all_at(stage_name: str) -> None:
        async def there() -> bool:
            async with stage.store.read("edited") as view:
                return (await view.orders.counts()).get(stage_name) == ORDERS

        await stage.until(there)

    for number in numbers:
        await edit(number, "before_next_put")
    await asyncio.gather(stage.discover("edited"), busy(12))
    await asyncio.gather(all_at("label_created"), busy(24))
    for number in numbers[::2]:
        await edit(number, "before_next_put")
    await asyncio.gather(stage.deliver("edited"), busy(12))
    await asyncio.gather(stage.all_finished("edited", numbers), busy(12))
    await stage.discover("edited")

    company = stage.sandbox.visma.companies[company_of("edited")]
    for number in numbers:
        order = company.orders[number]
        _lost_nothing(order, made[number])
        row = await stage.row("edited", number)
        assert row is not None
        assert (order.custom["customStr1"], order.custom["customStr2"]) == (
            row.master_tracking,
            "Delivered",
        )
    broken = [each for each in stage.sandbox.visma.violations if each.kind in CARELESS]
    assert broken == []
    puts = stage.sandbox.visma.calls[company_of("edited")][PUT]
    assert puts[412] >= ORDERS, "people got in between"
    assert Counter(each["order_number"] for each in await stage.shipments(*numbers)) == Counter(
        numbers
    )


def _lost_nothing(order: Order, made: int) -> None:
    """Every edit of a person is there and stands, and we changed our own fields only."""
    people = [each for each in order.edits if each.by == "person" and each.action != "create"]
    ours = [each for each in order.edits if each.by.startswith("api:")]
    assert len(people) == made
    assert ours
    assert {field for each in ours for field in each.changes} <= OURS
    last_wish = {field: new for each in people for field, (_, new) in each.changes.items()}
    assert content(order).items() >= last_wish.items()


async def test_a_foreign_value_in_one_of_our_fields_stays_and_is_reported(stage: Stage) -> None:
    await stage.add_tenant("foreign")
    number = await stage.order("foreign", customStr2="Ask Kari first")
    await stage.edit("foreign", number, when="before_next_put", customStr1="MY-OWN-7")
    await stage.discover("foreign")
    await stage.at("foreign", number, "label_created")
    await stage.idle("foreign", number)
    await stage.deliver("foreign")
    await stage.finished("foreign", number)
    await stage.discover("foreign")
    custom = stage.sandbox.visma.companies[company_of("foreign")].orders[number].custom
    assert (custom["customStr1"], custom["customStr2"]) == ("MY-OWN-7", "Ask Kari first")
    assert "foreign_value" in await stage.findings("foreign", number)

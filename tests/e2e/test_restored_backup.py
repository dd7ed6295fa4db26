"""The store is older than the world: a number in Visma that nobody here knows stops a purchase."""

from tests.stage import Stage


async def test_an_order_that_shows_a_strange_number_is_not_bought_again(stage: Stage) -> None:
    await stage.add_tenant("restored")
    number = await stage.order("restored", customStr1="794600000001")
    await stage.discover("restored")
    parked = await stage.at("restored", number, "needs_attention")
    assert parked.attention == "unknown_tracking_number"
    assert await stage.shipments(number) == []
    await stage.idle("restored", number)

    await stage.edit("restored", number, customStr1=None)

    async def ships() -> bool:
        await stage.discover("restored")
        row = await stage.row("restored", number)
        return row is not None and row.stage == "label_created"

    await stage.until(ships)
    assert len(await stage.shipments(number)) == 1

"""Discovery, from a change in Visma to the news for an order's workflow."""

from tests.activities.workbench import Workbench


async def test_an_order_is_told_once(bench: Workbench) -> None:
    await bench.add_tenant("told")
    number = bench.place("told")
    held = bench.place("told", hold=True)
    await bench.discover("told")
    await bench.discover("told")
    assert bench.outbox.started == [("told", number)]
    assert len(bench.outbox.told) == 1
    bench.change("told", held, hold=False)
    await bench.discover("told")
    assert bench.outbox.started == [("told", number), ("told", held)]

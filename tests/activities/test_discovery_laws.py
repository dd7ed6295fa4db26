"""Discovery's law, against random people and random deaths: every eligible order, none twice."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ml_connector.domain.eligibility import fingerprint
from ml_connector.sandbox.visma.calls import Call
from ml_connector.sandbox.visma.switches import MomentShape, Switches
from ml_connector.visma.errors import VismaTransient
from tests.activities.workbench import Died, Workbench
from tests.stage import order_line

FOLD = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
"""02:00 summer time in Oslo; the hour from then on happens twice."""
PAGE = 2
LIST = "GET /v1/purchaseorder"
_numbers = count(1)


@dataclass(frozen=True)
class Place:
    """Somebody enters orders, which ship or do not."""

    values: dict[str, Any]
    count: int = 1


@dataclass(frozen=True)
class Change:
    """Somebody, or we ourselves, change one of the orders there are."""

    which: int
    values: dict[str, Any]


@dataclass(frozen=True)
class Discover:
    """One run, in which things happen before each page, and which may die at some step."""

    meanwhile: Sequence[Place | Change]
    dies_after: int | None


PLACES = st.builds(
    Place,
    st.sampled_from([{}, {}, {"hold": True}, {"shipVia": "POSTNORD"}]),
    st.sampled_from([1, 1, 4]),
)
CHANGES = st.builds(
    Change,
    st.integers(0, 20),
    st.sampled_from(
        [
            {"hold": True},
            {"hold": False},
            {"shipVia": "FEDEX"},
            {"status": "Closed"},
            {"lines": [{"operation": "Update", "lineNumber": 1, "orderQty": 7}]},
            {"lines": [{"operation": "Update", "lineNumber": 1, "orderQty": 8}]},
            {"note": "a person's"},
            {"note": "another's"},
            {"customStr1": "ours"},
            {"customStr1": "ours again"},
        ]
    ),
)
PEOPLE = st.one_of(PLACES, CHANGES)
WAITS = st.sampled_from([timedelta(seconds=1), *(timedelta(minutes=m) for m in (1, 6, 20, 40))])
STEPS = st.lists(
    st.one_of(
        PEOPLE,
        WAITS,
        st.builds(
            Discover,
            st.lists(PEOPLE, max_size=4),
            st.one_of(st.none(), st.integers(0, 16)),
        ),
    ),
    max_size=25,
)
STARTS = st.sampled_from([timedelta(minutes=m) for m in (-20, 0, 10, 30, 50)])
VISMA = st.builds(
    Switches,
    gt_inclusive=st.booleans(),
    timestamp_resolution_ms=st.sampled_from([1, 60_000]),
    moment_shape=st.sampled_from(MomentShape),
    max_page_sizes=st.just({"purchaseorder": PAGE}),
)


@dataclass
class People:
    """What happens in one company, and what of it may be told."""

    bench: Workbench
    tenant: str
    waiting: list[Place | Change] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    eligible_once: set[str] = field(default_factory=set)

    def do(self, step: Place | Change) -> None:
        if isinstance(step, Place):
            self.numbers += [
                self.bench.place(self.tenant, lines=[order_line()], **step.values)
                for _ in range(step.count)
            ]
        elif self.numbers:
            number = self.numbers[step.which % len(self.numbers)]
            self.bench.change(self.tenant, number, **step.values)
        self.eligible_once |= self.eligible

    @property
    def eligible(self) -> set[str]:
        found = self.bench.books(self.tenant).orders.values()
        return {
            order.number
            for order in found
            if order.status == "Open" and not order.hold and order.ship_via == "FEDEX"
        }

    def before_call(self, call: Call) -> None:
        if call.name == LIST and self.waiting:
            self.do(self.waiting.pop(0))

    async def discover(self, run: Discover) -> None:
        """A run that fails, or dies, is followed by another one at another time."""
        self.waiting = list(run.meanwhile)
        self.bench.death.steps_left = run.dies_after
        try:
            await self.bench.discover(self.tenant)
        except Died:
            self.bench.restart()
        except VismaTransient:
            assert run.meanwhile
        self.bench.death.steps_left = None
        self.waiting = []


@given(steps=STEPS, visma=VISMA, start=STARTS)
@settings(max_examples=25, deadline=None)
async def test_every_eligible_order_is_started_and_none_twice(
    shared_bench: Workbench, steps: list[Any], visma: Switches, start: timedelta
) -> None:
    bench, tenant = shared_bench, f"law{next(_numbers)}"
    bench.outbox.told.clear()
    bench.sandbox.visma_clock.set_speed(0)
    bench.sandbox.visma_clock.set(FOLD + start)
    bench.sandbox.visma.switches = visma
    await bench.add_tenant(tenant)
    people = People(bench, tenant)
    bench.sandbox.visma.before_call[:] = [people.before_call]
    for step in [*steps, Discover([], None)]:
        match step:
            case timedelta():
                bench.sandbox.visma_clock.advance(step)
            case Discover():
                await people.discover(step)
            case _:
                people.do(step)
    bench.sandbox.visma.before_call.clear()

    started = {order for _, order in bench.outbox.started}
    assert people.eligible <= started <= people.eligible_once
    desk = await bench.services.desk(tenant)
    for number in started:
        told = {news.version: news.fingerprint for news in bench.outbox.of(number)}
        marks = [told[version] for version in sorted(told)]
        assert marks[-1] == fingerprint(await desk.visma.get_order(number))
        assert all(before != after for before, after in pairwise(marks)), "the same content twice"

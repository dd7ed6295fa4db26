"""FedEx's token budget under many callers, on a clock of the test's own."""

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.token_budget import GRACE, LIMIT, MARGIN, TokenBudget

WINDOW = timedelta(seconds=5)
BEGIN = datetime(2026, 11, 2, 8, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody who needs one token. Times in seconds."""

    arrives: float = 0.0
    late: float = 0.0
    """How long after its place it really comes back."""
    latency: float = 0.0
    """From the request's start to its end."""
    reaches_fedex: float = 0.0
    """The part of the latency after which FedEx counts it."""
    urgent: bool = False


@dataclass(slots=True)
class Run:
    """What came of a simulation."""

    counted: dict[int, datetime] = field(default_factory=dict)
    """When FedEx counted each caller's request."""
    ended: datetime = BEGIN

    def most_in_a_window(self) -> int:
        times = sorted(self.counted.values())
        return max(sum(first <= each < first + WINDOW for each in times) for first in times)


def simulate(callers: Sequence[Caller]) -> Run:
    """Let every caller ask, come back when told to, and send when it may."""
    budget, run, ties = TokenBudget(WINDOW), Run(), itertools.count()
    agenda: list[tuple[datetime, int, str, int]] = []

    def plan(when: datetime, what: str, who: int) -> None:
        heapq.heappush(agenda, (when, next(ties), what, who))

    for who, caller in enumerate(callers):
        plan(at(caller.arrives), "ask", who)
    while agenda:
        now, _, what, who = heapq.heappop(agenda)
        caller = callers[who]
        run.ended = now
        if what == "end":
            budget.end(now)
            continue
        place = budget.next_place(f"tenant-{who}/ship", now, urgent=caller.urgent)
        if place is not None:
            assert place > now
            plan(place + timedelta(seconds=caller.late), "ask", who)
            continue
        budget.start()
        assert who not in run.counted
        run.counted[who] = now + timedelta(seconds=caller.latency * caller.reaches_fedex)
        plan(now + timedelta(seconds=caller.latency), "end", who)
    return run


def callers(*, arrives: float, late: float, latency: float) -> st.SearchStrategy[list[Caller]]:
    def upto(most: float) -> st.SearchStrategy[float]:
        return st.floats(0, most, allow_nan=False)

    one = st.builds(
        Caller,
        arrives=upto(arrives),
        late=upto(late),
        latency=upto(latency),
        reaches_fedex=upto(1.0),
        urgent=st.booleans(),
    )
    return st.lists(one, min_size=1, max_size=25)


@given(callers(arrives=60, late=4, latency=20))
def test_no_window_ever_sees_more_than_the_limit_and_everybody_is_served(
    everybody: list[Caller],
) -> None:
    run = simulate(everybody)
    assert run.most_in_a_window() <= LIMIT
    assert len(run.counted) == len(everybody)


@given(callers(arrives=0, late=0.1, latency=0.1))
def test_a_crowd_is_served_at_the_pace_of_the_window(everybody: list[Caller]) -> None:
    run = simulate(everybody)
    floor = WINDOW * ((len(everybody) - 1) // LIMIT)
    assert run.ended - BEGIN <= 1.1 * floor + timedelta(seconds=0.1)


@given(callers(arrives=30, late=0, latency=0))
def test_whoever_comes_first_among_equals_goes_first(everybody: list[Caller]) -> None:
    run = simulate(everybody)
    for urgent in (True, False):
        equals = [who for who, caller in enumerate(everybody) if caller.urgent == urgent]
        by_arrival = sorted(equals, key=lambda who: at(everybody[who].arrives))
        went = [run.counted[who] for who in by_arrival]
        assert went == sorted(went)


def test_urgent_callers_go_before_all_who_wait() -> None:
    crowd = [Caller() for _ in range(20)]
    person = Caller(arrives=1.0, urgent=True)
    run = simulate([*crowd, person])
    assert run.counted[len(crowd)] == sorted(run.counted.values())[LIMIT]


def test_a_caller_may_become_urgent_while_it_waits() -> None:
    budget = TokenBudget(WINDOW, issued_at=[BEGIN, BEGIN])
    next_window, the_one_after = (BEGIN + WINDOW * MARGIN * number for number in (1, 2))
    for who, place in (("a", next_window), ("b", next_window), ("c", the_one_after)):
        assert budget.next_place(who, BEGIN, urgent=False) == place
    assert budget.next_place("c", BEGIN, urgent=True) == next_window
    assert budget.next_place("b", BEGIN, urgent=False) == the_one_after


def test_asking_again_keeps_the_place() -> None:
    budget = TokenBudget(WINDOW, issued_at=[BEGIN, BEGIN])
    places = {who: budget.next_place(who, BEGIN, urgent=False) for who in "abcdef"}
    for who in "fedcba":
        assert budget.next_place(who, at(1), urgent=False) == places[who]


def test_a_request_in_flight_counts_until_a_window_after_its_end() -> None:
    budget = TokenBudget(WINDOW)
    for who in "ab":
        assert budget.next_place(who, BEGIN, urgent=False) is None
        budget.start()
    assert budget.next_place("c", at(30), urgent=True) == at(30) + WINDOW * MARGIN
    budget.end(at(30))
    budget.end(at(31))
    assert budget.next_place("c", at(31), urgent=False) == at(30) + WINDOW * MARGIN


def test_a_caller_that_died_delays_the_others_only_for_a_while() -> None:
    budget = TokenBudget(WINDOW, issued_at=[BEGIN, BEGIN])
    for who in ("dead-1", "dead-2"):
        assert budget.next_place(who, BEGIN, urgent=False) is not None
    turn = BEGIN + WINDOW * MARGIN
    assert budget.next_place("alive", turn, urgent=False) is not None
    assert budget.next_place("alive", turn + GRACE, urgent=False) is None


@pytest.mark.parametrize("elapsed", [0.0, 2.5, 5.0])
def test_the_next_run_remembers_what_was_sent(elapsed: float) -> None:
    budget = TokenBudget(WINDOW)
    for _ in range(LIMIT):
        budget.start()
        budget.end(BEGIN)
    heir = TokenBudget(WINDOW, issued_at=budget.sent)
    assert heir.next_place("a", at(elapsed), urgent=False) == BEGIN + WINDOW * MARGIN
    assert heir.next_place("a", at(5.1), urgent=False) is None

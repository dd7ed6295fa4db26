"""FedEx's token budget under many callers, on a clock of the test's own."""

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.temporal.token_messages import TokenPlace
from workflows.token_budget import LEAD, LIMIT, MARGIN, TokenBudget

WINDOW = timedelta(seconds=5)
BEGIN = datetime(2026, 11, 2, 8, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Somebody needs one token. Times in seconds."""

    arrives: float = 0.0
    latency: float = 0.0
    """From the request's start to its end."""
    reaches_fedex: float = 0.0
    """The part of the latency after which FedEx counts it."""
    urgent: bool = False


@dataclass(slots=True)
class Run:
    """What came of a simulation."""

    counted: dict[int, datetime] = field(default_factory=dict)
    """When FedEx counted each wish's request."""
    ended: datetime = BEGIN

    def most_in_a_window(self) -> int:
        times = sorted(self.counted.values())
        return max(sum(first <= each < first + WINDOW for each in times) for first in times)


def simulate(wishes: Sequence[Wish]) -> Run:
    """Line up every wish when it arrives, and serve whenever somebody's turn has come."""
    budget, run, ties = TokenBudget(WINDOW), Run(), itertools.count()
    agenda: list[tuple[datetime, int, str, int]] = []

    def plan(when: datetime, what: str, who: int = -1) -> None:
        heapq.heappush(agenda, (when, next(ties), what, who))

    for who, wish in enumerate(wishes):
        plan(at(wish.arrives), "line up", who)
    while agenda:
        now, _, what, who = heapq.heappop(agenda)
        if what == "line up":
            budget.line_up(TokenPlace(credential=str(who), urgent=wishes[who].urgent))
        elif what == "end":
            budget.end(now, now)
            run.ended = now
        while (taken := budget.take(now)) is not None:
            place, turn = taken
            going = int(place.credential)
            assert going not in run.counted
            latency = timedelta(seconds=wishes[going].latency)
            run.counted[going] = max(turn, now) + latency * wishes[going].reaches_fedex
            plan(max(turn, now) + latency, "end", going)
        start = budget.next_start(now)
        if start is not None:
            assert start > now
            plan(start, "look")
    return run


def wishes(*, arrives: float, latency: float) -> st.SearchStrategy[list[Wish]]:
    def upto(most: float) -> st.SearchStrategy[float]:
        return st.floats(0, most, allow_nan=False)

    one = st.builds(
        Wish,
        arrives=upto(arrives),
        latency=upto(latency),
        reaches_fedex=upto(1.0),
        urgent=st.booleans(),
    )
    return st.lists(one, min_size=1, max_size=25)


@given(wishes(arrives=60, latency=20))
def test_no_window_ever_sees_more_than_the_limit_and_everybody_is_served(
    everybody: list[Wish],
) -> None:
    run = simulate(everybody)
    assert run.most_in_a_window() <= LIMIT
    assert len(run.counted) == len(everybody)


@given(wishes(arrives=0, latency=0.2))
def test_a_crowd_is_served_at_the_pace_of_the_window(everybody: list[Wish]) -> None:
    run = simulate(everybody)
    floor = WINDOW * ((len(everybody) - 1) // LIMIT)
    assert run.ended - BEGIN <= 1.1 * floor + timedelta(seconds=0.2)


@given(wishes(arrives=30, latency=0))
def test_whoever_comes_first_among_equals_goes_first(everybody: list[Wish]) -> None:
    run = simulate(everybody)
    for urgent in (True, False):
        equals = [who for who, wish in enumerate(everybody) if wish.urgent == urgent]
        by_arrival = sorted(equals, key=lambda who: at(everybody[who].arrives))
        went = [run.counted[who] for who in by_arrival]
        assert went == sorted(went)


def test_an_urgent_wish_goes_before_all_who_wait() -> None:
    crowd = [Wish() for _ in range(20)]
    person = Wish(arrives=1.0, urgent=True)
    run = simulate([*crowd, person])
    assert run.counted[len(crowd)] == sorted(run.counted.values())[LIMIT]


def full(*line: str) -> TokenBudget:
    """A window that is used up, and who waits for the next ones."""
    waiting = (TokenPlace(credential=who) for who in line)
    return TokenBudget(WINDOW, issued_at=[BEGIN] * LIMIT, line=waiting)


def test_each_in_line_is_told_its_turn() -> None:
    budget = full("a", "b", "c")
    next_window, the_one_after = (BEGIN + WINDOW * MARGIN * number for number in (1, 2))
    assert [budget.turn_of(who, at(1)) for who in "abc"] == [
        next_window,
        next_window,
        the_one_after,
    ]


def test_a_wish_may_become_urgent_while_it_waits() -> None:
    budget = full("a", "b", "c")
    budget.line_up(TokenPlace(credential="c", urgent=True))
    assert [each.credential for each in budget.line] == ["c", "a", "b"]


def test_asking_again_keeps_the_place_and_loses_nothing_that_was_asked() -> None:
    budget = full("a", "b")
    budget.line_up(TokenPlace(credential="c", renewal=True, known_version=3))
    budget.line_up(TokenPlace(credential="a"))
    budget.line_up(TokenPlace(credential="c", known_version=2))
    assert [each.credential for each in budget.line] == ["a", "b", "c"]
    assert budget.line[-1] == TokenPlace(credential="c", renewal=False, known_version=3)


def test_a_request_in_flight_counts_until_a_window_after_its_end() -> None:
    budget = TokenBudget(WINDOW, line=[TokenPlace(credential=who) for who in "abc"])
    for who in "ab":
        assert budget.take(BEGIN) == (TokenPlace(credential=who), BEGIN)
    assert budget.next_start(at(30)) is None, "nobody can tell before one of them has ended"
    assert budget.turn_of("c", at(30)) == at(30) + WINDOW * MARGIN
    budget.end(at(30), at(32))
    budget.end(at(31), at(33))
    assert budget.turn_of("c", at(33)) == at(30) + WINDOW * MARGIN


def test_the_first_in_line_is_given_shortly_before_its_turn() -> None:
    budget, turn = full("a"), BEGIN + WINDOW * MARGIN
    start = turn - LEAD * WINDOW * MARGIN
    assert budget.next_start(BEGIN) == start
    assert budget.take(start - timedelta(milliseconds=1)) is None
    assert budget.take(start) == (TokenPlace(credential="a"), turn)


@pytest.mark.parametrize("elapsed", [0.0, 2.5, 5.0])
def test_the_next_run_remembers_what_was_sent_and_who_waits(elapsed: float) -> None:
    budget = TokenBudget(WINDOW, line=[TokenPlace(credential=who) for who in "abc"])
    while budget.take(BEGIN) is not None:
        budget.end(BEGIN, BEGIN)
    heir = TokenBudget(WINDOW, issued_at=budget.sent, line=budget.line)
    assert heir.turn_of("c", at(elapsed)) == BEGIN + WINDOW * MARGIN
    taken = heir.take(at(5.1))
    assert taken is not None
    assert taken[0] == TokenPlace(credential="c")

"""The hour's calls: read from headers, shared out by urgency, obeyed."""

from datetime import timedelta

import pytest

from ml_connector.visma.budget import LocalBudget, Priority, SharedBudget, Window
from ml_connector.visma.client import VismaClient
from ml_connector.visma.errors import VismaThrottled
from ml_connector.visma.limits import LONGEST_WAIT, UNSTATED_WAIT, RateLimit, read_limits
from ml_connector.visma.tokens import VismaTokens
from tests.contract.visma.samples import VERSION, order
from tests.contract.visma.scripted import Answer, ScriptedVisma


class Watch:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def window(remaining: int, seconds: int = 600, limit: int = 100) -> RateLimit:
    return RateLimit(limit=limit, remaining=remaining, resets_in=timedelta(seconds=seconds))


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def budget(watch: Watch) -> LocalBudget:
    return LocalBudget(clock=watch)


async def refused(budget: LocalBudget, priority: Priority) -> timedelta | None:
    try:
        await budget.acquire(priority)
    except VismaThrottled as exc:
        return exc.retry_after
    return None


async def test_nothing_known_nothing_refused(budget: LocalBudget) -> None:
    for priority in Priority:
        assert await refused(budget, priority) is None


async def test_a_backlog_leaves_the_rest_to_the_urgent(budget: LocalBudget) -> None:
    await budget.observe(window(remaining=21))
    assert await refused(budget, Priority.BACKLOG) is None
    assert await refused(budget, Priority.BACKLOG) == timedelta(seconds=600)
    for _ in range(15):
        assert await refused(budget, Priority.STEADY) is None
    assert await refused(budget, Priority.STEADY) == timedelta(seconds=600)
    for _ in range(5):
        assert await refused(budget, Priority.INTERACTIVE) is None
    assert await refused(budget, Priority.INTERACTIVE) == timedelta(seconds=600)


async def test_the_window_opens_again(budget: LocalBudget, watch: Watch) -> None:
    await budget.observe(window(remaining=0))
    watch.now = 599
    assert await refused(budget, Priority.INTERACTIVE) == timedelta(seconds=1)
    watch.now = 600
    assert await refused(budget, Priority.BACKLOG) is None


async def test_an_old_answer_does_not_give_calls_back(budget: LocalBudget) -> None:
    await budget.observe(window(remaining=1))
    await budget.acquire(Priority.INTERACTIVE)
    await budget.observe(window(remaining=50))
    assert await refused(budget, Priority.INTERACTIVE) is not None


async def test_the_next_window_does(budget: LocalBudget, watch: Watch) -> None:
    await budget.observe(window(remaining=0, seconds=2))
    watch.now = 1
    await budget.observe(window(remaining=100, seconds=3600))
    assert await refused(budget, Priority.BACKLOG) is None


async def test_a_window_of_seconds_gives_way_to_the_next(budget: LocalBudget, watch: Watch) -> None:
    await budget.observe(window(remaining=0, seconds=2))
    watch.now = 2
    await budget.observe(window(remaining=100, seconds=2))
    assert await refused(budget, Priority.BACKLOG) is None


async def test_a_pause_holds_for_everybody(budget: LocalBudget, watch: Watch) -> None:
    await budget.observe(RateLimit(retry_after=timedelta(seconds=90)))
    for priority in Priority:
        assert await refused(budget, priority) == timedelta(seconds=90)
    watch.now = 90
    assert await refused(budget, Priority.BACKLOG) is None


async def test_the_last_answer_of_a_window_does_not_spoil_the_next(
    budget: LocalBudget, watch: Watch
) -> None:
    """It was sent before the reset, and arrives after an answer from the new window."""
    await budget.observe(window(remaining=0, seconds=1))
    watch.now = 1
    await budget.observe(window(remaining=99, seconds=3600))
    await budget.observe(window(remaining=0, seconds=1))
    assert await refused(budget, Priority.BACKLOG) is None


async def test_what_is_spare(budget: LocalBudget, watch: Watch) -> None:
    assert await budget.spare(Priority.BACKLOG) is None
    await budget.observe(window(remaining=50))
    assert await budget.spare(Priority.BACKLOG) == 30
    assert await budget.spare(Priority.INTERACTIVE) == 50
    await budget.observe(RateLimit(retry_after=timedelta(seconds=90)))
    assert await budget.spare(Priority.INTERACTIVE) == 0
    watch.now = 600
    assert await budget.spare(Priority.BACKLOG) is None


class Board:
    """A shelf in memory."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.window: Window | None = None
        self.told = 0

    async def look(self) -> Window | None:
        return self.window

    async def tell(self, window: Window) -> Window:
        self.told += 1
        known = (self.window or Window()).at(self.watch.now)
        self.window = known.joined(window)
        return self.window


@pytest.fixture
def processes(watch: Watch) -> tuple[SharedBudget, SharedBudget, Board]:
    board = Board(watch)
    return SharedBudget(board, clock=watch), SharedBudget(board, clock=watch), board


async def test_a_process_that_has_made_no_call_knows_the_window(
    processes: tuple[SharedBudget, SharedBudget, Board],
) -> None:
    one, other, _ = processes
    await one.observe(window(remaining=20))
    assert await refused(other, Priority.BACKLOG) == timedelta(seconds=600)
    assert await refused(other, Priority.STEADY) is None


async def test_a_pause_holds_for_every_process_at_once(
    processes: tuple[SharedBudget, SharedBudget, Board], watch: Watch
) -> None:
    one, other, _ = processes
    await one.observe(window(remaining=90))
    assert await refused(other, Priority.BACKLOG) is None
    await one.observe(RateLimit(retry_after=timedelta(seconds=90)))
    watch.now = 1
    assert await refused(other, Priority.INTERACTIVE) == timedelta(seconds=89)


async def test_processes_together_leave_the_reserve(
    processes: tuple[SharedBudget, SharedBudget, Board], watch: Watch
) -> None:
    """Visma counts for both. What one does not know of the other is less than a hundredth."""
    one, other, board = processes
    limit = left = 1000
    turns = 0
    while await refused(one if turns % 2 else other, Priority.BACKLOG) is None:
        turns += 1
        left -= 1
        watch.now += 0.1
        answer = window(remaining=left, seconds=round(3600 - watch.now), limit=limit)
        await (one if turns % 2 == 0 else other).observe(answer)
    assert 190 <= left <= 201
    assert board.told <= 2 * 80, "each says a hundredth at a time"


async def test_a_call_that_never_left_is_put_back(budget: LocalBudget) -> None:
    await budget.observe(window(remaining=21))
    await budget.acquire(Priority.BACKLOG)
    budget.put_back()
    assert await refused(budget, Priority.BACKLOG) is None


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "5"}, timedelta(seconds=5)),
        ({"Retry-After": "0"}, timedelta(seconds=1)),
        ({"Retry-After": "99999999999"}, LONGEST_WAIT),
        ({"Retry-After": "9" * 5000}, UNSTATED_WAIT),
        ({"Retry-After": "soon"}, UNSTATED_WAIT),
        ({}, UNSTATED_WAIT),
        ({"X-RateLimit-Reset": "42"}, timedelta(seconds=42)),
        (
            {
                "Retry-After": "Sun, 22 Nov 2026 10:01:30 GMT",
                "Date": "Sun, 22 Nov 2026 10:00:00 GMT",
            },
            timedelta(seconds=90),
        ),
        (
            {
                "Retry-After": "Sun, 22 Nov 2026 10:00:00 GMT",
                "Date": "Sun, 22 Nov 2026 10:01:30 GMT",
            },
            timedelta(seconds=1),
        ),
    ],
)
def test_how_long_a_429_lasts(headers: dict[str, str], wait: timedelta) -> None:
    assert read_limits(headers, 429).retry_after == wait


def test_other_answers_ask_for_no_pause() -> None:
    assert read_limits({"Retry-After": "5"}, 200).retry_after is None


async def test_a_refused_call_never_leaves(
    visma: ScriptedVisma, client: VismaClient, tokens: VismaTokens, budget: LocalBudget
) -> None:
    headers = {"X-RateLimit-Limit": "10", "X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "60"}
    limited = VismaClient(client._calls.transport, tokens=tokens, budget=budget)
    visma.say(Answer(body=order(), headers=headers), Answer(status=204))
    await limited.get_order("500254")
    backlog = limited.with_priority(Priority.BACKLOG)
    with pytest.raises(VismaThrottled):
        await backlog.update_order_fields("500254", {"customStr1": "x"}, version=VERSION)
    assert len(visma.asked) == 1
    await limited.update_order_fields("500254", {"customStr1": "x"}, version=VERSION)
    assert len(visma.asked) == 2


async def test_a_budget_that_breaks_loses_no_answer(
    visma: ScriptedVisma, client: VismaClient, tokens: VismaTokens
) -> None:
    class Broken(LocalBudget):
        async def observe(self, limits: RateLimit) -> None:
            raise RuntimeError("the database is gone")

    visma.say(Answer(body=order()))
    limited = VismaClient(client._calls.transport, tokens=tokens, budget=Broken())
    assert (await limited.get_order("500254")).number == "500254"

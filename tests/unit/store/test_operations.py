"""Operations: what may follow what, and that of two rivals one wins."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml_connector.security.vault import SealBroken
from ml_connector.store import (
    IllegalTransition,
    Operation,
    OperationState,
    RecordConflict,
    Store,
    TenantView,
    UnknownRecord,
)
from ml_connector.store.states import OPERATION_STEPS
from tests.unit.store.conftest import FakeClock
from tests.unit.store.raw import query, run

KEY = "nordic/PO1/ship/1"
DEADLINE = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC)
_MOVES: dict[str, tuple[OperationState, Callable[[TenantView, str], Awaitable[Operation]]]] = {
    "sent": (
        OperationState.SENT,
        lambda view, key: view.operations.mark_sent(key, DEADLINE),
    ),
    "succeed": (
        OperationState.SUCCEEDED,
        lambda view, key: view.operations.succeed(key, {"tracking": "794"}),
    ),
    "reject": (
        OperationState.REJECTED,
        lambda view, key: view.operations.reject(key, {"code": "X"}),
    ),
    "unknown": (
        OperationState.UNKNOWN,
        lambda view, key: view.operations.mark_unknown(key, {"why": "reset"}, deadline=DEADLINE),
    ),
    "back": (
        OperationState.INTENDED,
        lambda view, key: view.operations.back_to_intended(key, "connection refused"),
    ),
}


async def _begin(view: TenantView, key: str = KEY, digest: str = "d1") -> Operation:
    return await view.operations.begin(
        key, step="ship", order="PO1", generation=1, request_digest=digest
    )


async def test_the_life_of_an_operation(store: Store, clock: FakeClock) -> None:
    async with store.write("nordic") as view:
        intended = await _begin(view)
    assert (intended.state, intended.attempts) == (OperationState.INTENDED, 0)
    deadline = clock.now + timedelta(seconds=30)
    async with store.write("nordic") as view:
        sent = await view.operations.mark_sent(KEY, deadline)
    assert (sent.state, sent.attempts, sent.deadline) == (OperationState.SENT, 1, deadline)
    assert sent.sent_at == clock.now
    assert sent.finished_at is None
    async with store.write("nordic") as view:
        await view.operations.succeed(KEY, {"tracking": "794", "pieces": [1, 2]})
    async with store.read("nordic") as view:
        done = await view.operations.get(KEY)
        assert await view.operations.unfinished() == ()
        assert await view.operations.history("PO1") == (done,)
    assert done is not None
    assert done.state is OperationState.SUCCEEDED
    assert done.result == {"tracking": "794", "pieces": [1, 2]}
    assert done.finished_at == clock.now


async def test_beginning_again_returns_what_is_there(store: Store) -> None:
    async with store.write("nordic") as view:
        await _begin(view, digest="d1")
        assert (await _begin(view, digest="d2")).request_digest == "d2"
        await view.operations.mark_sent(KEY, DEADLINE)
        again = await _begin(view, digest="d3")
    assert again.state is OperationState.SENT
    assert again.request_digest == "d2"


async def test_a_key_stands_for_one_thing(store: Store) -> None:
    async with store.write("nordic") as view:
        await _begin(view)
    with pytest.raises(RecordConflict, match="another step"):
        async with store.write("nordic") as view:
            await view.operations.begin(
                KEY, step="cancel", order="PO1", generation=1, request_digest="d"
            )
    with pytest.raises(RecordConflict, match="not of tenant sur"):
        async with store.write("sur") as view:
            await _begin(view)


async def test_a_proven_failure_may_be_sent_again(store: Store, clock: FakeClock) -> None:
    async with store.write("nordic") as view:
        await _begin(view)
        await view.operations.mark_sent(KEY, clock.now)
        back = await view.operations.back_to_intended(KEY, "connection refused")
        assert (back.state, back.note, back.deadline) == (
            OperationState.INTENDED,
            "connection refused",
            None,
        )
        assert (await view.operations.mark_sent(KEY, clock.now)).attempts == 2


async def test_what_is_found_out_in_doubt_is_noted(store: Store, clock: FakeClock) -> None:
    later = clock.now + timedelta(minutes=15)
    async with store.write("nordic") as view:
        await _begin(view)
        await view.operations.mark_sent(KEY, clock.now)
        await view.operations.mark_unknown(KEY, {"why": "reset"}, deadline=clock.now)
        await view.operations.annotate(KEY, "not found once", deadline=later)
        noted = await view.operations.get(KEY)
        assert noted is not None
        assert (noted.state, noted.note) == (OperationState.UNKNOWN, "not found once")
        assert (noted.deadline, noted.error) == (later, {"why": "reset"})
        await view.operations.annotate(KEY, "not found twice")
        noted = await view.operations.get(KEY)
    assert noted is not None
    assert (noted.note, noted.deadline) == ("not found twice", later)


async def test_unfinished_ones_are_listed_oldest_first(store: Store, clock: FakeClock) -> None:
    async with store.write("nordic") as view:
        for number in (3, 1, 2):
            clock.advance(timedelta(seconds=1))
            await view.operations.begin(
                f"nordic/PO{number}/ship/1",
                step="ship",
                order=f"PO{number}",
                generation=1,
                request_digest="d",
            )
        await view.operations.mark_sent("nordic/PO1/ship/1", clock.now)
        await view.operations.mark_sent("nordic/PO2/ship/1", clock.now)
        await view.operations.mark_unknown("nordic/PO2/ship/1", {}, deadline=clock.now)
    async with store.read("nordic") as view:
        unfinished = [operation.order for operation in await view.operations.unfinished()]
    assert unfinished == ["PO3", "PO1", "PO2"]


async def test_moving_what_is_not_there_is_an_error(store: Store, clock: FakeClock) -> None:
    with pytest.raises(UnknownRecord):
        async with store.write("nordic") as view:
            await view.operations.mark_sent("nordic/PO9/ship/1", clock.now)


@given(moves=st.lists(st.sampled_from(sorted(_MOVES)), max_size=6))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_only_the_steps_of_the_table_are_possible(store: Store, moves: list[str]) -> None:
    key = f"nordic/PO1/ship-{'-'.join(moves)}/1"
    async with store.write("nordic") as view:
        state = (
            await view.operations.begin(
                key, step="ship", order="PO1", generation=1, request_digest="d"
            )
        ).state
        state = await _reset(view, key, state)
        for move in moves:
            wanted, act = _MOVES[move]
            if wanted in OPERATION_STEPS[state]:
                state = (await act(view, key)).state
                assert state is wanted
            else:
                with pytest.raises(IllegalTransition) as refusal:
                    await act(view, key)
                assert refusal.value.present == state
        stored = await view.operations.get(key)
    assert stored is not None
    assert stored.state is state


async def _reset(view: TenantView, key: str, state: OperationState) -> OperationState:
    """Hypothesis tries a list again: start from `intended` unless that is impossible."""
    if OperationState.INTENDED in OPERATION_STEPS[state]:
        return (await view.operations.back_to_intended(key, "another try")).state
    return state


async def test_of_two_workers_one_sends(store: Store, clock: FakeClock) -> None:
    async with store.write("nordic") as view:
        await _begin(view)

    async def worker() -> str:
        try:
            async with store.write("nordic") as view:
                await view.operations.mark_sent(KEY, clock.now)
        except IllegalTransition:
            return "lost"
        return "won"

    assert sorted(await asyncio.gather(*(worker() for _ in range(5)))) == ["lost"] * 4 + ["won"]


async def test_outcomes_are_sealed_for_their_own_row(
    store: Store, url: str, clock: FakeClock
) -> None:
    other = "nordic/PO1/ship/2"
    async with store.write("nordic") as view:
        for key, generation in ((KEY, 1), (other, 2)):
            await view.operations.begin(
                key, step="ship", order="PO1", generation=generation, request_digest="d"
            )
            await view.operations.mark_sent(key, clock.now)
            await view.operations.succeed(key, {"street": "Storgata 1"})
    assert "Storgata" not in repr(await query(url, "SELECT * FROM operations"))
    await run(
        url,
        "UPDATE operations SET result_sealed = "
        "(SELECT result_sealed FROM operations WHERE key = :other) WHERE key = :key",
        other=other,
        key=KEY,
    )
    with pytest.raises(SealBroken):
        async with store.read("nordic") as view:
            await view.operations.get(KEY)

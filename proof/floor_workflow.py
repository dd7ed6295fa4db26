"""The floors' workflow, in a module that imports nothing: it runs in Temporal's sandbox."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

STEPS = 4
"""Activities of an order that nothing went wrong with: plan, buy, write, post."""
_ATTEMPT = timedelta(minutes=1)
_ONCE = RetryPolicy(maximum_attempts=1)
"""A floor meets no faults: whatever fails here is a mistake in the measurement."""


@workflow.defn
class FloorWorkflow:
    """An order's shape: its activities one after another, all of one kind."""

    @workflow.run
    async def run(self, kind: str, number: str) -> str:
        for step in range(STEPS):
            await workflow.execute_activity(
                kind,
                args=[number, step],
                start_to_close_timeout=_ATTEMPT,
                retry_policy=_ONCE,
                result_type=str,
            )
        return number

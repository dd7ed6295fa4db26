"""How the scheduled workflows call their activities."""

from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.signatures import Signature
    from workflows.stepping import FINAL_TYPES, WAITING

A = TypeVar("A")
R = TypeVar("R")

ATTEMPTS = 3
"""The schedule itself is the long retry: a run that fails is followed by the next."""


async def run_step(signature: Signature[A, R], argument: A, summary: str) -> R | None:
    """Run one step; a failed step returns None, is logged, and does not stop the others."""
    try:
        result: R = await workflow.execute_activity(
            signature.name,
            argument,
            task_queue=signature.queue,
            result_type=signature.result,
            start_to_close_timeout=signature.timeout,
            heartbeat_timeout=signature.heartbeat,
            retry_policy=RetryPolicy(
                initial_interval=timedelta(seconds=1),
                maximum_interval=timedelta(seconds=10),
                maximum_attempts=ATTEMPTS,
                non_retryable_error_types=FINAL_TYPES,
            ),
            summary=summary,
        )
        return result
    except ActivityError as error:
        waits = isinstance(error.cause, ApplicationError) and error.cause.type == WAITING
        # What a tenant waits for has been said, by whoever locked it out.
        say = workflow.logger.info if waits else workflow.logger.warning
        say("%s failed: %s", summary, error.cause)
        return None

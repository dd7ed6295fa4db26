"""How a workflow calls an activity: bounded retries, waits that cost none, and a clear end.

An activity ends in one of four ways. It returns; or it raises an `ApplicationError` of type
`Waiting` (with a `Wait`) or `Rejected` (with an `Attention`), both of which activities.failures
makes; or its retries run out.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import TypeVar

from pydantic import TypeAdapter
from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.signatures import Signature
    from ml_connector.temporal.order_messages import Attention, Policy, Wait

A = TypeVar("A")
R = TypeVar("R")

WAITING = "Waiting"
REJECTED = "Rejected"
FINAL_TYPES: Sequence[str] = (WAITING, REJECTED, "PayloadsTooLarge")

_WAIT = TypeAdapter(Wait)
_ATTENTION = TypeAdapter(Attention)


class StepWaits(Exception):
    """The activity did nothing yet: it waits for credentials, a block or the budget."""

    def __init__(self, wait: Wait) -> None:
        super().__init__(wait.why)
        self.wait = wait


class StepFailed(Exception):
    """The activity was refused, or gave up: a person or a repair must act."""

    def __init__(self, attention: Attention) -> None:
        super().__init__(attention.detail)
        self.attention = attention


async def call(
    signature: Signature[A, R],
    argument: A,
    policy: Policy,
    *,
    summary: str,
    attempts: int = 0,
    priority: int | None = None,
) -> R:
    """Run an activity to its end.

    `attempts` 0 means: as many as fit into `policy.give_up`.

    Raises `StepWaits` or `StepFailed`.
    """
    try:
        result: R = await workflow.execute_activity(
            signature.name,
            argument,
            task_queue=signature.queue,
            result_type=signature.result,
            start_to_close_timeout=signature.timeout,
            schedule_to_close_timeout=policy.give_up,
            heartbeat_timeout=signature.heartbeat,
            retry_policy=RetryPolicy(
                initial_interval=policy.initial,
                maximum_interval=max(policy.maximum, policy.initial),
                maximum_attempts=attempts,
                non_retryable_error_types=FINAL_TYPES,
            ),
            summary=summary,
            priority=Priority(priority_key=priority) if priority else Priority.default,
        )
        return result
    except ActivityError as error:
        raise _reading(error, signature.name, policy.give_up) from error


def _reading(error: ActivityError, step: str, give_up: timedelta) -> StepWaits | StepFailed:
    failure = _application_error(error)
    if failure is not None and failure.details:
        if failure.type == WAITING:
            return StepWaits(_WAIT.validate_python(failure.details[0]))
        if failure.type == REJECTED:
            return StepFailed(_ATTENTION.validate_python(failure.details[0]))
    detail = failure.message if failure is not None else str(error.cause or error)
    return StepFailed(
        Attention(
            reason=f"{step}_gave_up",
            detail=f"{step} did not succeed within {give_up}. Last: {detail}",
            remedy="Mend the cause, then resume the order (attention resume).",
        )
    )


def _application_error(error: BaseException) -> ApplicationError | None:
    """What the activity said: the outermost application error.

    A time-out carries the last attempt's failure as its cause, and each failure carries the
    exception that it was made from: that one is for the log only.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ApplicationError):
            return cause
        cause = cause.__cause__
    return None

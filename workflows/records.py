"""What only an order's workflow knows, written to the store.

The order goes on when even this cannot be written: Temporal shows it all the same.
"""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities import signatures as activity
    from ml_connector.temporal.order_messages import Asked, Policy, StageRecord
    from workflows.stepping import StepFailed, StepWaits, call


async def record_stage(record: StageRecord, policy: Policy) -> None:
    """A stage that no activity brings about."""
    attention = record.attention
    try:
        await call(
            activity.RECORD_STAGE,
            record,
            policy,
            summary=f"needs attention: {attention.reason}" if attention else "goes on",
        )
    except (StepWaits, StepFailed):
        workflow.logger.error("the stage is not in the read model")


async def record_asked(asked: Asked, policy: Policy) -> None:
    """A person's signal. The command line writes its own decision down before it sends one;
    this is what the Web UI and `temporal` leave, and the proof that it arrived."""
    try:
        # The summary names no person: it is limited to 400 bytes, and their text is not.
        summary = f"write down: {asked.signal}"
        await call(activity.RECORD_ASKED, asked, policy, summary=summary)
    except (StepWaits, StepFailed):
        workflow.logger.error("what a person asked for is not in the audit trail")

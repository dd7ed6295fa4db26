"""The one sandbox that workflows run in: the same in workers, in tests and in replay.

Workflow modules are imported afresh for each run; everything below is not. These modules are
pure, so sharing them costs no determinism, and an order's workflow starts in a fraction of the
time and memory.
"""

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

PASSED_THROUGH = (
    "ml_connector.domain",
    "ml_connector.http.faults",
    "ml_connector.temporal",
    "activities",
    "annotated_types",
    "google",
    "pydantic",
    "pydantic_core",
    "structlog",
    "typing_extensions",
    "zoneinfo",
    "tzdata",
)
"""`activities` are only named by workflows, never run there: their clients must not be loaded
a second time inside the sandbox."""


def workflow_runner() -> SandboxedWorkflowRunner:
    """A fresh runner; runners are cheap and hold no state of a workflow."""
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    )

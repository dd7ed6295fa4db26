"""The one sandbox that workflows run in: the same in workers, in tests and in replay.

Workflow modules are imported afresh for each run; everything below is not. These modules are
pure, so sharing them costs no determinism, and an order's workflow starts in a fraction of the
time and memory.
"""

from dataclasses import dataclass
from typing import Any

from temporalio.converter import StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
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


class ContextFreeRunner(SandboxedWorkflowRunner):
    """The SDK's sandbox, which is not asked what every payload is about."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _ContextFree(super().create_instance(det))


@dataclass(frozen=True, slots=True)
class _ContextFree(WorkflowInstance):
    """A workflow in the sandbox.

    For each payload the SDK asks the workflow up to four times what it belongs to, and each
    question enters the sandbox anew: a fifteenth of a worker's time. Our converter and codec treat
    all payloads alike (`temporal/converter.py`) and none is stored elsewhere, so the answer is
    always "nothing in particular".
    """

    inner: WorkflowInstance

    def activate(self, act: Any) -> Any:
        return self.inner.activate(act)

    def get_serialization_context(self, command_info: object) -> None:
        return None

    def get_external_store_context(self, command_info: object) -> StorageDriverStoreContext:
        return StorageDriverStoreContext(target=None)

    def get_info(self) -> Any:
        return self.inner.get_info()

    def get_thread_id(self) -> int | None:
        return self.inner.get_thread_id()


def workflow_runner() -> SandboxedWorkflowRunner:
    """A fresh runner; runners are cheap and hold no state of a workflow."""
    return ContextFreeRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    )

"""A workflow works for the tenant and order that its id names, and for nobody else."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from ml_connector.temporal.ids import names_another


def refuse_another_owner(tenant: str, order: str | None = None) -> None:
    """Fail a run that was started under one tenant's id with another's argument.

    Its activities would be refused one by one (`activities.failures`); this says so at once.
    """
    if names_another(workflow.info().workflow_id, tenant, order):
        raise ApplicationError(
            "This workflow was started for another tenant or order than its id names.",
            type="WrongTenant",
            non_retryable=True,
        )

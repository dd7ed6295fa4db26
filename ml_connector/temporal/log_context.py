"""Log lines of activities say for whom they work: tenant, order, activity, trace."""

from typing import Any

from temporalio import activity
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from ml_connector.security.logging import log_context
from ml_connector.temporal.ids import subject_of


class LogContextInterceptor(Interceptor):
    """Binds the log context around every activity."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _WithLogContext(super().intercept_activity(next))


class _WithLogContext(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        subject = subject_of(info.workflow_id or "")
        with log_context(
            tenant=subject.tenant,
            order=subject.order,
            activity=info.activity_type,
            trace=f"{info.workflow_run_id}/{info.activity_id}",
            attempt=info.attempt,
        ):
            return await super().execute_activity(input)


def quiet_sdk_loggers() -> None:
    """Stop Temporal's loggers from appending what the log context already says."""
    activity.logger.activity_info_on_message = False

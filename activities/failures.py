"""How a failed activity is told to its workflow.

One interceptor around every activity opens its trail, gives signs of life, and turns each error
into what `workflows.stepping` understands:

    Waiting    the activity did nothing yet; `Wait` says for what. No retry is used up.
    Rejected   refused for good; `Attention` says why and what to do.
    anything else is retried until the tenant's `give_up`, after a pause the error may name.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from activities.liveness import heartbeats
from activities.services import Services
from activities.signatures import ISSUE_TOKEN
from activities.trail import Trail, open_trail
from activities.waiting import begin_wait
from ml_connector.domain.errors import RuleError
from ml_connector.domain.findings import Finding
from ml_connector.http.faults import (
    CredentialsFault,
    Fault,
    OutcomeUnknownFault,
    RejectedFault,
    ThrottledFault,
)
from ml_connector.temporal.ids import is_token_workflow, may_act_for
from ml_connector.temporal.order_messages import Attention, Wait

WAITING = "Waiting"
REJECTED = "Rejected"
TRANSIENT = "Transient"
NEW_CREDENTIALS = timedelta(seconds=1)
"""Until an activity whose credentials were exchanged meanwhile begins again."""
SHORT_PAUSE = timedelta(seconds=30)
"""A shorter throttle is left to the activity's own retry; a longer one is shown as a wait."""
HOPELESS = (ThrottledFault, CredentialsFault)
"""What the next order of the tenant would meet as well."""

_log = structlog.get_logger(__name__)


class NotYet(Exception):
    """Nothing was done; the workflow is to wait."""

    def __init__(self, wait: Wait) -> None:
        super().__init__(wait.why)
        self.wait = wait


class Later(Exception):
    """Try this activity again at an instant that the other side, or a rule, sets."""

    def __init__(self, why: str, at: datetime) -> None:
        super().__init__(why)
        self.at = at


def attention_of(findings: tuple[Finding, ...]) -> Attention:
    """All findings as one reason to stop; the first names it."""
    return Attention(
        reason=findings[0].code,
        detail=" ".join(finding.message for finding in findings),
        remedy=" ".join(dict.fromkeys(finding.remedy for finding in findings)),
    )


def attention_for(fault: Fault) -> Attention:
    """A refusal as a reason to stop."""
    return Attention(
        reason=_slug(fault.code or "rejected"),
        detail=" ".join(part for part in (fault.what, fault.told) if part),
        remedy=fault.remedy or "Mend what is named, then resume the order.",
    )


def _slug(code: str) -> str:
    """The other side's code as a search attribute shows it: `DIMENSIONS.EXCEEDS` → `dimensions_…`.

    Visma's codes are bare numbers and HTTP statuses; they say whose they are.
    """
    slug = re.sub(r"[^a-z0-9]+", "_", code.lower()).strip("_")
    return f"visma_{slug}" if slug[:1].isdigit() or slug.startswith("http_") else slug


class FailureInterceptor(Interceptor):
    """Opens the trail of each activity and translates its failure."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Translating(next, self._services)


class _Translating(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, services: Services) -> None:
        super().__init__(next)
        self._services = services

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        argument = input.args[0] if input.args else None
        tenant = getattr(argument, "tenant", "") or ""
        order = getattr(argument, "order", None)
        _check_owner(info, tenant, order)
        trail = Trail(tenant=tenant, order=order, actor=f"workflow {info.workflow_id}")
        open_trail(trail)
        with structlog.contextvars.bound_contextvars(
            tenant=tenant, order=order, activity=info.activity_type, attempt=info.attempt
        ):
            try:
                async with heartbeats():
                    return await self.next.execute_activity(input)
            except Exception as error:
                translated = await self._translate(error, trail)
                if translated is None:
                    raise
                _tell(translated)
                raise translated from error
            finally:
                await self._services.settle(trail)

    async def _translate(self, error: Exception, trail: Trail) -> ApplicationError | None:
        match error:
            case NotYet():
                return _waiting(error.wait)
            case Later():
                return _retry(str(error), "Later", error.at - datetime.now(UTC))
            case CredentialsFault():
                return await self._without_credentials(error, trail)
            case ThrottledFault() if error.retry_after > SHORT_PAUSE:
                until = datetime.now(UTC) + error.retry_after
                return _waiting(Wait(kind="throttled", why=str(error), until=until))
            case ThrottledFault():
                return _retry(str(error), "Throttled", error.retry_after)
            case OutcomeUnknownFault():
                return _expected(str(error), kind="OutcomeUnknown")
            case RejectedFault():
                return _rejected(error, attention_for(error))
            case RuleError():
                return _rejected(error, attention_of((error.finding(),)))
            case Fault():
                return _expected(str(error), kind=TRANSIENT)
        return None

    async def _without_credentials(self, error: CredentialsFault, trail: Trail) -> ApplicationError:
        services, tenant, order = self._services, trail.tenant, trail.order
        await services.lock_out(tenant, error, settings=trail.settings)
        if order is not None and not await begin_wait(services.store, tenant, order):
            return _retry(str(error), "Later", NEW_CREDENTIALS)
        return _waiting(Wait(kind="credentials", why=str(error)))


def _check_owner(info: activity.Info, tenant: str, order: str | None) -> None:
    """A workflow of one tenant or order may not act for another, nor issue tokens by itself."""
    workflow_id = info.workflow_id or ""
    may_act = (
        is_token_workflow(workflow_id)
        if info.activity_type == ISSUE_TOKEN.name
        else may_act_for(workflow_id, tenant, order)
    )
    if not may_act:
        raise ApplicationError(
            "This workflow belongs to another tenant or order than its activity names.",
            type="WrongTenant",
            non_retryable=True,
        )


def _rejected(error: Exception, attention: Attention) -> ApplicationError:
    return _expected(str(error), attention, kind=REJECTED, final=True)


def _waiting(wait: Wait) -> ApplicationError:
    return _expected(wait.why, wait, kind=WAITING, final=True)


def _retry(message: str, kind: str, pause: timedelta) -> ApplicationError:
    return _expected(message, kind=kind, pause=max(pause, timedelta(milliseconds=1)))


def _expected(
    message: str,
    *details: object,
    kind: str,
    final: bool = False,
    pause: timedelta | None = None,
) -> ApplicationError:
    """Benign, in Temporal's word: the SDK would log its traceback, at every attempt of every order
    of a tenant whose other side is away. `_tell` says it in one line."""
    return ApplicationError(
        message,
        *details,
        type=kind,
        non_retryable=final,
        next_retry_delay=pause,
        category=ApplicationErrorCategory.BENIGN,
    )


def _tell(error: ApplicationError) -> None:
    say = _log.warning if error.type == TRANSIENT else _log.info
    say("an activity did not succeed", outcome=error.type, why=error.message)

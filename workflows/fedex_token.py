"""The only place where FedEx tokens are issued, one run per egress address."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.signatures import ISSUE_TOKEN
    from ml_connector.temporal.token_messages import (
        EnsureToken,
        IssueToken,
        TokenAnswer,
        TokenInput,
        TokenIssued,
        TokenState,
    )
    from workflows.token_budget import TokenBudget

MOST_UPDATES = 500
"""Then continue as new: a run takes 2,000 updates in all (temporal.md, limits)."""
REFRESH_AT = 0.85
"""A used token is renewed after this part of its useful life, before anybody has to wait."""
BLOCK_MARGIN = timedelta(seconds=15)
USUAL_WINDOW = timedelta(seconds=5)
"""FedEx's. A sandbox's may be shorter, and so, in proportion, are its blocks."""


@workflow.defn
class FedExTokenWorkflow:
    """Issues tokens within FedEx's budget, remembers blocks, and never sees a token.

    `ensure` always answers at once or after one HTTP call: a caller that must wait is told until
    when and waits on its own side, because more than ten waiting updates choke a workflow.
    """

    @workflow.init
    def __init__(self, start: TokenInput) -> None:
        self._egress = start.egress
        self._window = start.window
        self._tokens = dict(start.tokens)
        self._budget = TokenBudget(start.window, start.issued_at)
        self._blocked_until = start.blocked_until
        self._flights: dict[tuple[str, int], asyncio.Future[TokenAnswer]] = {}
        """Requests under way: whoever wants the same credential shares the answer, unless he
        knows of newer secrets."""
        self._updates = 0

    @workflow.run
    async def run(self, start: TokenInput) -> None:
        self._show()
        while not self._long_enough():
            await self._until_refresh_or_enough()
            await self._refresh_due()
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(
            TokenInput(
                egress=self._egress,
                window=self._window,
                tokens=self._tokens,
                issued_at=self._budget.sent,
                blocked_until=self._blocked_until,
            )
        )

    @workflow.update
    async def ensure(self, request: EnsureToken) -> TokenAnswer:
        """See that the store holds a token for the credential that is not the stale one."""
        self._updates += 1
        credential = request.credential
        known = self._usable(request)
        if known is not None:
            return TokenAnswer(version=known.version, expires_at=known.expires_at)
        if _flight_of(request) in self._flights:
            return await self._flights[_flight_of(request)]
        now = workflow.now()
        blocked = self._block(now)
        if blocked is not None:
            return TokenAnswer(blocked_until=blocked)
        place = self._budget.next_place(credential, now, urgent=request.urgent)
        if place is not None:
            return TokenAnswer(not_before=place)
        return await self._issue(request)

    @workflow.query
    def tokens(self) -> dict[str, TokenState]:
        """Versions and expiry times by credential, for `token status`; never a token."""
        return self._tokens

    @workflow.query
    def blocked_until(self) -> datetime | None:
        return self._blocked_until

    def _usable(self, request: EnsureToken) -> TokenState | None:
        """A 401 names the version it got: only that version is stale, so that of many workers
        with the same 401 only the first forces a new token."""
        known = self._tokens.get(request.credential)
        if known is None or known.version == request.stale_version:
            return None
        return known if workflow.now() < known.expires_at else None

    def _long_enough(self) -> bool:
        return self._updates >= MOST_UPDATES or workflow.info().is_continue_as_new_suggested()

    async def _until_refresh_or_enough(self) -> None:
        """Wakes for the next refresh, for a new token's earlier one, and for the end of the run."""
        known = len(self._tokens)
        due = min((t.refresh_at for t in self._tokens.values() if t.refresh_at), default=None)
        pause = None if due is None else max(due - workflow.now(), timedelta())
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._long_enough() or len(self._tokens) != known, timeout=pause
            )

    async def _refresh_due(self) -> None:
        """Renew tokens in use; one that nobody used since it was issued is let go."""
        for credential in list(self._tokens):
            now = workflow.now()
            token = self._tokens[credential]
            in_flight = any(credential == name for name, _ in self._flights)
            if token.refresh_at is None or token.refresh_at > now or in_flight:
                continue
            later = self._block(now) or self._budget.next_place(credential, now, urgent=False)
            if later is not None:
                self._tokens[credential] = replace(token, refresh_at=later)
                continue
            tenant, project = credential.split("/")
            await self._issue(EnsureToken(tenant=tenant, project=project), only_if_used=True)

    def _block(self, now: datetime) -> datetime | None:
        """The end of FedEx's block, while it lasts."""
        blocked = self._blocked_until
        return blocked if blocked is not None and now < blocked else None

    async def _issue(self, request: EnsureToken, *, only_if_used: bool = False) -> TokenAnswer:
        """One request, whose answer goes to everybody who wants this credential meanwhile."""
        mine = _flight_of(request)
        flight = self._flights[mine] = asyncio.Future()
        try:
            answer = await self._fetch(request, only_if_used=only_if_used)
            flight.set_result(answer)
            return answer
        finally:
            flight.cancel()
            del self._flights[mine]

    async def _fetch(self, request: EnsureToken, *, only_if_used: bool) -> TokenAnswer:
        credential = request.credential
        previous = self._tokens.get(credential)
        known = max(previous.version if previous else 0, request.stale_version or 0)
        self._budget.start()
        try:
            issued = await self._request(
                IssueToken(
                    tenant=request.tenant,
                    project=request.project,
                    known_version=known,
                    only_if_used=only_if_used,
                )
            )
        finally:
            self._budget.end(workflow.now())
        return self._learn(credential, issued)

    async def _request(self, issue: IssueToken) -> TokenIssued:
        """One attempt: each further one must find its own place in the budget."""
        try:
            issued: TokenIssued = await workflow.execute_activity(
                ISSUE_TOKEN.name,
                issue,
                task_queue=ISSUE_TOKEN.queue,
                result_type=TokenIssued,
                start_to_close_timeout=ISSUE_TOKEN.timeout,
                heartbeat_timeout=ISSUE_TOKEN.heartbeat,
                retry_policy=RetryPolicy(maximum_attempts=1),
                summary=f"token for {issue.tenant}/{issue.project}",
            )
            return issued
        except ActivityError as error:
            return TokenIssued(failure=str(error.cause or error))

    def _learn(self, credential: str, issued: TokenIssued) -> TokenAnswer:
        now = workflow.now()
        if issued.expires_at is not None:
            self._tokens[credential] = TokenState(
                version=issued.version,
                expires_at=issued.expires_at,
                refresh_at=now + REFRESH_AT * (issued.expires_at - now),
            )
            self._show()
            return TokenAnswer(version=issued.version, expires_at=issued.expires_at)
        if issued.blocked_for is not None:
            pace = min(self._window / USUAL_WINDOW, 1.0)
            self._blocked_until = now + pace * (issued.blocked_for + BLOCK_MARGIN)
            self._show()
        blocked = self._block(now)
        again = blocked or (now + self._window if issued.failure else None)
        known = self._tokens.get(credential)
        if known is not None:
            alive = now < known.expires_at
            self._tokens[credential] = replace(known, refresh_at=again if alive else None)
        if blocked is not None:
            return TokenAnswer(blocked_until=blocked)
        if issued.refused:
            return TokenAnswer(refused=issued.refused)
        return TokenAnswer(not_before=again or now + self._window)

    def _show(self) -> None:
        blocked = self._block(workflow.now())
        lines = [
            f"**Egress:** {self._egress}",
            f"**Credentials with a token:** {len(self._tokens)}",
        ]
        if blocked is not None:
            lines.insert(0, f"**FedEx blocks this address until {blocked:%H:%M:%S} UTC**")
        workflow.set_current_details("\n\n".join(lines))


def _flight_of(request: EnsureToken) -> tuple[str, int]:
    return request.credential, request.settings

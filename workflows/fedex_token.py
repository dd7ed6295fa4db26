"""The only place where FedEx tokens are issued, one run per egress address."""

import asyncio
from dataclasses import dataclass, replace
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
        TokenPlace,
        TokenState,
    )
    from workflows.token_budget import LEAD, TokenBudget

MOST_UPDATES = 500
"""Then continue as new: a run takes 2,000 updates in all (temporal.md, limits)."""
REFRESH_AT = 0.85
"""A used token is renewed after this part of its useful life, before anybody has to wait."""
USUAL_BLOCK = timedelta(minutes=10)
BLOCK_MARGIN = timedelta(seconds=15)
"""On top of FedEx's own block; of a sandbox's shorter one in proportion."""
REMEMBERED = timedelta(minutes=1)
"""So long a refusal is kept for a caller that had to come back for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    """FedEx's no to a credential, as it stood in one version of the tenant's settings."""

    why: str
    settings: int
    at: datetime


@workflow.defn
class FedExTokenWorkflow:
    """Issues tokens within FedEx's budget, remembers blocks, and never sees a token.

    `ensure` always answers at once or after one HTTP call: a caller that must wait is told until
    when and waits on its own side, because more than ten waiting updates choke a workflow. Its
    credential stands in line meanwhile and is served there, so that no place is lost on a caller
    who comes back late, or never.
    """

    @workflow.init
    def __init__(self, start: TokenInput) -> None:
        self._egress = start.egress
        self._window = start.window
        self._block = start.block
        self._tokens = dict(start.tokens)
        self._budget = TokenBudget(start.window, start.issued_at, start.line)
        self._blocked_until = start.blocked_until
        self._flights: dict[tuple[str, int], asyncio.Task[TokenAnswer]] = {}
        """Requests under way: whoever wants the same credential shares the answer, unless he
        knows of newer secrets."""
        self._refusals: dict[str, _Refusal] = {}
        self._updates = 0
        self._stirred = False
        self._alarms: dict[datetime, asyncio.Task[None]] = {}

    @workflow.run
    async def run(self, start: TokenInput) -> None:
        self._show()
        while not self._long_enough():
            self._lift_block()
            self._line_up_renewals()
            self._serve()
            await self._until_something_is_due()
        await workflow.wait_condition(
            lambda: not self._flights and workflow.all_handlers_finished()
        )
        workflow.continue_as_new(
            TokenInput(
                egress=self._egress,
                window=self._window,
                block=self._block,
                tokens=self._tokens,
                issued_at=self._budget.sent,
                blocked_until=self._blocked_until,
                line=self._budget.line,
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
        now = workflow.now()
        mine = (credential, request.settings)
        if mine not in self._flights:
            if self._blocked(now):
                return TokenAnswer(blocked_until=self._blocked_until)
            refused = self._refusal(request, now)
            if refused:
                return TokenAnswer(refused=refused)
            self._budget.line_up(
                TokenPlace(
                    credential=credential,
                    urgent=request.urgent,
                    known_version=request.stale_version or 0,
                    settings=request.settings,
                )
            )
            self._serve()
        flight = self._flights.get(mine)
        if flight is not None:
            return await flight
        # A run that is about to end serves nobody: not even the first in line may ask at once.
        soon = now + LEAD * self._window
        return TokenAnswer(not_before=max(self._budget.turn_of(credential, now), soon))

    @workflow.query
    def tokens(self) -> dict[str, TokenState]:
        """Versions and expiry times by credential, for `token status`; never a token."""
        return self._tokens

    @workflow.query
    def blocked_until(self) -> datetime | None:
        return self._blocked_until

    # -- whose turn it is -------------------------------------------------------------------

    def _usable(self, request: EnsureToken) -> TokenState | None:
        """A 401 names the version it got: only that version is stale, so that of many workers
        with the same 401 only the first forces a new token."""
        known = self._tokens.get(request.credential)
        if known is None or known.version == request.stale_version:
            return None
        return known if workflow.now() < known.expires_at else None

    def _refusal(self, request: EnsureToken, now: datetime) -> str:
        """What became of a request whose caller had to come back; told once, then asked anew."""
        refusal = self._refusals.pop(request.credential, None)
        if refusal is None or refusal.settings != request.settings:
            return ""
        return refusal.why if now < refusal.at + REMEMBERED else ""

    def _blocked(self, now: datetime) -> bool:
        return self._blocked_until is not None and now < self._blocked_until

    def _lift_block(self) -> None:
        if self._blocked_until is not None and not self._blocked(workflow.now()):
            self._blocked_until = None
            self._show()

    def _line_up_renewals(self) -> None:
        """Tokens in use are renewed early; one that nobody used is let go in its turn."""
        now = workflow.now()
        for credential, token in self._tokens.items():
            due = token.refresh_at is not None and token.refresh_at <= now
            if due and not any(credential == name for name, _ in self._flights):
                self._budget.line_up(TokenPlace(credential=credential, renewal=True))

    def _serve(self) -> None:
        """Send what may be sent now, and have the main loop look at what is left."""
        self._stirred = True
        now = workflow.now()
        if self._blocked(now) or self._long_enough():
            return
        while (taken := self._budget.take(now)) is not None:
            place, turn = taken
            mine = (place.credential, place.settings)
            self._flights[mine] = asyncio.create_task(self._issue(place, turn - now))

    async def _until_something_is_due(self) -> None:
        """A turn, a renewal or a block's end; or somebody has lined up, or a request has ended."""
        now = workflow.now()
        start = self._budget.next_start(now)
        if start is not None and self._blocked_until is not None:
            start = max(start, self._blocked_until)
        renewals = (token.refresh_at for token in self._tokens.values())
        instants = [at for at in (start, self._blocked_until, *renewals) if at and at > now]
        if instants:
            self._wake_at(min(instants))
        self._stirred = False
        await workflow.wait_condition(lambda: self._stirred or self._long_enough())

    def _wake_at(self, instant: datetime) -> None:
        """Set a timer, unless one goes off before. None is cancelled: each would cost an event,
        and to wake up for nothing costs little."""
        if not any(at <= instant for at in self._alarms):
            self._alarms[instant] = asyncio.create_task(self._sleep_until(instant))

    async def _sleep_until(self, instant: datetime) -> None:
        await workflow.sleep(max(instant - workflow.now(), timedelta()))
        del self._alarms[instant]
        self._stirred = True

    def _long_enough(self) -> bool:
        return self._updates >= MOST_UPDATES or workflow.info().is_continue_as_new_suggested()

    # -- one request ------------------------------------------------------------------------

    async def _issue(self, place: TokenPlace, wait: timedelta) -> TokenAnswer:
        """One request, whose answer goes to everybody who wants this credential meanwhile."""
        issued = await self._request(place, wait)
        now = workflow.now()
        self._budget.end(now - issued.ago, now)
        del self._flights[place.credential, place.settings]
        self._stirred = True
        return self._learn(place.credential, issued)

    async def _request(self, place: TokenPlace, wait: timedelta) -> TokenIssued:
        """One attempt: each further one must find its own place in the budget."""
        tenant, project = place.credential.split("/")
        known = self._tokens.get(place.credential)
        try:
            issued: TokenIssued = await workflow.execute_activity(
                ISSUE_TOKEN.name,
                IssueToken(
                    tenant=tenant,
                    project=project,
                    known_version=max(known.version if known else 0, place.known_version),
                    wait=wait,
                    only_if_used=place.renewal,
                ),
                task_queue=ISSUE_TOKEN.queue,
                result_type=TokenIssued,
                start_to_close_timeout=ISSUE_TOKEN.timeout,
                heartbeat_timeout=ISSUE_TOKEN.heartbeat,
                retry_policy=RetryPolicy(maximum_attempts=1),
                summary=f"token for {place.credential}",
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
            pace = self._block / USUAL_BLOCK
            self._blocked_until = now + pace * (issued.blocked_for + BLOCK_MARGIN)
            self._show()
        if issued.refused:
            self._refusals[credential] = _Refusal(
                why=issued.refused, settings=issued.settings, at=now
            )
        blocked = self._blocked_until if self._blocked(now) else None
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
        lines = [
            f"**Egress:** {self._egress}",
            f"**Credentials with a token:** {len(self._tokens)}",
        ]
        if self._blocked_until is not None:
            until = f"{self._blocked_until:%H:%M:%S} UTC"
            lines.insert(0, f"**FedEx blocks this address until {until}**")
        workflow.set_current_details("\n\n".join(lines))

"""The calls that the connector makes for one order, as the simulators see them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ml_connector.sandbox.faults import Action, FaultKind, FaultPlan, Rule, Seen
from proof.floors import RecordedCall
from tests.stage import Stage

_NAME = "recording"
_SHARED = ("/oauth/token", "/connect/token", "/track/v1/", "/v2/PurchaseReceipt")
"""Made for many orders at once, so no order's own."""


@dataclass(slots=True)
class Recording:
    """What was seen, in the order in which it came."""

    seen: list[tuple[str, Seen]] = field(default_factory=list)

    def calls(self, order: str) -> list[RecordedCall]:
        """The order's own calls, each with the step that makes it."""
        own = [
            (system, seen)
            for system, seen in self.seen
            if not any(part in seen.path for part in _SHARED)
            and (order in seen.path or order in seen.text or "journaltransaction" in seen.path)
        ]
        return [
            RecordedCall(
                step=_step(seen),
                system=system,
                method=seen.method,
                path=seen.path,
                query=seen.query,
                body=seen.text,
            )
            for system, seen in own
        ]


@asynccontextmanager
async def recorded(stage: Stage) -> AsyncIterator[Recording]:
    """Record every call to both simulators."""
    recording = Recording()
    plans = {"fedex": stage.sandbox.fedex.faults, "visma": stage.sandbox.visma.faults}
    for system, plan in plans.items():
        _listen(recording, system, plan)
    try:
        yield recording
    finally:
        for plan in plans.values():
            plan.remove(_NAME)


def _listen(recording: Recording, system: str, plan: FaultPlan) -> None:
    async def note(seen: Seen) -> None:
        recording.seen.append((system, seen))

    plan.hooks[_NAME] = note
    plan.add(Rule(id=_NAME, action=Action(kind=FaultKind.HOOK, name=_NAME)))


def _step(seen: Seen) -> int:
    """Plan, buy, write or post: which activity makes such a call."""
    if "/journaltransaction" in seen.path:
        return 3
    if seen.method == "PUT":
        return 2
    return 1 if "/ship/v1/" in seen.path else 0

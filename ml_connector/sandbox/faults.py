"""A scripted, seeded fault plan: what the sandbox does to a request instead of answering well.

Both simulators share it. A world owns its plan as `world.faults`, with its vendor's error
bodies; the app puts the middleware first and offers the control routes:

    from ml_connector.sandbox.control import ControlRefused, clock_routes, fault_routes, refuse
    from ml_connector.sandbox.injection import FaultMiddleware

    Starlette(
        routes=[…, *clock_routes(clock), *fault_routes(world.faults)],
        middleware=[Middleware(FaultMiddleware, plan=world.faults)],
        exception_handlers={ControlRefused: refuse},
    )

A rule is JSON, the same over HTTP (`POST /sandbox/faults`) and in Python:

    {"id": "lost-ship",
     "match": {"method": "POST", "path": "/ship/v1/shipments$", "body": "PO-0007", "nth": 1},
     "action": {"kind": "reset_after"},
     "times": 1}

`kind` is one of

    reset_before   the connection is reset before the app sees the request
    reset_after    the app does its work, then the connection is reset without an answer
    reset_midway   the app's status, headers and half of its body, then a reset
    slow           `delay_ms` of real time, before the app, or after it with `after_commit`
    status         `status`, `headers` and a `body` of kind json, html or empty, without the app,
                   or after it has done its work with `after_commit`; `code` is the vendor's
                   error code in the json
    truncate       the app's own answer with its body cut in half; the HTTP message is whole
    hook           run the app's own hook `name` and let the request through: what a concurrent
                   user does (Visma's `stale_412`: somebody edits the resource just before the PUT)

The first rule that fires wins. A probability is drawn from the seed, the rule, the request
itself and how often that same request came before, never from the order in which different
requests happen to arrive: concurrent runs of one seed hit the same requests.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

CONTROL_PREFIX = "/sandbox"
"""Paths under it are the operator's own and never suffer a fault."""

Hook = Callable[["Seen"], Awaitable[None]]


class FaultKind(StrEnum):
    """What happens to the request."""

    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    RESET_MIDWAY = "reset_midway"
    SLOW = "slow"
    STATUS = "status"
    TRUNCATE = "truncate"
    HOOK = "hook"


class BodyKind(StrEnum):
    """The body of an injected status: the vendor's JSON error, a proxy's page, or nothing."""

    JSON = "json"
    HTML = "html"
    EMPTY = "empty"


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Match(_Wire):
    """Which requests a rule looks at. Patterns are searched for, not anchored."""

    method: str | None = None
    path: str = ""
    body: str | None = None
    nth: int | None = Field(default=None, ge=1)
    """Only the nth of the requests that match otherwise, from 1, since the rule was added."""

    @field_validator("path", "body")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from error
        return pattern

    def covers(self, seen: "Seen") -> bool:
        """Whether the request is one of these, `nth` aside."""
        if self.method is not None and self.method.upper() != seen.method:
            return False
        if not re.search(self.path, seen.path):
            return False
        return self.body is None or re.search(self.body, seen.text) is not None


class Action(_Wire):
    """What a rule does. Fields that do not belong to the kind are ignored."""

    kind: FaultKind
    delay_ms: int = Field(default=0, ge=0, le=600_000)
    status: int = Field(default=500, ge=200, le=599)
    body: BodyKind = BodyKind.JSON
    code: str = ""
    headers: dict[str, str] = {}
    after_commit: bool = False
    name: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind is FaultKind.SLOW and not self.delay_ms:
            raise ValueError("slow needs delay_ms")
        if self.kind is FaultKind.HOOK and not self.name:
            raise ValueError("hook needs the name of a hook")
        return self


class Rule(_Wire):
    """One line of the script."""

    id: str = Field(min_length=1)
    match: Match = Match()
    action: Action
    times: int | None = Field(default=None, ge=1)
    """How often it may fire; without it, for ever."""
    probability: float = Field(default=1.0, gt=0.0, le=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request as the plan sees it."""

    method: str
    path: str
    query: str = ""
    body: bytes = b""
    transaction: str = ""
    """The caller's own name of the request, where it sends one: steadier than its body."""

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def fingerprint(self) -> str:
        parts = (self.method, self.path, self.query, self.transaction)
        digest = hashlib.sha256("\n".join(parts).encode())
        digest.update(self.body)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """One fault that was injected."""

    rule: str
    kind: FaultKind
    method: str
    path: str


@dataclass(slots=True)
class _Tally:
    matched: int = 0
    fired: int = 0
    repeats: Counter[str] = field(default_factory=Counter)


def plain_error(status: int, code: str) -> object:
    """The JSON body of an injected status where the app has no shape of its own."""
    return {"error": code or f"injected {status}"}


class FaultPlan:
    """The rules in force and what came of them."""

    def __init__(
        self,
        rules: Iterable[Rule] = (),
        *,
        seed: int = 0,
        error_body: Callable[[int, str], object] = plain_error,
        hooks: Mapping[str, Hook] | None = None,
    ) -> None:
        self.seed = seed
        self.error_body = error_body
        self.hooks: dict[str, Hook] = dict(hooks or {})
        self.injections: list[Injection] = []
        self._rules: dict[str, Rule] = {}
        self._tallies: dict[str, _Tally] = {}
        for rule in rules:
            self.add(rule)

    @property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(self._rules.values())

    def add(self, rule: Rule) -> None:
        """Put a rule last; one of the same id is replaced and starts counting anew.

        Raises LookupError for a hook that the app does not offer.
        """
        if rule.action.kind is FaultKind.HOOK and rule.action.name not in self.hooks:
            raise LookupError(f"no hook {rule.action.name!r}; there are {sorted(self.hooks)}")
        self._rules.pop(rule.id, None)
        self._rules[rule.id] = rule
        self._tallies[rule.id] = _Tally()

    def remove(self, rule_id: str) -> bool:
        """Take a rule out; what it did stays counted. False when there is none of that id."""
        return self._rules.pop(rule_id, None) is not None

    def clear(self) -> None:
        """Forget all rules and all counts."""
        self._rules.clear()
        self._tallies.clear()
        self.injections.clear()

    def counts(self) -> dict[str, dict[str, int]]:
        """By rule: requests that matched, and faults injected."""
        return {
            rule_id: {"matched": tally.matched, "fired": tally.fired}
            for rule_id, tally in self._tallies.items()
        }

    def decide(self, seen: Seen) -> Action | None:
        """The fault this request suffers, if any. Each call counts as one request."""
        chosen: Rule | None = None
        for rule in self._rules.values():
            if not rule.match.covers(seen):
                continue
            tally = self._tallies[rule.id]
            tally.matched += 1
            if chosen is None and self._fires(rule, tally, seen):
                chosen = rule
                tally.fired += 1
        if chosen is None:
            return None
        self.injections.append(
            Injection(rule=chosen.id, kind=chosen.action.kind, method=seen.method, path=seen.path)
        )
        return chosen.action

    def _fires(self, rule: Rule, tally: _Tally, seen: Seen) -> bool:
        if rule.match.nth is not None and tally.matched != rule.match.nth:
            return False
        if rule.times is not None and tally.fired >= rule.times:
            return False
        if rule.probability == 1.0:
            return True
        fingerprint = seen.fingerprint
        repeat = tally.repeats[fingerprint]
        tally.repeats[fingerprint] += 1
        return _draw(f"{self.seed}:{rule.id}:{fingerprint}:{repeat}") < rule.probability


def _draw(text: str) -> float:
    """A number in [0, 1) that depends on the text alone, the same in every process."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64

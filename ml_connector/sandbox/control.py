"""Control routes that both simulators offer: the clock and the fault plan.

    GET    /sandbox/clock               {"now": ISO instant, "speed": sandbox seconds per second}
    POST   /sandbox/clock               any of {"set": ISO instant with offset, "speed": number,
                                        "advance": "90s" | "30m" | "6h" | "2d" | seconds}
    GET    /sandbox/faults              {"seed", "rules", "counts", "injections"}
    POST   /sandbox/faults              {"seed"?, "rules": [rule, …]}, or one rule: added
    DELETE /sandbox/faults              all rules and counts forgotten
    DELETE /sandbox/faults/{id}         one rule taken out, its counts kept

A rule is described in `ml_connector.sandbox.faults`. Wrong input is 422 with what is wrong.
"""

import json
import re
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
)
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ml_connector.sandbox.clock import Clock
from ml_connector.sandbox.faults import FaultPlan, Rule

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_span(value: object) -> timedelta:
    """`"500ms"`, `"90s"`, `"30m"`, `"6h"`, `"2d"` or a number of seconds.

    Raises ValueError for anything else.
    """
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(seconds=value)
    found = (
        re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", value) if isinstance(value, str) else None
    )
    if found is None:
        raise ValueError("a duration reads 500ms, 90s, 30m, 6h, 2d, or is a number of seconds")
    return timedelta(seconds=float(found[1]) * _UNITS[found[2]])


def show_span(span: timedelta) -> str:
    """A duration as `parse_span` reads it."""
    return f"{span.total_seconds():.12g}s"


Span = Annotated[
    timedelta, BeforeValidator(parse_span), PlainSerializer(show_span, when_used="json")
]
"""A duration in a control call."""


class ControlModel(BaseModel):
    """The body of a control call: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    async def read(cls, request: Request) -> Self:
        """The request's body. Raises ControlRefused with what is wrong with it."""
        try:
            return cls.model_validate_json(await request.body() or b"{}")
        except ValidationError as error:
            raise ControlRefused(str(error)) from error


class ControlRefused(Exception):
    """A control call that makes no sense; answered with 422."""


async def refuse(request: Request, error: Exception) -> Response:
    """Starlette exception handler for `ControlRefused`."""
    return JSONResponse({"error": str(error), "path": request.url.path}, status_code=422)


class ClockChange(ControlModel):
    """What to do to the clock, in this order: set, advance, speed."""

    set: AwareDatetime | None = None
    advance: Span | None = None
    speed: float | None = Field(default=None, ge=0)


class FaultChange(ControlModel):
    """A new seed and further rules."""

    seed: int | None = None
    rules: list[Rule] = []


def clock_routes(clock: Clock, path: str = "/sandbox/clock") -> list[Route]:
    """The routes that read and move a clock."""

    async def show(request: Request) -> Response:
        return JSONResponse(_clock_state(clock))

    async def change(request: Request) -> Response:
        wish = await ClockChange.read(request)
        if wish.set is not None:
            clock.set(wish.set)
        if wish.advance is not None:
            clock.advance(wish.advance)
        if wish.speed is not None:
            clock.set_speed(wish.speed)
        return JSONResponse(_clock_state(clock))

    return [
        Route(path, show, methods=["GET"]),
        Route(path, change, methods=["POST"]),
    ]


def fault_routes(plan: FaultPlan) -> list[Route]:
    """The routes that script faults."""

    async def show(request: Request) -> Response:
        return JSONResponse(_plan_state(plan))

    async def add(request: Request) -> Response:
        change = await _fault_change(request)
        if change.seed is not None:
            plan.seed = change.seed
        for rule in change.rules:
            try:
                plan.add(rule)
            except LookupError as error:
                raise ControlRefused(str(error)) from error
        return JSONResponse(_plan_state(plan))

    async def clear(request: Request) -> Response:
        plan.clear()
        return JSONResponse(_plan_state(plan))

    async def remove(request: Request) -> Response:
        if not plan.remove(request.path_params["rule_id"]):
            raise ControlRefused(f"no rule {request.path_params['rule_id']!r}")
        return JSONResponse(_plan_state(plan))

    return [
        Route("/sandbox/faults", show, methods=["GET"]),
        Route("/sandbox/faults", add, methods=["POST"]),
        Route("/sandbox/faults", clear, methods=["DELETE"]),
        Route("/sandbox/faults/{rule_id}", remove, methods=["DELETE"]),
    ]


async def _fault_change(request: Request) -> FaultChange:
    """One rule by itself is as good as a list of one."""
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise ControlRefused(f"not JSON: {error}") from error
    try:
        if isinstance(body, dict) and "action" in body:
            return FaultChange(rules=[Rule.model_validate(body)])
        return FaultChange.model_validate(body)
    except ValidationError as error:
        raise ControlRefused(str(error)) from error


def _clock_state(clock: Clock) -> dict[str, object]:
    return {"now": clock.now().isoformat(), "speed": clock.speed}


def _plan_state(plan: FaultPlan) -> dict[str, object]:
    return {
        "seed": plan.seed,
        "rules": [rule.model_dump(mode="json", exclude_none=True) for rule in plan.rules],
        "counts": plan.counts(),
        "injections": [asdict(injection) for injection in plan.injections],
    }

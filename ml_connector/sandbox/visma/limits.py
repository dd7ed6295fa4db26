"""Rate limits: a fixed window for every (client, company), told on every answer.

The limit's number is not published; 15,000 an hour and company is the last one Visma named.
"""

import math

from ml_connector.sandbox.visma.company import Company
from ml_connector.sandbox.visma.errors import CallError, Reply
from ml_connector.sandbox.visma.world import VismaWorld, Window

POLICY = "4-fixed-window"


class Throttled(CallError):
    """429 with `Retry-After`: the exact number of seconds to wait, on the caller's own clock."""

    def __init__(self, headers: dict[str, str]) -> None:
        retry = {"Retry-After": headers["X-RateLimit-Reset"]}
        super().__init__(Reply(status=429, headers={**headers, **retry}))


def spend(world: VismaWorld, client_id: str, company: Company) -> dict[str, str]:
    """Count a call and return the headers that tell about it. Raises Throttled."""
    key = (client_id, company.tenant_id)
    window = world.windows.get(key)
    if window is None or window.ends_at <= world.clock.now():
        window = Window(ends_at=world.after(world.switches.rate_window_s))
        world.windows[key] = window
    limit = company.rate_limit if company.rate_limit is not None else world.switches.rate_limit
    allowed = window.used < limit
    if allowed:
        window.used += 1
    headers = {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(max(limit - window.used, 0)),
        "X-RateLimit-Reset": str(_seconds_left(world, window)),
        "X-RateLimit-Policy": POLICY,
    }
    if not allowed:
        raise Throttled(headers)
    return headers


def _seconds_left(world: VismaWorld, window: Window) -> int:
    """Until the window ends, on the caller's own clock."""
    left = (window.ends_at - world.clock.now()).total_seconds()
    return max(math.ceil(left / world.pace), 1)

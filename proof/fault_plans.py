"""The faults of a chaos run: what each simulator does to which calls, and how often.

Rules are data of the sandbox (docs/sandbox.md). A probability is drawn from the seed and the
request itself, so that a seed hits the same requests in whatever order they arrive.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Rule = dict[str, Any]

SHIP = ("POST", "/ship/v1/shipments$")
CANCEL = ("PUT", "/ship/v1/shipments/cancel$")
TRACK = ("POST", "/track/v1/")
RATE = ("POST", "/rate/v1/")
OAUTH = ("POST", "/oauth/token$")

READ = ("GET", "^/v")
ORDER_PUT = ("PUT", "/purchaseorder/")
JOURNAL = ("POST", "/journaltransaction")
CONNECT = ("POST", "/connect/token$")

SLOW_MS = 1_200
"""Late, but within the caller's patience."""
TOO_SLOW_MS = 4_000
"""Later than a chaos run's callers wait: the answer is lost, what it did is not."""

_FAULTS: Mapping[str, Mapping[str, Any]] = {
    "before": {"kind": "reset_before"},
    "after": {"kind": "reset_after"},
    "midway": {"kind": "reset_midway"},
    "truncated": {"kind": "truncate"},
    "slow": {"kind": "slow", "delay_ms": SLOW_MS},
    "too_slow": {"kind": "slow", "delay_ms": TOO_SLOW_MS, "after_commit": True},
    "500": {"kind": "status", "status": 500},
    "500_done": {"kind": "status", "status": 500, "after_commit": True},
    "502": {"kind": "status", "status": 502, "body": "html"},
    "502_done": {"kind": "status", "status": 502, "body": "html", "after_commit": True},
    "503": {"kind": "status", "status": 503},
    "429": {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}},
    "stale": {"kind": "hook", "name": "stale_412"},
}

_WRITE = {
    "before": 0.03,
    "after": 0.05,
    "midway": 0.02,
    "truncated": 0.02,
    "slow": 0.02,
    "too_slow": 0.01,
    "500": 0.02,
    "500_done": 0.02,
    "502": 0.01,
    "502_done": 0.01,
    "503": 0.02,
    "429": 0.02,
}
_READING = {
    "before": 0.02,
    "after": 0.01,
    "midway": 0.01,
    "truncated": 0.01,
    "slow": 0.01,
    "500": 0.01,
    "502": 0.01,
    "503": 0.01,
    "429": 0.01,
}
_TOKENS = {"before": 0.05, "after": 0.05, "500": 0.05, "502": 0.03, "503": 0.05}
"""Without 429 and 403: at the token endpoint both mean that the address is blocked."""


def fedex_rules(heaviness: float = 1.0) -> list[Rule]:
    """For every FedEx endpoint that an order uses; `heaviness` multiplies the odds."""
    return [
        *_rules("ship", SHIP, _WRITE, heaviness),
        *_rules("cancel", CANCEL, _WRITE, heaviness),
        *_rules("track", TRACK, _READING, heaviness),
        *_rules("rate", RATE, _READING, heaviness),
        *_rules("oauth", OAUTH, _TOKENS, heaviness),
    ]


def visma_rules(heaviness: float = 1.0) -> list[Rule]:
    """For every Visma endpoint that an order uses; people edit while we write."""
    return [
        *_rules("edit", ORDER_PUT, {"stale": 0.15, **_WRITE}, heaviness),
        *_rules("journal", JOURNAL, _WRITE, heaviness),
        *_rules("read", READ, _READING, heaviness),
        *_rules("connect", CONNECT, _TOKENS, heaviness),
    ]


def _rules(
    name: str, where: tuple[str, str], probabilities: Mapping[str, float], heaviness: float
) -> Iterator[Rule]:
    method, path = where
    for fault, probability in probabilities.items():
        yield {
            "id": f"{name}-{fault}",
            "match": {"method": method, "path": path},
            "action": dict(_FAULTS[fault]),
            "probability": min(1.0, probability * heaviness),
        }

"""The state of the FedEx simulator, in memory.

Two clocks: the carrier's (parcels, ship dates), which tests and demos move and speed up, and
the gateway's (tokens, thresholds, indexing lags), which callers live by and which therefore
runs in real time unless it is moved on purpose.
"""

import random
import re
import uuid
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ml_connector.sandbox.clock import Clock
from ml_connector.sandbox.faults import FaultPlan
from ml_connector.sandbox.fedex.errors import injected_body
from ml_connector.sandbox.fedex.journey import JourneyRule
from ml_connector.sandbox.fedex.modes import Modes
from ml_connector.sandbox.fedex.throttle import TokenThrottle
from ml_connector.sandbox.fedex.values import (
    Account,
    Credential,
    Piece,
    Shipment,
    Token,
    TokenRequest,
)


@dataclass(slots=True, kw_only=True)
class Job:
    """An asynchronous shipment and how often its result was asked for."""

    shipment: Shipment
    polls: int = 0


class FedExWorld:
    """Everything FedEx knows. `seed` fixes tracking numbers, ids and fault draws."""

    def __init__(
        self, *, seed: int = 0, modes: Modes | None = None, gateway: Clock | None = None
    ) -> None:
        self.modes = modes or Modes()
        self.gateway = gateway or Clock()
        self.faults = FaultPlan(seed=seed, error_body=injected_body)
        self.throttle = TokenThrottle(self.modes)
        self.accounts: dict[str, Account] = {}
        self.credentials: dict[str, Credential] = {}
        self.tokens: dict[str, Token] = {}
        self.token_requests: list[TokenRequest] = []
        self.calls: Counter[str] = Counter()
        self.leniencies: list[str] = []
        self.shipments: list[Shipment] = []
        self.jobs: dict[str, Job] = {}
        self.journeys: list[JourneyRule] = []
        self.reused: dict[str, timedelta] = {}
        """Tracking numbers that an older, unrelated parcel had: its age."""
        self._pieces: dict[str, tuple[Shipment, Piece]] = {}
        self._recent: dict[str, deque[datetime]] = defaultdict(deque)
        self._track_days: Counter[tuple[str, date]] = Counter()
        self._random = random.Random(seed)  # noqa: S311 - ids, not secrets
        self._number = self._random.randrange(10_000_000)

    def register(self, credential: Credential, accounts: Iterable[Account] = ()) -> None:
        """Make a credential valid, and its accounts exist; replaces one of the same id."""
        self.credentials[credential.client_id] = credential
        for account in accounts:
            self.accounts[account.number] = account

    def change_modes(self, modes: Modes) -> None:
        """Put other modes in force."""
        self.modes = modes
        self.throttle.modes = modes

    def new_id(self) -> str:
        """A UUID as FedEx's production replies have."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def new_secret(self) -> str:
        """An opaque token value."""
        return f"eyJ{self._random.getrandbits(512):0128x}"

    def new_tracking_number(self, carrier: str) -> str:
        """12 digits for Express, 15 for Ground; the last one is a check digit."""
        self._number += self._random.randrange(1, 40)
        if carrier == "FDXG":
            body = f"39{self._number:012d}"
            weights = (1, 3)
            total = sum(int(d) * weights[i % 2] for i, d in enumerate(reversed(body), start=1))
            return f"{body}{-total % 10}"
        body = f"79{self._number:09d}"
        total = sum(int(d) * (1, 3, 7)[i % 3] for i, d in enumerate(reversed(body)))
        return f"{body}{total % 11 % 10}"

    def add(self, shipment: Shipment) -> None:
        """Commit a shipment: from here on its numbers exist."""
        self.shipments.append(shipment)
        for piece in shipment.pieces:
            self._pieces[piece.tracking_number] = (shipment, piece)

    def find(self, tracking_number: str) -> tuple[Shipment, Piece] | None:
        """The shipment and the piece that travel under a number."""
        return self._pieces.get(tracking_number)

    def is_named(self, pattern: str | None, order_number: str, reference: str) -> bool:
        """Whether a mode's pattern names this order number or reference."""
        if pattern is None:
            return False
        return any(re.search(pattern, text) for text in (order_number, reference))

    def over_rate(self, client_id: str) -> bool:
        """Count a business call; whether the project's 10-second limit is passed."""
        now, recent = self.gateway.now(), self._recent[client_id]
        while recent and now - recent[0] >= self.modes.rate_window:
            recent.popleft()
        if len(recent) >= self.modes.rate_limit:
            return True
        recent.append(now)
        return False

    def over_track_quota(self, client_id: str) -> bool:
        """Count a Track call; whether the project's quota of this day is used up."""
        key = (client_id, self.gateway.now().date())
        self._track_days[key] += 1
        return self._track_days[key] > self.modes.track_quota

"""What crosses the border of an order's workflow: inputs, signals, updates, activity results.

No message carries personal data, a secret or a document: those stay in the store, messages name
them. They are kept small on purpose: every byte here is kept in the history of every order.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ml_connector.domain.stage import Stage
from ml_connector.domain.tracking import ParcelState


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The waits of a tenant's file that an order's workflow needs."""

    initial: timedelta
    """First retry."""
    maximum: timedelta
    """Longest pause between two retries."""
    give_up: timedelta
    """After this the order needs attention."""
    recheck: timedelta
    """How long a wait for credentials lasts before it looks again by itself."""
    safety: timedelta
    """An order's longest silence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRef:
    """An order, and the generation of its shipment where one is meant."""

    tenant: str
    order: str
    generation: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderInput:
    """Start of a `PurchaseOrderWorkflow`."""

    tenant: str
    order: str
    policy: Policy
    released: bool = False
    """A person has let it ship already (kept when a long history starts afresh)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """What the parcels of a shipment have come to, all pieces together."""

    state: ParcelState
    code: str = ""
    first_scan: datetime | None = None
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """A snapshot of what the store knows of an order.

    Level-triggered: sending it twice, late or out of order does no harm; the highest `version`
    wins.
    """

    version: int
    fingerprint: str = ""
    tracking: Tracking | None = None
    generation: int = 0
    """The generation `tracking` speaks of."""
    quote_request: str = ""
    """Identity of an unanswered quote request; empty when there is none."""
    cutoff_period: str = ""
    """A financial period (YYYYMM) that wants the freight before it closes."""
    policy: Policy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something a person asks for; the audit keeps who and why."""

    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Do a step again: `ship`, `track` or `post_freight`."""

    step: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """Why an order is parked, and what a person can do."""

    reason: str
    detail: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """An activity could not start its work and says what it waits for; no retry is used up.

    `kind`: `credentials`, `blocked` (FedEx blocks the address), `budget` or `throttled`.
    """

    kind: str
    why: str
    until: datetime | None = None
    """Empty: until a person acts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """A live shipment, as the workflow shows it."""

    generation: int
    service: str
    tracking_number: str
    fingerprint: str
    """Of the order as it was shipped."""
    cost: str = ""
    """Amount and currency; empty when FedEx rated nothing."""
    tracking: Tracking | None = None
    journal_batch: str = ""
    posted: bool = False
    post_on_pickup: bool = False
    """The tenant posts on the first physical scan, not on delivery."""
    mail_label: bool = False
    """The tenant has labels sent by mail; whether this one was is the store's to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareRequest:
    """Plan the shipment of an order; `released` is a person's or the tenant's go-ahead."""

    tenant: str
    order: str
    released: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Result of `prepare_shipment`.

    `outcome`: `ready` (a plan is stored under `generation`), `needs_release`, `shipped` (the
    store already holds a live shipment), `skipped` (not eligible now), `closed` (the order is
    over in Visma, or a person has cancelled its shipment and nobody has released it since),
    `attention` (it cannot ship as it stands).
    """

    outcome: str
    generation: int = 0
    skip_reason: str = ""
    attention: Attention | None = None
    shipment: Shipped | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """Result of `buy_shipment`.

    `outcome`: `live`, `again` (this generation is dead, or its plan is out of date: prepare
    anew) or `attention`.
    """

    outcome: str
    shipment: Shipped | None = None
    attention: Attention | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRequest:
    """Look at a changed order; `cancel` is a person's wish to cancel, with `by` and `reason`."""

    tenant: str
    order: str
    generation: int
    cancel: bool = False
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """Result of `review_change`, for an order that changed after its label was made.

    `outcome`: `same`, `cancelled` (the shipment is cancelled and the order is over),
    `waiting` (cancelled; the order may ship again later), `again` (cancelled; ship anew now)
    or `too_late` (the parcel is with FedEx; a finding was recorded).
    """

    outcome: str
    fingerprint: str
    attention: Attention | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostRequest:
    """Post the freight of one shipment."""

    tenant: str
    order: str
    generation: int
    cutoff_period: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseRequest:
    """A person takes the posted freight of one shipment back."""

    tenant: str
    order: str
    generation: int
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """Result of `post_freight` and `reverse_freight`: a journal's batch number and amount, or why
    there is none."""

    journal_batch: str = ""
    amount: str = ""
    attention: Attention | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRecord:
    """A stage to be written to the read model."""

    tenant: str
    order: str
    stage: Stage
    attention: Attention | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person asked of an order by a signal, for the audit; `by` is what the signal says."""

    tenant: str
    order: str
    signal: str
    by: str
    reason: str = ""
    step: str = ""
    """Of a replay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStatus:
    """Answer of the `status` query."""

    stage: Stage
    attention: Attention | None
    generation: int
    tracking_number: str
    service: str
    cost: str
    journal_batch: str
    waiting_for: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteRequest:
    """Ask for rates. `id` names the request, so that repeating it asks once."""

    tenant: str
    order: str
    id: str
    in_visma: bool
    """True: the answer is written to the order in Visma, and a typed request is cleared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteLine:
    """One service on offer."""

    service: str
    amount: str
    currency: str
    transit_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteAnswer:
    """What FedEx would charge, cheapest first; `failure` says in plain words why there is none."""

    lines: tuple[QuoteLine, ...] = ()
    failure: str = ""

"""The carrier: which scans a parcel gets, and when, on the carrier's clock.

A script is a list of steps after the label. Rules choose it by order number or reference; the
rule added last wins, and it also takes hold of parcels already under way.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from ml_connector.sandbox.control import ControlModel, Span
from ml_connector.sandbox.fedex.values import Address, Piece, Scan, Shipment, Step

ScriptName = Literal["normal", "returned", "exception", "label_only", "held", "lost", "custom"]

LABEL_SCANS = frozenset({"OC", "CA"})
"""Scans that no courier made: the parcel is still the shipper's."""


def _steps(*rows: tuple[float, str, str] | tuple[float, str, str, str]) -> tuple[Step, ...]:
    return tuple(
        Step(
            after=timedelta(hours=row[0]),
            code=row[1],
            where=row[2],
            exception=row[3] if len(row) == 4 else "",
        )
        for row in rows
    )


_COLLECTED = ((5.0, "PU", "origin"), (9.0, "AR", "origin"))
_UNDER_WAY = (*_COLLECTED, (15.0, "DP", "origin"), (28.0, "IT", "hub"))

SCRIPTS: dict[str, tuple[Step, ...]] = {
    "normal": _steps(*_UNDER_WAY, (50.0, "OD", "destination"), (55.0, "DL", "destination")),
    "exception": _steps(
        *_UNDER_WAY,
        (50.0, "OD", "destination"),
        (54.0, "DE", "destination", "08"),
        (74.0, "OD", "destination"),
        (79.0, "DL", "destination"),
    ),
    "returned": _steps(
        *_UNDER_WAY,
        (50.0, "OD", "destination"),
        (54.0, "DE", "destination", "060G"),
        (60.0, "RS", "destination"),
        (84.0, "IT", "hub"),
        (103.0, "DL", "origin"),
    ),
    "held": _steps(*_UNDER_WAY, (50.0, "HL", "destination")),
    "lost": _steps(*_COLLECTED, (15.0, "DP", "origin")),
    "label_only": (),
}
"""Hours after the label. `normal` has six scans after it, over a little more than two days."""


class StepWish(ControlModel):
    """One step of a custom script."""

    after: Span
    code: str = Field(pattern=r"^[A-Z]{2}$")
    where: Literal["origin", "hub", "destination"] = "hub"
    exception: str = ""


class JourneyRule(ControlModel):
    """Which journey the shipments take whose order number or reference matches.

    `delays` are by piece, counted from 1: all its scans after the label come that much later.
    """

    pattern: str
    script: ScriptName = "normal"
    steps: tuple[StepWish, ...] = ()
    delays: dict[int, Span] = Field(default_factory=dict)

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return pattern

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if bool(self.steps) != (self.script == "custom"):
            raise ValueError("steps belong to the script `custom`, and it needs them")
        return self

    def covers(self, order_number: str, reference: str) -> bool:
        return any(re.search(self.pattern, text) for text in (order_number, reference) if text)

    def plan(self) -> tuple[Step, ...]:
        if self.script != "custom":
            return SCRIPTS[self.script]
        wished = (
            Step(after=w.after, code=w.code, where=w.where, exception=w.exception)
            for w in self.steps
        )
        return tuple(sorted(wished, key=lambda step: step.after))


def assign(shipment: Shipment, rules: Iterable[JourneyRule]) -> None:
    """Give a shipment the journey of the last rule that covers it, else the normal one."""
    for rule in reversed(list(rules)):
        if rule.covers(shipment.order_number, shipment.customer_reference):
            shipment.steps, shipment.delays = rule.plan(), dict(rule.delays)
            return
    shipment.steps, shipment.delays = SCRIPTS["normal"], {}


def scans(shipment: Shipment, piece: Piece, now: datetime) -> list[Scan]:
    """What has happened to a piece by now, oldest first. A cancellation ends the journey."""
    until = min(now, shipment.cancelled_at or now)
    delay = shipment.delays.get(piece.sequence, timedelta(0))
    done = [Scan(at=shipment.created_at, code="OC", place=shipment.order.shipper)]
    for step in shipment.steps:
        at = shipment.created_at + step.after + delay
        if at <= until:
            place = _place(shipment, step.where)
            done.append(Scan(at=at, code=step.code, place=place, exception=step.exception))
    if shipment.cancelled_at is not None:
        done.append(Scan(at=shipment.cancelled_at, code="CA", place=shipment.order.shipper))
    return done


def is_tendered(shipment: Shipment, now: datetime) -> bool:
    """Whether a courier has scanned any piece: from then on FedEx bills and cancels no more."""
    return any(
        scan.code not in LABEL_SCANS
        for piece in shipment.pieces
        for scan in scans(shipment, piece, now)
    )


def delivered_at(shipment: Shipment, piece: Piece, now: datetime) -> datetime | None:
    """When a piece was handed over: to the recipient, or, after a return, to the shipper."""
    last = [scan.at for scan in scans(shipment, piece, now) if scan.code == "DL"]
    return last[-1] if last else None


def _place(shipment: Shipment, where: str) -> Address:
    if where == "origin":
        return shipment.order.shipper
    if where == "destination":
        return shipment.order.recipient
    if shipment.order.shipper.country in ("US", "CA"):
        return Address(city="Memphis", state="TN", postal_code="38118", country="US")
    return Address(city="Roissy Charles de Gaulle", postal_code="95700", country="FR")

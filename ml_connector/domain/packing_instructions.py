"""What the mail with the labels says to whoever packs and hands over: plain text, in English.

It is written for a person at a packing table who knows nothing of this connector.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from textwrap import fill

from ml_connector.domain.measures import Size, Weight
from ml_connector.domain.shipment import Commodity, Package, ShipmentPlan

INVOICE_COPIES = 3
"""One signed original and two copies for Express shipments that cross a border (FedEx, completing
international documents); used where FedEx's answer does not say how many to print."""

WIDTH = 76
"""Columns, so that no mail program breaks a line in the middle."""

_EXTENSIONS = {"PDF": "pdf", "PNG": "png", "ZPLII": "zpl", "EPL2": "epl"}
_PRINTER_LANGUAGES = frozenset({"ZPLII", "EPL2"})
_HAND_OVER = {
    "USE_SCHEDULED_PICKUP": "Hand the packages over at your regular FedEx pickup.",
    "CONTACT_FEDEX_TO_SCHEDULE": "Ask FedEx to collect the packages.",
    "DROPOFF_AT_FEDEX_LOCATION": "Bring the packages to a FedEx location.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A label or customs paper of the shipment."""

    kind: str
    """FedEx's content type: LABEL, COMMERCIAL_INVOICE, …"""
    media: str
    """PDF, PNG, ZPLII or EPL2."""
    tracking_number: str
    copies: int = 0
    """How many FedEx wants printed; 0 where its answer does not say."""

    @property
    def is_label(self) -> bool:
        return is_label(self.kind)

    @property
    def is_invoice(self) -> bool:
        return self.kind.endswith("INVOICE")

    @property
    def prints(self) -> int:
        """How many to print."""
        return self.copies or (INVOICE_COPIES if self.is_invoice else 1)


def is_label(kind: str) -> bool:
    """Whether a document of this content type goes onto a package."""
    return "LABEL" in kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Instructions:
    """Subject and text of the mail, and what each attached paper is called there."""

    subject: str
    text: str
    file_names: tuple[str, ...]
    """In the order of the papers."""


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A paper under the name it is attached by."""

    paper: Paper
    name: str


def instructions(
    plan: ShipmentPlan,
    papers: Sequence[Paper],
    *,
    company: str,
    master_tracking: str,
    pieces: Mapping[str, int],
    replaces: bool = False,
    again: bool = False,
) -> Instructions:
    """Write the mail for one shipment.

    `company` is who ordered and pays; `pieces` are the packages' numbers (from 1) by tracking
    number; `replaces` says that earlier labels of the order are cancelled, `again` that a person
    sends the same mail once more.
    """
    count = len(plan.packages)
    sheets = _named(plan.order, papers, pieces, count)
    labels = [sheet for sheet in sheets if sheet.paper.is_label]
    customs = [sheet for sheet in sheets if not sheet.paper.is_label]
    sections = [
        _head(plan, company, master_tracking),
        *_warnings(replaces=replaces, again=again),
        _section("PRINT THE LABELS", _printing(plan, labels)),
        _section("LABEL THE PACKAGES", _labelling(plan.packages, labels, pieces)),
    ]
    if plan.international or customs:
        sections.append(_section("ADD THE CUSTOMS PAPERS", _customs(plan, customs)))
    sections.append(_section("HAND OVER", _hand_over(plan, company)))
    noun = "label" if count == 1 else f"labels, {count} packages,"
    return Instructions(
        subject=f"FedEx {noun} for purchase order {_one_line(plan.order)}",
        text="\n\n".join(sections) + "\n",
        file_names=tuple(sheet.name for sheet in sheets),
    )


# -- file names -----------------------------------------------------------------------------


def _named(
    order: str, papers: Sequence[Paper], pieces: Mapping[str, int], count: int
) -> list[_Sheet]:
    """Names that say what a file is once it lies in a folder of downloads."""
    sheets: list[_Sheet] = []
    taken: set[str] = set()
    for paper in papers:
        extension = _EXTENSIONS.get(paper.media, "bin")
        stem = f"{_word(order)}-{_role(paper, pieces, count)}"
        name, copy = f"{stem}.{extension}", 1
        while name in taken:
            copy += 1
            name = f"{stem}-{copy}.{extension}"
        taken.add(name)
        sheets.append(_Sheet(paper, name))
    return sheets


def _role(paper: Paper, pieces: Mapping[str, int], count: int) -> str:
    piece = pieces.get(paper.tracking_number)
    if paper.kind == "LABEL" and piece is not None:
        return f"label-{piece}-of-{count}-{_word(paper.tracking_number)}"
    return _word(paper.kind).lower().replace("_", "-")


def _word(text: str) -> str:
    """Only what every file system and mail program takes in a name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "document"


# -- text -----------------------------------------------------------------------------------


def _head(plan: ShipmentPlan, company: str, master_tracking: str) -> str:
    lines = [
        _wrapped(
            f"Purchase order {_one_line(plan.order)} of {_one_line(company)} ships with FedEx."
        ),
        "",
        f"Service:          {plan.service.replace('_', ' ').title().replace('Fedex', 'FedEx')}",
        f"Tracking number:  {master_tracking}",
        f"Ship date:        {plan.ship_date.isoformat()}",
        f"Packages:         {len(plan.packages)}",
    ]
    return "\n".join(lines)


def _warnings(*, replaces: bool, again: bool) -> Iterator[str]:
    if replaces:
        yield _wrapped(
            "These labels replace earlier ones of this order, which are cancelled. Destroy the "
            "earlier ones: FedEx does not carry a package that bears one."
        )
    if again:
        yield _wrapped("This mail was sent on request, maybe once more. Ship the packages once.")


def _section(title: str, lines: Iterable[str]) -> str:
    return "\n".join([title, *lines])


def _printing(plan: ShipmentPlan, labels: Sequence[_Sheet]) -> Iterator[str]:
    for sheet in labels:
        yield f"  {sheet.name}"
    if any(sheet.paper.media in _PRINTER_LANGUAGES for sheet in labels):
        yield f"Send each file unchanged to a label printer loaded with {plan.label.stock}."
    elif plan.label.stock.startswith("STOCK"):
        yield f"Print each on label stock ({plan.label.stock}), at 100 %, not scaled."
    else:
        yield "Print each on a plain sheet, at 100 %, not scaled. Use a label pouch."


def _labelling(
    packages: Sequence[Package], labels: Sequence[_Sheet], pieces: Mapping[str, int]
) -> Iterator[str]:
    by_package: dict[int, _Sheet] = {}
    for sheet in labels:
        number = pieces.get(sheet.paper.tracking_number)
        if sheet.paper.kind == "LABEL" and number is not None:
            by_package.setdefault(number, sheet)
    together = [sheet.name for sheet in labels if sheet not in by_package.values()]
    for package in packages:
        yield f"  Package {package.sequence} of {len(packages)}: {_measures(package)}"
        own = by_package.get(package.sequence)
        if own is not None:
            yield f"    {own.name}"
        elif together:
            yield f"    its page of {together[0]}"
        else:
            yield "    No label came for it. Do not hand it over; ask who ordered."
    yield _wrapped(
        "Put each label flat on the largest side of its own package, with nothing over the bar "
        "code. No two packages share a label."
    )


def _customs(plan: ShipmentPlan, papers: Sequence[_Sheet]) -> Iterator[str]:
    if plan.international:
        route = f"{plan.shipper.address.country} to {plan.recipient.address.country}"
        yield f"The goods go from {route}."
    for sheet in papers:
        copies = sheet.paper.prints
        sign = ", and sign each" if sheet.paper.is_invoice else ""
        yield f"  {sheet.name}"
        yield f"    Print {copies} {'copy' if copies == 1 else 'copies'}{sign}."
    if not any(sheet.paper.is_invoice for sheet in papers):
        yield _wrapped(
            "No invoice is attached. Unless both countries belong to the EU, add your own "
            f"commercial invoice: {INVOICE_COPIES} copies, and sign each."
        )
    yield "Put the papers into a pouch on the outside of package 1."
    if plan.commodities:
        yield "This was declared, and the invoice must agree with it:"
        for commodity in plan.commodities:
            yield _wrapped(_declared(commodity), first="  - ", rest="    ")
        total = sum((each.customs_value.amount for each in plan.commodities), Decimal(0))
        yield f"  Total: {total} {plan.commodities[0].customs_value.currency}"


def _declared(commodity: Commodity) -> str:
    parts = [
        f"{commodity.quantity} {commodity.quantity_unit} {_one_line(commodity.description)}",
        f"made in {commodity.country_of_manufacture}",
    ]
    if commodity.harmonized_code:
        parts.append(f"customs code {commodity.harmonized_code}")
    value = commodity.customs_value
    return ", ".join([*parts, f"{value.amount} {value.currency}"])


def _hand_over(plan: ShipmentPlan, company: str) -> Iterator[str]:
    yield _HAND_OVER.get(plan.pickup, "Hand the packages over to FedEx.")
    yield _wrapped(f"The freight is paid by {_one_line(company)}; you pay nothing to FedEx.")


def _measures(package: Package) -> str:
    weight = _weight(package.weight)
    return weight if package.size is None else f"{weight}, {_size(package.size)}"


def _weight(weight: Weight) -> str:
    return f"{_plain(weight.value)} {weight.unit.value.lower()}"


def _size(size: Size) -> str:
    return f"{size.length} x {size.width} x {size.height} {size.unit.lower()}"


def _plain(value: Decimal) -> str:
    """12.500 as 12.5, 40 as 40."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _one_line(text: str) -> str:
    """Texts from Visma may hold line breaks, which a subject must not."""
    return " ".join(text.split())


def _wrapped(text: str, *, first: str = "", rest: str = "") -> str:
    return fill(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )

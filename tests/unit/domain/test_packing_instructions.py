"""The mail with the labels: what whoever packs reads, and how the files are called."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from ml_connector.domain.measures import Size
from ml_connector.domain.money import Money
from ml_connector.domain.packing_instructions import WIDTH, Instructions, Paper, instructions
from ml_connector.domain.shipment import Commodity, LabelSpec, Package, ShipmentPlan
from tests.unit.domain.builders import HAMBURG, OSLO, kg, party

BERGEN = replace(OSLO, city="Bergen")
FIRST, SECOND = "794600000001", "794600000002"
PLAN = ShipmentPlan(
    tenant="nordic",
    order="PO000123",
    generation=1,
    reference="PO000123-abc123-1",
    shipper=party(BERGEN),
    recipient=party(OSLO),
    service="FEDEX_INTERNATIONAL_PRIORITY",
    packaging="YOUR_PACKAGING",
    pickup="USE_SCHEDULED_PICKUP",
    payment="SENDER",
    label=LabelSpec(image_type="PDF", stock="PAPER_85X11_TOP_HALF_LABEL"),
    ship_date=date(2026, 11, 2),
    packages=(Package(sequence=1, weight=kg("12.50")),),
    lines=(),
)
TWO = replace(
    PLAN,
    packages=(
        Package(
            sequence=1, weight=kg("12.50"), size=Size(length=40, width=30, height=20, unit="CM")
        ),
        Package(sequence=2, weight=kg("3")),
    ),
)
ABROAD = replace(
    PLAN,
    shipper=party(HAMBURG),
    commodities=(
        Commodity(
            description="Pressure sensor, 0 to 10 bar",
            quantity=4,
            quantity_unit="PCS",
            weight=kg("2"),
            unit_price=Money(Decimal("915.50"), "EUR"),
            customs_value=Money(Decimal("3662.00"), "EUR"),
            country_of_manufacture="DE",
            harmonized_code="902620",
        ),
        Commodity(
            description="Gasket",
            quantity=1,
            quantity_unit="PCS",
            weight=kg("1"),
            unit_price=Money(Decimal("8.10"), "EUR"),
            customs_value=Money(Decimal("8.10"), "EUR"),
            country_of_manufacture="SE",
        ),
    ),
)


def label(number: str = FIRST, media: str = "PDF") -> Paper:
    return Paper(kind="LABEL", media=media, tracking_number=number, copies=1)


def write(
    plan: ShipmentPlan = PLAN,
    papers: Sequence[Paper] = (label(),),
    *,
    replaces: bool = False,
    again: bool = False,
) -> Instructions:
    return instructions(
        plan,
        papers,
        company="Nordic Distribusjon AS",
        master_tracking=FIRST,
        pieces={FIRST: 1, SECOND: 2},
        replaces=replaces,
        again=again,
    )


def test_one_package_within_a_country() -> None:
    mail = write()
    assert mail.subject == "FedEx label for purchase order PO000123"
    assert mail.file_names == (f"PO000123-label-1-of-1-{FIRST}.pdf",)
    assert (
        mail.text
        == f"""\
Purchase order PO000123 of Nordic Distribusjon AS ships with FedEx.

Service:          FedEx International Priority
Tracking number:  {FIRST}
Ship date:        2026-11-02
Packages:         1

PRINT THE LABELS
  PO000123-label-1-of-1-{FIRST}.pdf
Print each on a plain sheet, at 100 %, not scaled. Use a label pouch.

LABEL THE PACKAGES
  Package 1 of 1: 12.5 kg
    PO000123-label-1-of-1-{FIRST}.pdf
Put each label flat on the largest side of its own package, with nothing
over the bar code. No two packages share a label.

HAND OVER
Hand the packages over at your regular FedEx pickup.
The freight is paid by Nordic Distribusjon AS; you pay nothing to FedEx.
"""
    )


def test_each_package_is_told_its_own_label() -> None:
    mail = write(TWO, [label(SECOND), label(FIRST)])
    assert mail.subject == "FedEx labels, 2 packages, for purchase order PO000123"
    assert mail.file_names == (
        f"PO000123-label-2-of-2-{SECOND}.pdf",
        f"PO000123-label-1-of-2-{FIRST}.pdf",
    )
    assert (
        f"Package 1 of 2: 12.5 kg, 40 x 30 x 20 cm\n    PO000123-label-1-of-2-{FIRST}" in mail.text
    )
    assert f"Package 2 of 2: 3 kg\n    PO000123-label-2-of-2-{SECOND}.pdf" in mail.text


def test_a_package_without_a_label_is_not_to_be_shipped() -> None:
    text = write(TWO, [label(FIRST)]).text
    assert "Package 2 of 2: 3 kg\n    No label came for it. Do not hand it over" in text


def test_one_file_for_all_labels() -> None:
    merged = Paper(kind="MERGED_LABEL_DOCUMENTS", media="PDF", tracking_number=FIRST)
    mail = write(TWO, [merged])
    assert mail.file_names == ("PO000123-merged-label-documents.pdf",)
    assert mail.text.count("its page of PO000123-merged-label-documents.pdf") == 2
    assert "No label" not in mail.text


def test_customs_papers_say_how_often_they_are_printed() -> None:
    papers = [
        label(),
        Paper(kind="COMMERCIAL_INVOICE", media="PDF", tracking_number=FIRST),
        Paper(kind="PRO_FORMA_INVOICE", media="PDF", tracking_number=FIRST, copies=5),
        Paper(kind="CERTIFICATE_OF_ORIGIN", media="PDF", tracking_number=FIRST),
    ]
    text = write(ABROAD, papers).text
    assert "The goods go from DE to NO." in text
    assert "PO000123-commercial-invoice.pdf\n    Print 3 copies, and sign each." in text
    assert "PO000123-pro-forma-invoice.pdf\n    Print 5 copies, and sign each." in text
    assert "PO000123-certificate-of-origin.pdf\n    Print 1 copy." in text
    assert "pouch on the outside of package 1" in text
    assert "No invoice is attached" not in text


def test_without_an_invoice_the_shipper_adds_one() -> None:
    text = write(ABROAD).text
    assert "No invoice is attached." in text
    assert "3 copies, and sign each." in text


def test_what_was_declared_is_told_so_that_the_invoice_agrees() -> None:
    text = " ".join(write(ABROAD).text.split())
    assert (
        "- 4 PCS Pressure sensor, 0 to 10 bar, made in DE, customs code 902620, 3662.00 EUR "
        "- 1 PCS Gasket, made in SE, 8.10 EUR Total: 3670.10 EUR"
    ) in text


def test_within_a_country_nothing_is_said_of_customs() -> None:
    assert "customs" not in write().text.lower()


@pytest.mark.parametrize(
    ("media", "stock", "extension", "advice"),
    [
        ("PDF", "PAPER_4X6", "pdf", "plain sheet, at 100 %"),
        ("PNG", "STOCK_4X6", "png", "label stock (STOCK_4X6), at 100 %"),
        ("ZPLII", "STOCK_4X6", "zpl", "unchanged to a label printer loaded with STOCK_4X6"),
        ("EPL2", "STOCK_4X6", "epl", "unchanged to a label printer"),
    ],
)
def test_how_to_print_follows_from_the_label(
    media: str, stock: str, extension: str, advice: str
) -> None:
    plan = replace(PLAN, label=LabelSpec(image_type=media, stock=stock))
    mail = write(plan, [label(media=media)])
    assert mail.file_names[0].endswith(f".{extension}")
    assert advice in mail.text


@pytest.mark.parametrize(
    ("pickup", "advice"),
    [
        ("USE_SCHEDULED_PICKUP", "regular FedEx pickup"),
        ("CONTACT_FEDEX_TO_SCHEDULE", "Ask FedEx to collect"),
        ("DROPOFF_AT_FEDEX_LOCATION", "to a FedEx location"),
    ],
)
def test_how_to_hand_over_follows_from_the_tenants_choice(pickup: str, advice: str) -> None:
    assert advice in write(replace(PLAN, pickup=pickup)).text


def test_labels_that_replace_others_say_so() -> None:
    assert "Destroy the earlier ones" in " ".join(write(replaces=True).text.split())
    assert "Destroy" not in write().text


def test_a_mail_that_is_sent_again_says_so() -> None:
    assert "Ship the packages once." in write(again=True).text
    assert "on request" not in write().text


def test_awkward_order_numbers_make_good_names_and_a_subject_of_one_line() -> None:
    mail = write(replace(PLAN, order="PO 12/3\r\nBcc: x"))
    assert mail.file_names == (f"PO-12-3-Bcc-x-label-1-of-1-{FIRST}.pdf",)
    assert mail.subject == "FedEx label for purchase order PO 12/3 Bcc: x"


def test_papers_of_one_kind_get_names_that_differ() -> None:
    invoice = Paper(kind="COMMERCIAL_INVOICE", media="PDF", tracking_number=FIRST)
    names = write(ABROAD, [label(), invoice, invoice]).file_names
    assert names[1:] == ("PO000123-commercial-invoice.pdf", "PO000123-commercial-invoice-2.pdf")


def test_no_address_and_no_name_of_a_person_is_in_the_text() -> None:
    text = write(ABROAD).text
    for private in ("Kari", "Storgata", "Hafenstrasse", "+47"):
        assert private not in text


def test_lines_are_short_enough_for_every_mail_program() -> None:
    long = replace(ABROAD.commodities[0], description="stainless pressure sensor " * 16)
    plan = replace(ABROAD, commodities=(long,))
    text = write(plan, replaces=True, again=True).text
    assert max(map(len, text.splitlines())) <= WIDTH

"""Pieces without a label of their own."""

import pytest

from activities.shipped import unlabelled
from ml_connector.domain.shipment import CreatedShipment, Document, Piece


def label(number: str, kind: str = "LABEL") -> Document:
    return Document(kind=kind, media="PDF", tracking_number=number, content=b"%PDF")


@pytest.mark.parametrize(
    ("documents", "missing"),
    [
        ((label("1"), label("2"), label("3")), ()),
        ((label("1"), label("3")), ("2",)),
        ((label("1"), label("2"), label("3", kind="COMMERCIAL_INVOICE")), ("3",)),
        ((), ("1", "2", "3")),
    ],
)
def test_each_piece_needs_one(documents: tuple[Document, ...], missing: tuple[str, ...]) -> None:
    created = CreatedShipment(
        master_tracking_number="1",
        service="FEDEX_PRIORITY",
        carrier_code="FDXE",
        pieces=tuple(Piece(sequence=at, tracking_number=str(at)) for at in (1, 2, 3)),
        documents=documents,
        cost=None,
        alerts=(),
        transaction_id="t",
    )
    assert unlabelled(created) == missing

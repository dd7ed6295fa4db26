"""Labels open in the readers they are meant for."""

import base64
import io
from datetime import timedelta

import httpx
import pytest
from PIL import Image
from pypdf import PdfReader

from tests.unit.sandbox.fedex.wire import Api, Json, package, set_at, ship_body

IMAGE = "requestedShipment.labelSpecification.imageType"


def label(piece: Json) -> bytes:
    [document] = piece["packageDocuments"]
    return base64.b64decode(document["encodedLabel"], validate=True)


def pieces(reply: httpx.Response) -> list[Json]:
    [entry] = reply.json()["output"]["transactionShipments"]
    return list(entry["pieceResponses"])


async def test_a_pdf_opens_and_names_its_tracking_number(api: Api) -> None:
    body = set_at(ship_body(package(2, count=2)), IMAGE, "PDF")

    for piece in pieces(await api.ship(body)):
        reader = PdfReader(io.BytesIO(label(piece)))
        assert len(reader.pages) == 1
        assert reader.metadata is not None
        assert reader.metadata.title == piece["trackingNumber"]
        width = float(reader.pages[0].mediabox.width)
        assert width == pytest.approx(4 * 72, abs=1)


async def test_a_png_opens_and_is_not_blank(api: Api) -> None:
    [piece] = pieces(await api.ship(set_at(ship_body(), IMAGE, "PNG")))

    with Image.open(io.BytesIO(label(piece))) as image:
        image.load()
        assert image.info["Title"] == piece["trackingNumber"]
        assert image.getcolors() is not None
        assert len(image.getcolors() or []) == 2


async def test_zpl_is_one_closed_format_with_the_number_in_its_bar_code(api: Api) -> None:
    [piece] = pieces(await api.ship())

    text = label(piece).decode()
    assert text.startswith("^XA")
    assert text.rstrip().endswith("^XZ")
    assert text.count("^FD") == text.count("^FS") == 9
    assert f"^FD{piece['trackingNumber']}^FS" in text


async def test_names_cannot_smuggle_commands_into_zpl(api: Api) -> None:
    body = set_at(ship_body(), "requestedShipment.recipients.0.address.city", "Oslo^XZ~JA")

    [piece] = pieces(await api.ship(body))

    assert label(piece).decode().count("^XZ") == 1


async def test_epl_is_text_with_the_number(api: Api) -> None:
    [piece] = pieces(await api.ship(set_at(ship_body(), IMAGE, "EPL2")))

    assert f'"{piece["trackingNumber"]}"' in label(piece).decode()


async def test_a_label_by_url_lives_24_hours(api: Api) -> None:
    body = set_at(set_at(ship_body(), IMAGE, "PDF"), "labelResponseOptions", "URL_ONLY")
    [piece] = pieces(await api.ship(body))
    [document] = piece["packageDocuments"]
    assert "encodedLabel" not in document

    fresh = await api.http.get(document["url"])
    api.world.gateway.advance(timedelta(hours=24))
    stale = await api.http.get(document["url"])

    assert fresh.headers["content-type"] == "application/pdf"
    assert len(PdfReader(io.BytesIO(fresh.content)).pages) == 1
    assert stale.status_code == 404

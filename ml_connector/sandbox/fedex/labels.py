"""Labels that a PDF, an image or a ZPL reader opens.

One page a piece: the addresses' cities, the service, the tracking number as text and as an
Interleaved-2-of-5 bar code. The text of the tracking number is also the PDF's title and the
PNG's `Title` chunk, since both pages are images.
"""

from datetime import timedelta
from functools import lru_cache
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from ml_connector.sandbox.fedex.values import Piece, Shipment

URL_LIFE = timedelta(hours=24)
"""How long the URL of a `URL_ONLY` label works."""

_DPI = 203
_SIZE = (4 * _DPI, 6 * _DPI)
_MARGIN = 40
_BAR = 3
"""Width of a narrow bar in dots; a wide one has three times as much."""

_CODES = ["NNWWN", "WNNNW", "NWNNW", "WWNNN", "NNWNW", "WNWNN", "NWWNN", "NNNWW", "WNNWN", "NWNWN"]


def render(shipment: Shipment, piece: Piece) -> tuple[bytes, str]:
    """The label's bytes and FedEx's name of its document type (PDF, PNG, ZPLII, EPL2)."""
    image = shipment.order.label.image
    lines = _lines(shipment, piece)
    if image == "PDF":
        return _pdf(lines, piece.tracking_number), image
    if image == "PNG":
        return _png(lines, piece.tracking_number), image
    if image == "EPL2":
        return _epl(lines, piece.tracking_number), image
    return _zpl(lines, piece.tracking_number), image


def _lines(shipment: Shipment, piece: Piece) -> list[str]:
    order = shipment.order
    return [
        f"FROM {order.shipper.city} {order.shipper.postal_code} {order.shipper.country}",
        f"TO {order.recipient.city} {order.recipient.postal_code} {order.recipient.country}",
        f"{order.service}",
        f"{piece.sequence} OF {len(shipment.pieces)}   {piece.parcel.weight:.2f} KG",
        f"MASTER {shipment.master}",
        f"PO {shipment.order_number}",
        f"REF {shipment.customer_reference}",
        f"TRK# {piece.tracking_number}",
    ]


@lru_cache(maxsize=1)
def _font() -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size=28)


def _page(lines: list[str], number: str) -> Image.Image:
    page = Image.new("1", _SIZE, 1)
    draw = ImageDraw.Draw(page)
    for index, line in enumerate(lines):
        draw.text((_MARGIN, _MARGIN + 60 * index), line, fill=0, font=_font())
    x, top = _MARGIN, _MARGIN + 60 * len(lines) + 40
    for dark, width in _bars(number):
        if dark:
            draw.rectangle((x, top, x + width - 1, top + 260), fill=0)
        x += width
    return page


def _bars(number: str) -> list[tuple[bool, int]]:
    """Bars and gaps with their widths; an odd number of digits gets a leading zero."""
    digits = number if len(number) % 2 == 0 else f"0{number}"
    pattern = "NNNN"
    for first, second in zip(digits[::2], digits[1::2], strict=True):
        pairs = zip(_CODES[int(first)], _CODES[int(second)], strict=True)
        pattern += "".join(bar + gap for bar, gap in pairs)
    pattern += "WNN"
    return [
        (index % 2 == 0, _BAR * (3 if width == "W" else 1)) for index, width in enumerate(pattern)
    ]


def _pdf(lines: list[str], number: str) -> bytes:
    out = BytesIO()
    _page(lines, number).save(out, "PDF", resolution=_DPI, title=number, producer="FedEx sandbox")
    return out.getvalue()


def _png(lines: list[str], number: str) -> bytes:
    out = BytesIO()
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Title", number)
    _page(lines, number).save(out, "PNG", dpi=(_DPI, _DPI), pnginfo=notes)
    return out.getvalue()


def _zpl(lines: list[str], number: str) -> bytes:
    """^XA … ^XZ, with ^CI28 for UTF-8; a caret or tilde in the data would start a command."""
    rows = [
        f"^FO{_MARGIN},{_MARGIN + 60 * index}^A0N,32,32^FD{_plain(line, '^~')}^FS"
        for index, line in enumerate(lines)
    ]
    bars = f"^FO{_MARGIN},{_MARGIN + 60 * len(lines) + 40}^BY3^B2N,260,Y^FD{number}^FS"
    text = "\n".join(["^XA", "^CI28", f"^PW{_SIZE[0]}", f"^LL{_SIZE[1]}", *rows, bars, "^XZ"])
    return f"{text}\n".encode()


def _epl(lines: list[str], number: str) -> bytes:
    rows = [
        f'A{_MARGIN},{_MARGIN + 60 * index},0,3,1,1,N,"{_plain(line, chr(34) + chr(92))}"'
        for index, line in enumerate(lines)
    ]
    bars = f'B{_MARGIN},{_MARGIN + 60 * len(lines) + 40},0,2,3,7,260,B,"{number}"'
    return "\n".join(["", "N", f"q{_SIZE[0]}", *rows, bars, "P1", ""]).encode()


def _plain(text: str, commands: str) -> str:
    return text.translate({ord(character): " " for character in commands})

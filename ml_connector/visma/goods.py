"""What is shipped and in what: items, packaging types, carriers."""

from collections.abc import Iterable
from contextlib import aclosing
from decimal import Decimal

from pydantic import Field

from ml_connector.domain.measures import Size, UnknownWeightUnit, Weight, weight_from_visma
from ml_connector.domain.order import Item, PackagingType
from ml_connector.visma.calls import Resource
from ml_connector.visma.errors import VismaNotFound, VismaRejected
from ml_connector.visma.paging import Listing, read_pages
from ml_connector.visma.records import Carrier
from ml_connector.visma.wire import Number, Row, Text, Whole, WireModel, parse, segment


class _PackagingDto(WireModel):
    base_item_weight: Number = None
    weight_uom: Text = Field("", alias="weightUOM")
    base_item_volume: Number = None
    volume_uom: Text = Field("", alias="volumeUOM")


class _IntrastatDto(WireModel):
    commodity_code: Text = Field("", alias="cN8")
    country_of_origin: Text = ""


class _ItemDto(WireModel):
    inventory_number: Text = ""
    description: Text = ""
    base_unit: Text = ""
    packaging: _PackagingDto | None = None
    intrastat: _IntrastatDto | None = None


class _PackagingTypeDto(WireModel):
    box_id: Text = ""
    box_weight: Number = None
    max_weight: Number = None
    weight_uom: Text = Field("", alias="weightUoM")
    length: Whole = None
    width: Whole = None
    height: Whole = None


class _CarrierDto(WireModel):
    carrier_id: Text = ""
    carrier_description: Text = ""


class Goods(Resource):
    """Items, boxes and carriers."""

    async def item(self, number: str) -> Item:
        """One item. Raises `VismaNotFound`; `VismaRejected` for a weight in an unknown unit."""
        what = f"read item {number}"
        row = await self._calls.read_object(f"/v1/inventory/{segment(number)}", what)
        item = parse(_ItemDto, row, what)
        packaging = item.packaging or _PackagingDto()
        intrastat = item.intrastat or _IntrastatDto()
        return Item(
            number=item.inventory_number or number,
            description=item.description,
            base_unit=item.base_unit,
            weight=_weight(packaging.base_item_weight, packaging.weight_uom, f"Item {number}"),
            volume=packaging.base_item_volume or None,
            volume_unit=packaging.volume_uom,
            country_of_origin=intrastat.country_of_origin.upper(),
            commodity_code=intrastat.commodity_code,
        )

    async def items(self, numbers: Iterable[str]) -> dict[str, Item]:
        """These items by number, each read once; one that Visma does not know is left out."""
        found: dict[str, Item] = {}
        for number in dict.fromkeys(numbers):
            try:
                found[number] = await self.item(number)
            except VismaNotFound:
                continue
        return found

    async def packaging_types(self, *, size_unit: str = "CM") -> tuple[PackagingType, ...]:
        """Every box. Visma names no unit of length; `size_unit` (CM or IN) is the company's."""
        what = "list packaging types"
        rows = await self._whole_list("/v1/packagingType", what, "boxId")
        boxes = (parse(_PackagingTypeDto, row, what) for row in rows)
        return tuple(
            PackagingType(
                code=box.box_id,
                own_weight=_weight(box.box_weight, box.weight_uom, f"Box {box.box_id}"),
                max_weight=_weight(box.max_weight, box.weight_uom, f"Box {box.box_id}"),
                size=_size(box, size_unit),
            )
            for box in boxes
        )

    async def carriers(self) -> tuple[Carrier, ...]:
        """Every carrier; an order's ship-via is one of their ids."""
        what = "list carriers"
        rows = await self._whole_list("/v1/carrier", what, "carrierId")
        carriers = (parse(_CarrierDto, row, what) for row in rows)
        return tuple(
            Carrier(id=each.carrier_id, description=each.carrier_description) for each in carriers
        )

    async def _whole_list(self, path: str, what: str, key: str) -> list[Row]:
        listing = Listing(path=path, what=what, keys=lambda row: [str(row.get(key))])
        found: dict[str, Row] = {}
        async with aclosing(read_pages(self._calls, listing)) as pages:
            async for rows in pages:
                found |= {str(row.get(key)): row for row in rows}
        return list(found.values())


def _weight(value: Decimal | None, unit: str, owner: str) -> Weight | None:
    """A positive weight; a unit that nobody can read is said, never taken for another."""
    if value is None or value <= 0:
        return None
    try:
        return weight_from_visma(value, unit)
    except UnknownWeightUnit as exc:
        raise VismaRejected(f"{owner}: {exc}", remedy=exc.remedy, code=exc.code) from None


def _size(box: _PackagingTypeDto, unit: str) -> Size | None:
    length, width, height = box.length or 0, box.width or 0, box.height or 0
    if min(length, width, height) <= 0:
        return None
    return Size(length=length, width=width, height=height, unit=unit)

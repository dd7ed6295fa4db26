from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.domain.loads import Load, shipment_unit, weigh
from ml_connector.domain.measures import Size, Weight, WeightUnit, magnitude
from ml_connector.domain.order import PackagingType
from ml_connector.domain.packing import PACKAGE_LIMIT, pack
from tests.unit.domain.builders import item, kg, lb

SMALL = PackagingType(
    code="S",
    own_weight=kg("0.2"),
    max_weight=kg("5"),
    size=Size(length=30, width=20, height=10, unit="CM"),
)
LARGE = PackagingType(
    code="L",
    own_weight=kg("1"),
    max_weight=kg("20"),
    size=Size(length=60, width=40, height=40, unit="CM"),
)


def load(line: int, quantity: str, weight: Weight, volume: str | None = None) -> Load:
    return Load(
        line=line,
        quantity=Decimal(quantity),
        unit_weight=weight,
        unit_volume=None if volume is None else Decimal(volume),
    )


def weights(*loads: Load, maximum: Weight | None = None) -> list[str]:
    packing = pack(loads, max_weight=maximum or kg("30"))
    assert packing.findings == ()
    return [str(package.weight.value) for package in packing.packages]


def test_what_fits_travels_in_one_package() -> None:
    assert weights(load(1, "4", kg("2.5")), load(2, "1", kg("3.333"))) == ["13.34"]


def test_units_stay_whole() -> None:
    # Three of 12 kg do not fit into 30, although 36 kg would be one package and a fifth.
    assert weights(load(1, "3", kg("12"))) == ["24.00", "12.00"]


def test_lighter_goods_fill_what_heavier_left_open() -> None:
    assert weights(load(1, "4", kg("3")), load(2, "2", kg("20"))) == ["29.00", "23.00"]


def test_a_broken_quantity_ends_in_a_smaller_unit() -> None:
    assert weights(load(1, "2.5", kg("20"))) == ["30.00", "20.00"]


def test_a_feather_still_weighs_something() -> None:
    assert weights(load(1, "1", kg("0.000001"))) == ["0.01"]


def test_sequence_numbers_count_from_one() -> None:
    packages = pack([load(1, "3", kg("20"))], max_weight=kg("30")).packages
    assert [package.sequence for package in packages] == [1, 2, 3]


def test_a_unit_above_the_maximum_is_a_finding_for_each_line() -> None:
    packing = pack(
        [load(1, "1", kg("31")), load(2, "1", kg("1")), load(3, "2", lb("70"))],
        max_weight=kg("30"),
    )
    assert packing.packages == ()
    assert [finding.code for finding in packing.findings] == ["item_too_heavy"] * 2
    assert "line 3" in packing.findings[1].message


def test_more_packages_than_a_shipment_takes_is_a_finding() -> None:
    assert len(weights(load(1, str(PACKAGE_LIMIT), kg("30")))) == PACKAGE_LIMIT
    packing = pack([load(1, "1000000000", kg("30"))], max_weight=kg("30"))
    assert [finding.code for finding in packing.findings] == ["too_many_packages"]


def test_pounds_only_when_everything_is_in_pounds() -> None:
    assert shipment_unit([load(1, "1", lb("1"))]) is WeightUnit.LB
    assert shipment_unit([load(1, "1", lb("1")), load(2, "1", kg("1"))]) is WeightUnit.KG
    assert weights(load(1, "2", lb("30")), maximum=lb("66")) == ["60.00"]
    assert weights(load(1, "1", lb("1")), load(2, "1", kg("1"))) == ["1.46"]


def test_boxes_add_their_weight_and_bring_their_size() -> None:
    packing = pack([load(1, "3", kg("6"))], max_weight=kg("30"), boxes=[SMALL, LARGE])
    assert [(str(each.weight.value), each.size) for each in packing.packages] == [
        ("19.00", LARGE.size)
    ]


def test_the_smallest_box_that_holds_the_rest_is_taken() -> None:
    packing = pack([load(1, "4", kg("4.8"))], max_weight=kg("30"), boxes=[LARGE, SMALL])
    assert [each.size for each in packing.packages] == [LARGE.size, SMALL.size]
    assert [str(each.weight.value) for each in packing.packages] == ["15.40", "5.00"]


def test_volume_opens_a_second_box() -> None:
    # A large box holds 0.096 cubic metres: two of these, whatever they weigh.
    packing = pack([load(1, "3", kg("1"), "0.04")], max_weight=kg("30"), boxes=[LARGE])
    assert [str(each.weight.value) for each in packing.packages] == ["3.00", "2.00"]


def test_what_fits_in_no_box_travels_without_one() -> None:
    packing = pack([load(1, "1", kg("25"))], max_weight=kg("30"), boxes=[SMALL, LARGE])
    assert [(str(each.weight.value), each.size) for each in packing.packages] == [("25.00", None)]


def test_small_goods_take_a_box_beside_large_ones_without() -> None:
    loads = [load(1, "1", kg("25")), load(2, "1", kg("1"))]
    packing = pack(loads, max_weight=kg("30"), boxes=[SMALL])
    assert [each.size for each in packing.packages] == [None, SMALL.size]


def test_rounding_up_never_passes_the_maximum() -> None:
    # 30.0042 kg is below the maximum, but would have to be declared as 30.01.
    assert weights(load(1, "3", kg("10.0014")), maximum=kg("30.005")) == ["20.01", "10.01"]


def test_boxes_follow_the_shipments_unit() -> None:
    packing = pack([load(1, "1", lb("10"))], max_weight=lb("66"), boxes=[LARGE])
    assert packing.packages[0].size == Size(length=24, width=16, height=16, unit="IN")


@st.composite
def shipments(draw: st.DrawFn) -> list[Load]:
    count = draw(st.integers(1, 6))
    return [
        Load(
            line=number,
            quantity=draw(st.decimals("0.25", 60, places=2)),
            unit_weight=Weight(
                draw(st.decimals("0.001", 12, places=3)), draw(st.sampled_from(WeightUnit))
            ),
            unit_volume=draw(st.none() | st.decimals("0.0001", "0.05", places=4)),
        )
        for number in range(1, count + 1)
    ]


@given(
    shipments(),
    st.decimals(12, 40, places=3),
    st.sampled_from([(), (SMALL,), (SMALL, LARGE)]),
    st.randoms(use_true_random=False),
)
def test_weight_is_conserved_and_bounded_and_the_line_order_does_not_matter(  # type: ignore[no-untyped-def]
    loads, maximum, boxes, random
) -> None:
    unit = shipment_unit(loads)
    limit = Weight(maximum, WeightUnit.KG)

    packing = pack(loads, max_weight=limit, boxes=boxes)

    assert all(finding.code == "too_many_packages" for finding in packing.findings)
    assert bool(packing.packages) != bool(packing.findings)
    goods = sum(Fraction(each.quantity) * magnitude(each.unit_weight, unit) for each in loads)
    total = sum(Fraction(package.weight.value) for package in packing.packages)
    heaviest_box = magnitude(kg("1"), unit) if boxes else 0
    if packing.packages:
        assert goods <= total
        assert total < goods + len(packing.packages) * (Fraction(1, 100) + heaviest_box)
    for package in packing.packages:
        assert Fraction(1, 100) <= Fraction(package.weight.value) <= magnitude(limit, unit)
        assert package.weight.unit is unit
        assert package.weight.value.as_tuple().exponent == -2

    shuffled = list(loads)
    random.shuffle(shuffled)
    assert pack(shuffled, max_weight=limit, boxes=boxes) == packing


def test_weighing_names_what_is_missing_and_what_was_assumed() -> None:
    items = {"PUMP": item(), "FOAM": item("FOAM", weight=None)}
    lines = [
        (1, "PUMP", Decimal(2)),
        (2, "FOAM", Decimal(1)),
        (3, "GONE", Decimal(1)),
        (4, None, Decimal(1)),
        (5, "PUMP", Decimal(0)),
    ]
    strict = weigh(lines, items, kg("0"))
    assert [each.line for each in strict.loads] == [1]
    assert [finding.code for finding in strict.missing] == [
        "item_weight_missing",
        "item_unknown",
        "item_unknown",
        "base_quantity_missing",
    ]
    lenient = weigh(lines, items, kg("0.5"))
    assert [(each.line, each.unit_weight) for each in lenient.loads] == [
        (1, kg("2.5")),
        (2, kg("0.5")),
    ]
    assert [finding.code for finding in lenient.assumed] == ["item_weight_assumed"]


@pytest.mark.parametrize(
    ("volume", "unit", "expected"), [("2", "L", "0.002"), ("2", "PALL", None), (None, "", None)]
)
def test_volumes_are_used_where_they_can_be_read(
    volume: str | None, unit: str, expected: str | None
) -> None:
    known = item(volume=volume and Decimal(volume), volume_unit=unit)
    (found,) = weigh([(1, "PUMP", Decimal(1))], {"PUMP": known}, kg("0")).loads
    assert found.unit_volume == (None if expected is None else Decimal(expected))

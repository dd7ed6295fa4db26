from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.domain.allocation import AllMeasuresZero
from ml_connector.domain.freight import Basis, FinancialPeriod, Journal, JournalLine
from ml_connector.domain.money import UnknownCurrency
from ml_connector.domain.order import Dimensions
from ml_connector.domain.periods import PostingDate
from ml_connector.domain.posting import (
    REFERENCE_LIMIT,
    AccountMissing,
    CostMissing,
    CostNotPositive,
    JournalHead,
    JournalKind,
    Unbalanced,
    allocate_freight,
    build_journal,
    check_balanced,
    journal_reference,
    order_of_reference,
    reverse,
)
from ml_connector.domain.shipment import CostSource, ShipmentCost, ShippedLine
from ml_connector.domain.tenant import FreightSettings
from tests.unit.domain.builders import shipped, tenant

NOVEMBER = FinancialPeriod(
    id="202611", first_day=date(2026, 11, 1), last_day=date(2026, 11, 30), open=True
)
HEAD = JournalHead(
    order="500123",
    tracking_number="794791341818",
    reference="F500123-1",
    when=PostingDate(day=date(2026, 11, 3), period=NOVEMBER),
)
PUMPS = Dimensions(account="4300", subaccount=((1, "100"),), project="P1", task="T1")
VALVES = Dimensions(subaccount=((1, "200"), (2, "20")), project="P2", task="T1")


def freight(**changes: object) -> FreightSettings:
    return tenant(freight=changes).freight


def cost(net: str = "125.00", without_tax: str = "100.00", currency: str = "NOK") -> ShipmentCost:
    return ShipmentCost(
        net_charge=Decimal(net),
        net_fedex_charge=Decimal(without_tax),
        currency=currency,
        raw_currency=currency,
        rate_type="PAYOR_ACCOUNT_SHIPMENT",
        source=CostSource.SHIP_REPLY,
    )


def journal_of(
    lines: list[ShippedLine], settings: FreightSettings, head: JournalHead = HEAD
) -> Journal:
    return build_journal(allocate_freight(cost(), lines, settings), lines, settings, head)


LINES = [
    shipped(1, amount=Decimal(100), dimensions=PUMPS),
    shipped(2, amount=Decimal(100), dimensions=VALVES),
    shipped(3, amount=Decimal(100), dimensions=PUMPS),
]


def test_lines_of_equal_dimensions_are_merged_after_allocation() -> None:
    journal = journal_of(LINES, freight())
    assert [
        (line.account, line.dimensions, line.debit, line.credit, line.order_lines)
        for line in journal.lines
    ] == [
        (
            "7140",
            Dimensions(subaccount=((1, "100"), (2, "00")), project="P1", task="T1"),
            Decimal("66.67"),
            0,
            (1, 3),
        ),
        (
            "7140",
            Dimensions(subaccount=((1, "200"), (2, "20")), project="P2", task="T1"),
            Decimal("33.33"),
            0,
            (2,),
        ),
        (
            "2960",
            Dimensions(subaccount=((1, "000"), (2, "00")), project="X"),
            0,
            Decimal("100.00"),
            (),
        ),
    ]


def test_the_head_of_a_journal() -> None:
    head = replace(HEAD, exchange_rate=Decimal("11.5"))
    journal = journal_of(LINES, freight(), head)
    assert journal.reference == "F500123-1"
    assert (journal.posting_date, journal.period) == (date(2026, 11, 3), "202611")
    assert (journal.currency, journal.exchange_rate) == ("NOK", Decimal("11.5"))
    assert journal.description == "Freight 500123 FedEx 794791341818"
    assert {line.text for line in journal.lines} == {
        "Freight 500123 FedEx 794791341818",
        "Accrued freight 500123 FedEx 794791341818",
    }


@pytest.mark.parametrize(
    ("state", "hold"), [("hold", True), ("balanced", False), ("released", False)]
)
def test_only_a_journal_on_hold_is_held(state: str, hold: bool) -> None:
    assert journal_of(LINES, freight(journal=state)).hold is hold


def test_another_period_keeps_the_original_date_in_the_text() -> None:
    when = replace(HEAD.when, day=date(2026, 11, 1), original=date(2026, 10, 31))
    journal = journal_of(LINES, freight(), replace(HEAD, when=when))
    assert journal.description.endswith("(of 2026-10-31)")
    assert all(line.text.endswith("(of 2026-10-31)") for line in journal.lines)


def test_freight_on_the_lines_own_account_else_the_default() -> None:
    settings = freight(debit_account="line", default_debit_account="7199")
    assert [line.account for line in journal_of(LINES, settings).lines] == ["4300", "7199", "2960"]


def test_a_line_without_any_account_is_refused() -> None:
    settings = freight().model_copy(update={"debit_account": "line"})
    with pytest.raises(AccountMissing):
        journal_of(LINES, settings)


def test_a_line_without_project_takes_the_non_project_code_and_no_task() -> None:
    for stray in (Dimensions(task="T1"), Dimensions(project="X", task="T1")):
        debit = journal_of([shipped(dimensions=stray)], freight()).lines[0]
        assert (debit.dimensions.project, debit.dimensions.task) == ("X", None)


def test_a_line_without_a_share_has_no_journal_line() -> None:
    lines = [LINES[0], shipped(2, amount=Decimal(0), dimensions=VALVES)]
    journal = journal_of(lines, freight())
    assert [line.order_lines for line in journal.lines] == [(1,), ()]


def test_taxes_are_a_cost_only_where_the_tenant_says_so() -> None:
    assert allocate_freight(cost(), LINES, freight()).total == Decimal("100.00")
    assert allocate_freight(cost(), LINES, freight(include_taxes=True)).total == Decimal("125.00")


def test_fedexs_currency_becomes_iso_and_the_cost_whole_minor_units() -> None:
    allocation = allocate_freight(cost(without_tax="1234.5", currency="JYE"), LINES, freight())
    assert (allocation.total, allocation.currency) == (Decimal(1235), "JPY")


def test_the_basis_is_the_tenants() -> None:
    allocation = allocate_freight(cost(), LINES, freight(allocate_by="weight"))
    assert allocation.basis is Basis.WEIGHT
    assert allocation.shares[0].weight == Decimal(10)


@pytest.mark.parametrize(
    ("charged", "error"),
    [
        (None, CostMissing),
        (cost(without_tax="0"), CostNotPositive),
        (cost(without_tax="0.004"), CostNotPositive),
        (cost(without_tax="-5"), CostNotPositive),
        (cost(currency="???"), UnknownCurrency),
    ],
)
def test_no_cost_is_not_zero(charged: ShipmentCost | None, error: type[Exception]) -> None:
    with pytest.raises(error):
        allocate_freight(charged, LINES, freight())


def test_free_goods_are_not_shared_equally_in_silence() -> None:
    with pytest.raises(AllMeasuresZero):
        allocate_freight(cost(), [shipped(amount=Decimal(0))], freight())


def side(debit: str, credit: str) -> JournalLine:
    return JournalLine(
        account="1",
        dimensions=Dimensions(),
        debit=Decimal(debit),
        credit=Decimal(credit),
        text="",
    )


@pytest.mark.parametrize(
    "lines",
    [
        [side("1.00", "0"), side("0", "0.99")],
        [side("1.00", "1.00")],
        [side("0", "0")],
        [side("-1", "0"), side("0", "-1")],
    ],
)
def test_an_unbalanced_journal_is_never_built(lines: list[JournalLine]) -> None:
    journal = replace(journal_of(LINES, freight()), lines=tuple(lines))
    with pytest.raises(Unbalanced):
        check_balanced(journal)


dimensions = st.builds(
    Dimensions,
    account=st.none() | st.sampled_from(["4300", "4400"]),
    subaccount=st.sampled_from([(), ((1, "100"),), ((1, "100"), (2, "20"))]),
    project=st.none() | st.sampled_from(["P1", "P2", "X"]),
    task=st.none() | st.sampled_from(["T1", "T2"]),
)


@st.composite
def shipments(draw: st.DrawFn) -> list[ShippedLine]:
    amounts = draw(st.lists(st.decimals("0.01", 10**6, places=2), min_size=1, max_size=12))
    return [
        shipped(number, amount=amount, dimensions=draw(dimensions))
        for number, amount in enumerate(amounts, start=1)
    ]


@given(
    shipments(),
    st.decimals("0.01", 10**7, places=2),
    st.sampled_from(["7140", "line"]),
    st.sampled_from(["NOK", "JPY", "KWD"]),
    st.randoms(use_true_random=False),
)
def test_journals_balance_to_the_cost_and_reversals_mirror_them(  # type: ignore[no-untyped-def]
    lines, charge, account, currency, random
) -> None:
    settings = freight(debit_account=account, default_debit_account="7199")
    charge += Decimal(1)
    charged = cost(without_tax=str(charge), currency=currency)
    allocation = allocate_freight(charged, lines, settings)
    journal = build_journal(allocation, lines, settings, HEAD)

    assert sum(line.debit for line in journal.lines) == allocation.total
    assert [line.credit for line in journal.lines[-1:]] == [allocation.total]
    keys = [(line.account, line.dimensions) for line in journal.lines[:-1]]
    assert len(set(keys)) == len(keys)
    shares = {share.line: share.amount for share in allocation.shares}
    for line in journal.lines[:-1]:
        assert line.debit == sum(shares.pop(number) for number in line.order_lines)
    assert not any(shares.values())

    back = reverse(journal, replace(HEAD, reference="R500123-1"))
    assert [(line.account, line.dimensions, line.credit, line.debit) for line in back.lines] == [
        (line.account, line.dimensions, line.debit, line.credit) for line in journal.lines
    ]
    again = reverse(back, HEAD)
    assert [replace(line, text="") for line in again.lines] == [
        replace(line, text="") for line in journal.lines
    ]

    shuffled = list(lines)
    random.shuffle(shuffled)
    same = build_journal(allocate_freight(charged, shuffled, settings), shuffled, settings, HEAD)
    assert same == journal


def test_a_journal_and_its_reversal_are_of_one_branch() -> None:
    journal = journal_of(LINES, freight(), replace(HEAD, branch="2"))
    back = reverse(journal, replace(HEAD, reference="R500123-1", branch="3"))
    assert {line.branch for line in (*journal.lines, *back.lines)} == {"2"}
    assert {line.branch for line in journal_of(LINES, freight()).lines} == {None}


def test_a_reversal_names_what_it_reverses_and_keeps_the_rate() -> None:
    journal = journal_of(LINES, freight(), replace(HEAD, exchange_rate=Decimal("11.5")))
    december = replace(NOVEMBER, id="202612")
    when = PostingDate(day=date(2026, 12, 4), period=december)
    back = reverse(journal, replace(HEAD, reference="R500123-1", when=when))
    assert (back.reference, back.period) == ("R500123-1", "202612")
    assert (back.currency, back.exchange_rate) == ("NOK", Decimal("11.5"))
    assert back.description == "Reversal of F500123-1, freight 500123 FedEx 794791341818"
    assert back.lines[-1].debit == Decimal("100.00")


@pytest.mark.parametrize(
    ("reference", "order"),
    [
        (journal_reference("500123", 1, JournalKind.FREIGHT), "500123"),
        (journal_reference("PO-7", 12, JournalKind.REVERSAL), "PO-7"),
        ("500123", None),
        ("F500123", None),
        ("X500123-1", None),
        ("F-1", None),
    ],
)
def test_a_reference_names_its_order(reference: str, order: str | None) -> None:
    assert order_of_reference(reference) == order


def test_references_are_short_and_told_apart() -> None:
    assert journal_reference("500123", 1, JournalKind.FREIGHT) == "F500123-1"
    assert journal_reference("500123", 12, JournalKind.REVERSAL) == "R500123-12"
    long = {
        journal_reference(f"PURCHASE-ORDER-{number}", generation, kind)
        for number in range(20)
        for generation in (1, 10)
        for kind in JournalKind
    }
    assert len(long) == 80
    assert {len(reference) for reference in long} == {REFERENCE_LIMIT}

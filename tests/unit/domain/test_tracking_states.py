from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.domain.tenant import DueSettings
from ml_connector.domain.tracking import ParcelReport, ParcelState, ParcelStatus, Scan
from ml_connector.domain.tracking_states import (
    FINISHED,
    due_after,
    interpret,
    is_physical,
    select_report,
    shipment_status,
)
from tests.unit.domain.builders import FIRST_SCAN, SHIPPED_ON, report, scans

S = ParcelState


def at(hours: int) -> datetime:
    return FIRST_SCAN + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("code", "derived", "state"),
    [
        ("OC", "IN", S.LABEL_CREATED),
        ("PU", "PU", S.PICKED_UP),
        ("PX", "", S.PICKED_UP),
        ("DO", "", S.PICKED_UP),
        ("AR", "IT", S.IN_TRANSIT),
        ("DP", "IT", S.IN_TRANSIT),
        ("FD", "RL", S.IN_TRANSIT),
        ("CC", "IT", S.IN_TRANSIT),
        ("OD", "IT", S.OUT_FOR_DELIVERY),
        ("DL", "DL", S.DELIVERED),
        ("DE", "DE", S.EXCEPTION),
        ("SE", "", S.EXCEPTION),
        ("DY", "DY", S.EXCEPTION),
        ("CD", "", S.EXCEPTION),
        ("HL", "HL", S.HELD),
        ("HP", "", S.HELD),
        ("RS", "", S.RETURNING),
        ("CA", "CA", S.CANCELLED),
        (" od ", "IT", S.OUT_FOR_DELIVERY),
        ("", "IN", S.LABEL_CREATED),
        ("", "RL", S.IN_TRANSIT),
        ("Z9", "IT", S.UNKNOWN),
        ("", "", S.UNKNOWN),
    ],
)
def test_the_fine_code_decides_the_coarse_one_only_fills_in(
    code: str, derived: str, state: ParcelState
) -> None:
    status = interpret(report(code=code, derived_code=derived))
    assert status.state is state
    assert status.code == (code or derived)


def test_an_unknown_code_is_shown_raw() -> None:
    status = interpret(report("PU", code="Z9", description="Something new"))
    assert (status.state, status.code, status.description) == (S.UNKNOWN, "Z9", "Something new")
    assert status.first_scan == at(0)


def test_a_delivered_parcel() -> None:
    status = interpret(report("OC", "PU", "AR", "OD", "DL"))
    assert status.state is S.DELIVERED
    assert status.first_scan == at(1)
    assert status.delivered_at == at(4)


def test_actual_delivery_is_believed_before_the_scan() -> None:
    status = interpret(report("PU", "DL", actual_delivery=at(9)))
    assert status.delivered_at == at(9)


def test_a_delivery_nobody_timed_has_no_time() -> None:
    assert interpret(report(code="DL")).delivered_at is None


def test_a_return_ends_with_a_plain_dl_and_is_no_delivery() -> None:
    status = interpret(report("PU", "DE", "RS", "IT", "DL", actual_delivery=at(1)))
    assert status.state is S.RETURNED
    assert status.delivered_at == at(4)


def test_rs_that_fedex_derives_to_dl_is_on_its_way_back() -> None:
    """The sandbox's return: RS carries derivedStatusCode DL, the latest status is DE 060G."""
    status = interpret(report("PU", "AR", "RS", code="DE", derived_code="DE"))
    assert status.state is S.RETURNING
    assert status.delivered_at is None


@pytest.mark.parametrize("code", ["RS", "RT", "IT", "OD", "HL"])
def test_whatever_follows_a_return_scan_is_part_of_the_return(code: str) -> None:
    assert interpret(report("PU", "RT", code)).state is S.RETURNING


def test_a_cancelled_parcel_is_not_on_its_way_back() -> None:
    assert interpret(report("OC", "RS", "CA")).state is S.CANCELLED


def test_label_only_in_spite_of_possession_flags() -> None:
    """449044304137821 of the sandbox: OC, though FedEx claims possession and a pickup date."""
    label = report(
        code="OC",
        derived_code="IN",
        description="Shipment information sent to FedEx",
        scans=(Scan(at=datetime(2013, 12, 30, 18, 24, tzinfo=UTC), code="OC", description=""),),
    )
    status = interpret(label)
    assert (status.state, status.first_scan) == (S.LABEL_CREATED, None)


def test_out_for_delivery_of_the_sandbox() -> None:
    """231300687629630: OD with derivedCode IT; the pickup is the first physical scan."""
    central, eastern = timezone(timedelta(hours=-6)), timezone(timedelta(hours=-5))
    pickup = datetime(2013, 12, 31, 15, 21, tzinfo=central)
    status = interpret(
        report(
            code="OD",
            derived_code="IT",
            scans=(
                Scan(at=datetime(2013, 12, 31, 12, 58, tzinfo=central), code="OC", description=""),
                Scan(at=pickup, code="PU", description=""),
                Scan(at=datetime(2014, 1, 4, 6, 55, tzinfo=eastern), code="OD", description=""),
            ),
        )
    )
    assert (status.state, status.first_scan) == (S.OUT_FOR_DELIVERY, pickup)


@pytest.mark.parametrize(
    "code", ["OC", "CA", "AP", "PD", "RR", "SP", "AO", "CC", "CP", "DY", "DD", "OX", "Z9", ""]
)
def test_notices_and_papers_do_not_prove_possession(code: str) -> None:
    assert not is_physical(code)
    assert interpret(report("OC", code)).first_scan is None


@pytest.mark.parametrize("code", ["PU", "DO", "AR", "DP", "IT", "OD", "DL", "DE", "HL", "RS"])
def test_scans_of_the_parcel_itself_do(code: str) -> None:
    assert is_physical(code)
    assert interpret(report("OC", code)).first_scan == at(1)


@given(st.permutations(scans("OC", "PU", "AR", "OD")))
def test_the_first_scan_is_the_earliest_however_they_are_listed(listed: list[Scan]) -> None:
    assert interpret(report(code="OD", scans=tuple(listed))).first_scan == at(1)


def test_a_notice_leaves_the_parcel_where_it_was() -> None:
    assert interpret(report("OC", "PU", "OD", "RR")).state is S.OUT_FOR_DELIVERY
    assert interpret(report("RR")).state is S.UNKNOWN


def test_an_exception_says_its_reason() -> None:
    trouble = Scan(at=at(1), code="DE", description="", exception_code="007")
    found = report(code="DE", description="Delivery exception", scans=(*scans("PU"), trouble))
    assert interpret(found).description == "Delivery exception (007)"


def status(state: ParcelState, first: int | None = None, done: int | None = None) -> ParcelStatus:
    return ParcelStatus(
        state=state,
        code=state.upper(),
        description="",
        first_scan=None if first is None else at(first),
        delivered_at=None if done is None else at(done),
    )


def test_a_shipment_is_delivered_with_its_last_piece() -> None:
    pieces = [status(S.DELIVERED, 2, 9), status(S.DELIVERED, 1, 12)]
    found = shipment_status(pieces)
    assert (found.state, found.first_scan, found.delivered_at) == (S.DELIVERED, at(1), at(12))


def test_one_piece_underway_keeps_the_shipment_underway() -> None:
    found = shipment_status([status(S.DELIVERED, 2, 9), status(S.OUT_FOR_DELIVERY, 1)])
    assert (found.state, found.first_scan, found.delivered_at) == (S.OUT_FOR_DELIVERY, at(1), None)


def test_one_delivery_without_a_time_leaves_the_whole_without() -> None:
    assert shipment_status([status(S.DELIVERED, 1, 9), status(S.DELIVERED, 1)]).delivered_at is None


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([S.LABEL_CREATED, S.LABEL_CREATED], S.LABEL_CREATED),
        ([S.LABEL_CREATED, S.PICKED_UP], S.PICKED_UP),
        ([S.LABEL_CREATED, S.DELIVERED], S.IN_TRANSIT),
        ([S.IN_TRANSIT, S.OUT_FOR_DELIVERY], S.IN_TRANSIT),
        ([S.IN_TRANSIT, S.EXCEPTION, S.RETURNING], S.EXCEPTION),
        ([S.IN_TRANSIT, S.RETURNING], S.RETURNING),
        ([S.IN_TRANSIT, S.RETURNED], S.RETURNING),
        ([S.IN_TRANSIT, S.UNKNOWN], S.UNKNOWN),
        ([S.DELIVERED, S.RETURNED], S.RETURNED),
        ([S.CANCELLED, S.CANCELLED], S.CANCELLED),
        ([S.CANCELLED, S.IN_TRANSIT], S.IN_TRANSIT),
    ],
)
def test_mixed_pieces(states: list[ParcelState], expected: ParcelState) -> None:
    assert shipment_status([status(state) for state in states]).state is expected
    assert shipment_status([status(state) for state in reversed(states)]).state is expected


@given(st.lists(st.sampled_from(ParcelState), min_size=1, max_size=5))
def test_a_shipment_is_finished_only_when_every_piece_is(states: list[ParcelState]) -> None:
    found = shipment_status([status(state) for state in states]).state
    assert (found in FINISHED) == all(state in FINISHED for state in states)
    if found is S.DELIVERED:
        assert set(states) <= {S.DELIVERED, S.CANCELLED}


def test_a_shipment_has_pieces() -> None:
    with pytest.raises(ValueError, match="at least one"):
        shipment_status([])


def shipped_on(day: date | None, unique_id: str = "", **changes: object) -> ParcelReport:
    moment = None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)
    return report(**({"ship_date": moment, "unique_id": unique_id} | changes))


def test_a_reused_number_is_told_by_its_ship_date() -> None:
    old, ours = shipped_on(date(2024, 5, 1), "old"), shipped_on(SHIPPED_ON, "ours")
    assert select_report([old, ours], SHIPPED_ON) == ours
    assert select_report([old], SHIPPED_ON) is None
    assert select_report([], SHIPPED_ON) is None


def test_a_unique_id_seen_before_decides() -> None:
    near, ours = shipped_on(SHIPPED_ON, "near"), shipped_on(date(2026, 11, 20), "ours")
    assert select_report([near, ours], SHIPPED_ON, "ours") == ours
    assert select_report([near, ours], SHIPPED_ON, "gone") == near


def test_a_late_tender_is_still_ours() -> None:
    assert select_report([shipped_on(SHIPPED_ON + timedelta(days=30))], SHIPPED_ON)
    assert select_report([shipped_on(SHIPPED_ON - timedelta(days=1))], SHIPPED_ON)
    assert select_report([shipped_on(SHIPPED_ON - timedelta(days=3))], SHIPPED_ON) is None


def test_without_a_ship_date_the_first_scan_tells() -> None:
    ours = shipped_on(None, "ours", scans=scans("OC", "PU"))
    old = shipped_on(
        None, "old", scans=(Scan(at=datetime(2024, 5, 1, tzinfo=UTC), code="PU", description=""),)
    )
    assert select_report([old, ours], SHIPPED_ON) == ours
    undated = shipped_on(None, "undated")
    assert select_report([undated], SHIPPED_ON) == undated
    assert select_report([undated, ours], SHIPPED_ON) == ours


def test_of_two_on_one_day_the_last_scanned_counts() -> None:
    early, late = (
        shipped_on(SHIPPED_ON, name, scans=scans(*codes))
        for name, codes in (("early", ["OC"]), ("late", ["OC", "PU"]))
    )
    assert select_report([early, late], SHIPPED_ON) == late
    assert select_report([late, early], SHIPPED_ON) == late


@pytest.mark.parametrize("state", ParcelState)
def test_finished_parcels_are_never_due_again(state: ParcelState) -> None:
    assert (due_after(state, DueSettings()) is None) == (state in FINISHED)


def test_how_soon_a_number_is_due() -> None:
    settings = DueSettings()
    due = {state: due_after(state, settings) for state in ParcelState}
    assert due[S.LABEL_CREATED] == timedelta(hours=4)
    assert due[S.PICKED_UP] == due[S.IN_TRANSIT] == due[S.RETURNING] == timedelta(hours=2)
    assert due[S.OUT_FOR_DELIVERY] == timedelta(minutes=30)
    assert due[S.EXCEPTION] == due[S.HELD] == due[S.UNKNOWN] == timedelta(hours=1)

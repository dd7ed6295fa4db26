"""Codes in plain words, and what an unlisted one becomes."""

import re
from pathlib import Path

import pytest

from ml_connector.fedex.catalogue import CATALOGUE, Blame, advice_for, blame_for

FACTS = Path(__file__).resolve().parents[4] / "shared" / "facts" / "fedex.md"

MADE_UP = {"SHIPMENT.ALREADY.CANCELLED", "SHIPMENT.IN.TRANSIT"}
"""The facts name them as inventions of test fixtures."""


@pytest.mark.skipif(not FACTS.is_file(), reason="the fact sheet is not beside this checkout")
def test_every_code_of_the_fact_sheet_is_listed() -> None:
    shorthand = FACTS.read_text().replace(
        "PHONENUMBER.INVALID/NOTSUPPORTED",
        "PHONENUMBER.INVALID`, `RECIPIENTCONTACT.PHONENUMBER.NOTSUPPORTED",
    )
    named = set(re.findall(r"`([A-Z]{3,}(?:\.[A-Z]+)+)…?`", shorthand))
    assert len(named) > 60
    assert named - MADE_UP - set(CATALOGUE) == set()


def test_entries_are_sentences_with_a_next_step() -> None:
    for code, advice in CATALOGUE.items():
        assert re.fullmatch(r"[A-Z]+(\.[A-Z]+)+", code)
        for sentence in (advice.meaning, advice.next_step):
            assert sentence[0].isupper()
            assert sentence.endswith(".")
            assert "  " not in sentence


@pytest.mark.parametrize(
    ("code", "blame"),
    [
        ("CITY.REQUIRED", Blame.ORDER),
        ("SOMETHING.NEW", Blame.ORDER),
        ("", Blame.ORDER),
        ("ACCOUNT.NUMBER.MISMATCH", Blame.TENANT),
        ("SYSTEM.UNEXPECTED.ERROR", Blame.FEDEX),
        ("SYSTEM.OF.TOMORROW", Blame.FEDEX),
        ("SYSTEMATIC.ERROR", Blame.ORDER),
    ],
)
def test_blame(code: str, blame: Blame) -> None:
    assert blame_for(code) is blame


def test_unlisted_code_has_no_advice() -> None:
    assert advice_for("SOMETHING.NEW") is None

"""What may leave the process, and what may not."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.http.redaction import (
    MASK,
    private_texts,
    redact,
    redact_text,
    redact_url,
    scrub,
)

PARTY = {
    "contact": {"personName": "Kari Nordmann", "phoneNumber": "+4790000000", "companyName": ""},
    "address": {"streetLines": ["Storgata 1"], "city": "Oslo", "countryCode": "NO"},
}


@pytest.mark.parametrize(
    "key",
    [
        "access_token", "Authorization", "client_id", "client_secret", "child_Key", "childSecret",
        "child_secret", "password", "personName", "companyName", "phoneNumber", "streetLines",
        "addressLine1", "addressLine3", "email", "emailAddress", "receivedByName", "phone1",
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", ["text", 7, ["text"], {"value": "text"}])
def test_masked_keys(key: str, value: object) -> None:
    assert redact({"output": [{key: value}]}) == {"output": [{key: MASK}]}


def test_missing_value_stays_visibly_missing() -> None:
    assert redact({"access_token": None}) == {"access_token": None}


def test_account_of_a_carrier_is_masked_and_account_of_a_ledger_is_not() -> None:
    assert redact({"accountNumber": {"value": "510088000"}}) == {"accountNumber": {"value": MASK}}
    assert redact({"accountNumber": 510088000}) == {"accountNumber": MASK}
    assert redact({"accountNumber": {"value": "7140"}}) == {"accountNumber": {"value": "7140"}}


def test_name_is_masked_where_it_stands_beside_a_phone_or_mail_address() -> None:
    assert redact({"name": "Kari", "email": "k@example.test"}) == {"name": MASK, "email": MASK}
    assert redact({"id": "NO", "name": "Norway"}) == {"id": "NO", "name": "Norway"}


def test_blobs_become_their_size() -> None:
    assert redact({"encodedLabel": "QUJD"}) == {"encodedLabel": "<4 bytes>"}
    assert redact(b"QUJD") == "<4 bytes>"


def test_long_text_is_shortened() -> None:
    assert str(redact("x" * 5_000)).endswith("… <5000 characters>")


def test_named_pair_is_read_by_its_name() -> None:
    assert redact({"key": "phoneNumber", "value": "1"}) == {"key": "phoneNumber", "value": MASK}
    assert redact({"key": "weight", "value": "1"}) == {"key": "weight", "value": "1"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("client_id=abc&client_secret=d/e", "client_id=***&client_secret=***"),
        ('{"access_token": "abc"}', '{"access_token": "***"}'),
        ("token eyJhbGciOi.eyJzdWIi.c2ln here", "token *** here"),
        ("Tracking number 794791341818", "Tracking number 794791341818"),
        ("{'client_secret': 'it\\'s x', 'a': 1}", "{'client_secret': '***', 'a': 1}"),
        ("{'clientId': 'abc'}", "{'clientId': '***'}"),
        ("client_id 'abc' is unknown", "client_id '***' is unknown"),
        ("accountNumber=510088000; accountNumber=7140", "accountNumber=***; accountNumber=7140"),
        ("{'personName': 'Kari N', 'city': 'Oslo'}", "{'personName': '***', 'city': 'Oslo'}"),
        ('{"streetLines": ["Storgata 1", "B"]}', '{"streetLines": ***}'),
        ('{"name": "Kari"}', '{"name": "Kari"}'),
        ("ask kari.n@firma.example.no now", "ask *** now"),
        ("call +47 900 00 000 or +4790000000.", "call *** or ***."),
        ("at 2026-11-22T10:00:00+01:00, 15+4 pieces", "at 2026-11-22T10:00:00+01:00, 15+4 pieces"),
        ("The token is missing: ask for another", "The token is missing: ask for another"),
        ("worker 4711@ml-1", "worker 4711@ml-1"),
    ],
)
def test_free_text(text: str, expected: str) -> None:
    assert redact_text(text) == expected


def test_url_keeps_its_shape() -> None:
    url = "https://user:secret@api.test/a/b?client_secret=x&$filter=a"
    assert redact_url(url) == "https://api.test/a/b?client_secret=***&$filter=a"


def test_other_sides_words_are_scrubbed_of_what_we_sent() -> None:
    private = private_texts({**PARTY, "accountNumber": {"value": "510088000"}})
    assert private == {"Kari Nordmann", "+4790000000", "Storgata 1", "510088000"}
    words = "KARI NORDMANN of storgata 1 (+4790000000) may not use 510088000; Storgata 12 may."
    assert scrub(words, private) == "*** of *** (***) may not use ***; Storgata 12 may."


def test_private_texts_are_masked_in_any_text_of_a_reply() -> None:
    reply = {"errors": [{"code": "X", "message": "510088000 is not KARI NORDMANN"}]}
    assert redact(reply, frozenset({"510088000", "Kari Nordmann"})) == {
        "errors": [{"code": "X", "message": "*** is not ***"}]
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["city", "token", "personName", "accountNumber", "key", "value"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_redaction_is_stable_and_leaves_its_input_alone(value: object) -> None:
    before = copy.deepcopy(value)
    once = redact(value)
    assert value == before
    assert redact(once) == once

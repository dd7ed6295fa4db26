"""What may leave the process, and what may not."""

import copy
import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from urllib.parse import quote, urlencode

import httpx
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
from ml_connector.store.states import TenantState as State

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


SECRET = "l7Very-Secret.6f1b"
ACCOUNT = "612948377"
SECRET_NAMES = [
    "client_secret", "clientSecret", "track_client_secret", "fedex.client_id", "X-Api-Key",
    "access_token", "accessToken", "child_Key", "Proxy-Authorization", "masterKey",
]  # fmt: skip
PRIVATE_NAMES = ["personName", "person_name", "streetLines", "phoneNumber", "emailAddress"]


def _as_json_in_json(name: str, value: str, depth: int) -> str:
    text = json.dumps({"a": [1, {name: value, "city": "Oslo"}]})
    for _ in range(depth):
        text = json.dumps({"body": text, "city": "Oslo"})
    return text


WRITTEN: dict[str, Callable[[str, str], str]] = {
    "json": lambda name, value: _as_json_in_json(name, value, 0),
    "json in json": lambda name, value: _as_json_in_json(name, value, 1),
    "json in json in json": lambda name, value: _as_json_in_json(name, value, 2),
    "compact json": lambda name, value: json.dumps({name: value}, separators=(",", ":")),
    "json in a URL": lambda name, value: quote(json.dumps({name: value}), safe=""),
    "a list": lambda name, value: json.dumps({name: [value, value]}),
    "an object": lambda name, value: json.dumps({name: {"value": value}}),
    "cut json": lambda name, value: json.dumps({name: value})[:-2],
    "python": lambda name, value: repr({"a": {name: value}}),
    "python bytes": lambda name, value: repr({name.encode(): value.encode()}),
    "pairs": lambda name, value: repr([(name, value), ("city", "Oslo")]),
    "pairs of bytes": lambda name, value: repr([(name.encode(), value.encode())]),
    "FedEx's pair": lambda name, value: json.dumps({"key": name, "value": value}),
    "a repr": lambda name, value: f"Credential({name.rpartition('.')[2]}={value!r}, city='Oslo')",
}
WRITTEN_BARE: dict[str, Callable[[str, str], str]] = {
    "form": lambda name, value: urlencode({"a": "1", name: value, "b": "2"}),
    "form in a URL": lambda name, value: quote(urlencode({"a": "1", name: value}), safe=""),
    "query": lambda name, value: f"GET /x?{urlencode({name: value})} HTTP/1.1",
    "header": lambda name, value: f"{name}: {value}\r\nAccept: */*",
    "assignment": lambda name, value: f"{name} = {value}; more",
}


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("name", [*SECRET_NAMES, *PRIVATE_NAMES])
def test_values_behind_private_names_are_masked_however_they_are_written(
    name: str, written: str
) -> None:
    assert SECRET not in redact_text(f"said: {WRITTEN[written](name, SECRET)} and more")


@pytest.mark.parametrize("written", WRITTEN_BARE)
@pytest.mark.parametrize("name", SECRET_NAMES)
def test_secrets_need_no_quotes(name: str, written: str) -> None:
    assert SECRET not in redact_text(f"said: {WRITTEN_BARE[written](name, SECRET)}")


@pytest.mark.parametrize("written", [*WRITTEN, *WRITTEN_BARE])
def test_the_rest_stays_readable(written: str) -> None:
    text = {**WRITTEN, **WRITTEN_BARE}[written]("trackingNumber", "794791341818")
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        f"Account number {ACCOUNT} is invalid",
        f"account: {ACCOUNT}",
        f"the account no. {ACCOUNT}",
        json.dumps({"accountNumber": {"value": ACCOUNT}}),
        json.dumps({"body": json.dumps({"accountNumber": ACCOUNT})}),
        f"accountNumber={ACCOUNT}",
    ],
)
def test_a_carriers_account_number_is_masked_in_texts(text: str) -> None:
    assert ACCOUNT not in redact_text(text)


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql+psycopg://connector:{SECRET}@db.example/ml",
        f"https://{SECRET}@example.test/",
        f"Authorization: Basic {SECRET}",
        f"bearer '{SECRET}'",
        f"Set-Cookie: a=1; session={SECRET}; Path=/",
    ],
)
def test_credentials_of_urls_and_headers_are_masked(text: str) -> None:
    assert SECRET not in redact_text(text)


WRAPPERS = st.lists(st.sampled_from([json.dumps, repr]), max_size=4)
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=20
)


@given(
    before=TEXTS, value=TEXTS, after=TEXTS, wrappers=WRAPPERS, name=st.sampled_from(SECRET_NAMES)
)
def test_no_text_around_or_inside_a_quoted_secret_lets_it_through(
    before: str,
    value: str,
    after: str,
    wrappers: list[Callable[[object], str]],
    name: str,
) -> None:
    secret = f"{SECRET}{value}{SECRET}"
    text: object = {before: 1, "inner": [{name: secret}], "after": after}
    for wrap in wrappers or [json.dumps]:
        text = wrap(text)
    assert SECRET not in redact_text(str(text))


class Credential:
    """Something whose repr says too much."""

    def __repr__(self) -> str:
        return f"Credential(client_secret='{SECRET}')"


@pytest.mark.parametrize(
    "value",
    [
        {"visma.client_secret": SECRET},
        {"track_client_secret": SECRET},
        {b"authorization": SECRET},
        [("client_secret", SECRET)],
        [["X-Api-Key", SECRET]],
        {"headers": [(b"Authorization", SECRET)]},
        Credential(),
        {"credential": [Credential()]},
        {Credential()},
        httpx.Request("GET", f"https://x.test/?client_secret={SECRET}").url,
        httpx.Headers({"x-api-key": SECRET}),
    ],
)
def test_values_of_any_kind_are_masked(value: object) -> None:
    assert SECRET not in repr(redact(value))


def test_figures_and_times_keep_their_kind() -> None:
    kept = [
        1,
        2.5,
        Decimal("1.10"),
        True,
        None,
        date(2026, 11, 2),
        timedelta(1),
        State.ACTIVE,
    ]
    assert redact(kept) == kept


@pytest.mark.parametrize("text", ["a" * 300_000, "a." * 150_000, '\\"' * 100_000, "a=" * 100_000])
@pytest.mark.timeout(20)
def test_long_texts_take_no_longer_than_they_are(text: str) -> None:
    """A name, a mail address or a quote is looked for once at each place, not to the end."""
    assert len(redact_text(text)) == len(text)

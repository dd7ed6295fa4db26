"""Which addresses mail is sent to, and how they are shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_connector.domain.mail_address import is_mail_address, mail_addresses, masked

GOOD = (
    "dispatch@supplier.example",
    "d.o'neill+labels@mail.sub-domain.example",
    f"{'a' * 64}@x.example",
    "lager@xn--fler-gra.example",
)
BAD = (
    "",
    "dispatch",
    "dispatch@supplier",
    "@supplier.example",
    "dispatch@",
    "a b@x.example",
    "a@x.example\r\nBcc: b@y.example",
    "a@x.example\n",
    "Dispatch <a@x.example>",
    "a@@x.example",
    ".a@x.example",
    "a..b@x.example",
    "a@x..example",
    "a@-x.example",
    "føler@x.example",
    f"{'a' * 65}@x.example",
    f"a@{'x' * 63}.{'x' * 63}.{'x' * 63}.{'x' * 63}.example",
)


@pytest.mark.parametrize("text", GOOD)
def test_an_address(text: str) -> None:
    assert is_mail_address(text)


@pytest.mark.parametrize("text", BAD)
def test_no_address(text: str) -> None:
    assert not is_mail_address(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a@x.example", ("a@x.example",)),
        ("  a@x.example ; b@y.example,c@z.example ", ("a@x.example", "b@y.example", "c@z.example")),
        ("a@x.example;a@x.example", ("a@x.example",)),
        ("", ()),
        (" ; ", ()),
        ("a@x.example; ask Kari", ()),
    ],
)
def test_a_field_where_people_write_several(text: str, found: tuple[str, ...]) -> None:
    assert mail_addresses(text) == found


@given(st.text())
def test_what_is_taken_can_stand_in_a_header(text: str) -> None:
    for address in mail_addresses(text):
        assert address.isascii()
        assert address.isprintable()
        assert not set(address) & set(' ,;<>()"\\')


def test_masking_keeps_the_house_and_hides_the_person() -> None:
    assert masked("dispatch@supplier.example") == "d***@supplier.example"

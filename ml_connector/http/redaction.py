"""The one place that decides what may leave the process in a log, an audit event or a screen.

Masked are credentials, account numbers, and what names or locates a person: names, streets,
telephone numbers, mail addresses. Town, postcode and country stay: without them nobody can
tell why a shipment was refused. Labels and other blobs are replaced by their size.
"""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

MASK = "***"

LONGEST_TEXT = 2_000
"""Characters of one string that an audit event keeps."""

_LEDGER_ACCOUNT_LENGTH = 6
"""Visma calls a ledger account `accountNumber` too. FedEx's has nine digits and is a secret,
a ledger account of at most six characters is what the audit trail is for."""

_SECRETS = (
    "token",
    "authorization",
    "bearer",
    "password",
    "secret",
    "apikey",
    "clientid",
    "childkey",
    "masterkey",
    "cookie",
)
"""How the names of secrets end: `track_client_id` and `X-Api-Key` are such names too."""
_PERSONAL = frozenset(
    (
        "personname",
        "companyname",
        "contactname",
        "attention",
        "phonenumber",
        "phone",
        "phone1",
        "phone2",
        "phone3",
        "mobile",
        "fax",
        "faxnumber",
        "email",
        "emailaddress",
        "streetlines",
        "streetlinestoken",
        "addressline1",
        "addressline2",
        "addressline3",
        "receivedbyname",
        "signedbyname",
        "vatregistrationid",
        "corporateid",
    )
)
_PARTY_MARKS = frozenset(
    (
        "email",
        "emailaddress",
        "phone",
        "phone1",
        "phonenumber",
        "attention",
    )
)
"""An object that holds one of these describes a person or a company, so its `name` is masked."""

_BLOBS = frozenset(
    (
        "encodedlabel",
        "content",
        "documentcontent",
        "image",
    )
)

_QUOTE = r"\\*[\"']|%2[27]"
"""As JSON, Python and URLs write it; JSON in JSON escapes it once or more."""
_NAME = re.compile(
    rf"(?i)(?:(?P<quote>{_QUOTE})|(?<![\w.-]))(?P<name>[\w.-]+)(?(quote)(?P=quote))"
    rf"(?P<sign>\s*(?:[:=]>?|%3[ad]|,\s*(?:(?:{_QUOTE})value(?:{_QUOTE})\s*:)?)\s*)"
)
"""A name and the sign behind it. A comma is one too: in `('name', 'value')` and in FedEx's
`{"key": "name", "value": …}`."""
_VALUE = re.compile(
    rf"(?i)b?(?P<open>{_QUOTE})(?:[^\n]*?(?<!\\)(?P<close>(?P=open))|[^\n]*)"
    r"|\[[^\[\]]*\]|\{[^{}]*\}|[\[{][^\n]*"
    r"|(?P<bare>\w+\([^)]*\)?|(?:(?!%(?:26|2c|7d|5d))[^\s&\"',;{}()\[\]])+)"
)
"""What stands behind the sign. Where its end cannot be told, it is the rest of the line."""
_SPOKEN_SECRET = re.compile(
    r"(?i)\b(client_?id|client_?secret|child_?key|child_?secret|api_?key|password)(\s+)"
    r"(?:\"[^\"\n]*\"?|'[^'\n]*'?)"
)
"""`client_secret '…'`."""
_SPOKEN_ACCOUNT = re.compile(r"(?i)\b(account(?:\W+(?:number|no))?\W{1,3})\d{7,}\b")
_SCHEME = re.compile(r"(?i)\b(bearer|basic)(\s+[\"']?)[\w.~+/=-]+")
_COOKIE = re.compile(r"(?i)\b(cookie\s*:\s*)[^\n]+")
_WEB_TOKEN = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*")
_USER_INFORMATION = re.compile(r"(?i)(?<![\w+.-])([a-z][\w+.-]*://)[^\s/@\"']+@")
_MAIL_ADDRESS = re.compile(r"(?<![\w.%+-])[\w.%+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE_NUMBER = re.compile(r"(?<![\w+])\+\d(?:[ ()/.-]?\d){6,14}(?!\w)")
"""With its country code: without one it cannot be told from an order or tracking number."""
_WORDS = frozenset(("token", "secret", "bearer"))
"""Names that a sentence may end with before a colon."""
_ABSENT = frozenset(("null", "none", "true", "false", "bearer", "basic"))
"""What may stand behind a private name and be shown; a scheme is followed by its own mask."""
_NOTHING_TO_HIDE = re.compile(r"(?!eyJ)\w*|\d[\d:.TZ-]*(?:\+\d\d:\d\d)?")
"""Codes, numbers and times: whatever is masked by its form has other signs in it. Most texts of a
reply are such, and looking closer takes a hundred times as long."""
_PLAIN_VALUES = (bool, int, float, Decimal, date, timedelta, Enum)


def redact(value: object, private: frozenset[str] = frozenset()) -> object:
    """A deep copy of a JSON-like value without secrets, personal data and blobs.

    Keys are compared without case, dashes and underscores, so that `child_Key`, `childKey` and
    `CHILD-KEY` are the same. A missing value (`None`) stays visible as missing. `private` texts
    are masked wherever they turn up: an error message may quote what it was sent.
    """
    if isinstance(value, Mapping):
        return _redact_object(value, private)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, str):
        return _shortened(scrub(value, private))
    if isinstance(value, Sequence | Set):
        return _redact_items(list(value), private)
    if value is None or isinstance(value, _PLAIN_VALUES):
        return value
    # Whatever else there is would be shown by its repr.
    return _shortened(scrub(str(value), private))


def private_texts(value: object, redacted: object = None) -> frozenset[str]:
    """Every text of a JSON-like value that `redact` would mask, to be found again elsewhere.

    `redacted` is what `redact` made of it, where that is at hand.
    """
    found: set[str] = set()
    _collect_private(value, redact(value) if redacted is None else redacted, found)
    return frozenset(found)


def scrub(text: str, private: frozenset[str]) -> str:
    """The other side's words without the private texts we sent it, whatever their case."""
    if private:
        text = _any_of(private).sub(MASK, text)
    return redact_text(text)


@lru_cache(maxsize=16)
def _any_of(private: frozenset[str]) -> re.Pattern[str]:
    """The longest first: a name may be part of another."""
    longest_first = sorted(private, key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)


def redact_text(text: str) -> str:
    """Free text without tokens, secrets and personal data that can be told by their form.

    Names and streets cannot, unless they stand behind their key as in a printed object.
    """
    if _NOTHING_TO_HIDE.fullmatch(text):
        return text
    text = _SCHEME.sub(rf"\1\2{MASK}", text)
    text = _COOKIE.sub(rf"\1{MASK}", text)
    text = _without_named_values(text)
    text = _SPOKEN_SECRET.sub(rf"\1\2'{MASK}'", text)
    text = _SPOKEN_ACCOUNT.sub(rf"\1{MASK}", text)
    text = _USER_INFORMATION.sub(rf"\1{MASK}@", text)
    text = _WEB_TOKEN.sub(MASK, text)
    text = _MAIL_ADDRESS.sub(MASK, text)
    return _PHONE_NUMBER.sub(MASK, text)


def redact_url(url: str) -> str:
    """A URL without user information, and with the values of secret parameters masked."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    pairs = [
        (key, str(_redact_entry(_plain(key), item, frozenset())))
        for key, item in parse_qsl(parts.query, keep_blank_values=True)
    ]
    return urlunsplit((parts.scheme, host, parts.path, urlencode(pairs, safe="*:$,'"), ""))


def _redact_object(value: Mapping[object, object], private: frozenset[str]) -> object:
    if value.keys() == {"key", "value"}:
        # FedEx names the field that it complains about in such a pair.
        named = _redact_entry(_plain(value["key"]), value["value"], private)
        return {"key": value["key"], "value": named}
    party = any(_plain(key) in _PARTY_MARKS for key in value)
    return {
        key: MASK
        if party and _plain(key) == "name" and item is not None
        else _redact_entry(_plain(key), item, private)
        for key, item in value.items()
    }


def _redact_entry(key: str, value: object, private: frozenset[str]) -> object:
    if value is None:
        return None
    if _is_private(key):
        return MASK
    if key == "accountnumber":
        return _redact_account(value)
    if key in _BLOBS and isinstance(value, str):
        return f"<{len(value)} bytes>"
    return redact(value, private)


def _redact_items(items: list[object], private: frozenset[str]) -> object:
    match items:
        case [str() | bytes() as name, value]:
            # Headers and forms come as pairs.
            return [redact(name, private), _redact_entry(_plain(name), value, private)]
    return [redact(item, private) for item in items]


def _collect_private(value: object, redacted: object, found: set[str]) -> None:
    if redacted == MASK:
        found.update(_leaves(value))
    elif isinstance(value, Mapping) and isinstance(redacted, Mapping):
        for key, item in value.items():
            _collect_private(item, redacted[key], found)
    elif isinstance(value, Sequence) and isinstance(redacted, list):
        for item, masked in zip(value, redacted, strict=True):
            _collect_private(item, masked, found)


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, str):
        # A single letter is no name, and would shred every sentence.
        if len(value.strip()) > 1:
            yield value.strip()
    elif isinstance(value, Sequence):
        for item in value:
            yield from _leaves(item)


def _without_named_values(text: str) -> str:
    """Free text without the values that stand behind private names."""
    parts = []
    done = 0
    for name in _NAME.finditer(text):
        if name.start() < done or not _may_give_away(_plain(name["name"])):
            continue
        value = _VALUE.match(text, name.end())
        if value is not None and _gives_away(name, value):
            parts += [text[done : name.end()], _masked(value)]
            done = value.end()
    return "".join([*parts, text[done:]])


def _may_give_away(plain: str) -> bool:
    return _is_private(plain) or plain == "accountnumber"


def _gives_away(name: re.Match[str], value: re.Match[str]) -> bool:
    plain, bare = _plain(name["name"]), value["bare"]
    quoted = name["quote"] is not None
    if "," in name["sign"] and not quoted:
        return False
    if bare is not None and bare.casefold() in _ABSENT:
        return False
    if plain == "accountnumber":
        return re.search(rf"\w{{{_LEDGER_ACCOUNT_LENGTH + 1},}}", value[0]) is not None
    if quoted or bare is None:
        return True
    # A sentence may say `phone: missing` or `no token: ask again`.
    return plain.endswith(_SECRETS) and (plain not in _WORDS or ":" not in name["sign"])


def _masked(value: re.Match[str]) -> str:
    """The quotes stay, so that the text keeps its form."""
    return f"{value['open'] or ''}{MASK}{value['close'] or ''}"


@lru_cache(maxsize=4096)
def _is_private(key: str) -> bool:
    return key.endswith(_SECRETS) or key in _PERSONAL


def _redact_account(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _redact_account(item) for key, item in value.items()}
    if value is None or len(str(value)) <= _LEDGER_ACCOUNT_LENGTH:
        return value
    return MASK


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]}… <{len(text)} characters>"


def _plain(key: object) -> str:
    """A name without its path, case and signs: `visma.client_secret` is `clientsecret`."""
    return _plain_text(key.decode(errors="replace") if isinstance(key, bytes) else str(key))


@lru_cache(maxsize=4096)
def _plain_text(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.rpartition(".")[2].casefold())

"""The one place that decides what may leave the process in a log, an audit event or a screen.

Masked are credentials, account numbers, and what names or locates a person: names, streets,
telephone numbers, mail addresses. Town, postcode and country stay: without them nobody can
tell why a shipment was refused. Labels and other blobs are replaced by their size.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

MASK = "***"

LONGEST_TEXT = 2_000
"""Characters of one string that an audit event keeps."""

_LEDGER_ACCOUNT_LENGTH = 6
"""Visma calls a ledger account `accountNumber` too. FedEx's has nine digits and is a secret,
a ledger account of at most six characters is what the audit trail is for."""

_SECRETS = frozenset(
    (
        "accesstoken",
        "refreshtoken",
        "idtoken",
        "token",
        "accountauthtoken",
        "authorization",
        "bearer",
        "password",
        "secret",
        "apikey",
        "apisecret",
        "clientid",
        "clientsecret",
        "childkey",
        "childsecret",
        "masterkey",
    )
)
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

_QUOTED = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+")
_WEB_TOKEN = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*")
_SECRET_PAIR = re.compile(
    r"(?i)\b((?:access|refresh|id)_?token|client_?id|client_?secret|child_?key|child_?secret"
    r"|api_?key|api_?secret|password|master_?key|account_?number)"
    rf"([\"']?\s*[=:]\s*|\s+(?=[\"']))({_QUOTED}|[^\s&\"',;}})\]]+)"
)
"""`client_secret=…`, `"client_secret": "…"`, `'client_secret': '…'` and `client_secret '…'`."""
_PAIR = re.compile(rf"([\"'])([\w-]+)\1\s*:\s*({_QUOTED}|\[[^\]]*\])")
"""A key and its text, or list of texts, as JSON and Python print them."""
_MAIL_ADDRESS = re.compile(r"[\w.%+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE_NUMBER = re.compile(r"(?<![\w+])\+\d(?:[ ()/.-]?\d){6,14}(?!\w)")
"""With its country code: without one it cannot be told from an order or tracking number."""


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
    if isinstance(value, Sequence):
        return [redact(item, private) for item in value]
    return value


def private_texts(value: object) -> frozenset[str]:
    """Every text of a JSON-like value that `redact` would mask, to be found again elsewhere."""
    found: set[str] = set()
    _collect_private(value, redact(value), found)
    return frozenset(found)


def scrub(text: str, private: frozenset[str]) -> str:
    """The other side's words without the private texts we sent it, whatever their case."""
    for item in sorted(private, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(item)}(?!\w)", MASK, text, flags=re.IGNORECASE)
    return redact_text(text)


def redact_text(text: str) -> str:
    """Free text without tokens, secrets and personal data that can be told by their form.

    Names and streets cannot, unless they stand behind their key as in a printed object.
    """
    text = _BEARER.sub(rf"\1 {MASK}", text)
    text = _SECRET_PAIR.sub(_masked_secret, text)
    text = _PAIR.sub(_masked_pair, text)
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
    if key in _SECRETS or key in _PERSONAL:
        return MASK
    if key == "accountnumber":
        return _redact_account(value)
    if key in _BLOBS and isinstance(value, str):
        return f"<{len(value)} bytes>"
    return redact(value, private)


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


def _masked_secret(pair: re.Match[str]) -> str:
    key, between, value = pair.groups()
    if _plain(key) == "accountnumber" and len(value.strip("\"'")) <= _LEDGER_ACCOUNT_LENGTH:
        return pair[0]
    return f"{key}{between}{_masked_value(value)}"


def _masked_pair(pair: re.Match[str]) -> str:
    _, key, value = pair.groups()
    masked = _plain(key) in _SECRETS or _plain(key) in _PERSONAL
    return pair[0].removesuffix(value) + _masked_value(value) if masked else pair[0]


def _masked_value(value: str) -> str:
    """The quotes stay, so that the text keeps its form."""
    quote = value[0] if value[0] in "\"'" else ""
    return f"{quote}{MASK}{quote}"


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
    return str(key).casefold().replace("-", "").replace("_", "")

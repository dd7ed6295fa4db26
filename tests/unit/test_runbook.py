"""Every reason an order can be parked for, and every finding, stands in the runbook.

The codes are read out of the source, so that a new one fails here until its cause and its remedy
are written down. Where the source computes a code, `COMPUTED` says which codes it can become.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from activities import signatures
from ml_connector.domain.preflight import Role
from ml_connector.fedex.catalogue import CATALOGUE, Blame
from ml_connector.store.states import TenantState
from starter import attention

ROOT = Path(__file__).parents[2]
RUNBOOK = ROOT / "docs" / "runbook.md"
FEDEX_CODES = ROOT / "docs" / "fedex-codes.md"
SOURCES = ("ml_connector/domain", "ml_connector/mail", "activities", "workflows")

_CARRIERS = {"Finding": "code", "Skipped": "code", "Attention": "reason"}
"""What a code travels in, and the keyword that holds it."""
_CODE_CELL = re.compile(r"`([a-z0-9_]+)`")
_TABLE = re.compile(r"^\| code \|.*\n\|[-|]+\n((?:\|.*\n)+)", re.MULTILINE)
_ROW = re.compile(r"^\| (`[^|]+`) \|", re.MULTILINE)

PASSED_ON = {
    "activities/changes.py: TOO_LATE.code",
    "activities/failures.py: findings[0].code",
    "activities/recovery.py: finding.code",
    "activities/shipping.py: attention.reason",
    "ml_connector/domain/errors.py: self.code",
    "ml_connector/domain/planning.py: code",
}
"""Expressions that repeat a code which is made, and found, somewhere else."""


def _trees() -> Iterator[tuple[str, ast.Module]]:
    for folder in SOURCES:
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield str(file.relative_to(ROOT)), ast.parse(file.read_text(encoding="utf-8"))


def _expressions(tree: ast.Module) -> Iterator[ast.expr]:
    """Everything in a module that becomes the code of a finding, a skip or an attention."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in _CARRIERS:
                yield from (word.value for word in node.keywords if word.arg == _CARRIERS[name])
            case ast.ClassDef(body=body):
                for line in body:
                    match line:
                        case ast.Assign(targets=[ast.Name(id="code")], value=value):
                            yield value


def _made() -> tuple[set[str], set[str]]:
    """Codes that the source spells out, and the expressions that compute others."""
    spelled, computed = set(), set()
    for file, tree in _trees():
        for expression in _expressions(tree):
            match expression:
                case ast.Constant(value=str(code)):
                    spelled.add(code)
                case _:
                    computed.add(f"{file}: {ast.unparse(expression)}")
    return spelled, computed - PASSED_ON


def _module(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def _address_codes() -> set[str]:
    """`shipper_…` and `recipient_…`: what can be wrong with an address."""
    endings = {"_finding": "{}", "_missing": "{}_missing", "_too_long": "{}_too_long"}
    tails = set()
    for node in ast.walk(_module("ml_connector/domain/preflight.py")):
        match node:
            case ast.Call(
                func=ast.Name(id=maker), args=[_, ast.Constant(value=str(field)), *_]
            ) if maker in endings:
                tails.add(endings[maker].format(field))
    return {f"{role}_{tail}" for role in Role for tail in tails}


def _status_codes() -> set[str]:
    """Why an order of another status than Open is skipped."""
    codes = {"status_unknown"}
    for node in ast.walk(_module("ml_connector/domain/eligibility.py")):
        match node:
            case ast.Assign(targets=[ast.Name(id="_STATUS_CODES")], value=ast.Dict(values=values)):
                codes |= {ast.literal_eval(value) for value in values}
    return codes


def _gave_up_codes() -> set[str]:
    """One for each step that an order's workflow takes."""
    names = {
        node.attr
        for module in ("purchase_order", "freight", "quoting", "label_mail")
        for node in ast.walk(_module(f"workflows/{module}.py"))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "activity"
    }
    named = (getattr(signatures, name) for name in names)
    return {f"{each.name}_gave_up" for each in named if isinstance(each, signatures.Signature)}


COMPUTED = {
    "ml_connector/domain/eligibility.py: code": _status_codes(),
    "ml_connector/domain/preflight.py: f'{role}_{code}'": _address_codes(),
    "ml_connector/domain/planning.py: f'{role}_missing'": {f"{role}_missing" for role in Role},
    "workflows/stepping.py: f'{step}_gave_up'": _gave_up_codes(),
    # FedEx's and Visma's own codes; FedEx's are held against the catalogue below. A rate that Visma
    # lacks is found out by the client.
    "activities/failures.py: _slug(fault.code or 'rejected')": {
        "rejected",
        "exchange_rate_missing",
    },
}


LISTED = {attention.RELEASE, TenantState.NEEDS_REAUTH.value}
"""What `attention list` shows beside parked orders."""


def _all_codes() -> set[str]:
    spelled, _ = _made()
    return spelled.union(LISTED, *COMPUTED.values())


def _explained(page: Path) -> set[str]:
    """The codes in the first column of the page's tables of codes."""
    tables = "".join(_TABLE.findall(page.read_text(encoding="utf-8")))
    return {code for cells in _ROW.findall(tables) for code in _CODE_CELL.findall(cells)}


def _reason(code: str) -> str:
    """As an attention spells a code of FedEx's."""
    return code.lower().replace(".", "_")


def test_every_computed_code_is_accounted_for() -> None:
    _, computed = _made()
    assert computed == set(COMPUTED)


def test_every_code_is_explained() -> None:
    missing = _all_codes() - _explained(RUNBOOK)
    assert not missing, f"docs/runbook.md lacks cause and remedy of {sorted(missing)}"


def test_no_code_is_explained_that_does_not_exist() -> None:
    assert _explained(RUNBOOK) <= _all_codes()


@pytest.mark.parametrize("blame", Blame)
def test_every_fedex_code_has_its_row(blame: Blame) -> None:
    page = FEDEX_CODES.read_text(encoding="utf-8")
    rows = [
        f"| `{_reason(code)}` | {advice.meaning} | {advice.next_step} |"
        for code, advice in CATALOGUE.items()
        if advice.blame is blame
    ]
    missing = [row for row in rows if row not in page]
    assert not missing, "docs/fedex-codes.md lacks:\n" + "\n".join(missing)


def test_no_fedex_code_is_explained_that_is_not_in_the_catalogue() -> None:
    assert _explained(FEDEX_CODES) == {_reason(code) for code in CATALOGUE}

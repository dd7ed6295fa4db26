"""Whatever a tenant file holds: a tenant, or a named list of problems. Nothing else."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from ml_connector.domain.tenant import Tenant, TenantFileError, load_tenant
from tests.unit.domain.builders import TENANT_FILE

LINES = TENANT_FILE.splitlines()
ENTRIES = [at for at, line in enumerate(LINES) if re.match(r"[\w.]+ = ", line)]
SECRET = "s3cret-value"

values = st.recursive(
    st.sampled_from(
        [
            "true",
            "-1",
            "0",
            "1e400",
            "nan",
            "9" * 400,
            "2026-02-30",
            "2026-01-31",
            "23:59:60",
            '""',
            '"\\u0000"',
            f'"{SECRET}"',
            '"' + "x" * 5_000 + '"',
            '"9999999999999999999d"',
            '"1e9 kg"',
            '"http://[::1"',
            '"Europe/Atlantis"',
            "{ env = 1 }",
            "{ file = [] }",
        ]
    )
    | st.text(max_size=20).map(lambda text: f"'{text}'"),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]")
        | st.lists(inner, max_size=3).map(
            lambda parts: (
                "{ " + ", ".join(f"k{at} = {part}" for at, part in enumerate(parts)) + " }"
            )
        )
    ),
    max_leaves=6,
)


def read(text: str) -> None:
    try:
        assert isinstance(load_tenant(text), Tenant)
    except TenantFileError as refused:
        assert refused.problems
        for problem in refused.problems:
            assert problem.what
            assert problem.remedy
        assert SECRET not in str(refused)


@given(st.text())
@example("[" * 5_000)
@example("a = " + "[" * 5_000 + "]" * 5_000)
@example("\ufeffid = 'x'")
@example("[visma]\nfields = 1\n[visma.fields]")
def test_any_text(text: str) -> None:
    read(text)


@given(st.sampled_from(ENTRIES), values)
def test_any_value_in_any_place(at: int, value: str) -> None:
    key = LINES[at].split(" = ")[0]
    read("\n".join([*LINES[:at], f"{key} = {value}", *LINES[at + 1 :]]))


@given(st.sets(st.integers(0, len(LINES) - 1)), st.integers(0, len(LINES)), st.text(max_size=30))
def test_lines_missing_and_strange_ones_between(gone: set[int], place: int, line: str) -> None:
    kept = [text for at, text in enumerate(LINES) if at not in gone]
    read("\n".join([*kept[:place], line, *kept[place:]]))

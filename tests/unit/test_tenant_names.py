"""End-to-end tests share an installation, in whatever order: each has tenants of its own."""

import re
from collections import Counter
from pathlib import Path

E2E = Path(__file__).parents[1] / "e2e"
TAKEN = re.compile(r'add_tenant\(\s*"([\w-]+)"')


def test_no_two_tests_have_a_tenant_of_the_same_name() -> None:
    names = Counter(
        name
        for file in E2E.glob("test_*.py")
        for name in TAKEN.findall(file.read_text(encoding="utf-8"))
    )
    assert len(names) > 50
    assert [name for name, times in names.items() if times > 1] == []

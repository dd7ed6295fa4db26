"""A crowd of changed orders; `make proof` takes ten thousand."""

from pathlib import Path

from proof.discovery import discovery_at_scale


async def test_a_crowd_costs_its_pages_no_memory_and_starts_as_the_limit_allows(
    tmp_path: Path,
) -> None:
    checks = await discovery_at_scale(tmp_path, 120, page=20)
    assert {each.what: each.differences for each in checks if not each.right} == {}

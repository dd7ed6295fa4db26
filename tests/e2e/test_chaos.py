"""`make chaos` in small: faults on every road, a killed worker, a killed Temporal."""

from pathlib import Path

from proof.chaos import Plan, run

SMALL = Plan(
    seed=20,
    orders=9,
    workers=1,
    seconds=12.0,
    kill_every=(8.0, 8.0),
    heaviness=2.0,
    server_kills=1,
    locks=1,
    revocations=1,
    block=False,
    patience=180.0,
)
"""The worker dies once; there is no block, which FedEx keeps up for ten minutes."""


async def test_a_little_of_everything(tmp_path: Path) -> None:
    outcome = await run(SMALL, tmp_path)
    assert outcome.havoc == {
        "worker killed": 1,
        "Temporal killed": 1,
        "database locked": 1,
        "tokens revoked": 1,
    }
    assert outcome.faults.total() > 0
    assert [text for each in outcome.checks for text in each.differences] == []
